package apply

// maxAttempts bounds how often one run starts the package manager: the first time, and after each interruption.
const maxAttempts = 4

// exit is how the package manager's own unit ended.
type exit struct {
	Code       int  // its exit code, when it ended by itself
	Signaled   bool // something killed apt
	Unexpected bool // apt says that dpkg ended as no dpkg does: something killed that
}

// sight is what can be seen of a transaction at one moment.
type sight struct {
	Running  bool // its unit is active
	Busy     bool // dpkg's lock is held, or a maintainer script still runs
	Patient  bool // there is time left to wait for that
	Journal  bool // dpkg's own journal is not empty: dpkg was cut off
	Verdict  verdict
	Ended    *exit // how the unit ended; nil: it was never there, or a reboot came between
	Attempts int   // starts so far, this one's intent included
}

// move is what to do next about a transaction.
type move string

const (
	moveAttach    move = "attach"    // a transaction is under way: watch it, start nothing
	moveWait      move = "wait"      // somebody works on the database
	moveDone      move = "done"      // the lock is installed
	moveStart     move = "start"     // nothing has happened yet
	moveRepair    move = "repair"    // something was cut off: dpkg --configure -a, then the same lock again
	moveFailed    move = "failed"    // the package manager ended by itself, and not at the lock: that is the result
	moveLocked    move = "locked"    // somebody works on the database and does not stop
	moveExhausted move = "exhausted" // tried as often as is sensible
)

// next is the whole rule of ROLLOUT §1.6 and §2.6: what the unit, the locks and dpkg's database say decides, never what we remember of
// our own progress. There is no "just run it again": the package manager is started only when the database shows that nothing has
// happened, or that something was cut off.
func next(s sight) move {
	switch clean := !s.Journal && !s.Verdict.Broken; {
	case s.Running:
		return moveAttach
	case s.Busy && s.Patient:
		return moveWait
	case s.Busy:
		return moveLocked
	case s.Verdict.Target && clean:
		return moveDone
	case s.Ended != nil && !s.Ended.Signaled && !s.Ended.Unexpected && !s.Journal:
		return moveFailed
	case s.Attempts >= maxAttempts:
		return moveExhausted
	case s.Verdict.Source && clean:
		return moveStart
	}
	return moveRepair
}

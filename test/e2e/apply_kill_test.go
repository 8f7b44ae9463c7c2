//go:build linux && e2e && nightly

package e2e

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/test/lab"
)

// kill kills, and says how many there were.
func (h *patchHost) kill(who string) int {
	n := 0
	for _, pid := range h.victims()[who] {
		if syscall.Kill(pid, syscall.SIGKILL) == nil {
			n++
		}
	}
	return n
}

// journal is the run's journal as it is on the host's disk: its records' "step kind".
func (h *patchHost) journal(id string) []string {
	b, _ := os.ReadFile(filepath.Join(h.Root, applyState, "runs", id, "journal"))
	var out []string
	for line := range bytes.Lines(b) {
		step, _, _ := strings.Cut(afterText(string(line), `"step":"`), `"`)
		kind, _, _ := strings.Cut(afterText(string(line), `"kind":"`), `"`)
		out = append(out, step+" "+kind)
	}
	return out
}

func afterText(s, mark string) string {
	_, after, _ := strings.Cut(s, mark)
	return after
}

// midway reports whether a transaction is in its middle, read from outside: dpkg's journal is not empty, or the packages of the chain are
// not all of one version and installed.
func (h *patchHost) midway(names map[string]bool) bool {
	if files, _ := filepath.Glob(filepath.Join(h.Root, "var/lib/dpkg/updates/[0-9]*")); len(files) > 0 {
		return true
	}
	b, err := os.ReadFile(filepath.Join(h.Root, "var/lib/dpkg/status"))
	if err != nil {
		return false
	}
	seen := map[string]bool{}
	for stanza := range strings.SplitSeq(string(b), "\n\n") {
		if names[field(stanza, "Package")] {
			seen[field(stanza, "Status")+" "+field(stanza, "Version")] = true
		}
	}
	return len(seen) > 1 || !seen["install ok installed 1.0"] && !seen["install ok installed 1.1"]
}

// settle applies again, as systemd would, until the run is over, and gives its outcome.
func (h *patchHost) settle(t *testing.T, id string) apiv1.RunOutcome {
	t.Helper()
	for range 5 {
		out, err := h.tryApply(t.Context())
		if err != nil {
			t.Fatalf("apply after the kill: %v\n%s", err, out)
		}
		if _, err := os.Stat(filepath.Join(h.Root, applyState, "done", id)); err == nil {
			return h.outcome(t, id)
		}
	}
	t.Fatalf("the run is not over after five starts: %v", h.journal(id))
	return apiv1.RunOutcome{}
}

// honest checks what must hold after any kill: the lock, or a failure that says what is; nothing begun anew that had been finished; and
// no step of the package manager's twice but the one that was cut off, which dpkg itself runs again.
func (h *patchHost) honest(t *testing.T, o apiv1.RunOutcome, fresh []lab.Deb, killed string) {
	t.Helper()
	h.agrees(t, o)
	switch o.Result {
	case "succeeded":
		for _, d := range fresh {
			if v := h.versions(t)[d.Name]; v != "installed 1.1" {
				t.Errorf("succeeded, and %s is %q", d.Name, v)
			}
		}
	case "failed":
		if killed != killScript {
			t.Errorf("failed, though only %s was killed: %s %s", killed, o.Class, o.Reason)
		}
	default:
		t.Errorf("outcome %s %s: %s", o.Result, o.Class, o.Reason)
	}
	b, _ := os.ReadFile(filepath.Join(h.Root, "var/log/lab-scripts"))
	begun := map[string]int{}
	for line := range strings.Lines(string(b)) {
		if what, ok := strings.CutPrefix(strings.TrimSpace(line), "begin "); ok && strings.Contains(what, " 1.1 ") {
			begun[what]++
		}
	}
	again := map[string]bool{} // packages of which some script ran more than once
	for what, n := range begun {
		if n > 2 {
			t.Errorf("%q ran %d times", what, n)
		}
		if n > 1 {
			again[strings.Fields(what)[0]] = true
		}
	}
	if len(again) > 1 || len(again) > 0 && killed == killApply {
		t.Errorf("scripts of %v ran more than once, though one kill cuts one of them off (killed: %s):\n%s", again, killed, b)
	}
}

// start starts the root half on a fresh offer and does not wait. done gives what it printed, once it has ended.
func (h *patchHost) start(t *testing.T, fresh []lab.Deb) (id string, done chan string) {
	t.Helper()
	h.reset(t)
	o := h.offer(t, h.lock(t, fresh...), nil)
	h.put(t, o, fresh...)
	done = make(chan string, 1)
	go func() { out, err := h.tryApply(t.Context()); done <- fmt.Sprint(out, err) }()
	return o.RunID, done
}

// Whatever is killed at whatever step of the journal, the next start brings the run to its lock, and nothing is done twice.
func TestApplyKilledAtEveryStep(t *testing.T) {
	old, fresh := chain()
	h := newPatchHost(t, "killed", "8301", old, fresh, "")
	at := []string{"recover intent", "recover outcome", "stage intent", "stage outcome", "simulate intent", "simulate outcome", "apply intent", "apply outcome",
		"marks intent", "marks outcome", "restart intent", "restart outcome", "reboot intent", "reboot outcome", "verify intent", "verify outcome", " end"}
	last := map[string]int{} // how often each record was the journal's last when apply died
	for _, record := range at {
		for range 4 { // a record can be followed by the next before the kill arrives
			id, done := h.start(t, fresh)
			var out string
		watch:
			for {
				select {
				case out = <-done:
					break watch
				default:
				}
				if strings.Contains(strings.Join(h.journal(id), "\n"), record) {
					h.kill(killApply)
					out = <-done
					break
				}
			}
			if strings.HasSuffix(out, "<nil>") { // it had ended by itself
				h.honest(t, h.outcome(t, id), fresh, killApply)
				continue
			}
			j := h.journal(id)
			if len(j) > 0 {
				last[j[len(j)-1]]++
			}
			h.honest(t, h.settle(t, id), fresh, killApply)
			if t.Failed() {
				t.Fatalf("killed after %q, journal then %v", record, j)
			}
			if last[record] > 0 {
				break
			}
		}
	}
	t.Logf("apply died with these as the last records: %v", last)
	for _, record := range at {
		// nothing lies between the reboot's intent and its outcome when none is needed
		if strings.HasSuffix(record, " intent") && record != "reboot intent" && last[record] == 0 {
			t.Errorf("apply never died with %q as the last record", record)
		}
	}
	for _, who := range []string{killApt, killDpkg, killScript, killAll} { // the package manager lives in one step only
		id, done := h.start(t, fresh)
		for h.kill(who) == 0 {
			select {
			case out := <-done:
				t.Fatalf("nothing to kill of %s: %s", who, out)
			default:
			}
		}
		<-done
		h.honest(t, h.settle(t, id), fresh, who)
		if t.Failed() {
			t.Fatalf("killed %s", who)
		}
	}
}

// At random instants of the transaction somebody is killed. Most kills must land in its middle, or the test shows nothing.
func TestApplyKilledAtRandom(t *testing.T) {
	const trials = 32
	old, fresh := chain()
	h := newPatchHost(t, "random", "8302", old, fresh, "")
	names := map[string]bool{}
	for _, d := range fresh {
		names[d.Name] = true
	}
	started := time.Now()
	id, done := h.start(t, fresh)
	for len(h.victims()[killDpkg]) == 0 && time.Since(started) < time.Minute {
		time.Sleep(time.Millisecond)
	}
	begun := time.Now()
	<-done
	took := time.Since(begun)
	if o := h.outcome(t, id); o.Result != "succeeded" {
		t.Fatalf("unharmed: %+v", o)
	}
	whom := []string{killAll, killDpkg, killApt, killApply, killScript}
	landed, results := 0, map[string]int{}
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	for i := range trials {
		who := whom[i%len(whom)]
		id, done := h.start(t, fresh)
		for len(h.victims()[killDpkg]) == 0 && len(done) == 0 {
			time.Sleep(time.Millisecond)
		}
		wait := time.Duration(random.Int64N(int64(took)))
		time.Sleep(wait)
		for h.kill(who) == 0 && len(done) == 0 { // between two scripts there is none to kill
			time.Sleep(time.Millisecond)
		}
		if h.midway(names) {
			landed++
		}
		<-done
		o := h.settle(t, id)
		results[who+": "+o.Result+" "+o.Class]++
		h.honest(t, o, fresh, who)
		if t.Failed() {
			t.Fatalf("trial %d: killed %s after %v of %v (seed %d)", i, who, wait, took, seed)
		}
	}
	t.Logf("%d of %d kills landed in mid-transaction (%v long); %v", landed, trials, took, results)
	if landed*100 < trials*60 {
		t.Errorf("only %d of %d kills landed in mid-transaction", landed, trials)
	}
}

package apply

import (
	"bytes"
	"strconv"
	"strings"
)

// unitState is what systemd says of a transient unit.
type unitState struct {
	Loaded  bool
	Running bool
	PID     int
	Exit    *exit // how its main process ended, once it has
}

// unitProperties are what parseUnit needs, for systemctl show.
const unitProperties = "LoadState,ActiveState,SubState,MainPID,ExecMainPID,ExecMainCode,ExecMainStatus,Result"

// Codes of waitid(2), as systemd shows them in ExecMainCode.
const (
	codeExited = 1
	codeKilled = 2
	codeDumped = 3
)

// parseUnit reads `systemctl show` of one unit.
func parseUnit(out []byte) unitState {
	p := map[string]string{}
	for line := range bytes.Lines(out) {
		name, value, _ := strings.Cut(strings.TrimSpace(string(line)), "=")
		p[name] = value
	}
	number := func(name string) int {
		n, _ := strconv.Atoi(p[name])
		return n
	}
	u := unitState{Loaded: p["LoadState"] == "loaded", PID: number("MainPID")}
	if !u.Loaded {
		return unitState{}
	}
	switch p["ActiveState"] {
	case "activating", "deactivating", "reloading":
		u.Running = true
	case "active":
		u.Running = p["SubState"] != "exited"
	}
	if u.Running {
		return u
	}
	switch number("ExecMainCode") {
	case codeExited:
		u.Exit = &exit{Code: number("ExecMainStatus")}
	case codeKilled, codeDumped:
		u.Exit = &exit{Signaled: true}
	}
	return u
}

// logSays finds in what a package manager printed why it ended, and whether dpkg itself was cut off (apt's own words for it). class is
// one of those of apiv1.RunOutcome.
func logSays(log []byte) (reason, class string, unexpected bool) {
	class = "package"
	var errs []string
	for line := range bytes.Lines(log) {
		text := strings.TrimSpace(string(line))
		switch {
		case strings.HasPrefix(text, "E: "), strings.HasPrefix(text, "dpkg: error"), strings.HasPrefix(text, "dpkg: unrecoverable"):
			if len(errs) < 4 {
				errs = append(errs, strings.TrimPrefix(text, "E: "))
			}
		case strings.HasPrefix(text, "installed ") && strings.Contains(text, "subprocess"), strings.HasPrefix(text, "new ") && strings.Contains(text, "subprocess"),
			strings.HasPrefix(text, "old ") && strings.Contains(text, "subprocess"):
			if len(errs) < 4 {
				errs = append(errs, text)
			}
		}
		switch {
		case strings.Contains(text, "exited unexpectedly"), strings.Contains(text, "received a segmentation fault"):
			unexpected = true
		case strings.Contains(text, "Could not get lock"), strings.Contains(text, "Unable to acquire the dpkg frontend lock"), strings.Contains(text, "dpkg frontend lock was locked"):
			class = "lock"
		case strings.Contains(text, "No space left on device"), strings.Contains(text, "You don't have enough free space"):
			class = "disk"
		}
	}
	return clip(strings.Join(errs, "; "), 2000), class, unexpected
}

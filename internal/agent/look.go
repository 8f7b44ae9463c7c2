package agent

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/apply"
	"github.com/staunch-dev/staunch/internal/collect"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/pkgmgr"
)

// Which replaced files still run only root may know of all processes, so a second half of the agent looks: it is started by a file that the
// first half touches, looks once, leaves its answer where only root can write, and ends. It has no network and reads nothing that the first
// half wrote.
const (
	lookUnit   = "staunch-agent-look.path"
	lookFile   = "look" // in the state folder: touched to ask
	lookFolder = "/run/staunch-agent-look"
	answerFile = "old-code.json" // in lookFolder
	maxAnswer  = 16 << 20
)

// answer is what the looking half saw.
type answer struct {
	Began   time.Duration   `json:"began"` // since boot, when it began to look: clocks are set, this is not
	OldCode []apiv1.OldCode `json:"old_code"`
}

// looker asks the looking half.
type looker struct {
	request, folder string
	uptime          string                     // file that says for how long the machine is up
	active          func(context.Context) bool // whether anybody listens
	patience, again time.Duration              // how long to wait; how often to ask meanwhile
}

func newLooker(state string) looker {
	return looker{
		request: filepath.Join(state, lookFile), folder: lookFolder, uptime: "/proc/uptime", patience: 10 * time.Second, again: time.Second,
		active: func(ctx context.Context) bool {
			_, state := unitState(ctx, lookUnit)
			return state == "active"
		},
	}
}

// oldCode asks and waits; nil when nobody answers in time, so that silence is not taken for "none". It asks again and again, since systemd does
// not see a file that is touched while the service still runs.
func (l looker) oldCode(ctx context.Context) []apiv1.OldCode {
	asked, err := sinceBoot(l.uptime)
	if err != nil || !l.active(ctx) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, l.patience)
	defer cancel()
	for ctx.Err() == nil {
		if os.WriteFile(l.request, []byte("look\n"), 0o600) != nil {
			return nil
		}
		for next := time.Now().Add(l.again); ctx.Err() == nil && time.Now().Before(next); sleep(ctx, 20*time.Millisecond) {
			if a, err := readAnswer(filepath.Join(l.folder, answerFile)); err == nil && a.Began >= asked {
				return a.OldCode
			}
		}
	}
	return nil
}

// readAnswer takes root's word only.
func readAnswer(name string) (a answer, err error) {
	text, err := apply.ReadOwned(name, maxAnswer)
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal(text, &a); err != nil {
		return a, err
	}
	if a.OldCode == nil {
		return a, fault.New(fault.Invalid, "%s says nothing", name)
	}
	return a, nil
}

// sinceBoot is the first number of /proc/uptime, in seconds and hundredths.
func sinceBoot(file string) (time.Duration, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	word, _, _ := strings.Cut(string(b), " ")
	seconds, err := strconv.ParseFloat(word, 64)
	if err != nil {
		return 0, fault.Wrap(err, fault.Internal, "%s", file)
	}
	return time.Duration(seconds*100+0.5) * 10 * time.Millisecond, nil
}

func lookCommand(env Env) *cobra.Command {
	folder := lookFolder
	cmd := &cobra.Command{
		Use:   "look",
		Short: "The looking half: say which replaced files still run",
		Long: `The looking half of the agent. It looks once at what every process has mapped,
says in a file of root's which packages were replaced and still run, and ends.
It has no network. systemd starts it when the agent asks; started by hand it
does the same. Without it the agent says nothing of replaced files, not "none".` + exitStatus,
		Example: "  staunch-agent look\n  staunch-agent look --out /tmp/look",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if env.Euid != 0 {
				return fault.New(fault.Forbidden, "only root may look at all processes")
			}
			if env.Getenv("GOGC") == "" && env.Getenv("GOMEMLIMIT") == "" {
				debug.SetGCPercent(50)
				debug.SetMemoryLimit(20 << 20)
			}
			return look(cmd.Context(), folder)
		},
	}
	cmd.Flags().StringVar(&folder, "out", folder, "folder for the answer, "+answerFile)
	return cmd
}

func look(ctx context.Context, folder string) error {
	began, err := sinceBoot("/proc/uptime")
	if err != nil {
		return fault.Wrap(err, fault.Internal, "how long this machine is up is not known")
	}
	old, err := collect.Look(ctx)
	if err != nil {
		return err
	}
	text, err := json.Marshal(answer{began, old})
	if err != nil {
		return err
	}
	if err := pkgmgr.WriteFile(filepath.Join(folder, answerFile), append(text, '\n'), 0o640); err != nil {
		return fault.Wrap(err, fault.Invalid, "the answer cannot be written to %s", folder)
	}
	return nil
}

// unitState is what systemd says of a unit: active, inactive, failed, …
func unitState(ctx context.Context, unit string) (asked bool, state string) {
	out, err := pkgmgr.Run(ctx, pkgmgr.Command{Name: "systemctl", Args: []string{"is-active", unit}, Timeout: 10 * time.Second, Limit: 4 << 10})
	return err == nil, strings.TrimSpace(string(out.Stdout))
}

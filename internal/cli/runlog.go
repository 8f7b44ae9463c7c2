package cli

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/client"
	"github.com/staunch-dev/staunch/internal/fault"
)

// mostRollouts is how many rollouts back the run of a host is looked for.
const mostRollouts = 100

func (p *program) rolloutLog() *cobra.Command {
	var followOn bool
	c := p.remote(&cobra.Command{
		Use: "log RUN|HOST", Short: "Show a run: its steps, outcome and the package manager's lines",
		Long: `Show a run: its steps, its outcome, and what the package manager wrote there.

Of a host it is the newest run. The package manager's own lines go to standard output, everything
else to standard error. With -o json it is one answer with all of it.`,
		Example: "  staunch rollout log web1\n  staunch rollout log run_01jd… --follow",
		Args:    exactly("the id of the run, or the id or name of the host"),
	}, func(ctx context.Context, o *client.Operator, args []string) error {
		d, err := p.findRun(ctx, o, args[0])
		if err != nil {
			return err
		}
		return p.showRun(ctx, o, d, followOn)
	})
	c.Flags().BoolVarP(&followOn, "follow", "f", false, "go on until the run ends")
	return c
}

// findRun is a run by its id, or the newest one of a host.
func (p *program) findRun(ctx context.Context, o *client.Operator, name string) (apiv1.RunDetail, error) {
	d, err := o.Run(ctx, name)
	if !errors.Is(err, fault.NotFound) && !errors.Is(err, fault.Invalid) { // a host's name may be longer than any id
		return d, err
	}
	host, err := o.Host(ctx, name)
	if errors.Is(err, fault.NotFound) {
		return d, fault.New(fault.NotFound, "there is neither a run nor a host %q", name)
	}
	if err != nil {
		return d, err
	}
	page, err := o.Rollouts(ctx, client.List{Limit: mostRollouts})
	if err != nil {
		return d, err
	}
	for _, row := range page.Items {
		r, err := o.Rollout(ctx, row.ID)
		if err != nil {
			return d, err
		}
		for _, run := range r.Runs {
			if run.HostID == host.Host.ID {
				return o.Run(ctx, run.ID)
			}
		}
	}
	return d, fault.New(fault.NotFound, "host %s had no run in the last %d rollouts", host.Host.Name, mostRollouts)
}

func (p *program) showRun(ctx context.Context, o *client.Operator, d apiv1.RunDetail, followOn bool) error {
	if p.format == formatTable {
		write(p.env.Stderr, "%s", runPairs(d).render(p.env.Width))
	}
	if p.format != formatJSON {
		return p.runLines(ctx, o, d.Run, followOn, p.logLine)
	}
	d.Log = []string{} // all of it, not only its end
	err := p.runLines(ctx, o, d.Run, followOn, func(_ int64, line string) error {
		d.Log = append(d.Log, line)
		return nil
	})
	if err != nil {
		return err
	}
	if followOn {
		all := d.Log
		if d, err = o.Run(ctx, d.Run.ID); err != nil {
			return err
		}
		d.Log = all
	}
	return p.json(d)
}

func (p *program) logLine(number int64, line string) error {
	if p.format == formatCSV {
		return p.csv([][]string{{itoa(number), line}})
	}
	write(p.env.Stdout, "%s\n", clean(line))
	return nil
}

// runLines gives each every line of a run's log, and with followOn those that come until it ends.
func (p *program) runLines(ctx context.Context, o *client.Operator, run apiv1.Run, followOn bool, each func(number int64, line string) error) error {
	var changes *follower
	if followOn {
		changes = follow(ctx, o, "rollout")
		defer changes.Stop()
	}
	for after := int64(0); ; {
		log, err := o.RunLog(ctx, run.ID, after)
		if err != nil {
			return err
		}
		for i, line := range log.Lines {
			if err := each(log.Last-int64(len(log.Lines)-1-i), line); err != nil {
				return err
			}
		}
		switch {
		case len(log.Lines) > 0 && log.Last > after:
			after = log.Last
		case !followOn || log.Ended:
			return nil
		default:
			if err := changes.next(ctx); err != nil {
				return err
			}
		}
	}
}

func runPairs(d apiv1.RunDetail) pairs {
	r := d.Run
	list := pairs{
		{"run", r.ID}, {"host", r.Host + " (" + r.HostID + ")"}, {"rollout", r.Rollout}, {"state", runSign(r.State).glyph + " " + r.State},
		{"reason", r.Reason}, {"waiting", r.Waiting}, {"granted", stamp(r.GrantedAt)}, {"ended", stamp(r.EndedAt)}, {"proven", yesNo(r.Proven)},
	}
	for i, s := range d.Steps {
		name := ""
		if i == 0 {
			name = "steps"
		}
		list = append(list, [2]string{name, stepWords(s)})
	}
	if out := d.Outcome; out != nil {
		list = append(list, pairs{
			{"outcome", strings.TrimSpace(out.Result + " " + out.Class)},
			{"said", out.Reason},
			{"installed", packageStates(out.Installed)},
			{"unfinished", packageStates(out.Broken)},
			{"restarted", strings.Join(out.Restarted, ", ")},
			{"still_on_old_files", strings.Join(out.Stale, ", ")},
			{"kept_conffiles", strings.Join(out.Conffiles, ", ")},
		}...)
		if out.Reboot.Required {
			list = append(list, [2]string{"reboot", "required: " + strings.Join(out.Reboot.Reasons, "; ")})
		}
	}
	return list
}

func stepWords(s apiv1.RunStep) string {
	text := s.Name + " " + s.State
	if s.Ended != nil {
		text += " in " + strconv.FormatFloat(max(0, s.Ended.Sub(s.Started).Seconds()), 'f', 1, 64) + "s"
	}
	if s.Text != "" {
		text += ": " + s.Text
	}
	return text
}

// packageStates are packages with what the package database says of each.
func packageStates(all []apiv1.PackageState) string {
	parts := make([]string, len(all))
	for i, s := range all {
		parts[i] = s.Name + " " + s.State
	}
	return strings.Join(few(parts, 30), ", ")
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/client"
	"github.com/staunch-dev/staunch/internal/fault"
)

func (p *program) rolloutWatch() *cobra.Command {
	return p.remote(&cobra.Command{
		Use: "watch ROLLOUT", Short: "Watch a rollout until it ends",
		Long: `Watch a rollout until it ends: on a terminal a page that is drawn anew in place, elsewhere a line
for each host that gets on, and with -o json a run a line and the rollout last.

It ends with 0 when every host has ended well, and with 1 when the rollout was halted or aborted.
Interrupting it does not touch the rollout.`,
		Example: "  staunch rollout watch roll_01jd…",
		Args:    exactly("the id of the rollout"),
	}, func(ctx context.Context, o *client.Operator, args []string) error {
		r, err := o.Rollout(ctx, args[0])
		if err != nil {
			return err
		}
		return p.watchRollout(ctx, o, r)
	})
}

// watchRollout shows a rollout until it ends, and says by its error how.
func (p *program) watchRollout(ctx context.Context, o *client.Operator, r apiv1.Rollout) error {
	changes := follow(ctx, o, "rollout")
	defer changes.Stop()
	v := p.rolloutView()
	away := false
	for {
		if err := v.draw(r); err != nil {
			return err
		}
		if rolloutEnded(r) {
			return rolloutResult(r)
		}
		if changes.next(ctx) != nil {
			return fmt.Errorf("no longer watching; the rollout goes on: staunch rollout watch %s", r.ID)
		}
		now, err := o.Rollout(ctx, r.ID)
		switch {
		case err == nil:
			r, away = now, false
		case ctx.Err() != nil:
		case !errors.Is(err, fault.Unavailable):
			return err
		case !away: // a server that is started anew comes back; hosts at work go on without it
			away = true
			v.forget()
			p.note("%s; trying again", Message(err))
		}
	}
}

// rolloutResult is nil when every host ended well.
func rolloutResult(r apiv1.Rollout) error {
	if r.State == apiv1.RolloutCompleted {
		return nil
	}
	return fault.New(fault.Conflict, "rollout %s was %s: %s", r.ID, r.State, or(r.Reason, "it gives no reason"))
}

// view shows one state of a rollout after another.
type view interface {
	draw(r apiv1.Rollout) error
	forget() // something else was written in between
}

func (p *program) rolloutView() view {
	if p.format == formatTable && p.env.StdoutTerminal && p.env.Getenv("TERM") != "dumb" {
		return &redrawn{p: p}
	}
	return &journal{p: p, said: map[string]string{}}
}

// redrawn draws a page in place.
type redrawn struct {
	p     *program
	lines int // of the page that stands there
}

func (s *redrawn) forget() { s.lines = 0 }

func (s *redrawn) draw(r apiv1.Rollout) error {
	width, most := s.p.env.Width, 0
	if s.p.env.Size != nil {
		var height int
		width, height = s.p.env.Size()
		most = max(0, height-1) // the cursor stands below
	}
	if rolloutEnded(r) {
		most = 0 // the last page is not drawn over: it may scroll
	}
	page := rolloutScreen(r, s.p.env.Now(), width, most)
	var b strings.Builder
	if s.lines > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", s.lines)
	}
	b.WriteString("\r\x1b[J")
	for _, line := range page {
		b.WriteString(s.p.tinted(line.tone, line.text) + "\n")
	}
	s.lines = len(page)
	write(s.p.env.Stdout, "%s", b.String())
	return nil
}

// journal writes a line for each thing that is new.
type journal struct {
	p    *program
	said map[string]string // run to what was last said of it
	lead string
}

func (j *journal) forget() {}

func (j *journal) draw(r apiv1.Rollout) error {
	for _, run := range r.Runs {
		state := strings.Join([]string{run.State, run.Step, run.Reason}, "\x00")
		if run.State == apiv1.RunPending { // the count of hosts before it is no news
			state = run.State
		}
		if j.said[run.ID] == state {
			continue
		}
		j.said[run.ID] = state
		if err := j.line(run); err != nil {
			return err
		}
	}
	if lead := r.State + "\x00" + r.Reason; lead != j.lead {
		j.lead = lead
		if j.p.format == formatTable {
			now := j.p.env.Now()
			write(j.p.env.Stdout, "%s  %s\n", stamp(&now), clean(strings.TrimRight("rollout "+r.ID+"  "+r.State+"  "+oneLine(r.Reason), " ")))
		}
	}
	if j.p.format == formatJSON && rolloutEnded(r) {
		return j.p.jsonLine(r)
	}
	return nil
}

func (j *journal) line(run apiv1.Run) error {
	now := j.p.env.Now()
	switch j.p.format {
	case formatJSON:
		return j.p.jsonLine(run)
	case formatCSV:
		return j.p.csv([][]string{{stamp(&now), run.ID, run.Host, run.State, run.Step, runWhy(run)}})
	}
	text := fmt.Sprintf("%s  %-10s  %s", run.Host, run.State, runNow(run, now))
	write(j.p.env.Stdout, "%s  %s\n", stamp(&now), clean(strings.TrimRight(text, " ")))
	return nil
}

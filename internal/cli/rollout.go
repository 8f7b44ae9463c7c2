package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/client"
)

func (p *program) rollout() *cobra.Command {
	return group("rollout", "Carry out an approved plan, and watch it",
		"  staunch rollout start plan_01jd… --approve --watch\n  staunch rollout watch roll_01jd…",
		p.rolloutStart(), p.rolloutList(), p.rolloutShow(), p.rolloutWatch(), p.rolloutAbort(), p.rolloutLog())
}

func (p *program) rolloutStart() *cobra.Command {
	var req apiv1.StartRollout
	var flags approveFlags
	var approve, watch bool
	c := p.remote(&cobra.Command{
		Use: "start PLAN", Short: "Carry out a plan: one host at a time, or more",
		Long: `Carry out a plan on its hosts: one at a time, unless --max-concurrent says otherwise. The first
failure stops further hosts; what is at work then is finished.

With --approve the plan is approved first, just as "staunch plan approve" does it: with what its own
bytes say shown, and after asking. So it is two commands from a vulnerability to its end:

  staunch plan create --fixes CVE-2026-90001
  staunch rollout start plan_01jd… --approve`,
		Example: "  staunch rollout start plan_01jd…\n  staunch rollout start plan_01jd… --max-concurrent 5 --approve --watch",
		Args:    exactly("the id of the plan"),
	}, func(ctx context.Context, o *client.Operator, args []string) error {
		if req.MaxConcurrent < 0 {
			return usage("--max-concurrent is at least 1")
		}
		if flags.sshKey != "" && !approve {
			return usage("--ssh-key signs an approval: give --approve too")
		}
		req.Plan = args[0]
		if approve {
			if err := p.approveUnlessDone(ctx, o, args[0], flags); err != nil {
				return err
			}
		}
		r, err := o.StartRollout(ctx, req)
		if err != nil {
			return err
		}
		if watch {
			return p.watchRollout(ctx, o, r)
		}
		if p.format != formatTable {
			return p.showRollout(r)
		}
		write(p.env.Stdout, "%s\n", clean(r.ID))
		p.note("rollout %s of %s: %s, at most %d at a time; next: staunch rollout watch %s", r.ID, r.Plan, plural(len(r.Runs), "host"), r.MaxConcurrent, r.ID)
		return nil
	})
	c.Flags().IntVar(&req.MaxConcurrent, "max-concurrent", 1, "at most this many hosts at work at the same time")
	c.Flags().BoolVar(&watch, "watch", false, "watch it until it ends, as staunch rollout watch")
	c.Flags().BoolVar(&approve, "approve", false, "approve the plan first, unless it is approved already")
	flags.add(c)
	return c
}

// approveUnlessDone approves a plan that is not approved yet.
func (p *program) approveUnlessDone(ctx context.Context, o *client.Operator, id string, flags approveFlags) error {
	plan, err := o.Plan(ctx, id)
	if err != nil || plan.State == apiv1.PlanApproved {
		return err
	}
	if plan.State == apiv1.PlanSimulating {
		if plan, err = p.awaitPlan(ctx, o, plan); err != nil {
			return err
		}
	}
	plan, err = p.approve(ctx, o, plan.ID, flags)
	if err == nil && plan.State != apiv1.PlanApproved {
		err = fmt.Errorf("rollout not started: plan %s needs more signatures", plan.ID)
	}
	return err
}

func (p *program) rolloutList() *cobra.Command {
	var list listFlags
	c := p.remote(&cobra.Command{
		Use: "list", Short: "List rollouts, newest first",
		Example: "  staunch rollout list --limit 20",
	}, func(ctx context.Context, o *client.Operator, _ []string) error {
		items, next, err := pages(list.limit, func(cursor string, size int) ([]apiv1.RolloutRow, string, error) {
			got, err := o.Rollouts(ctx, list.page(cursor, size))
			return got.Items, got.Next, err
		})
		if err != nil {
			return err
		}
		if err := show(p, apiv1.RolloutPage{Items: items, Next: next}, items, []column[apiv1.RolloutRow]{
			{name: "id", text: func(r apiv1.RolloutRow) string { return r.ID }},
			{name: "state", text: func(r apiv1.RolloutRow) string { return r.State }, tone: func(r apiv1.RolloutRow) tone { return rolloutTone(r.State) }},
			{name: "hosts", text: func(r apiv1.RolloutRow) string { return strconv.Itoa(r.Hosts) }, right: true},
			{name: "runs", text: func(r apiv1.RolloutRow) string { return countWords(r.Counts) }, least: 11},
			{name: "started", text: func(r apiv1.RolloutRow) string { return ago(&r.StartedAt, p.env.Now()) }, where: inTable},
			{name: "started", text: func(r apiv1.RolloutRow) string { return stamp(&r.StartedAt) }, where: inCSV},
			{name: "ended", text: func(r apiv1.RolloutRow) string { return stamp(r.EndedAt) }, where: inCSV},
			{name: "by", text: func(r apiv1.RolloutRow) string { return r.StartedBy }, where: inCSV},
			{name: "plan", text: func(r apiv1.RolloutRow) string { return r.Plan }, where: inCSV},
			{name: "reason", text: func(r apiv1.RolloutRow) string { return r.Reason }, where: inCSV},
			{name: "summary", text: func(r apiv1.RolloutRow) string { return r.Summary }, least: 8},
		}); err != nil {
			return err
		}
		p.shown(len(items), len(items), "rollouts")
		return nil
	})
	c.Flags().IntVar(&list.limit, "limit", 50, "at most this many rows; 0 is all")
	return c
}

func rolloutTone(state string) tone {
	switch state {
	case apiv1.RolloutCompleted:
		return good
	case apiv1.RolloutHalted, apiv1.RolloutAborted, apiv1.RolloutAborting:
		return bad
	}
	return plain
}

func (p *program) rolloutShow() *cobra.Command {
	return p.remote(&cobra.Command{
		Use: "show ROLLOUT", Short: "Show a rollout: each host's run, and why it waits or ended so",
		Example: "  staunch rollout show roll_01jd…",
		Args:    exactly("the id of the rollout"),
	}, func(ctx context.Context, o *client.Operator, args []string) error {
		r, err := o.Rollout(ctx, args[0])
		if err != nil {
			return err
		}
		return p.showRollout(r)
	})
}

func (p *program) showRollout(r apiv1.Rollout) error {
	if p.format == formatTable {
		write(p.env.Stdout, "%s\n", pairs{
			{"rollout", r.ID}, {"plan", r.Plan}, {"state", r.State}, {"reason", r.Reason}, {"what", r.Summary},
			{"runs", countWords(r.Counts)}, {"at_a_time", fmt.Sprint(r.MaxConcurrent)},
			{"started", moment(&r.StartedAt) + " by " + r.StartedBy}, {"ended", unlessNever(r)},
		}.render(p.env.Width))
	}
	return show(p, r, r.Runs, runColumns())
}

// countWords is "3 succeeded, 1 failed".
func countWords(counts []apiv1.NameCount) string {
	parts := make([]string, len(counts))
	for i, c := range counts {
		parts[i] = strconv.Itoa(c.Count) + " " + c.Name
	}
	return strings.Join(parts, ", ")
}

func unlessNever(r apiv1.Rollout) string {
	if r.EndedAt == nil {
		return ""
	}
	return moment(r.EndedAt)
}

func runColumns() []column[apiv1.Run] {
	return []column[apiv1.Run]{
		{name: "id", text: func(r apiv1.Run) string { return r.ID }, where: inCSV},
		{name: "host", text: func(r apiv1.Run) string { return r.Host }, least: 10, ends: true},
		{name: "host_id", text: func(r apiv1.Run) string { return r.HostID }, where: inCSV},
		{name: "state", text: func(r apiv1.Run) string { return r.State }, where: inCSV},
		{name: "state", text: func(r apiv1.Run) string { return runSign(r.State).glyph + " " + r.State }, tone: func(r apiv1.Run) tone { return runSign(r.State).tone }, where: inTable},
		{name: "step", text: func(r apiv1.Run) string { return r.Step }},
		{name: "proven", text: func(r apiv1.Run) string { return yesNo(r.Proven) }},
		{name: "granted", text: func(r apiv1.Run) string { return stamp(r.GrantedAt) }, where: inCSV},
		{name: "ended", text: func(r apiv1.Run) string { return stamp(r.EndedAt) }, where: inCSV},
		{name: "epoch", text: func(r apiv1.Run) string { return itoa(r.Epoch) }, where: inCSV},
		{name: "waiting", text: func(r apiv1.Run) string { return r.Waiting }, where: inCSV},
		{name: "reason", text: func(r apiv1.Run) string { return r.Reason }, where: inCSV},
		{name: "why", text: runWhy, where: inTable, least: 10},
	}
}

// runWhy is why a run waits, or ended as it did.
func runWhy(r apiv1.Run) string {
	return strings.Join(strings.Fields(or(r.Reason, r.Waiting)), " ")
}

func (p *program) rolloutAbort() *cobra.Command {
	var yes bool
	c := p.remote(&cobra.Command{
		Use: "abort ROLLOUT", Short: "Start nothing more; what runs is finished",
		Example: "  staunch rollout abort roll_01jd… --yes",
		Args:    exactly("the id of the rollout"),
	}, func(ctx context.Context, o *client.Operator, args []string) error {
		if err := p.agree(ctx, yes, "rollout abort", fmt.Sprintf("Abort %s? Hosts at work are finished, no other is started.", clean(args[0]))); err != nil {
			return err
		}
		r, err := o.AbortRollout(ctx, args[0])
		if err != nil {
			return err
		}
		p.note("rollout %s is %s", r.ID, r.State)
		if p.format != formatTable {
			return p.showRollout(r)
		}
		return nil
	})
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return c
}

package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/client"
	"github.com/staunch-dev/staunch/internal/fault"
)

func (p *program) plan() *cobra.Command {
	return group("plan", "Say what shall be installed where, look at it, approve it",
		"  staunch plan create -l env=prod --security\n  staunch plan approve plan_01jd…",
		p.planCreate(), p.planList(), p.planShow(), p.planApprove(), p.planCancel())
}

func (p *program) planCreate() *cobra.Command {
	var req apiv1.CreatePlan
	var noWait bool
	c := p.remote(&cobra.Command{
		Use: "create", Short: "Ask hosts what they would install, and show it",
		Long: `Ask hosts what they would install, and show it. Nothing is changed on any host.

The preview is the hosts' own answer: the package manager of one host of each kind simulates exactly
the chosen updates. Hosts that would do exactly the same, with the same bytes, are a cohort. A host
without a usable answer is not in the plan, and the reason is shown. A host whose package manager
would remove or add a package is refused unless that is allowed here.

It waits until every host has answered, a minute at most, and ends with 1 when the plan cannot be
approved.`,
		Example: `  staunch plan create -l env=prod --security
  staunch plan create --fixes CVE-2026-90001
  staunch plan create -l role=web --package 'nginx*' --exclude nginx-extras \
      --reboot if-required`,
	}, func(ctx context.Context, o *client.Operator, _ []string) error {
		plan, err := o.CreatePlan(ctx, req)
		if err != nil {
			return err
		}
		if !noWait {
			if plan, err = p.awaitPlan(ctx, o, plan); err != nil {
				return err
			}
		}
		if err := p.showPlan(plan); err != nil {
			return err
		}
		if plan.State == apiv1.PlanReady && !plan.Approvable {
			return fault.New(fault.Conflict, "plan %s cannot be approved: %s", plan.ID, or(strings.Join(plan.Blockers, "; "), "it gives no reason"))
		}
		return nil
	})
	f := c.Flags()
	f.StringVarP(&req.Selector, "selector", "l", "", "only hosts that this `SELECTOR` names, as env=prod,role in (web,api),!retired")
	f.BoolVar(&req.Security, "security", false, "only updates from a security archive")
	f.StringSliceVar(&req.Packages, "package", nil, "only packages whose name fits this `GLOB`; may be repeated")
	f.StringSliceVar(&req.Exclude, "exclude", nil, "no packages whose name fits this `GLOB`; may be repeated")
	f.StringSliceVar(&req.Fixes, "fixes", nil, "only updates that fix this `CVE` on the host; may be repeated")
	f.BoolVar(&req.AllowRemovals, "allow-removals", false, "a host may remove packages to do it")
	f.BoolVar(&req.AllowNew, "allow-new", false, "a host may add packages to do it")
	f.StringVar(&req.Reboot, "reboot", "never", "`if-required|never`: whether hosts that then need it are rebooted")
	f.BoolVar(&noWait, "no-wait", false, "do not wait for the answers; see staunch plan show")
	return c
}

// awaitPlan waits until a plan's hosts have answered, or their time is up.
func (p *program) awaitPlan(ctx context.Context, o *client.Operator, plan apiv1.Plan) (apiv1.Plan, error) {
	changes := follow(ctx, o, "plan")
	defer changes.Stop()
	for plan.State == apiv1.PlanSimulating {
		if p.env.StderrTerminal {
			answered := len(plan.Hosts) - countHosts(plan)[apiv1.PlanHostWaiting]
			write(p.env.Stderr, "\rplan %s: %d of %s have answered\x1b[K", clean(plan.ID), answered, plural(len(plan.Hosts), "host"))
		}
		err := changes.next(ctx)
		if err == nil {
			plan, err = o.Plan(ctx, plan.ID)
		}
		if err != nil {
			p.clearLine()
			if ctx.Err() != nil {
				err = fmt.Errorf("no longer waiting; the hosts are still being asked: staunch plan show %s", plan.ID)
			}
			return plan, err
		}
	}
	p.clearLine()
	return plan, nil
}

// clearLine removes a progress line.
func (p *program) clearLine() {
	if p.env.StderrTerminal {
		write(p.env.Stderr, "\r\x1b[K")
	}
}

// countHosts counts a plan's hosts by state.
func countHosts(plan apiv1.Plan) map[string]int {
	n := map[string]int{}
	for _, h := range plan.Hosts {
		n[h.State]++
	}
	return n
}

func (p *program) planList() *cobra.Command {
	var list listFlags
	c := p.remote(&cobra.Command{
		Use: "list", Short: "List plans, newest first",
		Example: "  staunch plan list --limit 20",
	}, func(ctx context.Context, o *client.Operator, _ []string) error {
		items, next, err := pages(list.limit, func(cursor string, size int) ([]apiv1.PlanRow, string, error) {
			got, err := o.Plans(ctx, list.page(cursor, size))
			return got.Items, got.Next, err
		})
		if err != nil {
			return err
		}
		if err := show(p, apiv1.PlanPage{Items: items, Next: next}, items, []column[apiv1.PlanRow]{
			{name: "id", text: func(r apiv1.PlanRow) string { return r.ID }},
			{name: "state", text: func(r apiv1.PlanRow) string { return r.State }, tone: func(r apiv1.PlanRow) tone { return planTone(r.State) }},
			{name: "hosts", text: func(r apiv1.PlanRow) string { return strconv.Itoa(r.Hosts) }, right: true},
			{name: "changes", text: func(r apiv1.PlanRow) string { return strconv.Itoa(r.Changes) }, right: true},
			{name: "created", text: func(r apiv1.PlanRow) string { return stamp(&r.CreatedAt) }, where: inCSV},
			{name: "created", text: func(r apiv1.PlanRow) string { return ago(&r.CreatedAt, p.env.Now()) }, where: inTable},
			{name: "by", text: func(r apiv1.PlanRow) string { return r.CreatedBy }, least: 8},
			{name: "summary", text: func(r apiv1.PlanRow) string { return r.Summary }, least: 10},
		}); err != nil {
			return err
		}
		p.shown(len(items), len(items), "plans")
		return nil
	})
	c.Flags().IntVar(&list.limit, "limit", 50, "at most this many rows; 0 is all")
	return c
}

func planTone(state string) tone {
	switch state {
	case apiv1.PlanApproved:
		return good
	case apiv1.PlanCanceled:
		return faint
	}
	return plain
}

func (p *program) planShow() *cobra.Command {
	return p.remote(&cobra.Command{
		Use: "show PLAN", Short: "Show a plan: what changes on which hosts, and what to do next",
		Long:    "Show a plan: what changes on which hosts, and what to do next.\n\nWith -o csv there is a row for each host and change.",
		Example: "  staunch plan show plan_01jd…\n  staunch plan show plan_01jd… -o csv",
		Args:    exactly("the id of the plan"),
	}, func(ctx context.Context, o *client.Operator, args []string) error {
		plan, err := o.Plan(ctx, args[0])
		if err != nil {
			return err
		}
		return p.showPlan(plan)
	})
}

func (p *program) planCancel() *cobra.Command {
	return p.remote(&cobra.Command{
		Use: "cancel PLAN", Short: "Cancel a plan that no rollout carries out",
		Example: "  staunch plan cancel plan_01jd…",
		Args:    exactly("the id of the plan"),
	}, func(ctx context.Context, o *client.Operator, args []string) error {
		if err := o.CancelPlan(ctx, args[0]); err != nil {
			return err
		}
		p.note("plan %s canceled", args[0])
		return nil
	})
}

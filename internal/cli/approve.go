package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/client"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/seal"
)

// approveFlags are those of commands that approve.
type approveFlags struct {
	sshKey string
	yes    bool
}

func (a *approveFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&a.sshKey, "ssh-key", "", "sign with the SSH key in `FILE`: a private key, or a .pub whose private half ssh-agent holds")
	c.Flags().BoolVar(&a.yes, "yes", false, "do not ask")
}

func (p *program) planApprove() *cobra.Command {
	var flags approveFlags
	c := p.remote(&cobra.Command{
		Use: "approve PLAN", Short: "Approve a plan, after checking here what it says",
		Long: `Approve a plan, after checking here what it says.

The exact bytes that hosts will be given are fetched, hashed and read here: what is shown is
computed from them and from their locks, not taken from the server's summary. What does not fit is
refused.

With --ssh-key the same bytes are also signed with your SSH key, as sites that require signatures of
people ask for: ssh-keygen -Y verify -n staunch-plan checks the signature.`,
		Example: "  staunch plan approve plan_01jd…\n  staunch plan approve plan_01jd… --ssh-key ~/.ssh/id_ed25519.pub",
		Args:    exactly("the id of the plan"),
	}, func(ctx context.Context, o *client.Operator, args []string) error {
		plan, err := p.approve(ctx, o, args[0], flags)
		if err != nil {
			return err
		}
		if p.format != formatTable {
			return p.showPlan(plan)
		}
		if plan.State == apiv1.PlanApproved {
			p.planNext(plan)
		}
		return nil
	})
	flags.add(c)
	return c
}

// approve checks a plan's documents, shows what they come to, asks, and approves exactly them.
func (p *program) approve(ctx context.Context, o *client.Operator, id string, flags approveFlags) (apiv1.Plan, error) {
	plan, err := o.Plan(ctx, id)
	if err != nil {
		return plan, err
	}
	switch plan.State {
	case apiv1.PlanReady:
	case apiv1.PlanApproved:
		return plan, fault.New(fault.Conflict, "plan %s is approved already", plan.ID)
	default:
		return plan, fault.New(fault.Conflict, "plan %s cannot be approved: it is %s", plan.ID, plan.State)
	}
	documents, err := o.PlanBytes(ctx, plan.ID)
	if err != nil {
		return plan, err
	}
	reviewed, err := review(plan, documents)
	if err != nil {
		return plan, err
	}
	if now := p.env.Now(); now.After(reviewed.Plan.NotAfter) {
		return plan, fault.New(fault.Conflict, "plan %s cannot be approved: nothing of it may start after %s", plan.ID, moment(&reviewed.Plan.NotAfter))
	}
	changes := p.showReviewed(plan, reviewed)
	if err := p.agree(ctx, flags.yes, "plan approve", fmt.Sprintf("Approve %s on %s?", plural(changes, "change"), plural(reviewed.Plan.Hosts, "host"))); err != nil {
		return plan, err
	}
	req := apiv1.ApprovePlan{Hash: reviewed.Hash}
	if flags.sshKey != "" {
		if req.Signature, err = p.signPlan(ctx, flags.sshKey, documents.Bytes); err != nil {
			return plan, err
		}
	}
	if plan, err = o.ApprovePlan(ctx, plan.ID, req); err != nil {
		return plan, err
	}
	if plan.State == apiv1.PlanApproved {
		p.note("plan %s approved", plan.ID)
	} else {
		p.note("plan %s has %d of the %d signatures that it needs", plan.ID, people(plan), plan.Required)
	}
	return plan, nil
}

// people counts the signatures of a plan that are not the server's own.
func people(plan apiv1.Plan) int {
	n := 0
	for _, s := range plan.Signatures {
		if s.Principal != "server" {
			n++
		}
	}
	return n
}

// review holds the server's account of a plan against the bytes that it is about.
func review(plan apiv1.Plan, documents apiv1.PlanBytes) (seal.Reviewed, error) {
	var members []seal.Member
	for _, h := range plan.Hosts {
		if h.State == apiv1.PlanHostSimulated {
			members = append(members, seal.Member{HostID: h.HostID, Lock: h.Cohort})
		}
	}
	reviewed, err := seal.Review(plan.ID, documents.Bytes, documents.Locks, members)
	if err != nil {
		return reviewed, fault.Wrap(err, fault.Conflict, "plan %s is not approved, for its documents do not fit: %s", plan.ID, err)
	}
	if documents.Hash != reviewed.Hash || plan.Hash != reviewed.Hash {
		return reviewed, fault.New(fault.Conflict, "plan %s is not approved: the sha256 of its bytes is %s, and the server says %s", plan.ID, reviewed.Hash, plan.Hash)
	}
	return reviewed, nil
}

// agree asks before something is done; without a terminal it has to be said on the command line.
func (p *program) agree(ctx context.Context, yes bool, what, question string) error {
	switch {
	case yes:
		return nil
	case !p.env.StdinTerminal:
		return usage("%s asks first: confirm with --yes", what)
	}
	ok, err := p.confirm(ctx, question)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("%s: nothing was done", what)
	}
	return nil
}

// sealedChange is a change of a plan's locks, and on how many hosts.
type sealedChange struct {
	seal.Change
	hosts int
}

// showReviewed prints what a plan's own bytes and locks come to, on standard error: it is for the person who decides. It gives the
// number of distinct changes.
func (p *program) showReviewed(plan apiv1.Plan, r seal.Reviewed) int {
	weight, names := map[string]int{}, []string{}
	for _, h := range plan.Hosts {
		if h.State == apiv1.PlanHostSimulated {
			weight[h.Cohort]++
			names = append(names, h.Host)
		}
	}
	changes, download := sum(r.Locks, weight)
	write(p.env.Stderr, "Checked here, from the bytes that hosts will be given:\n\n%s", pairs{
		{"plan", r.Plan.ID},
		{"sha256", r.Hash},
		{"hosts", fmt.Sprintf("%d: %s", r.Plan.Hosts, strings.Join(few(names, 20), ", "))},
		{"locks", fmt.Sprint(len(r.Locks))},
		{"download", size(download) + " in all"},
		{"reboot", r.Plan.Reboot},
		{"not_after", moment(&r.Plan.NotAfter)},
		{"made_by", r.Plan.CreatedBy},
	}.render(p.env.Width))
	for _, l := range []struct{ action, verb string }{{"remove", "REMOVES"}, {"install", "ADDS NEW PACKAGES"}} {
		var hit []string
		for _, c := range changes {
			if c.Action == l.action {
				hit = append(hit, fmt.Sprintf("%s (%s)", c.Name, plural(c.hosts, "host")))
			}
		}
		if hit != nil {
			write(p.env.Stderr, "%s\n", strings.Join(wrap("!! "+clean(l.verb+": "+strings.Join(hit, ", ")), p.env.Width), "\n"))
		}
	}
	write(p.env.Stderr, "\n%s\n", tableOf(changes, []column[sealedChange]{
		{name: "package", text: func(c sealedChange) string { return c.Name }, least: 12},
		{name: "arch", text: func(c sealedChange) string { return c.Arch }},
		{name: "action", text: func(c sealedChange) string { return actionWord(c.Action) }},
		{name: "hosts", text: func(c sealedChange) string { return strconv.Itoa(c.hosts) }, right: true},
		{name: "from", text: func(c sealedChange) string { return c.From }, least: 10, ends: true, apart: func(c sealedChange) string { return c.To }},
		{name: "to", text: func(c sealedChange) string { return c.To }, least: 10, ends: true, apart: func(c sealedChange) string { return c.From }},
	}).render(p.env.Width, false))
	return len(changes)
}

// sum adds up locks over the hosts that get each: what removes or adds first, then by name.
func sum(locks map[string]seal.Lock, weight map[string]int) (changes []sealedChange, download int64) {
	type key struct{ name, arch, action, from, to string }
	at := map[key]int{}
	for hash, l := range locks {
		for _, c := range l.Changes {
			k := key{c.Name, c.Arch, c.Action, c.From, c.To}
			i, seen := at[k]
			if !seen {
				i = len(changes)
				at[k] = i
				changes = append(changes, sealedChange{Change: c})
			}
			changes[i].hosts += weight[hash]
			download += c.Size * int64(weight[hash])
		}
	}
	slices.SortFunc(changes, func(a, b sealedChange) int {
		return cmp.Or(actionRank(a.Action)-actionRank(b.Action), strings.Compare(a.Name, b.Name), strings.Compare(a.Arch, b.Arch),
			strings.Compare(a.From, b.From), strings.Compare(a.To, b.To))
	})
	return changes, download
}

// few is the first of many, and how many more.
func few(all []string, most int) []string {
	if len(all) <= most {
		return all
	}
	return append(slices.Clone(all[:most]), fmt.Sprintf("and %d more", len(all)-most))
}

package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// showPlan prints a plan's preview, and what to type next.
func (p *program) showPlan(plan apiv1.Plan) error {
	switch p.format {
	case formatJSON:
		return p.json(plan)
	case formatCSV:
		return p.csv(cells(planLines(plan), planLineColumns(), inCSV))
	}
	write(p.env.Stdout, "%s", planPairs(plan).render(p.env.Width))
	p.loud(bad, removals(plan))
	p.loud(warn, additions(plan))
	if len(plan.Changes) > 0 {
		p.heading("Changes")
		if err := show(p, plan, loudFirst(plan.Changes), planChangeColumns()); err != nil {
			return err
		}
	}
	if len(plan.Cohorts) > 0 {
		p.heading("Cohorts: hosts that do exactly the same")
		if err := show(p, plan, plan.Cohorts, cohortColumns(plan)); err != nil {
			return err
		}
	}
	left := slices.DeleteFunc(slices.Clone(plan.Hosts), func(h apiv1.PlanHost) bool { return h.State == apiv1.PlanHostSimulated })
	if len(left) > 0 {
		p.heading("Hosts that are not in it")
		if err := show(p, plan, left, planHostColumns()); err != nil {
			return err
		}
		p.cutReasons(left)
	}
	p.planNext(plan)
	return nil
}

// loud says something that must not be missed: in words, and in colour where there is any.
func (p *program) loud(t tone, text string) {
	if text == "" {
		return
	}
	for _, line := range wrap("!! "+clean(text), p.env.Width) {
		write(p.env.Stdout, "%s\n", p.tinted(t, line))
	}
}

// tinted is clean text in a colour, where there is colour.
func (p *program) tinted(t tone, text string) string {
	if t == plain || text == "" || !p.colour() {
		return text
	}
	return "\x1b[" + string(t) + "m" + text + "\x1b[0m"
}

// planNext is the next command to type, or why there is none.
func (p *program) planNext(plan apiv1.Plan) {
	switch {
	case plan.State == apiv1.PlanSimulating:
		p.note("hosts are still being asked; next: staunch plan show %s", plan.ID)
	case plan.Approvable:
		p.note("next: staunch plan approve %s   (or approve and start at once: staunch rollout start %s --approve)", plan.ID, plan.ID)
	case plan.State == apiv1.PlanApproved && len(plan.Rollouts) > 0:
		p.note("its rollout: staunch rollout watch %s", plan.Rollouts[0])
	case plan.State == apiv1.PlanApproved:
		p.note("next: staunch rollout start %s", plan.ID)
	case len(plan.Blockers) > 0:
		p.note("it cannot be approved: %s", strings.Join(plan.Blockers, "; "))
	}
}

func planPairs(plan apiv1.Plan) pairs {
	list := pairs{
		{"plan", plan.ID}, {"state", plan.State}, {"asked_for", specWords(plan.Spec)}, {"hosts", planHostWords(plan)},
		{"created", moment(&plan.CreatedAt) + " by " + plan.CreatedBy},
	}
	if plan.State != apiv1.PlanSimulating {
		list = append(list, pairs{{"download", size(plan.Download) + " in all"}, {"reboots", rebootWords(plan)}, {"hash", plan.Hash}}...)
	}
	if plan.NotAfter != nil {
		list = append(list, [2]string{"not_after", moment(plan.NotAfter)})
	}
	if plan.ApprovedAt != nil {
		list = append(list, [2]string{"approved", moment(plan.ApprovedAt) + " by " + plan.ApprovedBy})
	}
	for _, s := range plan.Signatures {
		list = append(list, [2]string{"signed_by", s.Principal + " " + s.Fingerprint + ", " + moment(&s.At)})
	}
	if plan.Required > 0 {
		list = append(list, [2]string{"signatures_needed", fmt.Sprintf("%d, beside the server's own", plan.Required)})
	}
	return append(list, [2]string{"rollouts", strings.Join(plan.Rollouts, ", ")})
}

// specWords is what was asked for, in words.
func specWords(s apiv1.CreatePlan) string {
	parts := []string{"updates"}
	if s.Security {
		parts[0] = "security updates"
	}
	if len(s.Packages) > 0 {
		parts = append(parts, "of "+strings.Join(s.Packages, " "))
	}
	if len(s.Fixes) > 0 {
		parts = append(parts, "that fix "+strings.Join(s.Fixes, " or "))
	}
	if len(s.Exclude) > 0 {
		parts = append(parts, "but not "+strings.Join(s.Exclude, " "))
	}
	parts = append(parts, "on "+or(s.Selector, "every host"))
	if s.AllowRemovals {
		parts = append(parts, "(removals allowed)")
	}
	if s.AllowNew {
		parts = append(parts, "(new packages allowed)")
	}
	return strings.Join(parts, " ")
}

func planHostWords(plan apiv1.Plan) string {
	n := countHosts(plan)
	var parts []string
	for _, state := range []string{apiv1.PlanHostSimulated, apiv1.PlanHostWaiting, apiv1.PlanHostNothing, apiv1.PlanHostRefused, apiv1.PlanHostNotSimulated} {
		if n[state] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[state], state))
		}
	}
	return fmt.Sprintf("%d: %s", len(plan.Hosts), strings.Join(parts, ", "))
}

func rebootWords(plan apiv1.Plan) string {
	policy := "the plan never reboots: that is left to you"
	if plan.Spec.Reboot == "if-required" {
		policy = "the plan reboots those that need it"
	}
	if plan.Reboots == 0 {
		return "none expected; " + policy
	}
	return plural(plan.Reboots, "host") + " expected to need one; " + policy
}

func removals(plan apiv1.Plan) string  { return named(plan, apiv1.ActionRemove, "REMOVES") }
func additions(plan apiv1.Plan) string { return named(plan, apiv1.ActionInstall, "ADDS NEW PACKAGES") }

// named lists the packages to which an action is done; empty when there are none.
func named(plan apiv1.Plan, action, verb string) string {
	var names []string
	for _, c := range plan.Changes {
		if c.Action == action {
			names = append(names, fmt.Sprintf("%s (%s)", c.Name, plural(c.Hosts, "host")))
		}
	}
	if names == nil {
		return ""
	}
	return verb + ": " + strings.Join(names, ", ")
}

// loudFirst puts what removes or adds before what upgrades, each in its order.
func loudFirst(changes []apiv1.PlanChange) []apiv1.PlanChange {
	sorted := slices.Clone(changes)
	slices.SortStableFunc(sorted, func(a, b apiv1.PlanChange) int { return actionRank(a.Action) - actionRank(b.Action) })
	return sorted
}

func actionRank(action string) int {
	return slices.Index([]string{apiv1.ActionRemove, apiv1.ActionInstall, apiv1.ActionUpgrade}, action)
}

// actionWord is an action as tables say it.
func actionWord(action string) string {
	switch action {
	case apiv1.ActionRemove:
		return "REMOVE"
	case apiv1.ActionInstall:
		return "NEW"
	}
	return action
}

func actionTone(action string) tone {
	switch action {
	case apiv1.ActionRemove:
		return bad
	case apiv1.ActionInstall:
		return warn
	}
	return plain
}

func planChangeColumns() []column[apiv1.PlanChange] {
	return []column[apiv1.PlanChange]{
		{name: "package", text: func(c apiv1.PlanChange) string { return c.Name }, least: 12},
		{name: "action", text: func(c apiv1.PlanChange) string { return actionWord(c.Action) }, tone: func(c apiv1.PlanChange) tone { return actionTone(c.Action) }},
		{name: "hosts", text: func(c apiv1.PlanChange) string { return strconv.Itoa(c.Hosts) }, right: true},
		{name: "from", text: func(c apiv1.PlanChange) string { return strings.Join(c.From, " ") }, least: 10, ends: true, apart: func(c apiv1.PlanChange) string { return c.To }},
		{name: "to", text: func(c apiv1.PlanChange) string { return c.To }, least: 10, ends: true, apart: func(c apiv1.PlanChange) string { return strings.Join(c.From, " ") }},
		{name: "security", text: func(c apiv1.PlanChange) string { return yesNo(c.Security) }},
		{name: "fixes", text: fixesText, least: 8},
	}
}

func fixesText(c apiv1.PlanChange) string {
	text := strings.Join(c.Fixes, " ")
	if more := c.FixCount - len(c.Fixes); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

func cohortColumns(plan apiv1.Plan) []column[apiv1.PlanCohort] {
	names := map[string][]string{}
	for _, h := range plan.Hosts {
		if h.State == apiv1.PlanHostSimulated {
			names[h.Cohort] = append(names[h.Cohort], h.Host)
		}
	}
	return []column[apiv1.PlanCohort]{
		{name: "lock", text: func(c apiv1.PlanCohort) string { return cut(c.Lock, 13) }},
		{name: "hosts", text: func(c apiv1.PlanCohort) string { return strconv.Itoa(c.Hosts) }, right: true},
		{name: "changes", text: func(c apiv1.PlanCohort) string { return strconv.Itoa(len(c.Changes)) }, right: true},
		{name: "download", text: func(c apiv1.PlanCohort) string { return size(c.Download) }, right: true},
		{name: "reboot", text: func(c apiv1.PlanCohort) string { return yesNo(c.Reboot) }, tone: func(c apiv1.PlanCohort) tone { return unless(!c.Reboot, warn) }},
		{name: "restarts", text: func(c apiv1.PlanCohort) string { return strings.Join(c.Restarts, " ") }, least: 8},
		{name: "which", text: func(c apiv1.PlanCohort) string { return strings.Join(names[c.Lock], " ") }, least: 10},
	}
}

func planHostColumns() []column[apiv1.PlanHost] {
	return []column[apiv1.PlanHost]{
		{name: "host", text: func(h apiv1.PlanHost) string { return h.Host }, least: 10, ends: true},
		{name: "state", text: func(h apiv1.PlanHost) string { return h.State }, tone: func(h apiv1.PlanHost) tone {
			return unless(h.State == apiv1.PlanHostNothing || h.State == apiv1.PlanHostWaiting, warn)
		}},
		{name: "reason", text: func(h apiv1.PlanHost) string { return h.Reason }, least: 10},
	}
}

// cutReasons gives in full, once each, the reasons that the table of these hosts had no room for: what to do stands at their end.
func (p *program) cutReasons(hosts []apiv1.PlanHost) {
	t := tableOf(hosts, planHostColumns())
	last := len(t.header) - 1
	room := t.widths(p.env.Width)[last]
	said := map[string]bool{}
	for _, row := range t.rows {
		if reason := row[last]; columns(reason) > room && !said[reason] {
			said[reason] = true
			write(p.env.Stdout, "%s\n", strings.Join(wrap(t.header[0]+" "+row[0]+": "+reason, p.env.Width), "\n"))
		}
	}
}

// planLine is one change on one host, or a host without any.
type planLine struct {
	host   apiv1.PlanHost
	change apiv1.LockChange
}

func planLines(plan apiv1.Plan) []planLine {
	changes := map[string][]apiv1.LockChange{}
	for _, c := range plan.Cohorts {
		changes[c.Lock] = c.Changes
	}
	var all []planLine
	for _, h := range plan.Hosts {
		if len(changes[h.Cohort]) == 0 {
			all = append(all, planLine{host: h})
		}
		for _, c := range changes[h.Cohort] {
			all = append(all, planLine{h, c})
		}
	}
	return all
}

func planLineColumns() []column[planLine] {
	return append([]column[planLine]{
		{name: "host", text: func(l planLine) string { return l.host.Host }},
		{name: "host_id", text: func(l planLine) string { return l.host.HostID }},
		{name: "state", text: func(l planLine) string { return l.host.State }},
		{name: "reason", text: func(l planLine) string { return l.host.Reason }},
		{name: "lock", text: func(l planLine) string { return l.host.Cohort }},
	}, []column[planLine]{
		{name: "action", text: func(l planLine) string { return l.change.Action }},
		{name: "package", text: func(l planLine) string { return l.change.Name }},
		{name: "arch", text: func(l planLine) string { return l.change.Arch }},
		{name: "from", text: func(l planLine) string { return l.change.From }},
		{name: "to", text: func(l planLine) string { return l.change.To }},
		{name: "size", text: func(l planLine) string { return itoa(l.change.Size) }},
		{name: "sha256", text: func(l planLine) string { return l.change.SHA256 }},
	}...)
}

package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// screenLine is a line of the live view, with its colour.
type screenLine struct {
	text string
	tone tone
}

// rolloutScreen is a rollout as a page of at most width columns and height lines (0: as many as it takes): hosts by state, each with its
// step, or with why it waits or ended. Where it does not fit, hosts that need nobody's attention are counted instead of named.
func rolloutScreen(r apiv1.Rollout, now time.Time, width, height int) []screenLine {
	if width <= 0 {
		width = 80
	}
	head := rolloutHead(r, now, width)
	var body []screenLine
	for most := 1 << 20; ; most /= 2 { // lines of names for each group
		body = rolloutBody(r, now, width, most)
		if height <= 0 || len(head)+len(body) <= height || most == 0 {
			break
		}
		if most > 64 {
			most = 64
		}
	}
	page := slices.Concat(head, body)
	if height > 0 && len(page) > height {
		hidden := len(page) - height + 1
		page = append(page[:height-1], screenLine{text: fmt.Sprintf("… and %d more lines: staunch rollout show %s", hidden, r.ID)})
	}
	for i := range page {
		page[i].text = cut(clean(page[i].text), width)
	}
	return page
}

func rolloutHead(r apiv1.Rollout, now time.Time, width int) []screenLine {
	until := now
	if r.EndedAt != nil {
		until = *r.EndedAt
	}
	ended, by := 0, map[string][]apiv1.Run{}
	for _, run := range r.Runs {
		by[run.State] = append(by[run.State], run)
		if runEnded(run.State) {
			ended++
		}
	}
	var parts []string
	for _, state := range ordered(by) {
		parts = append(parts, fmt.Sprintf("%s %d %s", runSign(state).glyph, len(by[state]), state))
	}
	head := []screenLine{{text: fmt.Sprintf("%s  rollout %s  %s", r.State, r.ID, took(until.Sub(r.StartedAt))), tone: rolloutTone(r.State)}}
	if r.Reason != "" {
		head = append(head, screenLine{text: "  " + r.Reason, tone: rolloutTone(r.State)})
	}
	line := fmt.Sprintf("%d of %s done:", ended, plural(len(r.Runs), "host"))
	for _, part := range parts {
		if columns(line)+gap+columns(part) > width {
			head = append(head, screenLine{text: line})
			line = " "
		}
		line += "  " + part
	}
	return append(head, screenLine{text: line}, screenLine{})
}

// rolloutBody is the groups: one line for a host that is at work or ended badly, a grid of names for those that wait or are done.
func rolloutBody(r apiv1.Rollout, now time.Time, width, most int) []screenLine {
	by := map[string][]apiv1.Run{}
	wide := 0 // of names that have a line of their own
	for _, run := range r.Runs {
		by[run.State] = append(by[run.State], run)
		if !inGrid(run.State) {
			wide = max(wide, columns(clean(run.Host)))
		}
	}
	wide = min(wide, mostName)
	var lines []screenLine
	for _, state := range ordered(by) {
		s := runSign(state)
		switch {
		case inGrid(state):
			for _, g := range byWhy(by[state]) {
				title := fmt.Sprintf("%s %-10s %s", s.glyph, state, plural(len(g.hosts), "host"))
				if g.why != "" {
					title += ": " + g.why
				}
				lines = append(lines, screenLine{title, s.tone})
				lines = append(lines, nameGrid(g.hosts, width, most)...)
			}
		default:
			for _, run := range by[state] {
				name := cutMiddle(clean(run.Host), wide)
				line := fmt.Sprintf("%s %-10s %s%s  ", s.glyph, state, name, strings.Repeat(" ", wide-columns(name)))
				lines = append(lines, explained(line, clean(runNow(run, now)), s.tone, width, most)...)
			}
		}
	}
	return lines
}

// ordered is the states there are in the order of the screen; those that only a newer server knows come first.
func ordered(by map[string][]apiv1.Run) []string {
	states := slices.Sorted(maps.Keys(by))
	slices.SortStableFunc(states, func(a, b string) int { return slices.Index(runOrder(), a) - slices.Index(runOrder(), b) })
	return states
}

// mostName is how many columns a name gets at most.
const mostName = 28

// inGrid: hosts in this state need nobody's attention one by one.
func inGrid(state string) bool {
	return state == apiv1.RunPending || state == apiv1.RunCanceled || state == apiv1.RunSucceeded
}

// explained is a line and what goes on behind it: on the same line where it fits, else below it, where there is room for that.
func explained(line, text string, t tone, width, most int) []screenLine {
	if columns(line)+columns(text) <= width || most < 2 {
		return []screenLine{{strings.TrimRight(line+text, " "), t}}
	}
	lines := []screenLine{{strings.TrimRight(line, " "), t}}
	for i, below := range wrap(text, max(10, width-4)) {
		if i == 2 {
			break
		}
		lines = append(lines, screenLine{"    " + below, t})
	}
	return lines
}

// runNow is what a run is doing, or why it ended.
func runNow(run apiv1.Run, now time.Time) string {
	var parts []string
	if run.Step != "" {
		parts = append(parts, run.Step)
	}
	if why := runWhy(run); why != "" {
		parts = append(parts, why)
	}
	if atWork(run.State) && run.LastWord != nil {
		if silent := now.Sub(*run.LastWord); silent >= 10*time.Second {
			parts = append(parts, "silent for "+took(silent))
		}
	}
	return strings.Join(parts, " · ")
}

type whyGroup struct {
	why   string
	hosts []string
}

// byWhy groups runs by their reason, in the order in which the reasons come.
func byWhy(runs []apiv1.Run) []whyGroup {
	var groups []whyGroup
	for _, run := range runs {
		why := runWhy(run)
		i := slices.IndexFunc(groups, func(g whyGroup) bool { return g.why == why })
		if i < 0 {
			i = len(groups)
			groups = append(groups, whyGroup{why: why})
		}
		groups[i].hosts = append(groups[i].hosts, run.Host)
	}
	return groups
}

// nameGrid sets names in columns, in at most most lines; what does not fit is counted.
func nameGrid(names []string, width, most int) []screenLine {
	if most == 0 {
		return nil
	}
	wide := 0
	for _, name := range names {
		wide = max(wide, columns(clean(name)))
	}
	wide = min(wide, mostName)
	across := max(1, (width-4+gap)/(wide+gap))
	var lines []screenLine
	for i := 0; i < len(names); i += across {
		if len(lines) == most-1 && len(names)-i > across {
			return append(lines, screenLine{text: fmt.Sprintf("    … and %d more", len(names)-i)})
		}
		var b strings.Builder
		b.WriteString("    ")
		for _, name := range names[i:min(i+across, len(names))] {
			name = cutMiddle(clean(name), wide)
			b.WriteString(name + strings.Repeat(" ", wide-columns(name)+gap))
		}
		lines = append(lines, screenLine{text: strings.TrimRight(b.String(), " ")})
	}
	return lines
}

// took is a duration as people say it.
func took(d time.Duration) string {
	d = max(0, d).Truncate(time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}

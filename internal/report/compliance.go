package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/assess"
	"github.com/staunch-dev/staunch/internal/inventory"
	"github.com/staunch-dev/staunch/internal/run"
)

// Interval is what a host had installed from From to To (zero: still so), and what it said of itself at its end.
type Interval struct {
	From, To time.Time
	Packages []inventory.Package
	State    assess.HostState
}

// Exposure is one vulnerability of one source package on one host, from when it counts until it was gone (zero: it is not).
type Exposure struct {
	Vulnerability string
	Source        string
	Packages      []string
	Versions      []string // of the source, while it was last seen
	Status        string
	Priority      string
	KEV           bool
	Advisory      string
	Feed          string
	FixedIn       string
	Since         time.Time
	SinceWhy      string
	Until         time.Time
	To            []string // source versions from then on; none: the package is gone
	FixState      string   // apiv1.Fix…, where it has an end
	By            *Deed    // nil: not by a run, as far as anyone can tell
}

// key of what is followed over time. Versions are not in it: an upgrade from one vulnerable version to another ends nothing.
type key struct{ vulnerability, source string }

// state is one key in one interval.
type state struct {
	match    match
	subjects []assess.Subject
	packages []inventory.Package
	opened   time.Time
}

// Exposures follows a host's intervals, oldest first, with today's knowledge: what it had after the world knew, from when to when. What
// was gone before it was known never counted. Runs say what ended them. It is pure.
func Exposures(intervals []Interval, k *Knowledge, deeds []Deed) []Exposure {
	var out []Exposure
	before := map[key]state{}
	var setting assess.Setting // of the interval before
	for i, now := range intervals {
		present, versions := k.present(now)
		for id, was := range before {
			if still, ok := present[id]; ok {
				still.opened = was.opened
				present[id] = still
				continue
			}
			e := k.exposure(id, was, setting)
			e.Until, e.To = now.From, versions[id.source]
			if e.Priority != "" && e.Until.After(e.Since) {
				e.By = attribute(deeds, intervals, i, was.packages)
				out = append(out, e)
			}
		}
		before, setting = present, assess.SettingOf(now.Packages, now.State)
	}
	for id, is := range before {
		if e := k.exposure(id, is, setting); e.Priority != "" {
			out = append(out, e)
		}
	}
	for i := range out {
		if e := &out[i]; !e.Until.IsZero() {
			e.FixState = k.fixState(e, intervals[len(intervals)-1])
		}
	}
	slices.SortFunc(out, func(a, b Exposure) int {
		return cmp.Or(cmp.Compare(assess.Rank(a.Priority), assess.Rank(b.Priority)), a.Since.Compare(b.Since),
			strings.Compare(a.Vulnerability, b.Vulnerability), strings.Compare(a.Source, b.Source), a.Until.Compare(b.Until))
	})
	return out
}

// present is what is wrong with an interval's packages, and which versions of each source are among them.
func (k *Knowledge) present(at Interval) (found map[key]state, versions map[string][]string) {
	found, versions = map[key]state{}, map[string][]string{}
	for _, p := range at.Packages {
		s := assess.SubjectOf(p)
		if !slices.Contains(versions[s.Source], s.Version) {
			versions[s.Source] = append(versions[s.Source], s.Version)
			slices.Sort(versions[s.Source])
		}
		for vulnerability, m := range k.of(s, p) {
			id := key{vulnerability, s.Source}
			st, seen := found[id]
			switch {
			case !seen:
				st = state{match: m, opened: at.From}
			case m.disclosed.Before(st.match.disclosed):
				st.match.disclosed, st.match.why = m.disclosed, m.why
			}
			if !slices.Contains(st.subjects, s) {
				st.subjects = append(st.subjects, s)
			}
			st.packages = append(st.packages, p)
			found[id] = st
		}
	}
	return found, versions
}

// exposure judges a state by its worst subject (no priority: none is a finding, for the running kernel is patched in memory), in the setting of the last interval that shows it.
func (k *Knowledge) exposure(id key, st state, setting assess.Setting) Exposure {
	e := Exposure{
		Vulnerability: id.vulnerability, Source: id.source, KEV: k.threats[id.vulnerability].KEV != nil,
		Since: st.match.disclosed, SinceWhy: st.match.why,
	}
	if st.opened.After(e.Since) {
		e.Since, e.SinceWhy = st.opened, packageSeen
	}
	for _, s := range st.subjects {
		hit := k.matched[s][id.vulnerability].hit
		on := setting.Standing(s)
		v := assess.Judge(assess.Case{Vulnerability: id.vulnerability, Subject: s, Hit: hit, Threat: k.threats[id.vulnerability], Standing: on, Ended: k.endOf(s.Ecosystem)}, k.now)
		if v.IsFinding() && (e.Priority == "" || assess.Rank(v.Priority) < assess.Rank(e.Priority)) {
			e.Priority, e.Status = v.Priority, v.Status
			e.Advisory, e.Feed, e.FixedIn = hit.Advisory.ID, hit.Advisory.Feed, hit.Fixed(on)
		}
		e.Versions = append(e.Versions, s.Version)
	}
	for _, p := range st.packages {
		e.Packages = append(e.Packages, p.Name)
	}
	e.Packages, e.Versions = distinct(e.Packages), distinct(e.Versions)
	return e
}

// fixState is how far a fix has come, as the host says of itself now.
func (k *Knowledge) fixState(e *Exposure, now Interval) string {
	if !now.State.Said || slices.ContainsFunc(now.State.OldCode, func(old apiv1.OldCode) bool { return old.From == "" && slices.Contains(e.Packages, old.Name) }) {
		return apiv1.FixInstalled
	}
	for _, old := range assess.OldOf(now.Packages, now.State) {
		if _, still := k.of(old.Subject, old.Packages[0])[e.Vulnerability]; still && old.Subject.Source == e.Source {
			return apiv1.FixInstalled
		}
	}
	if e.By != nil && e.By.State == string(run.Succeeded) {
		return apiv1.FixVerified
	}
	if now.State.OldCode == nil {
		return apiv1.FixInstalled // its agent may not look at all processes, so nobody knows what they run
	}
	return apiv1.FixLoaded
}

func distinct(all []string) []string {
	slices.Sort(all)
	return slices.Compact(all)
}

// openFinding is the wire shape of an exposure that has no end.
func openFinding(e Exposure) apiv1.OpenFinding {
	return apiv1.OpenFinding{
		Vulnerability: e.Vulnerability, Advisory: e.Advisory, Feed: e.Feed, Source: e.Source, Packages: e.Packages,
		Installed: strings.Join(e.Versions, ", "), FixedIn: e.FixedIn, Status: e.Status, Priority: e.Priority, KEV: e.KEV,
		Since: e.Since.UTC(), SinceWhy: e.SinceWhy,
	}
}

// fixedFinding is the wire shape of one that has.
func fixedFinding(e Exposure) apiv1.FixedFinding {
	f := apiv1.FixedFinding{
		Vulnerability: e.Vulnerability, Advisory: e.Advisory, Feed: e.Feed, Source: e.Source, Packages: e.Packages,
		From: strings.Join(e.Versions, ", "), To: strings.Join(e.To, ", "), Priority: e.Priority, KEV: e.KEV,
		Since: e.Since.UTC(), SinceWhy: e.SinceWhy, FixedAt: e.Until.UTC(), FixState: e.FixState, By: apiv1.FixedOutside, ApprovedBy: []string{},
	}
	if d := e.By; d != nil {
		f.By, f.Rollout, f.Run, f.RunState, f.Plan = apiv1.FixedByRollout, d.Rollout, d.Run, d.State, d.Plan
		f.ApprovedBy = append(f.ApprovedBy, d.ApprovedBy...)
		if !d.ApprovedAt.IsZero() {
			at := d.ApprovedAt.UTC()
			f.ApprovedAt = &at
		}
	}
	return f
}

package assess

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
)

// change is knowledge that changed, compiled before any lock is taken.
type change struct {
	opened   []*heldAdvisory
	rules    map[named][]*rule // what the opened ones say, by package
	gone     []advisory.Ref
	overlays []advisory.Overlay
	ended    []advisory.OverlayRef
}

// compiling gathers a change, record by record: an advisory is not needed as it is stored once its rules are made.
type compiling struct {
	change
	compiler *compiler
}

func newCompiling() *compiling {
	return &compiling{change{rules: map[named][]*rule{}}, newCompiler()}
}

func (c *compiling) add(a advisory.Advisory) {
	a.Feed, a.Severity = shared(a.Feed), shared(a.Severity)
	for i := range a.Affected {
		one := &a.Affected[i]
		one.Ecosystem, one.Package = shared(one.Ecosystem), shared(one.Package)
	}
	held := &heldAdvisory{Advisory: &a}
	for _, r := range c.compiler.compile(&a) {
		c.rules[r.named] = append(c.rules[r.named], r)
		held.about = append(held.about, r.named)
	}
	a.Affected, a.Details, a.Supersedes = nil, "", nil // read from the store when somebody looks at it
	c.opened = append(c.opened, held)
}

func compileChange(k advisory.Knowledge) change {
	c := newCompiling()
	for _, a := range k.Advisories {
		c.add(a)
	}
	c.gone, c.overlays, c.ended = k.Gone, k.Overlays, k.OverlaysGone
	return c.change
}

// committer runs the short steps of a revision, each under the lock where there are readers.
type committer func(step func())

func atOnce(step func()) { step() }

// reviseStep bounds how much one step of a revision changes: readers wait for a few milliseconds at most.
const reviseStep = 256

// revise takes in changed knowledge and matches again only the subjects that it names. Matching is done outside of the steps: whoever
// asks meanwhile is answered with, for each package, what was known before or what is known now.
func (ix *index) revise(c change, commit committer) {
	touched := map[named]map[advisory.Ref]bool{} // what is said no more of a package, or said anew
	retract := func(r advisory.Ref) {
		if old := ix.advisories[r]; old != nil {
			for _, k := range old.about {
				if touched[k] == nil {
					touched[k] = map[advisory.Ref]bool{}
				}
				touched[k][r] = true
			}
		}
	}
	for _, r := range c.gone {
		retract(r)
	}
	for _, a := range c.opened {
		retract(ref(a.Advisory))
	}
	for k := range c.rules {
		if touched[k] == nil {
			touched[k] = map[advisory.Ref]bool{}
		}
	}
	for part := range slices.Chunk(c.gone, reviseStep) {
		commit(func() {
			for _, r := range part {
				ix.forgetAdvisory(r)
			}
		})
	}
	for part := range slices.Chunk(c.opened, reviseStep) {
		commit(func() {
			for _, a := range part {
				ix.forgetAdvisory(ref(a.Advisory))
				ix.keepAdvisory(a)
			}
		})
	}
	rejudged := ix.overlay(c, commit)
	r := newRevision(ix, commit)
	for k, anew := range touched {
		list := slices.DeleteFunc(slices.Clone(ix.rules.byName[k]), func(one *rule) bool { return anew[ref(one.advisory)] })
		list = append(list, c.rules[k]...)
		slices.SortFunc(list, compareRules)
		r.name(k, slices.Clip(list))
	}
	for s := range rejudged {
		if k := (named{s.Ecosystem, s.Name}); touched[k] == nil {
			r.subject(s)
		}
	}
	r.end()
}

// rejudge judges everything again, for the day has changed.
func (ix *index) rejudge(commit committer) {
	today := day(ix.now())
	if today == ix.day {
		return
	}
	commit(func() { ix.day = today })
	r := newRevision(ix, commit)
	for _, s := range ix.subjects {
		r.subject(s)
	}
	r.end()
}

func (ix *index) keepAdvisory(a *heldAdvisory) {
	ix.advisories[ref(a.Advisory)] = a
	ix.issued[a.Feed]++
	for _, name := range alsoKnown(a.Advisory) {
		ix.byName[name] = append(ix.byName[name], a)
	}
}

// forgetAdvisory forgets that there is an advisory. Its rules are replaced package by package.
func (ix *index) forgetAdvisory(r advisory.Ref) {
	old := ix.advisories[r]
	if old == nil {
		return
	}
	delete(ix.advisories, r)
	if ix.issued[r.Feed]--; ix.issued[r.Feed] == 0 {
		delete(ix.issued, r.Feed)
	}
	for _, name := range alsoKnown(old.Advisory) {
		if ix.byName[name] = slices.DeleteFunc(ix.byName[name], func(other *heldAdvisory) bool { return other == old }); len(ix.byName[name]) == 0 {
			delete(ix.byName, name)
		}
	}
}

// alsoKnown are the names by which people may ask for an advisory, beside its id: by that it is found among each feed's, unless it is a
// CVE's.
func alsoKnown(a *advisory.Advisory) []string {
	all := slices.Concat(a.CVEs, a.Aliases)
	if isCVE(a.ID) {
		all = append(all, a.ID)
	} else {
		all = slices.DeleteFunc(all, func(name string) bool { return name == a.ID })
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func isCVE(id string) bool { return strings.HasPrefix(id, "CVE-") }

// overlay takes in what is known of CVEs beside advisories, and gives the subjects that are to be judged again.
func (ix *index) overlay(c change, commit committer) map[*subject]bool {
	touched := map[*subject]bool{}
	touch := func(cve string) {
		if v := ix.vulns[cve]; v != nil {
			for _, s := range v.subjects {
				touched[s] = true
			}
		}
	}
	for part := range slices.Chunk(c.overlays, 16*reviseStep) {
		commit(func() {
			for _, o := range part {
				if len(ix.byName[o.CVE]) == 0 && o.KEV == nil {
					continue // EPSS speaks of every CVE there is; what no advisory names nobody has
				}
				t := ix.threats[o.CVE]
				t.Add(o)
				ix.threats[o.CVE] = t
				touch(o.CVE)
			}
		})
	}
	commit(func() {
		for _, r := range c.ended {
			ix.forgetOverlay(r)
			touch(r.CVE)
		}
	})
	return touched
}

// forgetOverlay takes back what one feed said of a CVE; each kind of overlay has one feed.
func (ix *index) forgetOverlay(r advisory.OverlayRef) {
	t := ix.threats[r.CVE]
	switch r.Feed {
	case "kev":
		t.KEV = nil
	case "epss":
		t.EPSS, t.EPSSDate = nil, ""
	case "ssvc":
		t.SSVC = nil
	}
	if t == (advisory.Threat{}) {
		delete(ix.threats, r.CVE)
		return
	}
	ix.threats[r.CVE] = t
}

// revision is a run of revise: what was matched and is not committed yet, and what that changed.
type revision struct {
	ix      *index
	now     time.Time
	commit  committer
	waiting []func()
	room    int
	lists   map[named][]*rule     // those that are new
	changed map[*presence][]uint8 // worst ranks before
}

func newRevision(ix *index, commit committer) *revision {
	return &revision{ix: ix, now: ix.now(), commit: commit, lists: map[named][]*rule{}, changed: map[*presence][]uint8{}}
}

// name replaces the rules of a package, with what its subjects have by them.
func (r *revision) name(k named, list []*rule) {
	r.lists[k] = list
	r.waiting = append(r.waiting, func() { r.ix.rules.set(k, list) })
	for _, s := range r.ix.named[k] {
		r.subject(s)
	}
	if r.room++; r.room >= reviseStep {
		r.flush()
	}
}

// subject matches and judges one subject again.
func (r *revision) subject(s *subject) {
	ix := r.ix
	var list []*rule
	for _, k := range s.spokenOf() {
		anew, there := r.lists[k]
		if !there {
			anew = ix.rules.byName[k]
		}
		list = append(list, anew...)
	}
	hits := Settle(matchRules(s.Subject, list))
	ids := s.order(hits)
	ranks := make([][]uint8, 0, len(s.presences)) // of each presence, by place
	for _, p := range s.presences {
		all := make([]uint8, 0, len(ids)*len(ix.places))
		var disk map[string]Hit
		if now, old := s.replaced(p.kind.Value()); old {
			disk = Settle(matchRules(now, list))
		}
		for _, at := range ix.places {
			on := p.kind.Value().at(at.Place)
			for _, id := range ids {
				all = append(all, rankOf(ix.caseOf(id, s, hits[id], on, disk), r.now))
			}
		}
		ranks = append(ranks, all)
	}
	r.room++
	r.waiting = append(r.waiting, func() {
		ix.found(s, ids)
		for i, p := range s.presences { // the same ones: only this goroutine changes them
			before := p.worst
			p.ranks, p.worst = ranks[i], make([]uint8, 0, len(ix.places))
			for n := range ix.places {
				p.worst = append(p.worst, worstRank(p.at(n)))
			}
			if _, known := r.changed[p]; !known && !slices.Equal(before, p.worst) {
				r.changed[p] = before
			}
		}
	})
}

// end commits the rest.
func (r *revision) end() {
	r.flush()
	r.worst()
	r.commit(func() { r.ix.generation++ })
}

// flush commits what waits.
func (r *revision) flush() {
	waiting := r.waiting
	r.waiting, r.room = nil, 0
	r.commit(func() {
		for _, step := range waiting {
			step()
		}
		r.ix.generation++
	})
}

// manyCohorts is how often each cohort may come up before going through all presences by bitmap is quicker.
const manyCohorts = 8

// fewSets is how many package sets are gone through sooner than all presences by bitmap.
const fewSets = 512

// worstOfAll brings every cohort's up to date.
func (r *revision) worstOfAll() {
	worst := r.ix.worstOfAll()
	r.commit(func() {
		for _, c := range r.ix.cohorts {
			if c != nil {
				c.worst = worst[c.number]
			}
		}
	})
}

// worst brings the worst ranks of every cohort up to date that has a presence whose own changed.
func (r *revision) worst() {
	ix := r.ix
	cohorts := 0
	for p := range r.changed {
		cohorts += p.cohorts.len()
	}
	if cohorts > manyCohorts*len(ix.cohorts) {
		r.worstOfAll()
		return
	}
	worst, again := map[*cohort]byPlace{}, map[*packageSet]bool{}
	for p, before := range r.changed {
		p.cohorts.each(func(number uint32) bool {
			c := ix.cohorts[number]
			ranks, known := worst[c]
			if !known {
				ranks = c.worst
			}
			for n, was := range before {
				switch is := p.worst[n]; {
				case c.worst[n] == unjudged:
				case is < was: // the cohort's is this one or another that is worse
					ranks[n] = min(ranks[n], is)
				case is > was && c.worst[n] == was:
					again[c.set] = true
				}
			}
			worst[c] = ranks
			return true
		})
	}
	if len(again) > fewSets {
		r.worstOfAll()
		return
	}
	for set := range again {
		for c, ranks := range ix.worstOf(set) {
			worst[c] = ranks
		}
	}
	r.commit(func() {
		for c, ranks := range worst {
			c.worst = ranks
		}
	})
}

// caseOf is a vulnerability of a subject in a standing. disk is what onDisk gives for them.
func (ix *index) caseOf(vulnerability string, s *subject, hit Hit, on Standing, disk map[string]Hit) Case {
	_, still := disk[vulnerability]
	return Case{Vulnerability: vulnerability, Subject: s.Subject, Hit: hit, Threat: ix.threats[vulnerability], Standing: on, OnDisk: still}
}

// rankOf judges a case; fine when it is no finding.
func rankOf(c Case, now time.Time) uint8 {
	v := Judge(c, now)
	if !v.IsFinding() {
		return fine
	}
	return uint8(rank(v.Priority)) //nolint:gosec // there are five
}

// naming lists the current advisories that have a name, by feed and id.
func (ix *index) naming(id string) []*heldAdvisory {
	out := slices.Clone(ix.byName[id])
	if !isCVE(id) {
		for feed := range ix.issued {
			if a := ix.advisories[advisory.Ref{Feed: feed, ID: id}]; a != nil {
				out = append(out, a)
			}
		}
	}
	slices.SortFunc(out, func(a, b *heldAdvisory) int {
		return cmp.Or(strings.Compare(a.Feed, b.Feed), strings.Compare(a.ID, b.ID))
	})
	return out
}

func ref(a *advisory.Advisory) advisory.Ref { return advisory.Ref{Feed: a.Feed, ID: a.ID} }

package assess

import (
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// learn makes interned packages known to the index; hold takes those it needs, and forget drops the rest.
func (ix *index) learn(packages []inventory.Package) {
	for _, p := range packages {
		if ix.packages[p.ID] == nil {
			ix.packages[p.ID] = &heldPackage{Package: p}
		}
	}
}

// forget drops learned packages that no set has taken.
func (ix *index) forget(packages []inventory.Package) {
	for _, p := range packages {
		if held := ix.packages[p.ID]; held != nil && held.sets == 0 {
			delete(ix.packages, p.ID)
		}
	}
}

// hold gives the set with a digest, made of its learned packages the first time. Its subjects are matched here, once.
func (ix *index) hold(digest string, ids []inventory.PackageID) *packageSet {
	if set := ix.sets[digest]; set != nil {
		return set
	}
	set := &packageSet{digest: digest}
	ix.sets[digest] = set
	at := map[*subject]int{}
	for _, id := range ids {
		p := ix.packages[id]
		if p == nil {
			continue // the store has no such row
		}
		p.sets++
		set.ids = append(set.ids, id)
		if p.Ecosystem != apiv1.EcosystemSnap && p.Ecosystem != apiv1.EcosystemFlatpak {
			set.ecosystem = p.Ecosystem
		}
		if _, image := imageRelease(p.Package); image {
			set.images = append(set.images, p.Package)
		}
		s := ix.subject(SubjectOf(p.Package))
		i, there := at[s]
		if !there {
			i = len(set.units)
			at[s] = i
			set.units = append(set.units, unit{subject: s})
			s.sets++
		}
		set.units[i].packages = append(set.units[i].packages, p)
		switch {
		case s.Foreign:
			set.foreign++
		case s.Unordered():
			set.unordered++
		}
	}
	return set
}

// release lets go of a set that no host has any more, and of what only it had.
func (ix *index) release(set *packageSet) {
	delete(ix.sets, set.digest)
	for _, id := range set.ids {
		if p := ix.packages[id]; p != nil {
			if p.sets--; p.sets == 0 {
				delete(ix.packages, id)
			}
		}
	}
	for _, u := range set.units {
		if u.subject.sets--; u.subject.sets == 0 {
			ix.unmatch(u.subject)
			delete(ix.subjects, u.subject.Subject)
			k := named{u.subject.Ecosystem, u.subject.Name}
			delete(ix.named[k], u.subject)
			if len(ix.named[k]) == 0 {
				delete(ix.named, k)
			}
		}
	}
}

// subject gives the subject, matched the first time it is met.
func (ix *index) subject(s Subject) *subject {
	if known := ix.subjects[s]; known != nil {
		return known
	}
	made := &subject{Subject: s, roles: map[Standing]*roaring.Bitmap{}, offers: map[string]*roaring.Bitmap{}}
	ix.subjects[s] = made
	k := named{s.Ecosystem, s.Name}
	if ix.named[k] == nil {
		ix.named[k] = map[*subject]bool{}
	}
	ix.named[k][made] = true
	ix.match(made)
	return made
}

// match derives a subject's hits from the rules, in place of those it had.
func (ix *index) match(s *subject) {
	ix.unmatch(s)
	s.hits = Settle(ix.rules.match(s.Subject))
	for vulnerability, hit := range s.hits {
		if ix.vulns[vulnerability] == nil {
			ix.vulns[vulnerability] = map[*subject]Hit{}
		}
		ix.vulns[vulnerability][s] = hit
	}
}

func (ix *index) unmatch(s *subject) {
	for vulnerability := range s.hits {
		delete(ix.vulns[vulnerability], s)
		if len(ix.vulns[vulnerability]) == 0 {
			delete(ix.vulns, vulnerability)
		}
	}
	s.hits = nil
}

func (ix *index) holdUpdates(digest string, body *apiv1.Updates) *updates {
	if u := ix.updates[digest]; u != nil {
		return u
	}
	u := &updates{digest: digest, hosts: roaring.New(), byName: map[nameArch]*apiv1.Update{}}
	if body != nil {
		u.body = *body
	}
	u.counts = inventory.CountUpdates(&u.body)
	for i := range u.body.Updates {
		one := &u.body.Updates[i]
		u.byName[nameArch{one.Name, one.Arch}] = one
	}
	ix.updates[digest] = u
	return u
}

// change is knowledge that changed, compiled before any lock is taken.
type change struct {
	opened   []*advisory.Advisory
	compiled [][]*rule
	gone     []advisory.Ref
	overlays []advisory.Overlay
	ended    []advisory.OverlayRef
}

func compileChange(k advisory.Knowledge) change {
	c := change{gone: k.Gone, overlays: k.Overlays, ended: k.OverlaysGone}
	compiler := newCompiler()
	for i := range k.Advisories {
		c.opened = append(c.opened, &k.Advisories[i])
		c.compiled = append(c.compiled, compiler.compile(&k.Advisories[i]))
	}
	return c
}

// apply takes in changed knowledge and matches again only the subjects that it names.
func (ix *index) apply(c change) {
	touched := map[named]bool{}
	for _, r := range c.gone {
		ix.retract(r, touched)
	}
	for i, a := range c.opened {
		ix.retract(ref(a), touched)
		ix.advisories[ref(a)] = a
		for _, name := range known(a) {
			if ix.byName[name] == nil {
				ix.byName[name] = map[advisory.Ref]bool{}
			}
			ix.byName[name][ref(a)] = true
		}
		ix.rules.add(c.compiled[i])
		ix.compiled[ref(a)] = c.compiled[i]
		mark(c.compiled[i], touched)
	}
	for _, o := range c.overlays {
		t := ix.threats[o.CVE]
		t.Add(o)
		ix.threats[o.CVE] = t
	}
	for _, r := range c.ended {
		ix.forgetOverlay(r)
	}
	for k := range touched {
		for s := range ix.named[k] {
			ix.match(s)
		}
	}
	ix.generation++
}

// retract takes back what an advisory says.
func (ix *index) retract(r advisory.Ref, touched map[named]bool) {
	old := ix.advisories[r]
	if old == nil {
		return
	}
	ix.rules.remove(ix.compiled[r])
	mark(ix.compiled[r], touched)
	delete(ix.compiled, r)
	delete(ix.advisories, r)
	for _, name := range known(old) {
		delete(ix.byName[name], r)
		if len(ix.byName[name]) == 0 {
			delete(ix.byName, name)
		}
	}
}

func mark(compiled []*rule, touched map[named]bool) {
	for _, r := range compiled {
		touched[r.named] = true
	}
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

func ref(a *advisory.Advisory) advisory.Ref { return advisory.Ref{Feed: a.Feed, ID: a.ID} }

// known are the names by which people may ask for an advisory.
func known(a *advisory.Advisory) []string {
	all := slices.Concat([]string{a.ID}, a.CVEs, a.Aliases)
	slices.Sort(all)
	return slices.Compact(all)
}

// setFeeds takes in which releases the feeds speak of.
func (ix *index) setFeeds(states []advisory.FeedState) {
	clear(ix.feeds)
	clear(ix.releases)
	for _, f := range states {
		ix.feeds[f.Name] = f
		for _, e := range f.Ecosystems {
			ix.releases[e] = true
		}
	}
}

// follows says whether a binary package's version is its source's, so that an offered version can be compared with a fixed one. A
// rebuild adds +b1 to the binary alone.
func follows(p *inventory.Package, s Subject) bool { return withoutRebuild(p.Version) == s.Version }

func withoutRebuild(v string) string {
	i := strings.LastIndex(v, "+b")
	if i < 0 || i+2 == len(v) || strings.Trim(v[i+2:], "0123456789") != "" {
		return v
	}
	return v[:i]
}

package assess

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unique"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// learn makes interned packages known to the index; hold takes those it needs, and forget drops the rest.
func (ix *index) learn(packages []inventory.Package) {
	for _, p := range packages {
		if ix.interned(p.ID) != nil {
			continue
		}
		p.VersionKey, p.SourceKey = nil, nil
		for _, text := range []*string{&p.Ecosystem, &p.Name, &p.Arch, &p.Version, &p.Source, &p.SourceVersion, &p.Stream, &p.Origin} {
			*text = shared(*text)
		}
		_, image := imageRelease(p)
		ix.packages.put(uint64(p.ID), &heldPackage{Package: p, image: image}) //nolint:gosec // ids are positive
	}
}

// forget drops learned packages that no set has taken.
func (ix *index) forget(packages []inventory.Package) {
	for _, p := range packages {
		if held := ix.interned(p.ID); held != nil && held.sets == 0 {
			ix.packages.put(uint64(p.ID), nil) //nolint:gosec // as above
		}
	}
}

func (ix *index) interned(id inventory.PackageID) *heldPackage {
	return ix.packages.get(uint64(id)) //nolint:gosec // as above
}

// hold gives the set with a digest, made of its learned packages the first time. Its subjects are matched here, once.
func (ix *index) hold(digest string, ids []inventory.PackageID) *packageSet {
	if set := ix.sets[digest]; set != nil {
		return set
	}
	set := &packageSet{digest: digest}
	ix.sets[digest] = set
	there := make([]inventory.PackageID, 0, len(ids))
	var images []string
	for _, id := range ids {
		p := ix.interned(id)
		if p == nil {
			continue // the store has no such row
		}
		there = append(there, id)
		if p.sets++; p.sets == 1 {
			p.subject = ix.subject(SubjectOf(p.Package))
			p.subject.packages++
		}
		set.releases |= p.subject.release
		if p.Ecosystem != apiv1.EcosystemSnap && p.Ecosystem != apiv1.EcosystemFlatpak {
			set.ecosystem = p.Ecosystem
		}
		if p.image {
			images = append(images, strconv.FormatInt(int64(id), 36))
		}
		switch {
		case p.subject.Foreign:
			set.foreign++
		case p.subject.unordered:
			set.unordered++
		}
	}
	set.packages, set.ids, set.images = len(there), slices.Clone(inventory.EncodeSet(there)), shared(strings.Join(images, " "))
	return set
}

// releaseSet is a set of ecosystems by number; those that come after sixty-two share the last, so that it may name too many, never too few.
type releaseSet uint64

func (ix *index) releaseOf(ecosystem string) releaseSet {
	known, there := ix.ecosystems[ecosystem]
	if !there {
		known = 1 << min(len(ix.ecosystems), 63)
		ix.ecosystems[ecosystem] = known
	}
	return known
}

// release lets go of a set that no host has any more, and of what only it had.
func (ix *index) release(set *packageSet) {
	delete(ix.sets, set.digest)
	ix.each(set, func(p *heldPackage) {
		if p.sets--; p.sets > 0 {
			return
		}
		ix.packages.put(uint64(p.ID), nil) //nolint:gosec // ids are positive
		if p.subject.packages--; p.subject.packages == 0 {
			ix.lose(p.subject)
		}
	})
}

// subject gives the subject, matched the first time it is met.
func (ix *index) subject(s Subject) *subject {
	if known := ix.subjects[s]; known != nil {
		return known
	}
	made := &subject{Subject: s, release: ix.releaseOf(s.Ecosystem), kernel: kernelSource(s), sells: sells(s.Ecosystem), unordered: s.Unordered()}
	ix.subjects[s] = made
	for _, k := range s.spokenOf() {
		ix.named[k] = append(ix.named[k], made)
	}
	ix.found(made, made.order(ix.hits(made)))
	return made
}

// lose forgets a subject that no set has any more.
func (ix *index) lose(s *subject) {
	ix.found(s, nil)
	delete(ix.subjects, s.Subject)
	for _, k := range s.spokenOf() {
		if ix.named[k] = slices.DeleteFunc(ix.named[k], func(other *subject) bool { return other == s }); len(ix.named[k]) == 0 {
			delete(ix.named, k)
		}
	}
}

// hits are what a subject falls under: worked out when asked for, since a page shows a hundred of the fleet's hundreds of thousands.
func (ix *index) hits(s *subject) map[string]Hit { return Settle(ix.rules.match(s.Subject)) }

// onDisk is what the version falls under that is on disk in the place of old code; nil for what is on disk itself.
func (ix *index) onDisk(s *subject, on Standing) map[string]Hit {
	now, old := s.replaced(on)
	if !old {
		return nil
	}
	return Settle(ix.rules.match(now))
}

// order gives the ids of what a subject falls under, those first that it is known to have.
func (s *subject) order(hits map[string]Hit) []string {
	ids := make([]string, 0, len(hits))
	for _, v := range s.found {
		if _, still := hits[v.id]; still {
			ids = append(ids, v.id)
		}
	}
	if len(ids) == len(hits) {
		return ids
	}
	known := make(map[string]bool, len(ids))
	for _, id := range ids {
		known[id] = true
	}
	for id := range hits {
		if !known[id] {
			ids = append(ids, id)
		}
	}
	return ids
}

// found says of a subject which vulnerabilities it has, in the order of order. The ranks of its presences are then the caller's to set.
func (ix *index) found(s *subject, ids []string) {
	kept := 0
	for _, v := range s.found {
		if kept < len(ids) && v.id == ids[kept] {
			kept++
			continue
		}
		if v.subjects = slices.DeleteFunc(v.subjects, func(other *subject) bool { return other == s }); len(v.subjects) == 0 {
			delete(ix.vulns, v.id)
			ix.numbered[v.number] = nil
			ix.free = append(ix.free, v.number)
		}
	}
	before := s.found
	s.found = make([]*vulnerability, 0, len(ids))
	for _, v := range before {
		if len(s.found) < kept && v.id == ids[len(s.found)] {
			s.found = append(s.found, v)
		}
	}
	for _, id := range ids[kept:] {
		v := ix.vulnerability(id)
		v.subjects = append(v.subjects, s)
		s.found = append(s.found, v)
	}
	ix.enlist(s, len(before) > 0)
	s.numbers = make([]uint32, 0, len(s.found))
	for _, v := range s.found {
		s.numbers = append(s.numbers, v.number)
	}
}

// enlist keeps the list of subjects that have something found. They are in the order in which they came, as they lie in memory: going
// through a map of them would take twice as long, nearly all of it waiting for memory.
func (ix *index) enlist(s *subject, listed bool) {
	switch has := len(s.found) > 0; {
	case has && !listed:
		s.place = len(ix.affected)
		ix.affected = append(ix.affected, s)
	case !has && listed:
		last := len(ix.affected) - 1
		ix.affected[s.place] = ix.affected[last]
		ix.affected[s.place].place = s.place
		ix.affected[last] = nil
		ix.affected = ix.affected[:last]
	}
}

// vulnerability gives the vulnerability with an id, which some subject is about to have.
func (ix *index) vulnerability(id string) *vulnerability {
	if v := ix.vulns[id]; v != nil {
		return v
	}
	id = shared(id)
	v := &vulnerability{id: id, key: nameKey(id)}
	if n := len(ix.free); n > 0 {
		v.number, ix.free = ix.free[n-1], ix.free[:n-1]
		ix.numbered[v.number] = v
	} else {
		v.number = uint32(len(ix.numbered)) //nolint:gosec // vulnerabilities are fewer
		ix.numbered = append(ix.numbered, v)
	}
	ix.vulns[id] = v
	return v
}

// updates is a distinct updates section that at least one host has.
type updates struct {
	digest           string
	manager, problem word
	known            bool
	list             []unique.Handle[apiv1.Update] // by name and architecture
	counts           apiv1.UpdateCounts
	hosts            int
}

func (ix *index) holdUpdates(digest string, body *apiv1.Updates) *updates {
	if u := ix.updates[digest]; u != nil {
		return u
	}
	if body == nil {
		body = &apiv1.Updates{}
	}
	u := &updates{digest: digest, manager: wordOf(body.Manager), problem: wordOf(body.Problem), known: body.Known, counts: inventory.CountUpdates(body),
		list: make([]unique.Handle[apiv1.Update], 0, len(body.Updates))}
	u.counts.Problem = u.problem.String()
	for _, one := range body.Updates {
		u.list = append(u.list, unique.Make(one))
	}
	slices.SortStableFunc(u.list, func(a, b unique.Handle[apiv1.Update]) int { return u.order(a, b.Value().Name, b.Value().Arch) })
	ix.updates[digest] = u
	return u
}

func (u *updates) order(a unique.Handle[apiv1.Update], name, arch string) int {
	one := a.Value()
	return cmp.Or(strings.Compare(one.Name, name), strings.Compare(one.Arch, arch))
}

// about is what the section says of a package; false when it says nothing.
func (u *updates) about(name, arch string) (apiv1.Update, bool) {
	if u == nil {
		return apiv1.Update{}, false
	}
	i, there := slices.BinarySearchFunc(u.list, struct{}{}, func(a unique.Handle[apiv1.Update], _ struct{}) int { return u.order(a, name, arch) })
	if !there {
		return apiv1.Update{}, false
	}
	for i+1 < len(u.list) && u.order(u.list[i+1], name, arch) == 0 {
		i++
	}
	return u.list[i].Value(), true
}

// eachOffer calls fn with what could be installed now.
func (u *updates) eachOffer(fn func(*apiv1.Update)) {
	if u == nil {
		return
	}
	for _, handle := range u.list {
		if one := handle.Value(); offered(one) {
			fn(&one)
		}
	}
}

func offered(u apiv1.Update) bool {
	return u.State == apiv1.UpdateInstallable && u.Action == apiv1.ActionUpgrade
}

// offers is the version of a package that could be installed now.
func (u *updates) offers(p *inventory.Package) (string, bool) {
	one, there := u.about(p.Name, p.Arch)
	return one.To, there && offered(one)
}

// body is the section as the host sent it, in order.
func (u *updates) body() apiv1.Updates {
	out := apiv1.Updates{Manager: u.manager.String(), Known: u.known, Problem: u.problem.String(), Updates: make([]apiv1.Update, 0, len(u.list))}
	for _, one := range u.list {
		out.Updates = append(out.Updates, one.Value())
	}
	return out
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

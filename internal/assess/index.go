package assess

import (
	"context"
	"math"
	"slices"
	"time"
	"unique"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/fleet"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// index answers "what on this host" and "which hosts" from memory. It grows with distinct package sets and subjects, not with hosts:
// a set that many hosts share is here once, and a subject is matched once, judged once for each kind of standing, and has a bitmap of
// cohorts of hosts for each. What one page of a list shows and no list sorts by is worked out when it is asked for, or read from the store.
// It has no lock of its own; Service holds one.
type index struct {
	now        func() time.Time
	said       sayer
	seq        int64  // the newest change that answers include
	past       Past   // what time this is of; the zero Past is now
	generation int64  // of knowledge: counts made under an older one are made again
	day        string // on which everything was judged: a verdict holds for a day

	rules      *rules
	advisories map[advisory.Ref]*heldAdvisory // current ones, withdrawn ones too
	byName     map[string][]*heldAdvisory     // CVE or alias to the advisories that have it
	issued     map[string]int                 // by feed: how many of the advisories are its
	threats    map[string]advisory.Threat     // of CVEs that some advisory names
	feeds      map[string]advisory.FeedState
	lifecycles *lifecycles
	releases   map[string]bool // ecosystems about which some feed has data

	ecosystems map[string]releaseSet  // numbered as they come
	packages   directory[heldPackage] // by id
	subjects   map[Subject]*subject
	affected   []*subject // those of which something is found
	named      map[named][]*subject
	vulns      map[string]*vulnerability // those that some subject has
	numbered   []*vulnerability          // by number; nil: the number is free
	free       []uint32

	sets     map[string]*packageSet
	settings map[settingKey]*setting
	places   []*stand // by the number that places have in an index; there are sixteen at most
	updates  map[string]*updates

	cohorts    []*cohort // by number; nil: the number is free
	unnumbered []uint32  // free numbers
	crowds     []heads   // by place: how many hosts of each cohort stand there
	turn       uint64    // counts walks through a host's packages

	hosts     map[string]*host
	byOrdinal directory[host]
	live      *roaring.Bitmap // hosts that exist; every answer is ANDed with it
	attrs     attributes

	pending map[nameArch]string // room for eachOffer
}

func newIndex(now func() time.Time) *index {
	return &index{
		now: now, day: day(now()),
		rules: newRules(), advisories: map[advisory.Ref]*heldAdvisory{}, byName: map[string][]*heldAdvisory{}, issued: map[string]int{},
		threats: map[string]advisory.Threat{}, feeds: map[string]advisory.FeedState{}, lifecycles: &lifecycles{}, releases: map[string]bool{},
		ecosystems: map[string]releaseSet{}, subjects: map[Subject]*subject{}, named: map[named][]*subject{}, vulns: map[string]*vulnerability{},
		sets: map[string]*packageSet{}, settings: map[settingKey]*setting{}, updates: map[string]*updates{},
		hosts: map[string]*host{}, live: roaring.New(), attrs: attributes{}, pending: map[nameArch]string{},
	}
}

// sayer gives an advisory in full.
type sayer interface {
	CurrentAdvisory(ctx context.Context, r advisory.Ref) (advisory.Advisory, error)
}

// heldAdvisory is a current advisory without what the store is asked for when somebody looks at it: its details and affected ranges.
type heldAdvisory struct {
	*advisory.Advisory
	about []named // the packages of which it speaks
}

// vulnerability is one that at least one subject has.
type vulnerability struct {
	id, key  string // key: nameKey of the id
	number   uint32
	subjects []*subject
}

// heldPackage is an interned package that at least one present set has.
type heldPackage struct {
	inventory.Package // without keys
	subject           *subject
	sets              int
	image             bool // a kernel image
}

// subject is a Subject with what is known about it and who has it.
type subject struct {
	Subject
	found     []*vulnerability
	numbers   []uint32 // of found: most questions need no more, and looking them up in each takes longer than all the rest
	presences []*presence
	offers    []*offer
	place     int        // in affected
	packages  int        // of those that the index holds
	release   releaseSet // its ecosystem
	kernel    bool       // built from the Linux kernel
	sells     bool       // its release has fixes that need an entitlement
	unordered bool       // its version cannot be compared
}

// presence is a subject in one kind of standing: which cohorts have it so, and how bad each of what was found is there, by place. A kind is
// a standing without its place: the places of a fleet cut through all that its hosts have.
type presence struct {
	of      *subject
	kind    unique.Handle[Standing] // few are different
	cohorts members
	there   []uint32 // by place: how many hosts
	ranks   []uint8  // by place, one after the other; beside of.found
	worst   []uint8  // by place: the lowest of its ranks
	places  placeSet // where there are any
	turn    uint64   // of the walk that came by last: it comes once for each binary package
}

// at are the ranks at a place.
func (p *presence) at(place int) []uint8 {
	n := len(p.of.found)
	return p.ranks[place*n : (place+1)*n]
}

// stand is a place where hosts stand, with them.
type stand struct {
	Place
	hosts *roaring.Bitmap
}

// offer is a version of a subject's binary packages that some cohorts could install now.
type offer struct {
	version string
	cohorts members
}

// fine is the rank after the last priority: nothing is to be found.
const fine = 5

// unjudged is the worst of a cohort that is new.
const unjudged = 255

// packageSet is a distinct set of packages that at least one host has.
type packageSet struct {
	digest    string
	ecosystem string
	releases  releaseSet // of all its packages
	ids       []byte     // inventory.EncodeSet
	packages  int
	images    string // ids of kernel images, as text
	foreign   int    // packages of other origins
	unordered int    // packages whose version cannot be ordered
	cohorts   []*cohort
}

// portrait is everything about a host that a change may have touched, read from the store.
type portrait struct {
	host         fleet.Host
	packages     string                // digest of its package set; empty: it has none
	set          []inventory.PackageID // of that digest; not read when the index has that set
	updates      string                // digest
	pending      *apiv1.Updates        // the same
	facts        facts
	factsDigest  digest
	repositories string
	seen         seen
}

// mostOrdinal is the highest that a bitmap holds.
const mostOrdinal = math.MaxUint32

// admit makes a host of the index of a portrait, counted in with what it shares, and in no bitmap yet.
func (ix *index) admit(p portrait) (*host, error) {
	if p.host.Ordinal < 0 || p.host.Ordinal > mostOrdinal {
		return nil, fault.New(fault.Internal, "host %q is the %d-th ever enrolled, and the index holds no more than %d: enroll the fleet anew with an empty database", p.host.ID, p.host.Ordinal, uint64(mostOrdinal))
	}
	h := newHost(p)
	if p.updates != "" {
		h.updates = ix.holdUpdates(p.updates, p.pending)
		h.updates.hosts++
	}
	if p.packages != "" {
		h.place = uint8(ix.place(PlaceOf(p.host.Labels))) //nolint:gosec // there are sixteen at most
		h.cohort = ix.join(ix.hold(p.packages, p.set), p.facts.setting(), h.updates)
	}
	return h, nil
}

// list puts a host where hosts are found by what they are.
func (ix *index) list(h *host) {
	ix.hosts[h.id] = h
	ix.byOrdinal.put(uint64(h.ordinal), h)
	ix.live.Add(h.ordinal)
	ix.attrs.enter(h)
	if h.cohort != nil {
		ix.places[h.place].hosts.Add(h.ordinal)
	}
}

// put replaces what the index knows of a host. Packages of sets it does not know yet must have been learned (learn) before.
func (ix *index) put(p portrait) error {
	h, err := ix.admit(p)
	if err != nil {
		return err
	}
	old := ix.hosts[h.id]
	if old != nil && old.cohort != nil {
		ix.places[old.place].hosts.Remove(old.ordinal)
	}
	same := old != nil && old.ordinal == h.ordinal && old.cohort == h.cohort && old.place == h.place // its packages are where they were
	if old != nil {
		ix.attrs.leave(old)
		if !same {
			ix.leave(old)
		}
	}
	ix.list(h)
	if !same {
		ix.enter(h)
		if h.cohort != nil && h.cohort.worst[h.place] == unjudged {
			ix.judgeSet(h.cohort.set)
		}
	}
	if old != nil {
		ix.letGo(old) // after the new is held, so that what both share is not torn down in between
	}
	return nil
}

// drop forgets a host, and what only it had.
func (ix *index) drop(id string) {
	h, ok := ix.hosts[id]
	if !ok {
		return
	}
	ix.attrs.leave(h)
	ix.leave(h)
	delete(ix.hosts, id)
	ix.byOrdinal.put(uint64(h.ordinal), nil)
	ix.live.Remove(h.ordinal)
	if h.cohort != nil {
		ix.places[h.place].hosts.Remove(h.ordinal)
	}
	ix.letGo(h)
}

// letGo releases what a host that is gone, or changed, was counted for.
func (ix *index) letGo(h *host) {
	if h.cohort != nil {
		ix.part(h.cohort)
	}
	if h.updates != nil {
		if h.updates.hosts--; h.updates.hosts == 0 {
			delete(ix.updates, h.updates.digest)
		}
	}
}

// presence gives the presence of a subject in a kind of standing, judged the first time.
func (ix *index) presence(s *subject, kind Standing) *presence {
	if p := s.in(kind); p != nil {
		return p
	}
	p := &presence{of: s, kind: unique.Make(kind)}
	var hits map[string]Hit
	if len(s.found) > 0 {
		hits = ix.hits(s)
	}
	for _, at := range ix.places {
		p.judged(ix.judge(p, at.Place, hits))
	}
	s.presences = append(s.presences, p)
	return p
}

// judged adds a place's ranks.
func (p *presence) judged(ranks []uint8) {
	p.ranks, p.worst, p.there = append(p.ranks, ranks...), append(p.worst, worstRank(ranks)), append(p.there, 0)
}

// judge ranks everything that was found of a subject, at a place.
func (ix *index) judge(p *presence, at Place, hits map[string]Hit) []uint8 {
	out, now := make([]uint8, 0, len(p.of.found)), ix.now()
	on := p.kind.Value().at(at)
	disk := ix.onDisk(p.of, on)
	for _, v := range p.of.found {
		out = append(out, rankOf(ix.caseOf(v.id, p.of, hits[v.id], on, disk), now))
	}
	return out
}

// at is the standing of this kind at a place.
func (s Standing) at(p Place) Standing {
	s.Place = p
	return s
}

// arriving judges everything for a place at which no host stood before, and gives what makes it known: the first takes long, the second
// does not.
func (ix *index) arriving(p Place) (arrive func()) {
	if slices.ContainsFunc(ix.places, func(s *stand) bool { return s.Place == p }) {
		return func() {}
	}
	ranks := map[*presence][]uint8{}
	for _, s := range ix.subjects {
		hits := ix.hits(s)
		for _, one := range s.presences {
			ranks[one] = ix.judge(one, p, hits)
		}
	}
	return func() {
		for one, r := range ranks {
			one.judged(r)
		}
		ix.places, ix.crowds = append(ix.places, &stand{p, roaring.New()}), append(ix.crowds, heads{})
	}
}

// place is the number of a place.
func (ix *index) place(p Place) int {
	i := slices.IndexFunc(ix.places, func(s *stand) bool { return s.Place == p })
	if i < 0 {
		i = len(ix.places)
		ix.arriving(p)()
	}
	return i
}

// in is the subject's presence in a kind of standing; nil when no host has it so.
func (s *subject) in(kind Standing) *presence {
	for _, p := range s.presences {
		if p.kind.Value() == kind {
			return p
		}
	}
	return nil
}

func worstRank(ranks []uint8) uint8 {
	out := uint8(fine)
	for _, r := range ranks {
		out = min(out, r)
	}
	return out
}

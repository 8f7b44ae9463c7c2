package assess

import (
	"math"
	"sync"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fleet"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// index answers "what on this host" and "which hosts" from memory. It grows with distinct package sets and subjects, not with hosts:
// a set that many hosts share is here once, and a subject is matched once and has a bitmap of its hosts for each role it plays.
// It has no lock of its own; Service holds one.
type index struct {
	clock      func() time.Time // nil: nothing has an age
	seq        int64            // the newest change that answers include
	past       Past             // what time this is of; the zero Past is now
	generation int64            // of knowledge: counts made under an older one are made again

	rules      *rules
	advisories map[advisory.Ref]*advisory.Advisory // current ones, withdrawn ones too
	byName     map[string]map[advisory.Ref]bool    // CVE, alias or id to the advisories that have it
	compiled   map[advisory.Ref][]*rule
	threats    map[string]advisory.Threat
	feeds      map[string]advisory.FeedState
	releases   map[string]bool // ecosystems about which some feed has data

	packages map[inventory.PackageID]*heldPackage
	subjects map[Subject]*subject
	named    map[named]map[*subject]bool
	vulns    map[string]map[*subject]Hit // vulnerability to where it is found
	sets     map[string]*packageSet
	updates  map[string]*updates

	hosts     map[string]*host
	byOrdinal map[uint32]*host
	live      *roaring.Bitmap // hosts that exist; every answer is ANDed with it
}

func newIndex() *index {
	return &index{
		rules: newRules(), advisories: map[advisory.Ref]*advisory.Advisory{}, byName: map[string]map[advisory.Ref]bool{},
		compiled: map[advisory.Ref][]*rule{}, threats: map[string]advisory.Threat{}, feeds: map[string]advisory.FeedState{}, releases: map[string]bool{},
		packages: map[inventory.PackageID]*heldPackage{}, subjects: map[Subject]*subject{}, named: map[named]map[*subject]bool{},
		vulns: map[string]map[*subject]Hit{}, sets: map[string]*packageSet{}, updates: map[string]*updates{},
		hosts: map[string]*host{}, byOrdinal: map[uint32]*host{}, live: roaring.New(),
	}
}

// heldPackage is an interned package that at least one present set has.
type heldPackage struct {
	inventory.Package
	sets int
}

// subject is a Subject with what is known about it and who has it.
type subject struct {
	Subject
	hits   map[string]Hit // by vulnerability
	roles  map[Standing]*roaring.Bitmap
	offers map[string]*roaring.Bitmap // version to the hosts that could install it now
	sets   int
}

// packageSet is a distinct set of packages that at least one host has.
type packageSet struct {
	digest    string
	ecosystem string
	ids       []inventory.PackageID
	units     []unit
	images    []inventory.Package // kernel images
	foreign   int                 // packages of other origins
	unordered int                 // packages whose version cannot be ordered
	hosts     int
	counts    sync.Map // SettingKey to *counted
}

// unit is a subject in a set, with the binary packages it is installed through.
type unit struct {
	subject  *subject
	packages []*heldPackage
}

// counted is a set's findings in one setting, and the knowledge and the day that it was counted with.
type counted struct {
	generation int64
	day        string
	counts     apiv1.FindingCounts
}

// updates is a distinct updates section that at least one host has.
type updates struct {
	digest string
	body   apiv1.Updates
	counts apiv1.UpdateCounts
	byName map[nameArch]*apiv1.Update
	hosts  *roaring.Bitmap
}

type nameArch struct{ name, arch string }

// host is one host of the index.
type host struct {
	fleet.Host
	ordinal uint32
	digests map[string]string // section to digest
	facts   *apiv1.Facts
	set     *packageSet
	updates *updates
	setting Setting
	seen    seen
}

func (ix *index) now() time.Time {
	if ix.clock == nil {
		return time.Time{}
	}
	return ix.clock()
}

// seen is the moving part of a host.
type seen struct {
	inventory.Seen
	vitals *apiv1.Vitals
}

// portrait is everything about a host that a change may have touched, read from the store.
type portrait struct {
	host    fleet.Host
	digests map[string]string
	facts   *apiv1.Facts
	set     []inventory.PackageID // of digests[packages]; not read when the index has that set
	updates *apiv1.Updates        // the same of updates
	seen    seen
}

// put replaces what the index knows of a host. Packages of sets it does not know yet must have been learned (learn) before.
func (ix *index) put(p portrait) {
	if p.host.Ordinal < 0 || p.host.Ordinal > math.MaxUint32 {
		return // bitmaps hold four thousand million hosts
	}
	h := &host{Host: p.host, ordinal: uint32(p.host.Ordinal), digests: p.digests, facts: p.facts, seen: p.seen}
	if d := p.digests[apiv1.SectionPackages]; d != "" {
		h.set = ix.hold(d, p.set)
		h.set.hosts++
		h.setting = SettingOf(h.set.images, StateOf(h.facts, h.Labels))
	}
	if d := p.digests[apiv1.SectionUpdates]; d != "" {
		h.updates = ix.holdUpdates(d, p.updates)
	}
	ix.drop(p.host.ID) // after the new is held, so that what both share is not torn down in between
	ix.hosts[h.ID] = h
	ix.byOrdinal[h.ordinal] = h
	ix.live.Add(h.ordinal)
	if h.updates != nil {
		ix.updates[h.updates.digest] = h.updates // drop may have let go of it
		h.updates.hosts.Add(h.ordinal)
	}
	ix.eachPlace(h, func(m map[Standing]*roaring.Bitmap, role Standing) { member(m, role).Add(h.ordinal) },
		func(m map[string]*roaring.Bitmap, version string) { member(m, version).Add(h.ordinal) })
}

// drop forgets a host, and what only it had.
func (ix *index) drop(id string) {
	h, ok := ix.hosts[id]
	if !ok {
		return
	}
	ix.eachPlace(h, func(m map[Standing]*roaring.Bitmap, role Standing) { expel(m, role, h.ordinal) },
		func(m map[string]*roaring.Bitmap, version string) { expel(m, version, h.ordinal) })
	delete(ix.hosts, id)
	delete(ix.byOrdinal, h.ordinal)
	ix.live.Remove(h.ordinal)
	if h.updates != nil {
		h.updates.hosts.Remove(h.ordinal)
		if h.updates.hosts.IsEmpty() && ix.updates[h.updates.digest] == h.updates {
			delete(ix.updates, h.updates.digest)
		}
	}
	if h.set != nil {
		if h.set.hosts--; h.set.hosts == 0 {
			ix.release(h.set)
		}
	}
}

// eachPlace names every bitmap that a host belongs in.
func (ix *index) eachPlace(h *host, role func(map[Standing]*roaring.Bitmap, Standing), offer func(map[string]*roaring.Bitmap, string)) {
	if h.set == nil {
		return
	}
	for _, u := range h.set.units {
		role(u.subject.roles, h.setting.Standing(u.subject.Subject))
		for _, p := range u.packages {
			if to, ok := h.updates.offers(&p.Package); ok && follows(&p.Package, u.subject.Subject) {
				offer(u.subject.offers, to)
			}
		}
	}
}

// offers is the version of a package that could be installed now.
func (u *updates) offers(p *inventory.Package) (string, bool) {
	if u == nil {
		return "", false
	}
	found := u.byName[nameArch{p.Name, p.Arch}]
	if found == nil || found.State != apiv1.UpdateInstallable || found.Action != apiv1.ActionUpgrade {
		return "", false
	}
	return found.To, true
}

func member[K comparable](m map[K]*roaring.Bitmap, k K) *roaring.Bitmap {
	if m[k] == nil {
		m[k] = roaring.New()
	}
	return m[k]
}

func expel[K comparable](m map[K]*roaring.Bitmap, k K, ordinal uint32) {
	if b := m[k]; b != nil {
		b.Remove(ordinal)
		if b.IsEmpty() {
			delete(m, k)
		}
	}
}

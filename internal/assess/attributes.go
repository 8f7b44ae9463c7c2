package assess

import (
	"slices"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/staunch-dev/staunch/internal/fleet"
)

// Keys that no label and no selector has.
const (
	keyEcosystem = "\x00ecosystem" // of hosts with a package set: the release whose advisories speak of it
	keyOS        = "\x00os"        // the release's name, for people
	keyRelease   = "\x00release"   // of every host: its ecosystem, empty where it has none
)

// attributes are the hosts by what selectors ask for: labels, and of the reserved keys those that stand still. What moves by itself
// (whether a host is online, how old its lists are) is asked of each host.
type attributes map[string]map[string]*members

// indexed says whether a key is here, of whatever host.
func indexed(key string) bool {
	return !slices.Contains([]string{fleet.KeyHostName, fleet.KeyHostOnline, fleet.KeyHostAssessed, fleet.KeyHostMetadata, fleet.KeyHostLifecycle}, key)
}

func (a attributes) enter(h *host) {
	h.eachAttribute(func(key, value string) {
		values := a[key]
		if values == nil {
			values = map[string]*members{}
			a[shared(key)] = values
		}
		m := values[value]
		if m == nil {
			m = &members{}
			values[shared(value)] = m
		}
		m.add(h.ordinal)
	})
}

func (a attributes) leave(h *host) {
	h.eachAttribute(func(key, value string) {
		m := a[key][value]
		if m == nil {
			return
		}
		if m.remove(h.ordinal); m.len() == 0 {
			delete(a[key], value)
			if len(a[key]) == 0 {
				delete(a, key)
			}
		}
	})
}

// eachAttribute calls fn with what the host is indexed by.
func (h *host) eachAttribute(fn func(key, value string)) {
	h.eachLabel(fn)
	fn(fleet.KeyHostState, h.state.String())
	fn(keyRelease, h.ecosystem())
	ecosystem := h.ecosystem()
	if h.cohort != nil {
		fn(keyEcosystem, ecosystem)
	}
	f := h.facts.Value()
	if f.osID != "" {
		fn(fleet.KeyHostOS, f.release())
	}
	if f.os != "" {
		fn(keyOS, f.os)
	}
	if f.arch != "" {
		fn(fleet.KeyHostArch, f.arch)
	}
	if f.known {
		fn(fleet.KeyHostReboot, either(f.reboot, "yes", "no"))
		fn(fleet.KeyHostFailedUnits, either(f.failed > 0, "yes", "no"))
	}
	known := h.updates != nil && h.updates.known
	fn(fleet.KeyHostUpdates, either(known, "known", "unknown"))
	if known {
		fn(fleet.KeyHostSecurityUpdates, either(h.updates.counts.Security > 0, "yes", "no"))
	}
}

func either(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}

// count is how many of the selected hosts have a value of a key.
func (a attributes) count(key, value string, selection *roaring.Bitmap) int {
	if m := a[key][value]; m != nil {
		return m.count(selection)
	}
	return 0
}

// narrow takes out of a selection the hosts that do not meet a condition on an indexed key.
func (a attributes) narrow(selection *roaring.Bitmap, t fleet.Term) {
	met := roaring.New()
	if len(t.Values) == 0 {
		for _, m := range a[t.Key] {
			m.addTo(met)
		}
	}
	for _, value := range t.Values {
		if m := a[t.Key][value]; m != nil {
			m.addTo(met)
		}
	}
	if t.Not {
		selection.AndNot(met)
	} else {
		selection.And(met)
	}
}

// assessed are the hosts about which something can be said.
func (ix *index) assessed() *roaring.Bitmap {
	out := roaring.New()
	for ecosystem, m := range ix.attrs[keyEcosystem] {
		if ecosystem != "" && ix.releases[ecosystem] {
			m.addTo(out)
		}
	}
	return out
}

// unassessed counts the selected hosts about which nothing is known.
func (ix *index) unassessed(selection *roaring.Bitmap) int {
	n := int(selection.GetCardinality()) //nolint:gosec // hosts are fewer than an int holds
	for ecosystem, m := range ix.attrs[keyEcosystem] {
		if ecosystem != "" && ix.releases[ecosystem] {
			n -= m.count(selection)
		}
	}
	return n
}

// selected are the live hosts that a query's selector and state name.
func (s *Service) selected(ix *index, q Query) *roaring.Bitmap {
	out := ix.live.Clone()
	terms := q.Selector.Terms()
	if q.State != "" {
		terms = append(terms, fleet.Term{Key: fleet.KeyHostState, Values: []string{q.State}})
	}
	var rest []fleet.Term
	for _, t := range terms {
		if t.Key == fleet.KeyHostAssessed {
			narrowTo(out, t, ix.assessed())
		} else if t.Key == fleet.KeyHostLifecycle {
			out.And(ix.withLifecycle(t))
		} else if indexed(t.Key) {
			ix.attrs.narrow(out, t)
		} else {
			rest = append(rest, t)
		}
	}
	if len(rest) == 0 {
		return out
	}
	now, met := s.now(), roaring.New()
	out.Iterate(func(ordinal uint32) bool {
		h := ix.host(ordinal)
		if !slices.ContainsFunc(rest, func(t fleet.Term) bool {
			return !t.Holds(func(key string) (string, bool) { return s.moving(ix, h, key, now), true })
		}) {
			met.Add(ordinal)
		}
		return true
	})
	return met
}

// narrowTo takes out of a selection the hosts that do not meet a condition on a key that is yes for some hosts and no for all others.
func narrowTo(selection *roaring.Bitmap, t fleet.Term, yes *roaring.Bitmap) {
	holds := func(value string) bool {
		return t.Holds(func(string) (string, bool) { return value, true })
	}
	switch {
	case holds("yes") && holds("no"):
	case holds("yes"):
		selection.And(yes)
	case holds("no"):
		selection.AndNot(yes)
	default:
		selection.Clear()
	}
}

// moving answers a selector about what is not indexed.
func (s *Service) moving(ix *index, h *host, key string, now time.Time) string {
	switch key {
	case fleet.KeyHostOnline:
		return either(s.online(ix, h, now), "yes", "no")
	case fleet.KeyHostMetadata:
		return either(h.stale(now.UnixMicro()), "stale", "fresh")
	}
	return h.name
}

func (ix *index) host(ordinal uint32) *host { return ix.byOrdinal.get(uint64(ordinal)) }

package compiled

import (
	"encoding/binary"
	"runtime/debug"
	"slices"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/fault"
)

// threatEntry is a packed CVE, its EPSS score in thousandths and one more (0: none), two bytes of nothing, and the place of its KEV and
// SSVC among the details and one more (0: none). EPSS alone speaks of 360,000 CVEs, of which the advisories for one release name a part:
// those have a table of their own, in which each stands whether anything is said of it or not, so that nobody looks further.
const threatEntry = 8 + 2 + 2 + 4

// threats gathers overlays.
type threats struct {
	scores map[uint64]uint16
	others map[uint64]threat
	odd    map[string]threat // ids that cannot be packed
}

func newThreats() threats {
	return threats{scores: map[uint64]uint16{}, others: map[uint64]threat{}, odd: map[string]threat{}}
}

func (t threats) add(o advisory.Overlay) error {
	one := threat{kev: o.KEV, epss: o.EPSS, ssvc: o.SSVC}
	if one == (threat{}) {
		return fault.New(fault.Invalid, "an overlay of %q says nothing", o.CVE)
	}
	key, ok := cveKey(o.CVE)
	if !ok {
		t.odd[o.CVE] = t.odd[o.CVE].with(one)
		return nil
	}
	if one.kev == nil && one.ssvc == nil {
		if n, exact := one.thousandths(); exact {
			if _, there := t.scores[key]; !there && t.others[key].epss == nil {
				t.scores[key] = n
			}
			return nil
		}
		if _, there := t.scores[key]; there {
			return nil
		}
	}
	t.others[key] = t.others[key].with(one)
	return nil
}

// with keeps what is there and adds what is not.
func (t threat) with(more threat) threat {
	if t.kev == nil {
		t.kev = more.kev
	}
	if t.epss == nil {
		t.epss = more.epss
	}
	if t.ssvc == nil {
		t.ssvc = more.ssvc
	}
	return t
}

// tables gives the entries, sorted, of CVEs that are named and of all others, and the details they point to: length, checksum and record
// of each distinct one.
func (t threats) tables(isNamed map[uint64]bool) (named, others, details []byte) {
	keys := make([]uint64, 0, len(t.scores)+len(t.others))
	for k := range isNamed {
		keys = append(keys, k)
	}
	for k := range t.scores {
		keys = append(keys, k)
	}
	for k := range t.others {
		if _, there := t.scores[k]; !there {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	at := map[string]uint32{}
	var record []byte
	named = make([]byte, 0, len(isNamed)*threatEntry)
	others = make([]byte, 0, (len(keys)-len(isNamed))*threatEntry)
	for _, k := range keys {
		var place uint32
		if other, there := t.others[k]; there {
			record = appendThreat(record[:0], other, true)
			if place = at[string(record)]; place == 0 {
				place = uint32(len(details)) + 1 //nolint:gosec // distinct decisions: some thousands
				at[string(record)] = place
				details = binary.LittleEndian.AppendUint32(details, uint32(len(record))) //nolint:gosec // a few hundred bytes
				details = binary.LittleEndian.AppendUint32(details, checksum(record))
				details = append(details, record...)
			}
		}
		entries := &others
		if isNamed[k] {
			entries = &named
		}
		*entries = binary.LittleEndian.AppendUint64(*entries, k)
		*entries = binary.LittleEndian.AppendUint16(*entries, t.scores[k])
		*entries = binary.LittleEndian.AppendUint16(*entries, 0)
		*entries = binary.LittleEndian.AppendUint32(*entries, place)
	}
	return named, others, details
}

// Threat implements advisory.Library.
func (l *Library) Threat(cve string) (_ advisory.Threat, err error) {
	defer faults(l.file, &err, debug.SetPanicOnFault(true))
	var t threat
	key, ok := cveKey(cve)
	if !ok {
		d, _, err := l.block(kindThreat, cve, "")
		if err != nil || d.s == "" {
			return advisory.Threat{}, err
		}
		if t = d.threat(); d.bad || d.s != "" {
			return advisory.Threat{}, damaged("what is said of %q cannot be read", cve)
		}
		return l.wire(t), nil
	}
	from := l.threats
	i, found, err := from.find(key)
	if err == nil && !found {
		from = l.others
		i, found, err = from.find(key)
	}
	if err != nil || !found {
		return advisory.Threat{}, err
	}
	e, err := from.at(i)
	if err != nil {
		return advisory.Threat{}, err
	}
	if place := binary.LittleEndian.Uint32(e[12:]); place != 0 {
		if t, err = l.detail(uint64(place) - 1); err != nil {
			return advisory.Threat{}, err
		}
	}
	if n := binary.LittleEndian.Uint16(e[8:]); n != 0 {
		t.epss = &advisory.EPSS{Score: float64(n-1) / 1000}
	}
	return l.wire(t), nil
}

func (l *Library) wire(t threat) advisory.Threat {
	out := advisory.Threat{KEV: t.kev, EPSS: t.epss, SSVC: t.ssvc}
	if t.epss != nil {
		out.EPSSDate = l.epssDate
	}
	return out
}

func (l *Library) detail(place uint64) (threat, error) {
	const head = 4 + sumSize
	size := uint64(len(l.details))
	if size < head || place > size-head || uint64(binary.LittleEndian.Uint32(l.details[place:])) > size-head-place {
		return threat{}, damaged("a threat is outside the file")
	}
	raw := l.details[place+head:][:binary.LittleEndian.Uint32(l.details[place:])]
	if checksum(raw) != binary.LittleEndian.Uint32(l.details[place+4:]) {
		return threat{}, damaged("a threat does not match its checksum")
	}
	d := decoder{s: string(raw)}
	t := d.threat()
	if d.bad || d.s != "" {
		return threat{}, damaged("a threat cannot be read")
	}
	return t, nil
}

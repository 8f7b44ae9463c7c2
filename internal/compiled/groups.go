package compiled

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// What is said of a package is kept in groups: advisories that share a vulnerability, directly or through others, are in one, since only
// together they say whether a version is affected. A group that is quiet from a bound on has nothing but fixes below it: of a version at
// the bound or above every one of its advisories says that it is fixed or never was affected, or says nothing. Of the thousands of
// advisories about a kernel a patched host needs a handful, and the others are not even read.
//
// A block is the length of its preamble, the preamble (name, number of groups, quietPart) and the groups that are never quiet. The quiet
// ones lie elsewhere, by bound, the highest first: of most packages that a patched host has they are not even looked at. A group is
// length, checksum and text of its head, then its advisories.

// bound is from which version on something is quiet; the zero bound: never.
type bound struct {
	quiet bool
	key   string // order key (vercmp.Key); empty: from the first version on
}

// quietFrom says from which version on entries about one package say only that it is fixed, was never affected, or nothing.
func quietFrom(ecosystem string, entries []advisory.Affected, which []int) bound {
	scheme, ok := vercmp.ForEcosystem(ecosystem)
	if !ok {
		return bound{}
	}
	b := bound{quiet: true}
	for _, i := range which {
		e := &entries[i]
		switch {
		case e.Status == advisory.StatusNotice:
			continue // says nothing of any version
		case len(e.Versions) > 0:
			return bound{}
		case len(e.Ranges) == 0 && e.Status != advisory.StatusNotAffected:
			return bound{} // every version is meant
		case e.Stream != "":
			return bound{} // what follows what depends on the stream that is installed
		}
		for _, r := range e.Ranges {
			end := r.Fixed
			if end == "" {
				end = r.Last
			}
			if scheme == vercmp.RPM && strings.Contains(end, ".module") {
				return bound{}
			}
			key, err := vercmp.Key(scheme, end)
			if err != nil {
				return bound{}
			}
			if r.Fixed == "" {
				key = append(key, 0) // after the last affected one
			}
			b.key = max(b.key, string(key))
		}
	}
	return b
}

// with is from where on both are quiet.
func (b bound) with(other bound) bound {
	return bound{b.quiet && other.quiet, max(b.key, other.key)}
}

// group is what refs of one name belong together.
type group struct {
	bound
	refs []ref
}

// group puts the refs of each name, which are sorted, into groups.
func (w *Writer) group() {
	for from := 0; from < len(w.refs); {
		to := from
		for to < len(w.refs) && w.refs[to].key == w.refs[from].key {
			to++
		}
		w.groups = append(w.groups, w.groupsOf(w.refs[from:to])...)
		from = to
	}
	w.refs = nil
}

// eachName gives the groups of each name.
func (w *Writer) eachName(fn func(n name, groups []group) error) error {
	for rest := w.groups; len(rest) > 0; {
		key, to := rest[0].refs[0].key, 1
		for to < len(rest) && rest[to].refs[0].key == key {
			to++
		}
		if err := fn(w.names[key], rest[:to]); err != nil {
			return err
		}
		rest = rest[to:]
	}
	return nil
}

// standingOf is how many groups, of those of one name, are never quiet: the first ones.
func standingOf(groups []group) int {
	n := 0
	for n < len(groups) && !groups[n].quiet {
		n++
	}
	return n
}

// quietPart says where the quiet groups of a name are, and from which version on none of them matters.
type quietPart struct {
	count, place, length uint64
	key                  string
}

func (p quietPart) append(b []byte) []byte {
	b = binary.AppendUvarint(b, p.count)
	if p.count == 0 {
		return b
	}
	return appendText(binary.AppendUvarint(binary.AppendUvarint(b, p.place), p.length), p.key)
}

func (d *decoder) quietPart() (p quietPart) {
	if p.count = d.uvarint(); p.count > 0 {
		p.place, p.length, p.key = d.uvarint(), d.uvarint(), d.text()
	}
	return p
}

// groupsOf puts the refs of one name, in their order, into groups, in theirs.
func (w *Writer) groupsOf(refs []ref) []group {
	parent := make([]int, len(refs))
	root := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	first := map[uint64]int{} // by the hash of a vulnerability; two that collide only make a group larger
	for i := range refs {
		parent[i] = i
		for _, v := range w.adv[refs[i].advisory].vulnerabilities {
			if j, there := first[v]; there {
				a, b := root(i), root(j)
				parent[max(a, b)] = min(a, b)
			} else {
				first[v] = i
			}
		}
	}
	var groups []group
	at := map[int]int{}
	for i, r := range refs {
		k := root(i)
		n, there := at[k]
		if !there {
			n = len(groups)
			at[k] = n
			groups = append(groups, group{bound: bound{quiet: true}})
		}
		groups[n].refs = append(groups[n].refs, r)
		groups[n].bound = groups[n].with(r.bound)
	}
	slices.SortStableFunc(groups, func(a, b group) int {
		if a.quiet != b.quiet {
			if b.quiet {
				return -1
			}
			return 1
		}
		if !a.quiet {
			return 0
		}
		return strings.Compare(b.key, a.key)
	})
	return groups
}

// appendBlock writes a preamble and groups.
func appendBlock(b, preamble []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(preamble))) //nolint:gosec // names, or some lines
	return append(b, preamble...)
}

// appendGroups is what some groups of one package say.
func (w *Writer) appendGroups(b []byte, groups []group) ([]byte, error) {
	var payload, head []byte
	for _, g := range groups {
		var entries, spans uint64
		payload = payload[:0]
		for _, r := range g.refs {
			a := &w.adv[r.advisory]
			payload = binary.AppendUvarint(payload, a.final)
			payload = binary.AppendUvarint(payload, uint64(a.length))
			payload = binary.AppendUvarint(payload, uint64(r.entries))
			said, err := w.spooledAt(r.offset, r.length)
			if err != nil {
				return nil, err
			}
			payload = append(payload, said...)
			entries += uint64(r.entries)
			spans += uint64(r.spans)
		}
		head = append(head[:0], 0)
		if g.quiet {
			head[0] = 1
		}
		head = appendText(head, g.key)
		for _, n := range []uint64{uint64(len(g.refs)), entries, spans, uint64(len(payload))} {
			head = binary.AppendUvarint(head, n)
		}
		head = binary.LittleEndian.AppendUint32(head, checksum(payload))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(head))) //nolint:gosec // a key and some numbers
		b = binary.LittleEndian.AppendUint32(b, checksum(head))
		b = append(append(b, head...), payload...)
	}
	return b, nil
}

// groupHead is the head of a group as it is read, without its bound.
type groupHead struct {
	advisories, entries, spans int
	payload                    []byte
	sum                        uint32 // of payload
}

// nextGroup reads a head and gives its bound and what follows the group.
func nextGroup(raw []byte) (g groupHead, b bound, rest []byte, err error) {
	const fixed = 4 + sumSize
	if len(raw) < fixed || uint64(binary.LittleEndian.Uint32(raw)) > uint64(len(raw)-fixed) {
		return g, b, nil, damaged("a group ends outside its block")
	}
	head := raw[fixed : fixed+int(binary.LittleEndian.Uint32(raw))]
	if checksum(head) != binary.LittleEndian.Uint32(raw[4:]) {
		return g, b, nil, damaged("a group does not match its checksum")
	}
	d := decoder{s: string(head)}
	b.quiet, b.key = d.byte() == 1, d.text()
	numbers := [4]uint64{d.uvarint(), d.uvarint(), d.uvarint(), d.uvarint()}
	raw = raw[fixed+len(head):]
	if d.bad || len(d.s) != sumSize || numbers[3] > uint64(len(raw)) {
		return g, b, nil, damaged("a group cannot be read")
	}
	g.payload = raw[:numbers[3]]
	// What takes more room in memory than there are bytes for it is no number of ours.
	size := numbers[3]
	if numbers[0] > size || numbers[1] > size/leastAffected || numbers[2] > size/leastRange {
		return g, b, nil, damaged("a group counts more than it holds")
	}
	g.advisories, g.entries, g.spans = int(numbers[0]), int(numbers[1]), int(numbers[2]) //nolint:gosec // at most a length
	g.sum = binary.LittleEndian.Uint32([]byte(d.s))
	return g, b, raw[numbers[3]:], nil
}

func compareAdvisories(a, b *advisory.Advisory) int {
	return cmp.Or(strings.Compare(a.Feed, b.Feed), strings.Compare(a.ID, b.ID))
}

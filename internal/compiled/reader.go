package compiled

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"runtime/debug"
	"slices"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/fault"
)

// Library is an advisory.Library in a file that is mapped. Safe for concurrent use until Close. What it gives are copies and outlive it.
type Library struct {
	meta     Meta
	epssDate string
	headers  []byte
	blocks   []byte
	quiet    []byte
	details  []byte
	index    *table
	threats  *table // of CVEs that advisories name
	others   *table // of all others
	file     []byte // mapped; nil: it is not
	whole    func() error
	unmap    func() error
}

var (
	_ advisory.Library  = (*Library)(nil)
	_ advisory.Narrower = (*Library)(nil)
)

// Open maps a file. ErrDamaged: it is not one of this program's, or not whole; fault.NotFound: it is not there.
func Open(path string) (*Library, error) {
	f, err := os.Open(path) //nolint:gosec // a file of the cache
	if os.IsNotExist(err) {
		return nil, fault.Wrap(err, fault.NotFound, "no compiled feeds at %q", path)
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "opening compiled feeds")
	}
	defer f.Close()
	return OpenFile(f)
}

// OpenFile is Open of a file that is open already; it may be closed afterwards.
func OpenFile(f *os.File) (*Library, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "opening compiled feeds")
	}
	if !info.Mode().IsRegular() || info.Size() < int64(headerSize) || info.Size() != int64(int(info.Size())) {
		return nil, damaged("not a file of compiled feeds")
	}
	file, whole, unmap, err := mapped(f, int(info.Size()))
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "mapping compiled feeds")
	}
	l, err := readMapped(file)
	if err != nil {
		_ = unmap()
		return nil, err
	}
	l.file, l.whole, l.unmap = file, whole, unmap
	return l, nil
}

func readMapped(file []byte) (l *Library, err error) {
	defer faults(file, &err, debug.SetPanicOnFault(true))
	return read(file)
}

// read takes the bytes of a file.
func read(file []byte) (*Library, error) {
	places, err := decodeHeader(file)
	if err != nil {
		return nil, err
	}
	part := func(s int) []byte { return file[places[s].offset : places[s].offset+places[s].length] }
	for _, s := range []int{sectionMeta, sectionIndexSparse, sectionThreatSparse, sectionOtherSparse} {
		if checksum(part(s)) != places[s].sum {
			return nil, damaged("section %d does not match its checksum", s)
		}
	}
	l := &Library{headers: part(sectionHeaders), blocks: part(sectionBlocks), quiet: part(sectionQuiet), details: part(sectionDetails), whole: func() error { return nil }, unmap: func() error { return nil }}
	if err := json.Unmarshal(part(sectionMeta), &l.meta); err != nil {
		return nil, damaged("what it says of itself cannot be read")
	}
	if l.index, err = newTable(indexEntry, part(sectionIndexSparse), part(sectionIndex)); err != nil {
		return nil, err
	}
	if l.threats, err = newTable(threatEntry, part(sectionThreatSparse), part(sectionThreat)); err != nil {
		return nil, err
	}
	if l.others, err = newTable(threatEntry, part(sectionOtherSparse), part(sectionOther)); err != nil {
		return nil, err
	}
	for _, f := range l.meta.Feeds {
		if f.Name == l.meta.EPSSFeed && f.AsOf != nil {
			l.epssDate = f.AsOf.UTC().Format("2006-01-02")
		}
	}
	return l, nil
}

// Whole is ErrDamaged when somebody has cut or written the file since it was mapped: what was answered meanwhile may lack something, since
// what was checked once is not checked again. Ask it before answers are used.
func (l *Library) Whole() error {
	if err := l.whole(); err != nil {
		return damaged("%v", err)
	}
	return nil
}

// Close unmaps the file; nothing may be asked afterwards.
func (l *Library) Close() error { return l.unmap() }

// Rest lets go of the memory that what was looked up takes, for a while in which nothing more is; the next look-up finds it again.
func (l *Library) Rest() {
	if len(l.file) > 0 {
		rest(l.file)
	}
}

// Meta is what the file says of itself; not to be changed.
func (l *Library) Meta() Meta { return l.meta }

// block gives a copy of the preamble of a name, past the name, and its standing groups; an empty preamble when nothing is known.
func (l *Library) block(kind byte, a, b string) (decoder, []byte, error) {
	key := hash(kind, a, b)
	i, found, err := l.index.find(key)
	for ; found && err == nil && i < l.index.len(); i++ {
		var e []byte
		if e, err = l.index.at(i); err != nil {
			break
		}
		if binary.LittleEndian.Uint64(e) != key {
			break
		}
		d, groups, err := l.blockAt(e)
		if err != nil {
			return decoder{}, nil, err
		}
		if d.byte() == kind && d.text() == a && d.text() == b && !d.bad {
			return d, groups, nil
		}
	}
	return decoder{}, nil, err
}

// blockAt is the block of an entry of the index.
func (l *Library) blockAt(e []byte) (decoder, []byte, error) {
	offset, length := binary.LittleEndian.Uint64(e[8:]), uint64(binary.LittleEndian.Uint32(e[16:]))
	if offset > uint64(len(l.blocks)) || length > uint64(len(l.blocks))-offset || length < 4 {
		return decoder{}, nil, damaged("what is said of a package is outside the file")
	}
	raw := l.blocks[offset : offset+length]
	size := uint64(binary.LittleEndian.Uint32(raw))
	if size > length-4 || checksum(raw[:4+size]) != binary.LittleEndian.Uint32(e[20:]) {
		return decoder{}, nil, damaged("what is said of a package does not match its checksum")
	}
	return decoder{s: string(raw[4 : 4+size])}, raw[4+size:], nil
}

// About implements advisory.Library, without summaries and details. ErrDamaged: the file has changed since it was written.
func (l *Library) About(ecosystem, pkg string) ([]advisory.Advisory, error) {
	return l.about(ecosystem, pkg, func(bound) bool { return false })
}

// AboutVersion implements advisory.Narrower.
func (l *Library) AboutVersion(ecosystem, pkg, key string) ([]advisory.Advisory, error) {
	return l.about(ecosystem, pkg, func(b bound) bool { return b.quiet && key >= b.key })
}

// about reads groups up to the first that may be left out: those after it may be as well.
func (l *Library) about(ecosystem, pkg string, enough func(bound) bool) (_ []advisory.Advisory, err error) {
	defer faults(l.file, &err, debug.SetPanicOnFault(true))
	d, raw, err := l.block(kindPackage, ecosystem, pkg)
	if err != nil || d.s == "" {
		return nil, err
	}
	standing, quiet := d.uvarint(), d.quietPart()
	if size := uint64(len(l.quiet)); d.bad || d.s != "" || quiet.place > size || quiet.length > size-quiet.place {
		return nil, damaged("what is said of %q cannot be read", pkg)
	}
	into := room{heads: make([]groupHead, 0, min(standing, uint64(len(raw)/leastGroup)))}
	if err := into.gather(raw, standing, enough); err != nil {
		return nil, err
	}
	if quiet.count > 0 && !enough(bound{true, quiet.key}) {
		if err := into.gather(l.quiet[quiet.place:quiet.place+quiet.length], quiet.count, enough); err != nil {
			return nil, err
		}
	}
	into.make()
	for i := range into.heads {
		if err := l.group(&into, &into.heads[i], ecosystem, pkg); err != nil {
			return nil, err
		}
	}
	sortAdvisories(into.all)
	return into.all, nil
}

// room is where what is read of one package is put: made once, since most of the price of reading is that of memory.
type room struct {
	heads                      []groupHead
	advisories, entries, spans int
	all                        []advisory.Advisory
	affected                   []advisory.Affected
	ranges                     []advisory.Range
	words                      []string
}

// gather reads the heads of n groups, up to the first that is enough.
func (r *room) gather(raw []byte, n uint64, enough func(bound) bool) error {
	for ; n > 0; n-- {
		g, from, rest, err := nextGroup(raw)
		if err != nil {
			return err
		}
		if raw = rest; enough(from) {
			break
		}
		r.heads = append(r.heads, g)
		r.advisories += g.advisories
		r.entries += g.entries
		r.spans += g.spans
	}
	return nil
}

func (r *room) make() {
	r.all, r.affected = make([]advisory.Advisory, 0, r.advisories), make([]advisory.Affected, r.entries)
	r.ranges, r.words = make([]advisory.Range, 0, r.spans), make([]string, 0, r.advisories)
}

// sortAdvisories puts advisories into order by feed and id, each moved once.
func sortAdvisories(all []advisory.Advisory) {
	order, in := make([]int32, len(all)), true
	for i := range order {
		order[i] = int32(i) //nolint:gosec // the writer counts them with 32 bits
		in = in && (i == 0 || compareAdvisories(&all[i-1], &all[i]) <= 0)
	}
	if in {
		return
	}
	slices.SortFunc(order, func(x, y int32) int { return compareAdvisories(&all[x], &all[y]) })
	for start := range order { // what belongs here, then what belongs where that was, until it comes round
		first, to := all[start], start
		for from := int(order[to]); from != start; from = int(order[to]) {
			all[to], order[to] = all[from], int32(to) //nolint:gosec // an index of order
			to = from
		}
		all[to], order[to] = first, int32(to) //nolint:gosec // an index of order
	}
}

// group reads the advisories of a group.
func (l *Library) group(into *room, g *groupHead, ecosystem, pkg string) error {
	if checksum(g.payload) != g.sum {
		return damaged("what is said of %q does not match its checksum", pkg)
	}
	d := decoder{s: string(g.payload)}
	entries := g.entries
	for range g.advisories {
		place, length, own := d.uvarint(), d.uvarint(), d.count(leastAffected)
		if own > entries {
			d.fail()
		}
		if d.bad {
			break
		}
		into.all = append(into.all, advisory.Advisory{Affected: into.affected[:own:own]})
		into.affected, entries = into.affected[own:], entries-own
		one := &into.all[len(into.all)-1]
		for j := range one.Affected {
			a := &one.Affected[j]
			a.Ecosystem, a.Package = ecosystem, pkg
			d.affected(a, &into.ranges, &into.words)
		}
		if err := l.header(one, place, length, &into.words); err != nil {
			return err
		}
	}
	if d.bad || d.s != "" || entries > 0 {
		return damaged("what is said of %q cannot be read", pkg)
	}
	return nil
}

const sumSize = 4

func (l *Library) header(a *advisory.Advisory, place, length uint64, words *[]string) error {
	size := uint64(len(l.headers))
	if size < sumSize || place > size-sumSize || length > size-sumSize-place {
		return damaged("an advisory is outside the file")
	}
	raw := l.headers[place+sumSize : place+sumSize+length]
	if checksum(raw) != binary.LittleEndian.Uint32(l.headers[place:]) {
		return damaged("an advisory does not match its checksum")
	}
	d := decoder{s: string(raw)}
	d.advisory(a, l.meta.Names, words)
	if d.bad || d.s != "" {
		return damaged("an advisory cannot be read")
	}
	return nil
}

// Lifecycles implements advisory.Library.
func (l *Library) Lifecycles(product string) (_ []advisory.Lifecycle, err error) {
	defer faults(l.file, &err, debug.SetPanicOnFault(true))
	d, _, err := l.block(kindLifecycle, product, "")
	if err != nil {
		return nil, err
	}
	var all []advisory.Lifecycle
	for d.s != "" {
		all = append(all, d.lifecycle(product, l.meta.Names))
	}
	if d.bad {
		return nil, damaged("the lifecycle of %q cannot be read", product)
	}
	return all, nil
}

// Each gives every package of every release that an advisory names, by the hash of its name: for what no look-up by package answers.
func (l *Library) Each(fn func(ecosystem, pkg string, about []advisory.Advisory) error) error {
	for i := range l.index.len() {
		ecosystem, pkg, err := l.named(i)
		if err != nil {
			return err
		}
		if pkg == "" {
			continue
		}
		about, err := l.About(ecosystem, pkg)
		if err != nil {
			return err
		}
		if err := fn(ecosystem, pkg, about); err != nil {
			return err
		}
	}
	return nil
}

// named is the package of entry i of the index; empty: it is of something else.
func (l *Library) named(i int) (ecosystem, pkg string, err error) {
	defer faults(l.file, &err, debug.SetPanicOnFault(true))
	e, err := l.index.at(i)
	if err != nil {
		return "", "", err
	}
	d, _, err := l.blockAt(e)
	if err != nil || d.byte() != kindPackage {
		return "", "", err
	}
	return d.text(), d.text(), nil
}

// Speaks says whether a feed speaks of a release: only then does no advisory mean no vulnerability.
func (l *Library) Speaks(ecosystem string) bool {
	for _, e := range l.meta.Ecosystems {
		if e == ecosystem {
			return true
		}
	}
	return false
}

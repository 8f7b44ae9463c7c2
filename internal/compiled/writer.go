package compiled

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
)

// Meta is what the file says of itself.
type Meta struct {
	Feeds      []apiv1.FeedStatus `json:"feeds"`
	Ecosystems []string           `json:"ecosystems"` // releases that a feed speaks of
	Advisories int                `json:"advisories"`
	Packages   int                `json:"packages"` // pairs of a release and a name
	Overlays   int                `json:"overlays"`
	Lifecycles int                `json:"lifecycles"`
	Names      []string           `json:"names"` // of feeds, as records count them
	EPSSFeed   string             `json:"epss_feed,omitempty"`
}

// Writer compiles what it is given. Records wait in a spool beside the target, so that what it holds in memory is some 200 bytes for each
// advisory, 32 for each package that one names and 16 for each CVE of an overlay.
type Writer struct {
	path     string
	temp     *os.File
	spool    *os.File
	spooled  *bufio.Writer
	at       uint64 // bytes spooled
	buf      []byte
	feeds    map[string]int
	meta     Meta
	keys     map[name]uint32
	names    []name
	adv      []spooledAdvisory
	refs     []ref
	threats  threats
	products map[string][]byte
	order    []int
}

type name struct {
	kind byte
	a, b string
}

type spooledAdvisory struct {
	feed   int
	id     string
	offset uint64 // in the spool
	length uint32
	final  uint64 // in its section
	placed bool
	// vulnerabilities are the hashes of its CVEs, or of its id where it has none.
	vulnerabilities []uint64
}

// ref is what one advisory says of one name.
type ref struct {
	key, advisory  uint32
	offset         uint64
	length         uint32
	entries, spans uint32 // affected entries and ranges
	bound          bound
}

// Create begins a file that will be at path once Finish has succeeded; until then, and if the program ends, nothing is there.
func Create(path string) (*Writer, error) {
	w := &Writer{path: path, feeds: map[string]int{}, keys: map[name]uint32{}, threats: newThreats(), products: map[string][]byte{}}
	var err error
	if w.temp, err = os.CreateTemp(filepath.Dir(path), tempPrefix+"*"); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "creating a file for compiled feeds")
	}
	if w.spool, err = os.CreateTemp(filepath.Dir(path), tempPrefix+"*"); err != nil {
		w.Abort()
		return nil, fault.Wrap(err, fault.Internal, "creating a file for compiled feeds")
	}
	w.spooled = bufio.NewWriterSize(w.spool, 256<<10)
	return w, nil
}

// Abort forgets what was written. After Finish it does nothing.
func (w *Writer) Abort() {
	for _, f := range []**os.File{&w.temp, &w.spool} {
		if *f != nil {
			_ = (*f).Close()
			_ = os.Remove((*f).Name())
			*f = nil
		}
	}
}

func (w *Writer) feed(feed string) int {
	i, ok := w.feeds[feed]
	if !ok {
		i = len(w.meta.Names)
		w.feeds[feed] = i
		w.meta.Names = append(w.meta.Names, feed)
	}
	return i
}

func (w *Writer) key(n name) uint32 {
	i, ok := w.keys[n]
	if !ok {
		n = name{n.kind, strings.Clone(n.a), strings.Clone(n.b)}
		i = uint32(len(w.names)) //nolint:gosec // checked in put
		w.keys[n] = i
		w.names = append(w.names, n)
	}
	return i
}

func (w *Writer) put(b []byte) (offset uint64, err error) {
	if len(w.names) >= math.MaxUint32 || len(w.adv) >= math.MaxUint32 || len(b) >= math.MaxUint32 {
		return 0, fault.New(fault.TooLarge, "more than 4 billion records")
	}
	offset = w.at
	w.at += uint64(len(b))
	if _, err := w.spooled.Write(b); err != nil {
		return 0, fault.Wrap(err, fault.Internal, "writing compiled feeds")
	}
	return offset, nil
}

// Advisory adds one; of the same feed no id may come twice. An advisory that names no package is counted and can never be asked for.
func (w *Writer) Advisory(a advisory.Advisory) error {
	feed := w.feed(a.Feed)
	w.buf = appendAdvisory(w.buf[:0], feed, &a)
	offset, err := w.put(w.buf)
	if err != nil {
		return err
	}
	at := uint32(len(w.adv)) //nolint:gosec // checked in put
	vulnerabilities := make([]uint64, 0, max(1, len(a.CVEs)))
	for _, cve := range a.CVEs {
		vulnerabilities = append(vulnerabilities, hash(kindThreat, cve, ""))
	}
	if len(vulnerabilities) == 0 {
		vulnerabilities = append(vulnerabilities, hash(kindThreat, a.ID, ""))
	}
	w.adv = append(w.adv, spooledAdvisory{vulnerabilities: vulnerabilities, feed: feed, id: strings.Clone(a.ID), offset: offset, length: uint32(len(w.buf))}) //nolint:gosec // checked in put
	w.meta.Advisories++
	w.order = w.order[:0]
	for i := range a.Affected {
		w.order = append(w.order, i)
	}
	of := func(i int) name { return name{kindPackage, a.Affected[i].Ecosystem, a.Affected[i].Package} }
	slices.SortStableFunc(w.order, func(x, y int) int { return compareNames(of(x), of(y)) })
	for from := 0; from < len(w.order); {
		to := from + 1
		for to < len(w.order) && of(w.order[to]) == of(w.order[from]) {
			to++
		}
		r := ref{key: w.key(of(w.order[from])), advisory: at, bound: quietFrom(of(w.order[from]).a, a.Affected, w.order[from:to])}
		if !a.Withdrawn.IsZero() {
			r.bound = bound{quiet: true}
		}
		if err := w.affected(r, a.Affected, w.order[from:to]); err != nil {
			return err
		}
		from = to
	}
	return nil
}

// affected spools the entries of one package.
func (w *Writer) affected(r ref, all []advisory.Affected, which []int) error {
	w.buf = w.buf[:0]
	for _, i := range which {
		w.buf = appendAffected(w.buf, &all[i])
		r.entries++
		r.spans += uint32(len(all[i].Ranges)) //nolint:gosec // checked in put by their bytes
	}
	var err error
	r.length = uint32(len(w.buf)) //nolint:gosec // checked in put
	if r.offset, err = w.put(w.buf); err != nil {
		return err
	}
	w.refs = append(w.refs, r)
	return nil
}

// Overlay adds one. Where two feeds say the same kind of thing of one CVE, the first counts.
func (w *Writer) Overlay(o advisory.Overlay) error {
	w.meta.Overlays++
	if o.EPSS != nil && w.meta.EPSSFeed == "" {
		w.meta.EPSSFeed = o.Feed
	}
	return w.threats.add(o)
}

// Lifecycle adds one.
func (w *Writer) Lifecycle(l advisory.Lifecycle) error {
	w.meta.Lifecycles++
	w.products[l.Product] = appendLifecycle(w.products[l.Product], w.feed(l.Feed), &l)
	return nil
}

// Finish writes the file, syncs it and gives it its name. ecosystems are the releases of which the feeds speak.
func (w *Writer) Finish(feeds []apiv1.FeedStatus, ecosystems []string) error {
	defer w.Abort()
	w.meta.Feeds, w.meta.Ecosystems = slices.Clone(feeds), slices.Clone(ecosystems)
	w.meta.Packages = len(w.names)
	if err := w.spooled.Flush(); err != nil {
		return fault.Wrap(err, fault.Internal, "writing compiled feeds")
	}
	o := &output{w: bufio.NewWriterSize(w.temp, 256<<10)}
	o.write(make([]byte, headerSize))
	if err := w.sections(o); err != nil {
		return err
	}
	err := o.w.Flush()
	if err == nil {
		_, err = w.temp.WriteAt(encodeHeader(o.table), 0)
	}
	if err == nil {
		err = w.temp.Sync()
	}
	if err == nil {
		err = os.Rename(w.temp.Name(), w.path)
	}
	if err != nil {
		return fault.Wrap(err, fault.Internal, "writing compiled feeds")
	}
	_ = w.temp.Close()
	w.temp = nil
	return syncFolder(filepath.Dir(w.path))
}

// output counts sections as they are written.
type output struct {
	w     *bufio.Writer
	at    uint64
	table [sections]section
	err   error
}

func (o *output) write(b []byte) {
	n, err := o.w.Write(b)
	o.at += uint64(n) //nolint:gosec // a length
	if o.err == nil {
		o.err = err
	}
}

func (o *output) begin(s int) { o.table[s].offset = o.at }
func (o *output) end(s int)   { o.table[s].length = o.at - o.table[s].offset }

// whole writes a section that is checked as a whole.
func (o *output) whole(s int, b []byte) {
	o.begin(s)
	o.write(b)
	o.end(s)
	o.table[s].sum = checksum(b)
}

func (w *Writer) sections(o *output) error {
	meta, err := json.Marshal(w.meta)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "writing compiled feeds")
	}
	o.whole(sectionMeta, meta)
	w.sort()
	if err := w.headers(o); err != nil {
		return err
	}
	index, err := w.blocks(o)
	if err != nil {
		return err
	}
	o.whole(sectionIndexSparse, sparseOf(indexEntry, index))
	o.begin(sectionIndex)
	o.write(index)
	o.end(sectionIndex)
	entries, details := w.threats.table()
	o.whole(sectionThreatSparse, sparseOf(threatEntry, entries))
	o.begin(sectionThreat)
	o.write(entries)
	o.end(sectionThreat)
	o.begin(sectionDetails)
	o.write(details)
	o.end(sectionDetails)
	if o.err != nil {
		return fault.Wrap(o.err, fault.Internal, "writing compiled feeds")
	}
	return nil
}

// sort puts what is said of one name together, by feed and id, and names in order, so that what is looked up together lies together.
func (w *Writer) sort() {
	order := make([]uint32, len(w.names))
	for i := range order {
		order[i] = uint32(i) //nolint:gosec // checked in put
	}
	slices.SortFunc(order, func(x, y uint32) int { return compareNames(w.names[x], w.names[y]) })
	place := make([]uint32, len(order))
	for at, i := range order {
		place[i] = uint32(at) //nolint:gosec // checked in put
	}
	slices.SortFunc(w.names, compareNames)
	for i := range w.refs {
		w.refs[i].key = place[w.refs[i].key]
	}
	slices.SortFunc(w.refs, func(x, y ref) int {
		if x.key != y.key {
			return int(x.key) - int(y.key)
		}
		a, b := &w.adv[x.advisory], &w.adv[y.advisory]
		if a.feed != b.feed {
			return strings.Compare(w.meta.Names[a.feed], w.meta.Names[b.feed])
		}
		if c := strings.Compare(a.id, b.id); c != 0 {
			return c
		}
		return int(x.advisory) - int(y.advisory)
	})
}

func compareNames(x, y name) int {
	if x.kind != y.kind {
		return int(x.kind) - int(y.kind)
	}
	if c := strings.Compare(x.a, y.a); c != 0 {
		return c
	}
	return strings.Compare(x.b, y.b)
}

// headers writes each advisory that is named once, in the order in which packages first name it.
func (w *Writer) headers(o *output) error {
	o.begin(sectionHeaders)
	for _, r := range w.refs {
		a := &w.adv[r.advisory]
		if a.placed {
			continue
		}
		record, err := w.spooledAt(a.offset, a.length)
		if err != nil {
			return err
		}
		a.final, a.placed = o.at-o.table[sectionHeaders].offset, true
		o.write(binary.LittleEndian.AppendUint32(nil, checksum(record)))
		o.write(record)
	}
	o.end(sectionHeaders)
	return nil
}

func (w *Writer) spooledAt(offset uint64, length uint32) ([]byte, error) {
	w.buf = slices.Grow(w.buf[:0], int(length))[:length]
	if _, err := w.spool.ReadAt(w.buf, int64(offset)); err != nil && err != io.EOF { //nolint:gosec // an offset of a file
		return nil, fault.Wrap(err, fault.Internal, "reading what was compiled")
	}
	return w.buf, nil
}

// blocks writes what is known by name and gives the index, sorted.
func (w *Writer) blocks(o *output) ([]byte, error) {
	o.begin(sectionBlocks)
	var entries []indexed
	var block []byte
	var err error
	add := func(n name, b []byte) {
		// The index vouches for the preamble, which vouches for nothing: each group has checksums of its own.
		head := b[:4+binary.LittleEndian.Uint32(b)]
		entries = append(entries, indexed{hash(n.kind, n.a, n.b), o.at - o.table[sectionBlocks].offset, uint32(len(b)), checksum(head)}) //nolint:gosec // checked in block
		o.write(b)
	}
	for from := 0; from < len(w.refs); {
		to := from
		for to < len(w.refs) && w.refs[to].key == w.refs[from].key {
			to++
		}
		n := w.names[w.refs[from].key]
		if block, err = w.block(block[:0], n, w.refs[from:to]); err != nil {
			return nil, err
		}
		add(n, block)
		from = to
	}
	for _, product := range sortedKeys(w.products) {
		n := name{kindLifecycle, product, ""}
		add(n, appendBlock(nil, append(appendName(nil, n), w.products[product]...)))
	}
	for _, cve := range sortedKeys(w.threats.odd) {
		n := name{kindThreat, cve, ""}
		add(n, appendBlock(nil, appendThreat(appendName(nil, n), w.threats.odd[cve], true)))
	}
	o.end(sectionBlocks)
	return encodeIndex(entries), nil
}

func appendName(b []byte, n name) []byte {
	return appendText(appendText(append(b, n.kind), n.a), n.b)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// indexed is one entry of the index: the hash of a name, and where its block is.
type indexed struct {
	hash   uint64
	offset uint64
	length uint32
	sum    uint32
}

const indexEntry = 8 + 8 + 4 + 4

func encodeIndex(entries []indexed) []byte {
	slices.SortFunc(entries, func(x, y indexed) int {
		switch {
		case x.hash < y.hash || x.hash == y.hash && x.offset < y.offset:
			return -1
		case x == y:
			return 0
		}
		return 1
	})
	b := make([]byte, 0, len(entries)*indexEntry)
	for _, e := range entries {
		b = binary.LittleEndian.AppendUint64(b, e.hash)
		b = binary.LittleEndian.AppendUint64(b, e.offset)
		b = binary.LittleEndian.AppendUint32(b, e.length)
		b = binary.LittleEndian.AppendUint32(b, e.sum)
	}
	return b
}

// syncFolder makes a new name last; where folders cannot be synced the name may be lost with the power, and is made again.
func syncFolder(folder string) error {
	d, err := os.Open(folder) //nolint:gosec // the cache's own folder
	if err != nil {
		return fault.Wrap(err, fault.Internal, "opening the cache folder")
	}
	defer d.Close()
	_ = d.Sync()
	return nil
}

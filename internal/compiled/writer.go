package compiled

import (
	"bufio"
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
// advisory, as many for each package that one names and 16 for each CVE of an overlay.
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
	groups   []group // of all names, in their order, once they are sorted
	threats  threats
	named    map[uint64]bool // packed CVEs of advisories
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
	w := &Writer{path: path, feeds: map[string]int{}, keys: map[name]uint32{}, threats: newThreats(), named: map[uint64]bool{}, products: map[string][]byte{}}
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
	names := a.CVEs
	if len(names) == 0 {
		names = []string{a.ID}
	}
	for _, v := range names {
		vulnerabilities = append(vulnerabilities, hash(kindThreat, v, ""))
		if key, ok := cveKey(v); ok {
			w.named[key] = true
		}
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

package compiled

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"io"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/fault"
)

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

// part writes a section that is checked part by part.
func (o *output) part(s int, b []byte) {
	o.begin(s)
	o.write(b)
	o.end(s)
}

// whole writes a section that is checked as a whole.
func (o *output) whole(s int, b []byte) {
	o.part(s, b)
	o.table[s].sum = checksum(b)
}

func (w *Writer) sections(o *output) error {
	meta, err := json.Marshal(w.meta)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "writing compiled feeds")
	}
	o.whole(sectionMeta, meta)
	w.sort()
	w.group()
	if err := w.headers(o); err != nil {
		return err
	}
	quiet, err := w.quiet(o)
	if err != nil {
		return err
	}
	index, err := w.blocks(o, quiet)
	if err != nil {
		return err
	}
	o.whole(sectionIndexSparse, sparseOf(indexEntry, index))
	o.part(sectionIndex, index)
	named, others, details := w.threats.tables(w.named)
	o.whole(sectionThreatSparse, sparseOf(threatEntry, named))
	o.part(sectionThreat, named)
	o.whole(sectionOtherSparse, sparseOf(threatEntry, others))
	o.part(sectionOther, others)
	o.part(sectionDetails, details)
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

// headers writes each advisory that is named once, in the order in which groups first name it: first of all groups that are never quiet.
func (w *Writer) headers(o *output) error {
	o.begin(sectionHeaders)
	for _, quiet := range []bool{false, true} {
		for _, g := range w.groups {
			if g.quiet != quiet {
				continue
			}
			for _, r := range g.refs {
				if err := w.header(o, &w.adv[r.advisory]); err != nil {
					return err
				}
			}
		}
	}
	o.end(sectionHeaders)
	return nil
}

func (w *Writer) header(o *output, a *spooledAdvisory) error {
	if a.placed {
		return nil
	}
	record, err := w.spooledAt(a.offset, a.length)
	if err != nil {
		return err
	}
	a.final, a.placed = o.at-o.table[sectionHeaders].offset, true
	o.write(binary.LittleEndian.AppendUint32(nil, checksum(record)))
	o.write(record)
	return nil
}

func (w *Writer) spooledAt(offset uint64, length uint32) ([]byte, error) {
	w.buf = slices.Grow(w.buf[:0], int(length))[:length]
	if _, err := w.spool.ReadAt(w.buf, int64(offset)); err != nil && err != io.EOF { //nolint:gosec // an offset of a file
		return nil, fault.Wrap(err, fault.Internal, "reading what was compiled")
	}
	return w.buf, nil
}

// quiet writes the groups that are quiet from some version on, and says of each name where.
func (w *Writer) quiet(o *output) ([]quietPart, error) {
	o.begin(sectionQuiet)
	var parts []quietPart
	var b []byte
	err := w.eachName(func(_ name, groups []group) error {
		groups = groups[standingOf(groups):]
		part := quietPart{count: uint64(len(groups)), place: o.at - o.table[sectionQuiet].offset}
		if len(groups) > 0 {
			part.key = groups[0].key
		}
		var err error
		if b, err = w.appendGroups(b[:0], groups); err != nil {
			return err
		}
		part.length = uint64(len(b))
		o.write(b)
		parts = append(parts, part)
		return nil
	})
	o.end(sectionQuiet)
	return parts, err
}

// blocks writes what is known by name, given where its quiet groups are, and gives the index, sorted.
func (w *Writer) blocks(o *output, quiet []quietPart) ([]byte, error) {
	o.begin(sectionBlocks)
	var entries []indexed
	var block []byte
	add := func(n name, b []byte) {
		// The index vouches for the preamble, which vouches for nothing: each group has checksums of its own.
		head := b[:4+binary.LittleEndian.Uint32(b)]
		entries = append(entries, indexed{hash(n.kind, n.a, n.b), o.at - o.table[sectionBlocks].offset, uint32(len(b)), checksum(head)}) //nolint:gosec // checked in block
		o.write(b)
	}
	err := w.eachName(func(n name, groups []group) error {
		standing := standingOf(groups)
		preamble := quiet[0].append(binary.AppendUvarint(appendName(nil, n), uint64(standing)))
		quiet = quiet[1:]
		var err error
		if block, err = w.appendGroups(appendBlock(block[:0], preamble), groups[:standing]); err != nil {
			return err
		}
		if len(block) >= math.MaxUint32 {
			return fault.New(fault.TooLarge, "more than 4 GiB is said of %s in %s", n.b, n.a)
		}
		add(n, block)
		return nil
	})
	if err != nil {
		return nil, err
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

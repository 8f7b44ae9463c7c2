package compiled

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
)

// decoder reads values from a copy of a record; after a damaged one everything is zero and bad is set. What it gives shares the copy.
type decoder struct {
	s   string
	bad bool
}

func (d *decoder) fail() {
	d.bad, d.s = true, ""
}

func (d *decoder) uvarint() uint64 {
	var n uint64
	for i := range min(len(d.s), binary.MaxVarintLen64) {
		c := d.s[i]
		n |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			d.s = d.s[i+1:]
			return n
		}
	}
	d.fail()
	return 0
}

func (d *decoder) varint() int64 {
	u := d.uvarint()
	return int64(u>>1) ^ -int64(u&1) //nolint:gosec // zigzag
}

// count is a number of things of which each takes at least least bytes of what is left.
func (d *decoder) count(least int) int {
	n := d.uvarint()
	if n > uint64(len(d.s)/least) { //nolint:gosec // a length
		d.fail()
		return 0
	}
	return int(n) //nolint:gosec // at most a length
}

func (d *decoder) byte() byte {
	if d.s == "" {
		d.fail()
		return 0
	}
	c := d.s[0]
	d.s = d.s[1:]
	return c
}

func (d *decoder) text() string {
	n := d.count(1)
	s := d.s[:n]
	d.s = d.s[n:]
	return s
}

// list appends to all and gives the part of it that it read; nil for none.
func (d *decoder) list(all *[]string) []string {
	n := d.count(1)
	if n == 0 {
		return nil
	}
	from := len(*all)
	for range n {
		*all = append(*all, d.text())
	}
	return (*all)[from:len(*all):len(*all)]
}

func (d *decoder) time() time.Time {
	if d.byte() == 0 {
		return time.Time{}
	}
	seconds, nanos := d.varint(), d.uvarint()
	if nanos >= 1e9 {
		d.fail()
		return time.Time{}
	}
	return time.Unix(seconds, int64(nanos)).UTC() //nolint:gosec // below 1e9
}

func (d *decoder) feed(names []string) string {
	n := d.uvarint()
	if n >= uint64(len(names)) {
		d.fail()
		return ""
	}
	return names[n]
}

func (d *decoder) advisory(a *advisory.Advisory, feeds []string, words *[]string) {
	a.Feed = d.feed(feeds)
	a.ID = d.text()
	a.Severity = d.text()
	a.CVEs = d.list(words)
	a.Aliases = d.list(words)
	a.Supersedes = d.list(words)
	a.Published = d.time()
	a.Modified = d.time()
	a.Withdrawn = d.time()
}

// leastGroup, leastAffected and leastRange are the bytes of a group, an entry and a range in which everything is empty.
const (
	leastGroup    = 4 + sumSize + 6 + sumSize
	leastAffected = 7
	leastRange    = 3
)

func (d *decoder) affected(a *advisory.Affected, ranges *[]advisory.Range, words *[]string) {
	if n := d.count(leastRange); n > 0 {
		from := len(*ranges)
		for range n {
			*ranges = append(*ranges, advisory.Range{Introduced: d.text(), Fixed: d.text(), Last: d.text()})
		}
		a.Ranges = (*ranges)[from:len(*ranges):len(*ranges)]
	}
	a.Versions = d.list(words)
	a.Status = advisory.Status(d.text())
	a.Note = d.text()
	a.Stream = d.text()
	a.Entitlement = d.text()
	a.Severity = d.text()
}

func (d *decoder) threat() threat {
	var t threat
	flags := d.byte()
	if flags&hasKEV != 0 {
		t.kev = &advisory.KEV{CVE: d.text(), Added: d.text(), Due: d.text(), Name: d.text(), Ransomware: flags&hasRansomware != 0}
	}
	if flags&hasEPSS != 0 {
		if len(d.s) < 8 {
			d.fail()
			return threat{}
		}
		t.epss = &advisory.EPSS{Score: math.Float64frombits(binary.LittleEndian.Uint64([]byte(d.s[:8])))}
		d.s = d.s[8:]
	}
	if flags&hasSSVC != 0 {
		t.ssvc = &advisory.SSVC{Exploitation: d.text(), Automatable: d.text(), Impact: d.text(), At: d.text()}
	}
	return t
}

func (d *decoder) lifecycle(product string, feeds []string) advisory.Lifecycle {
	l := advisory.Lifecycle{Feed: d.feed(feeds), Product: product}
	for _, s := range []*string{&l.Release, &l.Codename, &l.Released, &l.Support, &l.EOL, &l.Extended, &l.Latest} {
		*s = d.text()
	}
	l.Ended = d.byte() == 1
	return l
}

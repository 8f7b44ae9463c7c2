package ubuntu

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

type event struct {
	Introduced   string `json:"introduced"`
	Fixed        string `json:"fixed"`
	LastAffected string `json:"last_affected"`
}

// reduce makes an entry of one of a record's. Versions that a range covers are dropped: each entry lists all that there were. A listed
// version that is none is left out, and the error names the first such; with any other error nothing can be used, and it has no versions.
func (in *affected) reduce(priority string) (advisory.Affected, error) {
	var a advisory.Affected
	at, ok := ofEcosystem(in.Package.Ecosystem)
	switch {
	case !ok:
		return a, errors.New("it names no release of Ubuntu")
	case !intake.Fit(in.Package.Name, maxName):
		return a, fmt.Errorf("its package name is empty, longer than %d bytes or not printable", maxName)
	}
	p, _ := parsePurl(in.Package.Purl)
	at.entitle(p.distro, in.Specific.Availability)
	a = advisory.Affected{
		Ecosystem: at.ecosystem, Package: in.Package.Name, Entitlement: at.entitlement, Stream: at.streamOf(in.Package.Name), Severity: in.priority(priority),
	}
	for _, r := range in.Ranges {
		if r.Type != "ECOSYSTEM" {
			continue
		}
		ranges, err := rangesOf(r.Events)
		if err != nil {
			return advisory.Affected{}, err
		}
		a.Ranges = append(a.Ranges, ranges...)
	}
	var wrong error
	for _, v := range in.Versions {
		if err := vercmp.Valid(vercmp.Deb, v); err != nil {
			wrong = cmp.Or(wrong, err)
		} else if !slices.ContainsFunc(a.Ranges, func(r advisory.Range) bool { return within(r, v) }) {
			a.Versions = append(a.Versions, v)
		}
	}
	if len(a.Ranges)+len(a.Versions) == 0 {
		return a, cmp.Or(wrong, errors.New("it names no versions"))
	}
	return a, wrong
}

// rangesOf pairs a range's events in the order of their versions.
func rangesOf(events []event) ([]advisory.Range, error) {
	type bound struct{ introduced, fixed, last, version string }
	var bounds []bound
	for _, e := range events {
		v := cmp.Or(e.Introduced, e.Fixed, e.LastAffected)
		if v != "0" || e.Introduced == "" {
			if err := vercmp.Valid(vercmp.Deb, v); err != nil {
				return nil, err
			}
		}
		bounds = append(bounds, bound{e.Introduced, e.Fixed, e.LastAffected, v})
	}
	slices.SortStableFunc(bounds, func(a, b bound) int { return compare(a.version, b.version) })
	var ranges []advisory.Range
	open := false
	for _, b := range bounds {
		switch {
		case b.introduced != "" && !open:
			ranges = append(ranges, advisory.Range{Introduced: b.introduced})
			open = true
		case b.fixed != "" && open:
			ranges[len(ranges)-1].Fixed = b.fixed
			open = false
		case b.last != "" && open:
			ranges[len(ranges)-1].Last = b.last
			open = false
		}
	}
	if len(ranges) == 0 {
		return nil, errors.New("a range has no introduced event")
	}
	return ranges, nil
}

// compare compares valid versions; "0" is before every other one.
func compare(a, b string) int {
	switch {
	case a == b:
		return 0
	case a == "0":
		return -1
	case b == "0":
		return 1
	}
	n, _ := vercmp.Compare(vercmp.Deb, a, b)
	return n
}

func within(r advisory.Range, v string) bool {
	return compare(r.Introduced, v) <= 0 && (r.Fixed == "" || compare(v, r.Fixed) < 0) && (r.Last == "" || compare(v, r.Last) <= 0)
}

// merge is what makes entries one: a record may name a package of a place twice.
type merge struct{ ecosystem, name, entitlement, stream, severity, note, status string }

type merged struct {
	at  map[merge]int
	all []advisory.Affected
}

func newMerged() *merged { return &merged{map[merge]int{}, []advisory.Affected{}} }

func (m *merged) add(a advisory.Affected) {
	key := merge{a.Ecosystem, a.Package, a.Entitlement, a.Stream, a.Severity, a.Note, string(a.Status)}
	i, ok := m.at[key]
	if !ok {
		m.at[key] = len(m.all)
		m.all = append(m.all, a)
		return
	}
	if len(m.all[i].Ranges)+len(m.all[i].Versions) == 0 || len(a.Ranges)+len(a.Versions) == 0 {
		m.all[i].Ranges, m.all[i].Versions = nil, nil // one of them is of every version
		return
	}
	m.all[i].Ranges = append(m.all[i].Ranges, a.Ranges...)
	m.all[i].Versions = append(m.all[i].Versions, a.Versions...)
}

// sorted gives the entries in a fixed order.
func (m *merged) sorted() []advisory.Affected {
	for i := range m.all {
		a := &m.all[i]
		slices.SortFunc(a.Ranges, func(a, b advisory.Range) int {
			return cmp.Or(cmp.Compare(a.Introduced, b.Introduced), cmp.Compare(a.Fixed, b.Fixed), cmp.Compare(a.Last, b.Last))
		})
		a.Ranges = slices.Compact(a.Ranges)
		if len(a.Versions) > 0 {
			a.Versions = intake.Sorted(a.Versions)
		}
	}
	slices.SortFunc(m.all, func(a, b advisory.Affected) int {
		return cmp.Or(cmp.Compare(a.Ecosystem, b.Ecosystem), cmp.Compare(a.Package, b.Package), cmp.Compare(a.Stream, b.Stream),
			cmp.Compare(a.Entitlement, b.Entitlement), cmp.Compare(a.Status, b.Status), strings.Compare(a.Note, b.Note), cmp.Compare(a.Severity, b.Severity))
	})
	return m.all
}

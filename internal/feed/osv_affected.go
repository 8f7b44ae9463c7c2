package feed

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// affectedOf reduces a record's entries: those of one bucket, with packages that are named twice merged, in a fixed order. Entries that
// cannot be used are named; the error says why none is left. A notice says of each that it is none.
func affectedOf(r *osvRecord, bucket string, notice bool) ([]advisory.Affected, []advisory.Problem, error) {
	var (
		found    []advisory.Affected
		problems []advisory.Problem
		failed   = errForeign
	)
	for i := range r.Affected {
		in := &r.Affected[i]
		name := in.Package.Name
		if bucketOf(in.Package.Ecosystem) != bucket {
			continue
		}
		ecosystem, entitlement, note, ok := releaseOf(in.Package.Ecosystem)
		if !ok {
			if errors.Is(failed, errForeign) {
				failed = errProduct
			}
			continue
		}
		beside := besidesOf(in)
		reduced, wrong := reduce(in, beside, ecosystem)
		if wrong != nil && len(problems) < intake.MaxProblems {
			problems = append(problems, advisory.Problem{Record: r.ID, Reason: fmt.Sprintf("%s in %s: %v", intake.Shown(name), intake.Shown(ecosystem), wrong)})
		}
		if len(reduced.Ranges)+len(reduced.Versions) == 0 {
			failed = wrong
			continue
		}
		reduced.Ecosystem, reduced.Package, reduced.Entitlement, reduced.Note = ecosystem, intake.PackageName(bucket, name), entitlement, note
		if notice || beside.notice() {
			reduced.Status = advisory.StatusNotice
		}
		built, wrong := inBinaries(reduced, bucket, in.EcosystemSpecific)
		if wrong != nil && len(problems) < intake.MaxProblems {
			problems = append(problems, advisory.Problem{Record: r.ID, Reason: fmt.Sprintf("%s in %s: %v", intake.Shown(name), intake.Shown(ecosystem), wrong)})
		}
		if found = append(found, built...); len(found) > maxAffected {
			return nil, problems, fmt.Errorf("it has more than %d affected packages", maxAffected)
		}
	}
	if len(found) == 0 {
		return nil, problems, failed
	}
	merged := intake.Merged(found)
	if scheme, _ := vercmp.ForEcosystem(bucket); scheme == vercmp.RPM {
		merged = intake.Merged(inStreams(merged, streamsIn(r.Summary)))
	}
	return merged, problems, nil
}

// reduce makes ranges and exact versions of one entry; none when it cannot be used. Versions that a range covers already are dropped:
// Debian's records list hundreds. A listed version that is none is left out, and the error names the first such; a range with such a
// bound could mean anything, so that only the versions that are listed count.
func reduce(in *osvAffected, besides besides, ecosystem string) (advisory.Affected, error) {
	var out advisory.Affected
	name := in.Package.Name
	if name == "" || len(name) > maxName || intake.Shown(name) != intake.Cut(name, intake.ShownName) {
		return out, fmt.Errorf("its package name is empty, not printable or longer than %d bytes", maxName)
	}
	if len(ecosystem) > maxID || intake.Shown(ecosystem) != ecosystem {
		return out, fmt.Errorf("its ecosystem is not printable or longer than %d bytes", maxID)
	}
	scheme, ok := vercmp.ForEcosystem(ecosystem)
	if !ok {
		return out, fmt.Errorf("no version order for %s", ecosystem)
	}
	var wrong error
	for _, r := range in.Ranges {
		if r.Type != "ECOSYSTEM" && r.Type != "SEMVER" {
			continue // commits, which no package database knows
		}
		ranges, err := rangesOf(scheme, r.Events)
		wrong = cmp.Or(wrong, err)
		out.Ranges = append(out.Ranges, ranges...)
	}
	if wrong != nil {
		out.Ranges = nil
	}
	listed := in.Versions
	if ranges, narrowed := besides.narrowed(scheme, out.Ranges); narrowed {
		out.Ranges, listed = ranges, nil
	}
	for _, v := range listed {
		if err := vercmp.Valid(scheme, v); err != nil {
			wrong = cmp.Or(wrong, err)
			continue
		}
		if !slices.ContainsFunc(out.Ranges, func(r advisory.Range) bool { return inRange(scheme, r, v) }) {
			out.Versions = append(out.Versions, v)
		}
	}
	if len(out.Ranges)+len(out.Versions) == 0 && wrong == nil {
		wrong = errors.New("it names no versions")
	}
	return out, wrong
}

// inRange: r and v are valid.
func inRange(scheme vercmp.Scheme, r advisory.Range, v string) bool {
	at := func(bound string) int {
		n, _ := vercmp.Compare(scheme, v, bound)
		return n
	}
	return (r.Introduced == "0" || at(r.Introduced) >= 0) && (r.Fixed == "" || at(r.Fixed) < 0) && (r.Last == "" || at(r.Last) <= 0)
}

// bound is one event of a range.
type bound struct {
	version string
	kind    int
}

const (
	introduced = iota
	fixed
	lastAffected
)

// rangesOf pairs a range's events. OSV evaluates them in version order, whatever their order in the file; equal versions stay in the
// file's. A limit ends every range that goes past it, which says "not affected from there", as a fix does.
func rangesOf(scheme vercmp.Scheme, events []osvEvent) ([]advisory.Range, error) {
	bounds, limit, err := boundsOf(scheme, events)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(bounds, func(a, b bound) int { return compareBounds(scheme, a.version, b.version) })
	var out []advisory.Range
	open := false
	for _, b := range bounds {
		switch {
		case b.kind == introduced && !open:
			out = append(out, advisory.Range{Introduced: b.version})
			open = true
		case b.kind == fixed && open:
			out[len(out)-1].Fixed = b.version
			open = false
		case b.kind == lastAffected && open:
			out[len(out)-1].Last = b.version
			open = false
		}
	}
	if len(out) == 0 {
		return nil, errors.New("a range has no introduced event")
	}
	if limit == "" {
		return out, nil
	}
	var limited []advisory.Range
	for _, r := range out {
		if compareBounds(scheme, r.Introduced, limit) >= 0 {
			continue
		}
		if end := cmp.Or(r.Fixed, r.Last); end == "" || compareBounds(scheme, end, limit) >= 0 {
			r.Fixed, r.Last = limit, ""
		}
		limited = append(limited, r)
	}
	if len(limited) == 0 {
		return nil, errors.New("a range lies past its limit")
	}
	return limited, nil
}

// boundsOf checks the events' versions, and gives the largest limit: OSV has a version affected when it is before any of them.
func boundsOf(scheme vercmp.Scheme, events []osvEvent) (bounds []bound, limit string, err error) {
	add := func(version string, kind int) {
		if version == "" || err != nil {
			return
		}
		if kind != introduced || version != "0" {
			if err = vercmp.Valid(scheme, version); err != nil {
				return
			}
		}
		bounds = append(bounds, bound{version, kind})
	}
	unlimited := true
	for _, e := range events {
		add(e.Introduced, introduced)
		add(e.Fixed, fixed)
		add(e.LastAffected, lastAffected)
		if err != nil {
			return nil, "", err
		}
		if e.Limit == "" || e.Limit == "*" {
			continue
		}
		if err := vercmp.Valid(scheme, e.Limit); err != nil {
			return nil, "", err
		}
		if unlimited || compareBounds(scheme, e.Limit, limit) > 0 {
			limit, unlimited = e.Limit, false
		}
	}
	return bounds, limit, err
}

// compareBounds compares valid versions; "0" is before every other one.
func compareBounds(scheme vercmp.Scheme, a, b string) int {
	if a == "0" || b == "0" {
		return cmp.Compare(btoi(b == "0"), btoi(a == "0"))
	}
	n, _ := vercmp.Compare(scheme, a, b)
	return n
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

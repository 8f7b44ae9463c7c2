package feed

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// readFiles passes over all files of a feed once, in order. Records go to the sink as the adapter gives them, but for those whose id another
// file of the feed had already, which are named. An error is damage of a whole file, or the sink's.
func readFiles(ctx context.Context, s source, now time.Time, files []intake.File, o intake.Options, to intake.Sink) (intake.Survey, error) {
	var all intake.Survey
	read := s.read
	if s.readAt != nil {
		read = s.readAt(now)
	}
	o.Feed = s.name
	to = atMost(to, o.Limits.OrDefault().MaxRecords)
	if len(files) > 1 {
		to = once(to, &all)
	}
	for _, f := range files {
		found, err := read(ctx, f, o, to)
		if err != nil {
			if len(files) > 1 {
				err = fmt.Errorf("%s: %w", intake.Shown(f.Name), err)
			}
			return all, err
		}
		all.FixesOnly = found.FixesOnly
		all.Records += found.Records
		all.Skipped += found.Skipped
		all.Left += found.Left
		all.Problems = append(all.Problems, found.Problems[:min(len(found.Problems), intake.MaxProblems-len(all.Problems))]...)
		all.Ecosystems = append(all.Ecosystems, found.Ecosystems...)
		if found.Newest.After(all.Newest) {
			all.Newest = found.Newest
		}
	}
	if !s.own && all.Records == 0 && all.Skipped > 0 {
		return all, intake.Damaged("nothing in it can be read: %s: %s", all.Problems[0].Record, all.Problems[0].Reason)
	}
	all.Ecosystems = intake.Sorted(all.Ecosystems)
	if s.own || s.partial || s.buckets == nil {
		all.Ecosystems = nil // a word on one package, or on a CVE, does not make a release assessed
	}
	return all, nil
}

// atMost gives so many records and no more: adapters, the store and its transaction remember each one.
func atMost(to intake.Sink, most int64) intake.Sink {
	given := int64(0)
	under := func(give func() error) error {
		if given++; given > most {
			return fmt.Errorf("%w: it has more than %d records", intake.ErrTooLong, most)
		}
		return give()
	}
	return intake.Sink{
		Advisory:  func(a advisory.Advisory) error { return under(func() error { return to.GiveAdvisory(a) }) },
		Overlay:   func(o advisory.Overlay) error { return under(func() error { return to.GiveOverlay(o) }) },
		Lifecycle: func(l advisory.Lifecycle) error { return under(func() error { return to.GiveLifecycle(l) }) },
	}
}

// once keeps each id from being given twice by several files: the store refuses a feed that has a record twice.
func once(to intake.Sink, all *intake.Survey) intake.Sink {
	advisories, overlays, lifecycles := intake.NewSeen(), intake.NewSeen(), intake.NewSeen()
	twice := func(what string) {
		all.Records--
		all.Skip(what, "another file of the feed has a record of this name too")
	}
	return intake.Sink{
		Advisory: func(a advisory.Advisory) error {
			if !advisories.Add(a.ID) {
				twice(a.ID)
				return nil
			}
			return to.GiveAdvisory(a)
		},
		Overlay: func(o advisory.Overlay) error {
			if !overlays.Add(o.CVE) {
				twice(o.CVE)
				return nil
			}
			return to.GiveOverlay(o)
		},
		Lifecycle: func(l advisory.Lifecycle) error {
			if !lifecycles.Add(l.Product + ":" + l.Release) {
				twice(l.Product + " " + l.Release)
				return nil
			}
			return to.GiveLifecycle(l)
		},
	}
}

// readOSVFile is the adapter of OSV's buckets.
func readOSVFile(ctx context.Context, f intake.File, o intake.Options, to intake.Sink) (intake.Survey, error) {
	a, err := intake.OpenArchive(f, f.Size, o.Limits)
	if err != nil {
		return intake.Survey{}, err
	}
	var want func([]byte) bool
	if o.Spelt != nil {
		want = naming(o.Spelt)
	}
	return readOSV(ctx, a, strings.TrimPrefix(o.Feed, osvPrefix), want, func(record advisory.Advisory) error {
		record.Affected = slices.DeleteFunc(record.Affected, func(a advisory.Affected) bool { return !o.Wants(a.Ecosystem) })
		return to.GiveAdvisory(record)
	})
}

// naming is a quick look at a record's text: does it spell one of the releases? A record that spells with escapes is let through.
func naming(releases []string) func(raw []byte) bool {
	spelled := [][]byte{[]byte(`\u`)}
	for _, release := range releases {
		spelled = append(spelled, []byte(`"`+spelling(release)))
	}
	return func(raw []byte) bool {
		return slices.ContainsFunc(spelled, func(s []byte) bool { return bytes.Contains(raw, s) })
	}
}

// readKEVFile is the adapter of CISA's catalogue.
func readKEVFile(_ context.Context, f intake.File, o intake.Options, to intake.Sink) (intake.Survey, error) {
	return readKEV(f.Reader(), o.Limits, func(k advisory.KEV) error {
		return to.GiveOverlay(advisory.Overlay{Feed: o.Feed, CVE: k.CVE, KEV: &k})
	})
}

package feed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// maxReleases bounds the releases that a bucket names: OSV's largest, SUSE's, has some 300.
const maxReleases = 10_000

// readOSV passes over an OSV bucket's archive once, in its order, giving each sound record to yield, whose error ends the pass. want,
// when not nil, is asked about a record's raw text first. An error is damage of the whole archive.
func readOSV(ctx context.Context, a *intake.Archive, bucket string, want func(raw []byte) bool, yield func(advisory.Advisory) error) (intake.Survey, error) {
	var s intake.Survey
	scheme, ok := vercmp.ForEcosystem(bucket)
	if !ok {
		return s, fmt.Errorf("no version order for %s", bucket)
	}
	s.FixesOnly = scheme == vercmp.RPM // the RPM family's records are errata
	seen := intake.NewSeen()
	ecosystems := map[string]bool{}
	foreign := 0
	err := a.Entries(func(e intake.Entry) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if strings.HasSuffix(e.Name, "/") {
			return nil
		}
		raw, err := a.Read(e)
		switch {
		case errors.Is(err, intake.ErrRecord):
			s.Skip(e.Name, err.Error())
			return nil
		case err != nil:
			return err
		case want != nil && !want(raw):
			s.Left++
			return nil
		}
		record, problems, err := parseOSV(raw, bucket)
		for _, p := range problems {
			s.Name(p.Record, p.Reason)
		}
		switch {
		case errors.Is(err, errProduct):
			s.Left++
			return nil
		case err != nil:
			if errors.Is(err, errForeign) {
				foreign++
			}
			s.Skip(e.Name, err.Error())
			return nil
		case !seen.Add(record.ID):
			s.Skip(e.Name, "a second record with the id "+record.ID)
			return nil
		}
		s.Records++
		for i := range record.Affected {
			ecosystems[record.Affected[i].Ecosystem] = true
		}
		if len(ecosystems) > maxReleases {
			return fmt.Errorf("%w: it names more than %d releases", intake.ErrTooLong, maxReleases)
		}
		if record.Modified.After(s.Newest) {
			s.Newest = record.Modified
		}
		return yield(record)
	})
	if err != nil {
		return s, err
	}
	for name := range ecosystems {
		s.Ecosystems = append(s.Ecosystems, name)
	}
	slices.Sort(s.Ecosystems)
	if s.Records == 0 && s.Left == 0 {
		if foreign > 0 {
			return s, intake.Damaged("none of its records names a package of %s", bucket)
		}
		return s, intake.Damaged("it holds no record that can be read")
	}
	return s, nil
}

package feed

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// maxProblems is how many problems are named; the rest are counted.
const maxProblems = 100

// survey is what one pass over a feed's file found.
type survey struct {
	Records    int
	Skipped    int
	Left       int // not wanted: records of other releases, when only some are read
	Problems   []advisory.Problem
	Ecosystems []string
	Newest     time.Time // the newest modified time, or the catalogue's release
}

func (s *survey) skip(record, reason string) {
	s.Skipped++
	s.name(record, reason)
}

func (s *survey) name(record, reason string) {
	if len(s.Problems) < maxProblems {
		s.Problems = append(s.Problems, advisory.Problem{Record: shown(record), Reason: cut(shown(reason), shownName)})
	}
}

// readOSV passes over an OSV bucket's archive once, in its order, giving each sound record to yield, whose error ends the pass. want,
// when not nil, is asked about a record's raw text first. An error is damage of the whole archive.
func readOSV(ctx context.Context, a *archive, bucket string, want func(raw []byte) bool, yield func(advisory.Advisory) error) (survey, error) {
	var s survey
	if _, ok := vercmp.ForEcosystem(bucket); !ok {
		return s, fmt.Errorf("no version order for %s", bucket)
	}
	seen := newSet()
	ecosystems := map[string]bool{}
	foreign := 0
	err := a.entries(func(e entry) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if strings.HasSuffix(e.name, "/") {
			return nil
		}
		raw, err := a.read(e)
		switch {
		case errors.Is(err, errRecord):
			s.skip(e.name, err.Error())
			return nil
		case err != nil:
			return err
		case want != nil && !want(raw):
			s.Left++
			return nil
		}
		record, problems, err := parseOSV(raw, bucket)
		for _, p := range problems {
			s.name(p.Record, p.Reason)
		}
		switch {
		case err != nil:
			if errors.Is(err, errForeign) {
				foreign++
			}
			s.skip(e.name, err.Error())
			return nil
		case !seen.add(record.ID):
			s.skip(e.name, "a second record with the id "+record.ID)
			return nil
		}
		s.Records++
		for i := range record.Affected {
			ecosystems[record.Affected[i].Ecosystem] = true
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
			return s, damaged("none of its records names a package of %s", bucket)
		}
		return s, damaged("it holds no record that can be read")
	}
	return s, nil
}

// shrunk refuses a file that suddenly has less than half of what the feed had: more likely broken than true.
func (s *survey) shrunk(before int) error {
	const few = 20 // below this, half is noise
	if before >= few && s.Records*2 < before {
		return damaged("it holds %d records where the last one held %d", s.Records, before)
	}
	return nil
}

// set remembers ids by a seeded 64-bit hash: 16 bytes each, whatever their length, and no sender can make two collide.
type set struct {
	seed maphash.Seed
	in   map[uint64]struct{}
}

func newSet() set { return set{maphash.MakeSeed(), map[uint64]struct{}{}} }

// add says whether id is new.
func (s set) add(id string) bool {
	h := maphash.String(s.seed, id)
	if _, ok := s.in[h]; ok {
		return false
	}
	s.in[h] = struct{}{}
	return true
}

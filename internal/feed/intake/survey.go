package intake

import (
	"hash/maphash"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
)

// MaxProblems is how many problems are named; the rest are counted.
const MaxProblems = 100

// Survey is what one pass over a feed's file found.
type Survey struct {
	Records    int
	Skipped    int
	Left       int // not wanted: records of other releases, when only some are read
	Problems   []advisory.Problem
	Ecosystems []string
	Newest     time.Time // the newest modified time, or the catalogue's release
	FixesOnly  bool      // the source names what was fixed and nothing else: what it does not name may be there, unfixed
}

func (s *Survey) Skip(record, reason string) {
	s.Skipped++
	s.Name(record, reason)
}

func (s *Survey) Name(record, reason string) {
	if len(s.Problems) < MaxProblems {
		s.Problems = append(s.Problems, advisory.Problem{Record: Shown(record), Reason: Cut(Shown(reason), ShownName)})
	}
}

// Shrunk refuses a file that suddenly has less than half of what the feed had, or nothing: more likely broken than true.
func (s *Survey) Shrunk(before int) error {
	const few = 20 // below this, half is noise
	if before > 0 && s.Records == 0 {
		return Damaged("it holds no record, where the last one held %d", before)
	}
	if before >= few && s.Records*2 < before {
		return Damaged("it holds %d records where the last one held %d", s.Records, before)
	}
	return nil
}

// Seen remembers ids by a seeded 64-bit hash: 16 bytes each, whatever their length, and no sender can make two collide.
type Seen struct {
	seed maphash.Seed
	in   map[uint64]struct{}
}

func NewSeen() Seen { return Seen{maphash.MakeSeed(), map[uint64]struct{}{}} }

// Add says whether id is new.
func (s Seen) Add(id string) bool {
	h := maphash.String(s.seed, id)
	if _, ok := s.in[h]; ok {
		return false
	}
	s.in[h] = struct{}{}
	return true
}

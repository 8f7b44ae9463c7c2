package intaketest

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// Given is what an adapter gave, in its order.
type Given struct {
	Advisories []advisory.Advisory
	Overlays   []advisory.Overlay
	Lifecycles []advisory.Lifecycle
}

// Read passes over a file once.
func Read(ctx context.Context, adapter intake.Adapter, f intake.File, o intake.Options) (intake.Survey, Given, error) {
	var all Given
	s, err := adapter(ctx, f, o, intake.Sink{
		Advisory:  func(a advisory.Advisory) error { all.Advisories = append(all.Advisories, a); return nil },
		Overlay:   func(v advisory.Overlay) error { all.Overlays = append(all.Overlays, v); return nil },
		Lifecycle: func(l advisory.Lifecycle) error { all.Lifecycles = append(all.Lifecycles, l); return nil },
	})
	return s, all, err
}

// ByID passes over data once: advisories by id. One that is given twice is an error.
func ByID(ctx context.Context, adapter intake.Adapter, data []byte, o intake.Options) (map[string]advisory.Advisory, intake.Survey, error) {
	all := map[string]advisory.Advisory{}
	s, err := adapter(ctx, File(data), o, intake.Sink{Advisory: func(a advisory.Advisory) error {
		if _, twice := all[a.ID]; twice {
			return fmt.Errorf("%s was given twice", a.ID)
		}
		all[a.ID] = a
		return nil
	}})
	return all, s, err
}

// Fuzz holds an adapter of advisories to what all of them promise of any file: each advisory, which check looks at, is given once and
// counted, and no more problems are named than may be.
func Fuzz(t *testing.T, adapter intake.Adapter, data []byte, limits intake.Limits, check func(t *testing.T, a advisory.Advisory)) (intake.Survey, error) {
	t.Helper()
	given := map[string]bool{}
	s, err := adapter(t.Context(), File(data), intake.Options{Limits: limits}, intake.Sink{Advisory: func(a advisory.Advisory) error {
		check(t, a)
		if given[a.ID] {
			t.Errorf("%s was given twice", a.ID)
		}
		given[a.ID] = true
		return nil
	}})
	if s.Records != len(given) || len(s.Problems) > intake.MaxProblems {
		t.Errorf("%v: %+v, %d records", err, s, len(given))
	}
	return s, err
}

// Counted holds a survey to its counts, and to the one problem that it names; empty: to none.
func Counted(t *testing.T, s intake.Survey, records, skipped, left int, problem string) {
	t.Helper()
	if s.Records != records || s.Skipped != skipped || s.Left != left {
		t.Errorf("%d records, %d skipped, %d left out; want %d, %d and %d", s.Records, s.Skipped, s.Left, records, skipped, left)
	}
	if problem == "" && len(s.Problems) > 0 || problem != "" && (len(s.Problems) != 1 || !strings.Contains(s.Problems[0].Reason, problem)) {
		t.Errorf("%+v, want %q", s.Problems, problem)
	}
}

package threat

import (
	"testing"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/feed/intake/intaketest"
)

// read passes over data once.
func read(t testing.TB, adapter intake.Adapter, data []byte, limits intake.Limits) (intake.Survey, []advisory.Overlay, error) {
	t.Helper()
	s, got, err := intaketest.Read(t.Context(), adapter, intaketest.File(data), intake.Options{Feed: "f", Limits: limits})
	return s, got.Overlays, err
}

package microsoft

import (
	"bytes"
	"testing"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// read passes over data once.
func read(t testing.TB, adapter intake.Adapter, data []byte, limits intake.Limits) (intake.Survey, []advisory.Advisory, error) {
	t.Helper()
	var all []advisory.Advisory
	f := intake.File{ReaderAt: bytes.NewReader(data), Size: int64(len(data)), Name: "file"}
	s, err := adapter(t.Context(), f, intake.Options{Feed: "f", Limits: limits}, intake.Sink{Advisory: func(a advisory.Advisory) error {
		all = append(all, a)
		return nil
	}})
	return s, all, err
}

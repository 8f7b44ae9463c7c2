package feed

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// A file of nothing but tiny records is refused before what remembers them fills the memory, whichever adapter reads it.
func TestAFeedOfTooManyRecordsIsRefused(t *testing.T) {
	t.Parallel()
	scores, tracker, advisories := "#score_date:2026-11-01\ncve,epss\n", []string{}, ""
	for n := range 4 {
		scores += fmt.Sprintf("CVE-2026-000%d,0.1\n", n)
		tracker = append(tracker, fmt.Sprintf(`"CVE-2026-000%d":{"releases":{"bookworm":{"status":"open"}}}`, n))
		advisories += fmt.Sprintf("[21 Nov 2026] DSA-123%d-1 p\n\t[bookworm] - p 1-1\n", n)
	}
	for name, text := range map[string]string{"epss": scores, "debian-tracker": `{"p":{` + strings.Join(tracker, ",") + `}}`, "debian-dsa": advisories} {
		s, _ := sourceOf(name)
		for most, want := range map[int64]error{3: intake.ErrTooLong, 4: nil} {
			f := intake.File{ReaderAt: strings.NewReader(text), Size: int64(len(text)), Name: "file"}
			found, err := readFiles(t.Context(), s, time.Now(), []intake.File{f}, intake.Options{Limits: intake.Limits{MaxRecords: most}}, intake.Sink{})
			if !errors.Is(err, want) || want == nil && found.Records != 4 {
				t.Errorf("%s, at most %d: %d records, %v", name, most, found.Records, err)
			}
		}
	}
}

func TestABucketOfTooManyReleasesIsRefused(t *testing.T) {
	t.Parallel()
	entries := make([]string, 0, maxReleases+1)
	for n := range maxReleases + 1 {
		entries = append(entries, affected(fmt.Sprintf("Debian:%d", n), "p", `{"introduced":"0"}`))
	}
	raw := zipOf(t, file{"a.json", record("DEBIAN-CVE-2026-0001", `"affected":[`+strings.Join(entries, ",")+`]`)})
	s, _ := sourceOf("osv/Debian")
	f := intake.File{ReaderAt: bytes.NewReader(raw), Size: int64(len(raw)), Name: "all.zip"}
	if _, err := readFiles(t.Context(), s, time.Now(), []intake.File{f}, intake.Options{}, intake.Sink{}); !errors.Is(err, intake.ErrTooLong) {
		t.Errorf("%v, want it refused", err)
	}
}

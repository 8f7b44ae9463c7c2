package compiled

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
)

// sample holds one of everything.
func sample() contents {
	at := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	c := contents{Ecosystems: []string{"Debian:12"}, States: []apiv1.FeedStatus{{Name: "epss", AsOf: &at}}}
	for i := range 40 {
		c.Advisories = append(c.Advisories, advisory.Advisory{
			Feed: "osv/Debian", ID: fmt.Sprintf("DEBIAN-CVE-2025-%04d", i), CVEs: []string{fmt.Sprintf("CVE-2025-%04d", i)}, Summary: "summary", Details: "details", Modified: at,
			Affected: []advisory.Affected{
				{Ecosystem: "Debian:12", Package: fmt.Sprint("p", i%7), Ranges: []advisory.Range{{Introduced: "0", Fixed: "1.2-3"}}},
				{Ecosystem: "Debian:13", Package: fmt.Sprint("p", i%7), Status: advisory.StatusIgnored},
			},
		})
		cve := fmt.Sprintf("CVE-2025-%04d", i)
		c.Overlays = append(c.Overlays, advisory.Overlay{Feed: "epss", CVE: cve, EPSS: &advisory.EPSS{Score: 0.5}})
		if i%5 == 0 {
			c.Overlays = append(c.Overlays, advisory.Overlay{Feed: "kev", CVE: cve, KEV: &advisory.KEV{CVE: cve, Added: "2025-01-01"}},
				advisory.Overlay{Feed: "ssvc", CVE: cve, SSVC: &advisory.SSVC{Exploitation: "active"}})
		}
	}
	c.Overlays = append(c.Overlays, advisory.Overlay{Feed: "epss", CVE: "CVE-2025-0040", EPSS: &advisory.EPSS{Score: 0.25}})
	c.Overlays = append(c.Overlays, advisory.Overlay{Feed: "kev", CVE: "odd", KEV: &advisory.KEV{CVE: "odd"}})
	c.Lifecycles = []advisory.Lifecycle{{Feed: "eol", Product: "debian", Release: "12", EOL: "2026-06-10"}}
	return c
}

// answers are everything that a file says, or the first error.
func answers(file []byte) (map[string]any, error) {
	l, err := read(file)
	if err != nil {
		return nil, err
	}
	out := map[string]any{"meta": l.Meta()}
	for i := range 8 {
		for _, eco := range []string{"Debian:12", "Debian:13"} {
			a, err := l.About(eco, fmt.Sprint("p", i))
			if err != nil {
				return nil, err
			}
			out[fmt.Sprint(eco, i)] = a
		}
	}
	n := 0
	if err := l.Each(func(_, _ string, about []advisory.Advisory) error { n += len(about); return nil }); err != nil {
		return nil, err
	}
	out["each"] = n
	for i := range 42 {
		cve := fmt.Sprintf("CVE-2025-%04d", i)
		if i == 41 {
			cve = "odd"
		}
		if out[cve], err = l.Threat(cve); err != nil {
			return nil, err
		}
	}
	out["debian"], err = l.Lifecycles("debian")
	return out, err
}

// A changed byte is an error or changes no answer; so is a file that is cut off.
func TestNoDamageChangesAnAnswer(t *testing.T) {
	t.Parallel()
	file := bytesOf(t, compiledFile(t, sample()))
	want, err := answers(file)
	if err != nil {
		t.Fatal(err)
	}
	silent := 0
	for i := range file {
		broken := slices.Clone(file)
		broken[i] ^= 1 << (i % 8)
		got, err := answers(broken)
		switch {
		case err != nil && !errors.Is(err, ErrDamaged):
			t.Fatalf("byte %d: %v is not ErrDamaged", i, err)
		case err == nil && !cmp.Equal(want, got):
			t.Fatalf("byte %d changes an answer: %s", i, cmp.Diff(want, got))
		case err == nil:
			silent++
		}
	}
	if silent > 0 {
		t.Errorf("%d of %d bytes are read by nothing", silent, len(file))
	}
	for n := range file {
		if _, err := answers(file[:n]); !errors.Is(err, ErrDamaged) {
			t.Fatalf("cut to %d of %d bytes: %v", n, len(file), err)
		}
	}
}

func FuzzReadingAFile(f *testing.F) {
	f.Add(bytesOf(f, compiledFile(f, sample())), true)
	f.Add([]byte(magic), false)
	f.Fuzz(func(t *testing.T, file []byte, mend bool) {
		if mend {
			file = mended(file)
		}
		l, err := read(file)
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
			return
		}
		for _, name := range []string{"p0", "p1", "debian", ""} {
			_, _ = l.About("Debian:12", name)
			_, _ = l.Lifecycles(name)
			_, _ = l.Threat(name)
		}
		_, _ = l.Threat("CVE-2025-0001")
		for i := range min(l.index.len(), 50) { // whatever the index points to
			_, _ = l.index.at(i)
		}
	})
}

// mended makes the header's checksum right, so that fuzzing gets past it.
func mended(file []byte) []byte {
	if len(file) < headerSize {
		return file
	}
	file = slices.Clone(file)
	sum := checksum(file[:headerSize-4])
	for i := range 4 {
		file[headerSize-4+i] = byte(sum >> (8 * i))
	}
	return file
}

// FuzzDecoding gives records past every checksum to the decoder.
func FuzzDecoding(f *testing.F) {
	a := sample().Advisories[0]
	f.Add(string(appendAdvisory(nil, 0, &a)))
	f.Add(string(appendAffected(nil, &a.Affected[0])))
	f.Add(string(appendThreat(nil, threat{kev: &advisory.KEV{}, ssvc: &advisory.SSVC{}, epss: &advisory.EPSS{}}, true)))
	f.Fuzz(func(_ *testing.T, s string) {
		var out advisory.Advisory
		var words []string
		var ranges []advisory.Range
		d := decoder{s: s}
		d.advisory(&out, []string{"a"}, &words)
		d = decoder{s: s}
		d.affected(&advisory.Affected{}, &ranges, &words)
		d = decoder{s: s}
		d.threat()
		d = decoder{s: s}
		d.lifecycle("p", nil)
	})
}

func TestAFileIsThereWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "x")
	w, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Advisory(sample().Advisories[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); !errors.Is(err, fault.NotFound) {
		t.Errorf("before Finish: %v", err)
	}
	w.Abort()
	if names, _ := os.ReadDir(dir); len(names) > 0 {
		t.Errorf("left behind: %v", names)
	}
	if err := sample().compile(path); err != nil {
		t.Fatal(err)
	}
	if names, _ := os.ReadDir(dir); len(names) != 1 {
		t.Errorf("beside the file: %v", names)
	}
}

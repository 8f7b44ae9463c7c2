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
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
)

// contents are what a test compiles.
type contents struct {
	Advisories []advisory.Advisory
	Overlays   []advisory.Overlay
	Lifecycles []advisory.Lifecycle
	States     []apiv1.FeedStatus
	Ecosystems []string
}

func (c contents) compile(path string) error {
	w, err := Create(path)
	if err != nil {
		return err
	}
	defer w.Abort()
	for _, a := range c.Advisories {
		if err := w.Advisory(a); err != nil {
			return err
		}
	}
	for _, o := range c.Overlays {
		if err := w.Overlay(o); err != nil {
			return err
		}
	}
	for _, l := range c.Lifecycles {
		if err := w.Lifecycle(l); err != nil {
			return err
		}
	}
	return w.Finish(c.States, c.Ecosystems)
}

func compiledFile(t interface {
	Fatal(args ...any)
	TempDir() string
}, c contents,
) string {
	path := filepath.Join(t.TempDir(), "x"+suffix)
	if err := c.compile(path); err != nil {
		t.Fatal(err)
	}
	return path
}

// plain answers like a library, by looking at everything.
type plain struct{ contents }

func (p plain) about(ecosystem, pkg string) []advisory.Advisory {
	var out []advisory.Advisory
	for _, a := range p.Advisories {
		a.Affected = slices.DeleteFunc(slices.Clone(a.Affected), func(x advisory.Affected) bool { return x.Ecosystem != ecosystem || x.Package != pkg })
		a.Summary, a.Details = "", ""
		if len(a.Affected) > 0 {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, func(a, b advisory.Advisory) int {
		if a.Feed != b.Feed {
			return map[bool]int{true: -1, false: 1}[a.Feed < b.Feed]
		}
		return map[bool]int{true: -1, false: 1}[a.ID < b.ID]
	})
	return out
}

func (p plain) threat(cve string) advisory.Threat {
	var t advisory.Threat
	for _, o := range p.Overlays {
		if o.CVE != cve {
			continue
		}
		if t.KEV == nil {
			t.KEV = o.KEV
		}
		if t.EPSS == nil && o.EPSS != nil {
			t.EPSS, t.EPSSDate = o.EPSS, "2026-11-20"
		}
		if t.SSVC == nil {
			t.SSVC = o.SSVC
		}
	}
	return t
}

func anyTime() *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		if rapid.Bool().Draw(t, "zero") {
			return time.Time{}
		}
		return time.Unix(rapid.Int64Range(-1e11, 1e11).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanos")).UTC()
	})
}

func list(t *rapid.T, name string) []string {
	l := rapid.SliceOfN(rapid.StringN(0, 6, 12), 0, 3).Draw(t, name)
	if len(l) == 0 {
		return nil
	}
	return l
}

func anyContents() *rapid.Generator[contents] {
	text := rapid.StringN(0, 8, 32)
	eco := rapid.SampledFrom([]string{"Debian:12", "Debian:13", "PyPI", ""})
	pkg := rapid.SampledFrom([]string{"openssl", "linux", "x", "é\x00"})
	feed := rapid.SampledFrom([]string{"osv/Debian", "debian-tracker", "override"})
	cve := rapid.SampledFrom([]string{"CVE-2024-0001", "CVE-2024-00001", "CVE-2024-12345", "CVE-1999-9999999999999", "CVE-2024-9999999999999999999", "GHSA-x", "", "CVE-12-1"})
	cves := rapid.OneOf(rapid.SliceOfN(cve, 0, 2), rapid.Custom(func(t *rapid.T) []string { return list(t, "other ids") }))
	affected := rapid.Custom(func(t *rapid.T) advisory.Affected {
		a := advisory.Affected{
			Ecosystem: eco.Draw(t, "eco"), Package: pkg.Draw(t, "pkg"), Versions: list(t, "versions"),
			Status: advisory.Status(text.Draw(t, "status")), Note: text.Draw(t, "note"), Stream: text.Draw(t, "stream"),
			Entitlement: text.Draw(t, "ent"), Severity: text.Draw(t, "sev"),
		}
		for range rapid.IntRange(0, 2).Draw(t, "ranges") {
			a.Ranges = append(a.Ranges, advisory.Range{Introduced: text.Draw(t, "i"), Fixed: text.Draw(t, "f"), Last: text.Draw(t, "l")})
		}
		return a
	})
	return rapid.Custom(func(t *rapid.T) contents {
		c := contents{Ecosystems: []string{"Debian:12"}, States: []apiv1.FeedStatus{{Name: "epss", Records: 2, AsOf: new(time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)), Problems: []apiv1.FeedProblem{}}}}
		for i := range rapid.IntRange(0, 12).Draw(t, "advisories") {
			c.Advisories = append(c.Advisories, advisory.Advisory{
				Feed: feed.Draw(t, "feed"), ID: fmt.Sprint(text.Draw(t, "id"), i), CVEs: cves.Draw(t, "cves"), Aliases: list(t, "aliases"), Supersedes: list(t, "supersedes"),
				Summary: text.Draw(t, "summary"), Details: text.Draw(t, "details"), Severity: text.Draw(t, "severity"),
				Published: anyTime().Draw(t, "published"), Modified: anyTime().Draw(t, "modified"), Withdrawn: anyTime().Draw(t, "withdrawn"),
				Affected: rapid.SliceOfN(affected, 0, 5).Draw(t, "affected"),
			})
		}
		for range rapid.IntRange(0, 12).Draw(t, "overlays") {
			o := advisory.Overlay{CVE: cve.Draw(t, "cve")}
			switch rapid.IntRange(0, 2).Draw(t, "kind") {
			case 0:
				o.Feed, o.KEV = "kev", &advisory.KEV{CVE: o.CVE, Added: text.Draw(t, "added"), Due: text.Draw(t, "due"), Ransomware: rapid.Bool().Draw(t, "r"), Name: text.Draw(t, "n")}
			case 1:
				o.Feed, o.EPSS = "epss", &advisory.EPSS{Score: rapid.OneOf(rapid.Float64Range(0, 1), rapid.Map(rapid.IntRange(0, 1000), func(n int) float64 { return float64(n) / 1000 })).Draw(t, "score")}
			default:
				o.Feed, o.SSVC = "ssvc", &advisory.SSVC{Exploitation: text.Draw(t, "x"), Automatable: text.Draw(t, "a"), Impact: text.Draw(t, "i"), At: text.Draw(t, "at")}
			}
			c.Overlays = append(c.Overlays, o)
		}
		for range rapid.IntRange(0, 3).Draw(t, "lifecycles") {
			c.Lifecycles = append(c.Lifecycles, advisory.Lifecycle{
				Feed: "eol", Product: rapid.SampledFrom([]string{"debian", "ubuntu"}).Draw(t, "product"), Release: text.Draw(t, "release"), Codename: text.Draw(t, "codename"),
				Released: text.Draw(t, "released"), Support: text.Draw(t, "support"), EOL: text.Draw(t, "eol"), Extended: text.Draw(t, "extended"), Ended: rapid.Bool().Draw(t, "ended"), Latest: text.Draw(t, "latest"),
			})
		}
		return c
	})
}

// What is compiled answers every question as the records themselves do, whatever they hold.
func TestTheCompiledFileAnswersLikeItsRecords(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		c := anyContents().Draw(rt, "contents")
		path := filepath.Join(t.TempDir(), "x")
		if err := c.compile(path); err != nil {
			rt.Fatal(err)
		}
		l, err := Open(path)
		if err != nil {
			rt.Fatal(err)
		}
		defer l.Close() //nolint:errcheck // a test
		if rapid.Bool().Draw(rt, "rests") {
			l.Rest()
		}
		for _, eco := range []string{"Debian:12", "Debian:13", "PyPI", "", "none"} {
			for _, pkg := range []string{"openssl", "linux", "x", "é\x00", "none"} {
				got, err := l.About(eco, pkg)
				if err != nil {
					rt.Fatal(err)
				}
				if d := cmp.Diff(plain{c}.about(eco, pkg), got, cmpopts.EquateEmpty()); d != "" {
					rt.Fatalf("%q %q (-want +got): %s", eco, pkg, d)
				}
			}
		}
		for _, cve := range []string{"CVE-2024-0001", "CVE-2024-00001", "CVE-2024-12345", "CVE-1999-9999999999999", "CVE-2024-9999999999999999999", "GHSA-x", "", "CVE-12-1", "CVE-2024-2"} {
			got, err := l.Threat(cve)
			if err != nil {
				rt.Fatal(err)
			}
			if d := cmp.Diff(plain{c}.threat(cve), got); d != "" {
				rt.Fatalf("%q (-want +got): %s", cve, d)
			}
		}
		for _, product := range []string{"debian", "ubuntu", "none"} {
			got, err := l.Lifecycles(product)
			if err != nil {
				rt.Fatal(err)
			}
			want := slices.DeleteFunc(slices.Clone(c.Lifecycles), func(l advisory.Lifecycle) bool { return l.Product != product })
			if d := cmp.Diff(append([]advisory.Lifecycle(nil), want...), got); d != "" {
				rt.Fatalf("%q (-want +got): %s", product, d)
			}
		}
		if m := l.Meta(); m.Advisories != len(c.Advisories) || m.Overlays != len(c.Overlays) || !cmp.Equal(m.Feeds, c.States) || !l.Speaks("Debian:12") || l.Speaks("Debian:13") {
			rt.Fatalf("%+v", m)
		}
	})
}

func TestTheSameRecordsGiveTheSameBytes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		c := anyContents().Draw(rt, "contents")
		a, b := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
		if err := errors.Join(c.compile(a), c.compile(b)); err != nil {
			rt.Fatal(err)
		}
		if x, y := bytesOf(rt, a), bytesOf(rt, b); string(x) != string(y) {
			rt.Fatal("two files differ")
		}
	})
}

func bytesOf(t interface{ Fatal(args ...any) }, path string) []byte {
	b, err := os.ReadFile(path) //nolint:gosec // a test's own path
	if err != nil {
		t.Fatal(err)
	}
	return b
}

package compiled

import (
	"errors"
	"fmt"
	"maps"
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
	"github.com/staunch-dev/staunch/internal/fault"
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
				Feed: feed.Draw(t, "feed"), ID: fmt.Sprint(text.Draw(t, "id"), i), CVEs: list(t, "cves"), Aliases: list(t, "aliases"), Supersedes: list(t, "supersedes"),
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
	for i := range 41 {
		cve := fmt.Sprintf("CVE-2025-%04d", i)
		if i == 40 {
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

func TestTheCache(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "a", "staunch")
	c, err := OpenCache(folder)
	if err != nil {
		t.Fatal(err)
	}
	in := []Input{{Path: "kev/x", Size: 1, Modified: time.Unix(1, 0), Inode: 1}}
	base := KeyOf("/f", []string{"b", "a"}, in, "p")
	keys := map[string]Key{
		"folder":   KeyOf("/g", []string{"b", "a"}, in, "p"),
		"releases": KeyOf("/f", []string{"b"}, in, "p"),
		"program":  KeyOf("/f", []string{"b", "a"}, in, "q"),
		"path":     KeyOf("/f", []string{"b", "a"}, []Input{{Path: "kev/y", Size: 1, Modified: time.Unix(1, 0), Inode: 1}}, "p"),
		"size":     KeyOf("/f", []string{"b", "a"}, []Input{{Path: "kev/x", Size: 2, Modified: time.Unix(1, 0), Inode: 1}}, "p"),
		"time":     KeyOf("/f", []string{"b", "a"}, []Input{{Path: "kev/x", Size: 1, Modified: time.Unix(1, 1), Inode: 1}}, "p"),
		"inode":    KeyOf("/f", []string{"b", "a"}, []Input{{Path: "kev/x", Size: 1, Modified: time.Unix(1, 0), Inode: 2}}, "p"),
	}
	if KeyOf("/f", []string{"a", "b"}, in, "p") != base {
		t.Error("the order of releases makes another key")
	}
	for name, k := range keys {
		if k.State == base.State {
			t.Errorf("another %s is the same state", name)
		}
		if same := k.Of == base.Of; same != !slices.Contains([]string{"folder", "releases"}, name) {
			t.Errorf("%s: Of is %v", name, same)
		}
	}
	if _, err := c.Open(base); !errors.Is(err, fault.NotFound) {
		t.Fatalf("an empty cache: %v", err)
	}
	put := func(k Key, age time.Duration) {
		t.Helper()
		path := filepath.Join(folder, k.file())
		if err := sample().compile(path); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-age)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	put(base, 0)
	l, err := c.Open(base)
	if err != nil {
		t.Fatal(err)
	}
	put(keys["size"], time.Minute)
	put(keys["time"], time.Hour)
	put(keys["folder"], time.Hour)
	old := filepath.Join(folder, tempPrefix+"1")
	if err := os.WriteFile(old, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c.Prune(time.Now().Add(time.Hour))
	if _, err := os.Stat(old); err != nil {
		t.Error("a young temporary file is gone")
	}
	c.Prune(time.Now().Add(25 * time.Hour))
	left := map[string]bool{}
	entries, _ := os.ReadDir(folder)
	for _, e := range entries {
		left[e.Name()] = true
	}
	want := map[string]bool{base.file(): true, keys["size"].file(): true, keys["folder"].file(): true}
	if !maps.Equal(left, want) {
		t.Errorf("left %v, want %v", left, want)
	}
	c.Discard(base)
	if a, err := l.About("Debian:12", "p0"); err != nil || len(a) != 6 {
		t.Errorf("a mapped file that was removed: %d, %v", len(a), err)
	}
	if err := os.WriteFile(filepath.Join(folder, base.file()), []byte("foreign"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Open(base); !errors.Is(err, ErrDamaged) {
		t.Errorf("a foreign file: %v", err)
	}
	if _, err := os.Stat(filepath.Join(folder, base.file())); err == nil {
		t.Error("a foreign file stays")
	}
	elsewhere := filepath.Join(t.TempDir(), "theirs")
	if err := errors.Join(sample().compile(elsewhere), os.Symlink(elsewhere, filepath.Join(folder, base.file()))); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Open(base); err == nil {
		t.Error("a link out of the folder is followed")
	}
	put(keys["inode"], 0)
	if err := os.Chmod(filepath.Join(folder, keys["inode"].file()), 0o666); err != nil { //nolint:gosec // the case under test
		t.Fatal(err)
	}
	if _, err := c.Open(keys["inode"]); !errors.Is(err, ErrDamaged) {
		t.Errorf("a file that others may write: %v", err)
	}
	if err := os.Chmod(folder, 0o755); err != nil { //nolint:gosec // the case under test
		t.Fatal(err)
	}
	if _, err := OpenCache(folder); !errors.Is(err, fault.Forbidden) {
		t.Errorf("a folder open to others: %v", err)
	}
	if err := os.Symlink(t.TempDir(), filepath.Join(folder, "link")); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenCache(filepath.Join(folder, "link")); !errors.Is(err, fault.Forbidden) {
		t.Errorf("a link: %v", err)
	}
}

// A folder of feeds, or one in it, may be a link: what changes behind it changes the state, or old answers would be given for ever.
func TestTheSurveySeesWhatIsBehindLinks(t *testing.T) {
	t.Parallel()
	mirror, folder := t.TempDir(), t.TempDir()
	file := filepath.Join(mirror, "osv", "Debian", "all.zip")
	write := func(text string) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	write("one")
	current := filepath.Join(folder, "current")
	if err := errors.Join(
		os.Symlink(mirror, current),
		os.Symlink(filepath.Join(mirror, "osv"), filepath.Join(folder, "osv")),
		os.Symlink(mirror, filepath.Join(mirror, "osv", "round")), // and round
	); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join("osv", "Debian", "all.zip")
	for _, path := range []string{folder, current, mirror} {
		for _, text := range []string{"one", "three"} {
			write(text)
			inputs, err := Survey(path)
			if err != nil || !slices.ContainsFunc(inputs, func(in Input) bool { return in.Path == name && in.Size == int64(len(text)) }) {
				t.Errorf("%s: %v, %+v", path, err, inputs)
			}
		}
	}
}

package feed

import (
	"archive/tar"
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/fault"
)

const overrides = `overrides:
  - {id: CVE-2026-0001, ecosystem: "Debian:12", package: p, status: not_affected, reason: not built in}
  - {id: CVE-2026-0001, ecosystem: "Debian:13", package: p, status: not_affected, reason: not built in, until: 2026-11-22}
  - {id: CVE-2026-0002, ecosystem: "Debian:12", package: q, status: fixed, fixed: "1.2-3", reason: our build, until: 2026-11-30}
`

func TestYourOwnListIsTakenInWholeOrRefusedWithItsLine(t *testing.T) {
	t.Parallel()
	b := setup(t, "", "Debian:12")
	if got, err := b.ImportFile(t.Context(), "override", strings.NewReader(overrides), false); err != nil || got.Records != 2 || got.Title != "Your list of overrides" {
		t.Fatalf("%v: %+v", err, got)
	}
	if got := states(t, b)["override"]; len(got.Ecosystems) > 0 {
		t.Errorf("%v count as assessed because of a list of one's own", got.Ecosystems)
	}
	for name, tc := range map[string]struct{ text, want string }{
		"a word":        {strings.Replace(overrides, "status: fixed", "status: fine", 1), "line 4"},
		"a typo":        {strings.Replace(overrides, "package: q", "pakage: q", 1), "line 4"},
		"not its shape": {"[", "neither YAML nor JSON"},
	} {
		if _, err := b.ImportFile(t.Context(), "override", strings.NewReader(tc.text), false); !errors.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
	if diff := cmp.Diff([]string{"CVE-2026-0001", "CVE-2026-0002"}, b.current(t)); diff != "" {
		t.Error(diff)
	}
	for _, name := range []string{"override", "vex"} {
		if err := b.Update(t.Context(), []string{name}); !errors.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), "give it with import") {
			t.Errorf("fetching %s: %v", name, err)
		}
	}
	if got, err := b.ImportFile(t.Context(), "override", strings.NewReader("overrides: []\n"), false); err != nil || got.Records != 0 || len(b.current(t)) != 0 {
		t.Errorf("an emptied list: %v %+v", err, got)
	}
}

func TestAnOverrideEndsAfterItsDay(t *testing.T) {
	t.Parallel()
	b := setup(t, "")
	b.cfg.Offline = true // lists end without a network too
	if _, err := b.ImportFile(t.Context(), "override", strings.NewReader(overrides), false); err != nil {
		t.Fatal(err)
	}
	day := func(d int) time.Time { return time.Date(2026, 11, d, 0, 0, 0, 0, time.UTC) }
	if due := states(t, b)["override"].NextDue; !due.Equal(day(23)) {
		t.Fatalf("looked at again at %v, want the midnight after the first entry's last day", due)
	}
	for _, step := range []struct {
		at   time.Time
		next time.Time
		left []string // id release
	}{
		{day(23).Add(-time.Minute), day(23), []string{"CVE-2026-0001 Debian:12", "CVE-2026-0001 Debian:13", "CVE-2026-0002 Debian:12"}},
		{day(23), time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), []string{"CVE-2026-0001 Debian:12", "CVE-2026-0002 Debian:12"}},
		{time.Date(2026, 12, 24, 0, 0, 0, 0, time.UTC), time.Time{}, []string{"CVE-2026-0001 Debian:12"}},
	} {
		b.advanceTo(step.at)
		if _, err := b.UpdateDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		var left []string
		if err := b.store.CurrentAdvisories(t.Context(), func(a advisory.Advisory) error {
			for _, f := range a.Affected {
				left = append(left, a.ID+" "+f.Ecosystem)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		slices.Sort(left)
		if diff := cmp.Diff(step.left, left); diff != "" {
			t.Errorf("at %v: %s", step.at, diff)
		}
		if due := states(t, b)["override"].NextDue; !due.Equal(step.next) {
			t.Errorf("at %v: next at %v, want %v", step.at, due, step.next)
		}
	}
	if got := b.feed(t, "override"); got.Skipped != 2 || !strings.Contains(got.Problems[0].Reason, "until 2026-11-22") {
		t.Errorf("%+v does not say what ended", got)
	}
}

func tarOf(t *testing.T, files ...file) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range files {
		if err := w.WriteHeader(&tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.text)), ModTime: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(f.text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestAFolderSentAsATarIsTakenInFeedByFeed(t *testing.T) {
	t.Parallel()
	b := setup(t, "")
	debian := "version,codename,series,created,release,eol,eol-lts,eol-elts\n12,Bookworm,bookworm,2021-08-14,2023-06-10,2026-06-10,2028-06-30,2033-06-30\n"
	got, err := b.ImportArchive(t.Context(), bytes.NewReader(tarOf(t,
		file{"osv/Debian/all.zip", string(zipOf(t, debians(3)...))},
		file{"osv/../../osv/npm/all.zip", "outside"},
		file{"/osv/Go/all.zip", "absolute"},
		file{"osv/AlmaLinux/all.zip", "no archive"},
		file{"notes/readme.txt", "not a feed's"},
		file{"eol/distro-info-debian.csv", debian}, // without Ubuntu's beside it the feed is not whole
		file{"kev/known_exploited_vulnerabilities.json", string(catalogue(kevEntry("CVE-2026-0001")))},
	)))
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	for _, f := range got {
		said[f.Name] = f.Error
		if strings.Contains(f.URL+f.Error, b.cfg.Temp) {
			t.Errorf("%+v shows a folder of ours", f)
		}
	}
	if want := "refused: osv/AlmaLinux/all.zip cannot be taken in: "; len(said) != 3 || said["osv/Debian"] != "" || said["kev"] != "" || !strings.HasPrefix(said["osv/AlmaLinux"], want) {
		t.Errorf("%q", said)
	}
	if at := b.feed(t, "osv/Debian").AsOf; !at.Equal(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) {
		t.Errorf("as of %v", at)
	}
	again, err := b.ImportArchive(t.Context(), bytes.NewReader(tarOf(t, file{"osv/Debian/all.zip", "no archive"})))
	if err != nil || len(again) != 1 || again[0].Error == "" || again[0].Records != 3 || again[0].AsOf == nil {
		t.Errorf("a feed that was refused is not shown with what stays of it: %v %+v", err, again)
	}
	whole := tarOf(t, file{"osv/Debian/all.zip", string(zipOf(t, debians(3)...))}, file{"kev/known_exploited_vulnerabilities.json", string(catalogue(kevEntry("CVE-2026-0001")))})
	kev := bytes.LastIndex(whole, []byte("kev/"))
	for name, data := range map[string][]byte{"no tar": []byte("hello"), "cut off": whole[:2000], "cut off before a file": whole[:kev]} {
		if _, err := b.ImportArchive(t.Context(), bytes.NewReader(data)); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := b.ImportArchive(t.Context(), bytes.NewReader(tarOf(t, file{"readme", "x"}))); !errors.Is(err, fault.NotFound) || strings.Contains(fault.Message(err), b.cfg.Temp) {
		t.Errorf("no feeds: %v", err)
	}
}

// What is wrong with a folder is said without where we unpacked it.
func TestAFolderThatIsRefusedNamesNoPlaceOfOurs(t *testing.T) {
	t.Parallel()
	b := setup(t, "")
	b.cfg.Temp = t.TempDir()
	var tarred bytes.Buffer
	w := tar.NewWriter(&tarred)
	if err := errors.Join(w.WriteHeader(&tar.Header{Name: "osv/" + strings.Repeat("n", 300) + "/all.zip", Mode: 0o600, Typeflag: tar.TypeReg}), w.Close()); err != nil {
		t.Fatal(err)
	}
	_, err := b.ImportArchive(t.Context(), &tarred)
	if !errors.Is(err, fault.Invalid) || strings.Contains(fault.Message(err), b.cfg.Temp) {
		t.Errorf("%v: %s", err, fault.Message(err))
	}
}

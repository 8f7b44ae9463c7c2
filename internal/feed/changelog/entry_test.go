package changelog

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/feed/intake"
)

const debianText = `pkg (1:2.0-3+deb12u2) bookworm-security; urgency=high

  * Non-maintainer upload by the Security Team.
  * Fix an overflow (CVE-2026-0002, CVE-2026-0001)
    - debian/patches/cve-2026-0003.patch
  * CVE-2026-12 and CVE-20266-0001 and CVE-2026-0009x are nobody's; again CVE-2026-0001.
    + CVE-2026-0004 only applied to release 3.8.9 and later, no patch needed.
    + This release is not affected by CVE-2026-0005.

 -- Jane Doe <jane@example.org>  Sat, 21 Nov 2026 10:00:00 +0200

pkg (1:2.0-3) unstable experimental; urgency=Medium, binary-only=yes

  * Initial release.

 -- Jane Doe <jane@example.org>  Mon,  2 Feb 2026 10:00:00 +0000

pkg (x_1) unstable; urgency=low

  * CVE-2026-0007 under a version that is none.

 -- Jane Doe <jane@example.org>  Mon, 2 Feb 2026 10:00:00 +0000

Old Changelog:
  * CVE-2026-0008 belongs to no entry.
pkg (1:1.0-1) unstable; urgency=low
  * CVE-2020-0001 in an entry that is cut off
`

func TestDebian(t *testing.T) {
	t.Parallel()
	want := []Entry{
		{Source: "pkg", Version: "1:2.0-3+deb12u2", Distribution: "bookworm-security", Urgency: "high", Date: time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC), CVEs: []string{"CVE-2026-0001", "CVE-2026-0002", "CVE-2026-0003"}},
		{Source: "pkg", Version: "1:2.0-3", Distribution: "unstable experimental", Urgency: "medium", Date: time.Date(2026, 2, 2, 10, 0, 0, 0, time.UTC)},
		{Source: "pkg", Version: "1:1.0-1", Distribution: "unstable", Urgency: "low", CVEs: []string{"CVE-2020-0001"}},
	}
	for name, text := range map[string]string{"unix": debianText, "windows": strings.ReplaceAll(debianText, "\n", "\r\n")} {
		got, err := Debian(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

const rpmText = `* Tue Mar 12 2024 Jane Doe <jane@example.org> - 1:7.61.1-34.el8_9.3
- fix an overflow (CVE-2024-0001)
- Resolves: RHEL-1

* Fri Feb  2 12:00:00 UTC 2024 Jane Doe <jane@example.org> [4.18.0-513.el8]
- CVE-2023-0001 CVE-2023-12

* Thu Feb 01 2024 jane@example.org
- CVE-2023-0002 in an entry without a version
* Wed Jan 31 2024 Jane Doe <jane@example.org> 7.61.1-33
- nothing
`

func TestRPM(t *testing.T) {
	t.Parallel()
	got, err := RPM(strings.NewReader(rpmText))
	if err != nil {
		t.Fatal(err)
	}
	want := []Entry{
		{Version: "1:7.61.1-34.el8_9.3", Date: time.Date(2024, 3, 12, 0, 0, 0, 0, time.UTC), CVEs: []string{"CVE-2024-0001"}},
		{Version: "4.18.0-513.el8", Date: time.Date(2024, 2, 2, 0, 0, 0, 0, time.UTC), CVEs: []string{"CVE-2023-0001"}},
		{Version: "7.61.1-33", Date: time.Date(2024, 1, 31, 0, 0, 0, 0, time.UTC)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	head := "p (1) unstable; urgency=low\n"
	for name, text := range map[string]string{
		"a giant line":     head + "  * " + strings.Repeat("x", maxLine) + "\n",
		"entries no end":   strings.Repeat(head, maxEntries+1),
		"CVEs without end": head + strings.Repeat("  CVE-2026-0001\n", maxNamed+2),
	} {
		got, err := Debian(strings.NewReader(text))
		if !errors.Is(err, intake.ErrDamaged) || len(got) > maxEntries {
			t.Errorf("%s: %d entries: %v", name, len(got), err)
		}
	}
}

func FuzzDebian(f *testing.F) {
	f.Add(debianText)
	f.Fuzz(func(t *testing.T, text string) {
		entries, _ := Debian(strings.NewReader(text))
		check(t, entries)
	})
}

func FuzzRPM(f *testing.F) {
	f.Add(rpmText)
	f.Fuzz(func(t *testing.T, text string) {
		entries, _ := RPM(strings.NewReader(text))
		check(t, entries)
	})
}

func check(t *testing.T, entries []Entry) {
	t.Helper()
	for _, e := range entries {
		if e.Version == "" || len(e.Distribution) > maxWords || len(e.Urgency) > maxWords {
			t.Errorf("%+v", e)
		}
		for i, cve := range e.CVEs {
			if !intake.IsCVE(cve) || i > 0 && e.CVEs[i-1] >= cve {
				t.Errorf("%q", e.CVEs)
			}
		}
	}
}

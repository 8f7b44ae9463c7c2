package feed

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/feed/intake"
)

func TestWalkGivesWhatAFolderSaysOfTheWantedReleases(t *testing.T) {
	t.Parallel()
	both := record("DEBIAN-CVE-2026-0002", `"affected":[`+affected("Debian:12", "p", `{"introduced":"0"},{"fixed":"1"}`)+","+affected("Debian:13", "p", `{"introduced":"0"},{"fixed":"2"}`)+`]`)
	dir := folder(t, map[string][]byte{
		"osv/Debian/all.zip":                          zipOf(t, debianRecord(1), file{"b.json", both}),
		"osv/npm/all.zip":                             []byte("not asked for, so not read"),
		"kev/known_exploited_vulnerabilities.json":    catalogue(kevEntry("CVE-2026-0001")),
		"kev/known_exploited_vulnerabilities.json.gz": []byte("the second place of a file that is in the first"),
	})
	got := map[string][]string{}
	var kev []string
	status, ecosystems, err := Walk(t.Context(), dir, []string{"Debian:13", "Ubuntu:24.04:LTS"}, intake.Sink{
		Advisory: func(a advisory.Advisory) error {
			for _, f := range a.Affected {
				got[a.ID] = append(got[a.ID], f.Ecosystem)
			}
			return nil
		},
		Overlay: func(o advisory.Overlay) error {
			kev = append(kev, o.Feed+" "+o.CVE)
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string][]string{"DEBIAN-CVE-2026-0002": {"Debian:13"}}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"kev CVE-2026-0001"}, kev); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"Debian:13"}, ecosystems); diff != "" {
		t.Error(diff)
	}
	said := map[string]string{}
	for _, s := range status {
		said[s.Name] = s.Error
	}
	for name, want := range map[string]string{"kev": "", "osv/Debian": "", "osv/Ubuntu": "not in the folder of feeds"} {
		if got, ok := said[name]; !ok || got != want {
			t.Errorf("%s: %q, want %q; all: %v", name, got, want, said)
		}
	}
}

// Red Hat's and SUSE's records in OSV name products, not releases as hosts have them.
func TestWalkFindsAReleaseUnderItsProductsNames(t *testing.T) {
	t.Parallel()
	of := func(id, ecosystem string) file {
		return file{id + ".json", record(id, `"affected":[`+affected(ecosystem, "p", `{"introduced":"0"},{"fixed":"0:1-1"}`)+`]`)}
	}
	dir := folder(t, map[string][]byte{
		"osv/Red Hat/all.zip": zipOf(t, of("RHSA-2026:0001", "Red Hat:enterprise_linux:9::appstream"), of("RHSA-2026:0002", "Red Hat:rhel_eus:9.2::baseos"),
			of("RHSA-2026:0003", "Red Hat:enterprise_linux:8::baseos"), of("RHSA-2026:0004", "Red Hat:openshift:4.16::el9")),
		"osv/SUSE/all.zip": zipOf(t, of("SUSE-SU-2026:0001-1", "SUSE:Linux Enterprise Module for Basesystem 15 SP5"), of("SUSE-SU-2026:0002-1", "SUSE:Linux Enterprise Server 15 SP5-LTSS"),
			of("SUSE-SU-2026:0003-1", "SUSE:Linux Enterprise Server 15 SP4"), of("SUSE-SU-2026:0004-1", "SUSE:Manager Server 4.3")),
	})
	k, err := ReadDir(t.Context(), dir, []string{"Red Hat:9", "SUSE:15.5"})
	if err != nil {
		t.Fatal(err)
	}
	got := []string{}
	for _, a := range k.Advisories {
		for _, f := range a.Affected {
			got = append(got, strings.TrimSpace(a.ID+" "+f.Ecosystem+" "+f.Entitlement))
		}
	}
	want := []string{"RHSA-2026:0001 Red Hat:9", "RHSA-2026:0002 Red Hat:9 eus", "SUSE-SU-2026:0001-1 SUSE:15.5", "SUSE-SU-2026:0002-1 SUSE:15.5 ltss"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"Red Hat:9", "SUSE:15.5"}, k.Ecosystems); diff != "" {
		t.Error(diff)
	}
	for _, s := range k.Status {
		if strings.HasPrefix(s.Name, "osv/") && (s.Records == 0 || s.Skipped != 0 || len(s.Problems) != 0) { // nothing is wrong with records of other products
			t.Errorf("%+v", s)
		}
	}
}

func TestWalkSaysWhoseFaultItIs(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string][]byte{"osv/Debian/all.zip": zipOf(t, debians(3)...)})
	enough := errors.New("enough")
	if _, _, err := Walk(t.Context(), dir, []string{"Debian:12"}, intake.Sink{Advisory: func(advisory.Advisory) error { return enough }}); !errors.Is(err, enough) || errors.Is(err, fault.Invalid) {
		t.Errorf("the sink's own error: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "osv", "Debian", "all.zip"), []byte("<html>"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Walk(t.Context(), dir, []string{"Debian:12"}, intake.Sink{}); !errors.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), "not a zip") {
		t.Errorf("a damaged file: %v", err)
	}
	if _, _, err := Walk(t.Context(), filepath.Join(dir, "none"), nil, intake.Sink{}); !errors.Is(err, fault.NotFound) {
		t.Errorf("no folder: %v", err)
	}
}

// The registry is data: what holds for every entry is said here, not trusted.
func TestEveryEntryOfTheRegistryIsWhole(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, s := range registry() {
		t.Run(strings.ReplaceAll(s.name, "/", "-"), func(t *testing.T) {
			if seen[s.name] || s.title == "" || s.revision == "" && s.supported() || len(s.files) == 0 {
				t.Errorf("named twice, or without a title, a revision or files: %+v", s)
			}
			seen[s.name] = true
			if s.supported() == (s.why != "") {
				t.Errorf("either something reads it, or it says why not: %q", s.why)
			}
			if s.every <= 0 && !s.own {
				t.Error("it is never fetched")
			}
			varied := strings.HasSuffix(s.name, "}")
			for _, f := range s.files {
				if !s.own && s.supported() && !strings.HasPrefix(f.url, "https://") {
					t.Errorf("no https source: %q", f.url)
				}
				if len(f.paths) == 0 || strings.Contains(f.paths[0], "*") || varied != strings.Contains(f.paths[0], "/{}/") {
					t.Errorf("places in a mirror: %q", f.paths)
				}
				for _, path := range f.paths {
					if strings.Contains(filepath.Dir(path), "*") {
						t.Errorf("only the last part may be a pattern: %q", path)
					}
				}
			}
			for _, bucket := range s.buckets {
				one, ok := s.forRelease(bucket + ":1.2")
				again, found := sourceOf(one.name)
				if !ok || !found || again.title != one.title || strings.ContainsAny(one.name, "{}") {
					t.Errorf("%s is wanted as %q and not found again by its name", bucket, one.name)
				}
			}
		})
	}
}

func TestAReleaseWantsItsFeeds(t *testing.T) {
	t.Parallel()
	everywhere := []string{"distro-info", "eol", "epss", "kev", "ssvc"}
	for ecosystem, want := range map[string][]string{
		"":                   nil,
		"Void":               nil,
		"Debian:12":          {"debian-dla", "debian-dsa", "debian-tracker", "osv/Debian"},
		"Ubuntu:24.04:LTS":   {"osv/Ubuntu", "ubuntu/osv", "ubuntu/vex"},
		"Red Hat:9":          {"osv/Red Hat", "redhat/csaf", "redhat/vex"},
		"AlmaLinux:9":        {"osv/AlmaLinux"},
		"SUSE:15.5":          {"osv/SUSE", "suse/oval/15"},
		"openSUSE:Leap 15.6": {"osv/openSUSE", "suse/leap/15.6"},
		"Alpine:v3.20":       {"alpine/v3.20", "osv/Alpine"},
		"Alpine:../../etc":   {"osv/Alpine"},
		"Oracle Linux:9":     {"oracle"},
		"Amazon Linux:2023":  {"amazon/2023"},
		"Azure Linux:3":      {"azure/3", "osv/Azure Linux"},
		"PyPI":               {"osv/PyPI"},
		"../etc":             nil,
	} {
		var names []string
		for _, s := range sourcesFor([]string{ecosystem, ecosystem}) {
			names = append(names, s.name)
		}
		all := slices.Sorted(slices.Values(slices.Concat(want, everywhere)))
		if diff := cmp.Diff(all, names); diff != "" {
			t.Errorf("%s: %s", ecosystem, diff)
		}
	}
}

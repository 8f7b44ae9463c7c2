package apt

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

func golden(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Every Inst and Remv line of real apt 2.2, 2.6 and 3.0 is understood: as many changes as lines, all with their parts.
func TestParseSimulationOfRealHosts(t *testing.T) {
	t.Parallel()
	for name, security := range map[string]int{"apt-2.2.dist-upgrade.stdout": -1, "apt-2.6.dist-upgrade.stdout": 0, "apt-3.0.dist-upgrade.stdout": -1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out := golden(t, name)
			s := ParseSimulation(out)
			lines := bytes.Count(out, []byte("\nInst ")) + bytes.Count(out, []byte("\nRemv "))
			if len(s.Changes) != lines || lines == 0 || len(s.Bad) != 0 {
				t.Fatalf("%d changes from %d lines; not understood: %q", len(s.Changes), lines, s.Bad)
			}
			for _, c := range s.Changes {
				if c.Name == "" || c.Arch == "" || c.To == "" || len(c.Files) == 0 || c.Files[0].Label == "" || c.Files[0].Archive == "" {
					t.Errorf("parts missing: %+v", c)
				}
				if security < 0 && !c.Files[0].Security() {
					t.Errorf("not security though all of this host's updates are: %+v", c)
				}
			}
		})
	}
}

func TestParseSimulationOfTheLab(t *testing.T) {
	t.Parallel()
	file := []ReleaseFile{{Label: "Example Ltd, Inc", Archive: "stable-security"}}
	changes := []Change{
		{Name: "vic2", From: "1.0", Remove: true},
		{Name: "app", Arch: "all", From: "1.0", To: "2.0", Files: file},
		{Name: "brandnew", Arch: "all", To: "1.0", Files: file},
		{Name: "needsnew", Arch: "all", From: "1.0", To: "2.0", Files: file},
		{Name: "replaced", Arch: "all", From: "1.0", To: "2.0", Files: file},
	}
	s := ParseSimulation(golden(t, "apt-2.6.lab.dist-upgrade.stdout"))
	if diff := cmp.Diff(changes, s.Changes); diff != "" {
		t.Error(diff)
	}
	kept := []Kept{{Name: "conf", From: "1.0", To: "2.0"}, {Name: "held", From: "1.0", To: "2.0"}, {Name: "phased", From: "1.0", To: "2.0"}, {Name: "unmet", From: "1.0", To: "2.0"}}
	if diff := cmp.Diff(kept, s.Kept); diff != "" {
		t.Error(diff)
	}
	for _, version := range []string{"2.2", "2.6", "3.0"} {
		s := ParseSimulation(golden(t, "apt-"+version+".lab.install-unmet.stdout"))
		if diff := cmp.Diff([]string{"unmet : Depends: nosuch but it is not installable"}, s.Unmet); diff != "" {
			t.Errorf("apt %s: %s", version, diff)
		}
	}
}

func TestParseSimulationLines(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   string
		want Change
	}{
		"two_archives":    {"Inst x [1] (2 Debian:12.15/oldstable, Debian-Security:12/oldstable-security [amd64]) []", Change{Name: "x", Arch: "amd64", From: "1", To: "2", Files: []ReleaseFile{{"Debian", "12.15", "oldstable"}, {"Debian-Security", "12", "oldstable-security"}}}},
		"foreign_arch":    {"Inst libc6:i386 [1] (2 Ubuntu:24.04/noble-updates [i386]) [a:i386 b:i386 ]", Change{Name: "libc6", Arch: "i386", From: "1", To: "2", Files: []ReleaseFile{{"Ubuntu", "24.04", "noble-updates"}}}},
		"no_release_file": {"Inst x (2 localhost [all])", Change{Name: "x", Arch: "all", To: "2", Files: []ReleaseFile{{"", "", "localhost"}}}},
		"nothing_known":   {"Inst x [1] (2 [all])", Change{Name: "x", Arch: "all", From: "1", To: "2"}},
		"removal":         {"Remv libx:i386 [1.0-1] [y:amd64 ]", Change{Name: "libx", Arch: "i386", From: "1.0-1", Remove: true}},
		"ppa":             {"Inst x [1] (2 LP-PPA-a-b:22.04/jammy [amd64])", Change{Name: "x", Arch: "amd64", From: "1", To: "2", Files: []ReleaseFile{{"LP-PPA-a-b", "22.04", "jammy"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := ParseSimulation([]byte(c.in + "\n"))
			if diff := cmp.Diff([]Change{c.want}, s.Changes); diff != "" || len(s.Bad) > 0 {
				t.Error(diff, s.Bad)
			}
		})
	}
	for _, bad := range []string{"Inst ", "Inst x", "Inst x [1]", "Inst x [1] (2 y", "Inst x (; [all])", "Remv x", "Inst x [1] (2 y [])"} {
		if s := ParseSimulation([]byte(bad)); len(s.Changes) != 0 || len(s.Bad) != 1 {
			t.Errorf("%q: %+v, want it named as not understood", bad, s)
		}
	}
}

func TestParsePolicy(t *testing.T) {
	t.Parallel()
	want := map[string]Policy{
		"phased": {Installed: "1.0", Candidate: "2.0", Phased: map[string]int{"2.0": 0}},
		"pinned": {Installed: "1.0", Candidate: "1.0", Phased: map[string]int{}},
		"held":   {Installed: "1.0", Candidate: "2.0", Phased: map[string]int{}},
	}
	for _, version := range []string{"2.6", "3.0"} {
		if diff := cmp.Diff(want, ParsePolicy(golden(t, "apt-"+version+".lab.policy.stdout"))); diff != "" {
			t.Errorf("apt %s: %s", version, diff)
		}
	}
}

func TestParseTargets(t *testing.T) {
	t.Parallel()
	want := []Target{{
		Repository: "file:/syn/repo ./", URI: "file:/syn/repo", Suite: "./", Sources: "/syn/root/etc/apt/sources.list",
		File: "/syn/root/var/lib/apt/lists/_syn_repo_._Packages.lz4", Release: "/syn/root/var/lib/apt/lists/_syn_repo_._",
		Origin: "Example", Label: "Example Ltd, Inc", Archive: "stable-security", Codename: "stable",
	}}
	if diff := cmp.Diff(want, ParseTargets(golden(t, "apt-2.6.lab.indextargets.stdout"))); diff != "" {
		t.Error(diff)
	}
}

func TestParseSourcesOfBothStyles(t *testing.T) {
	t.Parallel()
	ids := func(rs []apiv1.Repository) (out []string) {
		for _, r := range rs {
			out = append(out, r.ID+" "+strings.Join(r.Components, ","))
		}
		return out
	}
	list := "# deb http://off.example x y\ndeb [arch=amd64 signed-by=/k.gpg] http://u:p@a.example/debian/ stable main contrib # why\ndeb-src http://a.example/debian stable main\n\tdeb\thttp://flat.example/ ./\ndeb [broken\ndeb\n"
	if diff := cmp.Diff([]string{"http://a.example/debian stable main,contrib", "http://flat.example ./ "}, ids(ParseList([]byte(list)))); diff != "" {
		t.Error(diff)
	}
	sources := "Types: deb deb-src\nURIs: http://a.example/debian\n http://b.example/debian/\nSuites: s s-updates\nComponents: main\nSigned-By:\n -----BEGIN-----\n .\n xyz\n\nEnabled: No\nTypes: deb\nURIs: http://c.example\nSuites: s\n\nTypes: deb-src\nURIs: http://d.example\nSuites: s\n"
	want := []string{"http://a.example/debian s main", "http://a.example/debian s-updates main", "http://b.example/debian s main", "http://b.example/debian s-updates main"}
	if diff := cmp.Diff(want, ids(ParseSources([]byte(sources)))); diff != "" {
		t.Error(diff)
	}
}

func TestCredentialsAreStripped(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"http://u:p@mirror.example/x/":      "http://mirror.example/x",
		"http://u:p%zz@mirror.example/x":    "http://mirror.example/x",
		"https://mirror.example/a@b/":       "https://mirror.example/a@b",
		"file:/srv/repo/":                   "file:/srv/repo",
		"mirror+file:/etc/apt/mirrors.list": "mirror+file:/etc/apt/mirrors.list",
	} {
		if got := withoutCredentials(in); got != want {
			t.Errorf("withoutCredentials(%q) = %q, want %q", in, got, want)
		}
	}
	if got := redact("Err http://me:secret@h.example/x y: see 'ftp://a@b'"); got != "Err http://h.example/x y: see 'ftp://b'" {
		t.Errorf("redact: %q", got)
	}
}

func TestParseUpdateNamesEachProblemsRepository(t *testing.T) {
	t.Parallel()
	ids := []string{"file:/syn/repo ./", "http://broken.example.org/debian stable", "http://broken.example.org/private stable", "http://mirror.example.org/debian bookworm-updates", "http://mirror.example.org/debian nosuchsuite"}
	problems, _ := ParseUpdate(golden(t, "apt-2.6.update-problems.stdout"), ids)
	for id, word := range map[string]string{ids[0]: "", ids[1]: "Connection refused", ids[2]: "Unable to connect", ids[3]: "NO_PUBKEY", ids[4]: "Release"} {
		if (word == "") != (problems[id] == "") || !strings.Contains(problems[id], word) {
			t.Errorf("%s: %q, want something of %q", id, problems[id], word)
		}
	}
}

func TestParseRelease(t *testing.T) {
	t.Parallel()
	got := ParseRelease(strings.NewReader("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nOrigin: Debian\nLabel: Debian-Security\nSuite: stable-security\nDate: Fri, 20 Nov 2026 08:04:17 UTC\nValid-Until: Fri,  6 Nov 2026 02:04:17 +0200\nSHA256:\n abc 1 Origin\n-----BEGIN PGP SIGNATURE-----\n"))
	want := Release{Date: time.Date(2026, 11, 20, 8, 4, 17, 0, time.UTC), ValidUntil: time.Date(2026, 11, 6, 0, 4, 17, 0, time.UTC), Origin: "Debian", Label: "Debian-Security", Suite: "stable-security"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := ParseRelease(strings.NewReader("Date: Fri, 20 Nov 2026 08:04:17 EST\n")); !got.Date.IsZero() {
		t.Errorf("a zone that only has a name was guessed: %v", got.Date)
	}
}

func FuzzSimulation(f *testing.F) {
	for _, name := range []string{"apt-2.6.lab.dist-upgrade.stdout", "apt-3.0.lab.install-conf.stdout"} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, c := range ParseSimulation(b).Changes {
			if c.Name == "" || c.Remove && c.From == "" || !c.Remove && (c.To == "" || c.Arch == "") {
				t.Fatalf("half a change: %+v", c)
			}
		}
	})
}

func FuzzAptAnswers(f *testing.F) {
	for _, name := range []string{"apt-2.6.lab.policy.stdout", "apt-2.6.lab.indextargets.stdout", "apt-2.6.update-problems.stdout"} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		ParsePolicy(b)
		ParseList(b)
		ParseSources(b)
		ParseRelease(bytes.NewReader(b))
		var ids []string
		for _, target := range ParseTargets(b) {
			ids = append(ids, target.Repository)
		}
		problems, rest := ParseUpdate(b, append(ids, "http://mirror.example.org/debian nosuchsuite"))
		for _, p := range append(rest, problems["http://mirror.example.org/debian nosuchsuite"]) {
			if len(p) > 500 {
				t.Fatalf("unbounded: %d bytes", len(p))
			}
		}
	})
}

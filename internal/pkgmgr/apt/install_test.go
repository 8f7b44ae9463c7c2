package apt

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/pkgmgr"
)

// deb is a package file of the repository and its stanza.
func (w *world) deb(name, version, arch, more string, size int) (File, string) {
	w.t.Helper()
	body := bytes.Repeat([]byte(name+version+"\n"), size/len(name+version+"\n")+1)[:size]
	f := File{Wanted{name, arch, version}, fmt.Sprintf("%x", sha256.Sum256(body)), int64(size)}
	file := strings.ReplaceAll(f.Base(), "%3a", "-")
	w.write("repo/"+file, string(body))
	return f, fmt.Sprintf("Package: %s\nArchitecture: %s\nVersion: %s\nMaintainer: x\n%sFilename: ./%s\nSize: %d\nSHA256: %s\nDescription: x\n\n", name, arch, version, more, file, f.Size, f.SHA256)
}

// newDebWorld is a host with things to upgrade, whose package files exist.
func newDebWorld(t *testing.T) (*world, map[string]File) {
	t.Helper()
	w := newWorld(t)
	w.write("etc/apt/preferences.d/mine", "")
	w.write("var/lib/dpkg/status", strings.ReplaceAll(installed("app", "install", ""), "Version: 1.0", "Version: 1:1.0")+
		installed("lib", "install", "")+installed("held", "hold", "")+installed("conf", "install", "")+installed("victim", "install", "")+
		strings.ReplaceAll(installed("down", "install", ""), "Version: 1.0", "Version: 3.0")+installed("nosum", "install", "")+installed("twice", "install", ""))
	files, packages := map[string]File{}, ""
	for _, d := range [][3]string{{"app", "1:2.0", ""}, {"lib", "2.0+b~1", "Depends: newlib\n"}, {"newlib", "1.0", ""}, {"held", "2.0", ""},
		{"down", "2.0", ""}, {"conf", "2.0", "Conflicts: victim\n"}, {"nosum", "2.0", ""}, {"twice", "2.0", ""}} {
		f, stanza := w.deb(d[0], d[1], "all", d[2], 1000)
		if d[0] == "nosum" {
			stanza = strings.ReplaceAll(stanza, "SHA256", "MD5sum")
		}
		files[d[0]] = f
		packages += stanza
		if d[0] == "twice" {
			packages += strings.ReplaceAll(stanza, f.SHA256, strings.Repeat("e", 64))
		}
	}
	w.publish("stable-security", packages)
	return w, files
}

func (w *world) install(m *Manager, wanted ...Wanted) Installation {
	w.t.Helper()
	in, err := m.Install(w.t.Context(), w.db(), wanted)
	if err != nil {
		w.t.Fatal(err)
	}
	return in
}

// The real apt is asked for exactly the chosen versions; what it would do besides is told, with the bytes of each package.
func TestInstallTellsEveryChangeWithItsBytes(t *testing.T) {
	t.Parallel()
	w, files := newDebWorld(t)
	m := New(w.cfg)
	if in := w.install(m, files["app"].Wanted); !strings.Contains(in.Problem, "no package lists") {
		t.Fatalf("without lists: %+v", in)
	}
	w.refresh(m)
	w.ask(m) // origins are remembered from the answer that the request was made from
	change := func(name, action, from string) apiv1.LockChange {
		f := files[name]
		return apiv1.LockChange{Name: name, Arch: "all", Action: action, From: from, To: f.Version, SHA256: f.SHA256, Size: f.Size, Archive: "stable-security", Origin: "Example"}
	}
	for name, c := range map[string]struct {
		wanted  []Wanted
		want    []apiv1.LockChange
		problem string
	}{
		"exactly_these_with_an_epoch": {wanted: []Wanted{files["app"].Wanted}, want: []apiv1.LockChange{change("app", "upgrade", "1:1.0")}},
		"needs_a_new_package":         {wanted: []Wanted{files["lib"].Wanted}, want: []apiv1.LockChange{change("lib", "upgrade", "1.0"), change("newlib", "install", "")}},
		"needs_a_removal": {wanted: []Wanted{files["conf"].Wanted}, want: []apiv1.LockChange{
			change("conf", "upgrade", "1.0"), {Name: "victim", Arch: "all", Action: "remove", From: "1.0"}}},
		"held":               {wanted: []Wanted{files["held"].Wanted}, problem: "Held packages"},
		"downgrade":          {wanted: []Wanted{files["down"].Wanted}, problem: "downgraded"},
		"no_such_version":    {wanted: []Wanted{{"app", "all", "9"}}, problem: "Version '9' for 'app' was not found"},
		"no_such_package":    {wanted: []Wanted{{"nosuch", "all", "1"}}, problem: "Unable to locate package nosuch"},
		"pattern_is_no_name": {wanted: []Wanted{{"li.", "all", "2.0+b~1"}}, problem: "Unable to locate package"},
		"no_sha256":          {wanted: []Wanted{files["nosum"].Wanted}, problem: "no sha256 for nosum 2.0"},
		"two_files":          {wanted: []Wanted{files["twice"].Wanted}, problem: "different files as twice 2.0"},
		"option":             {wanted: []Wanted{{"--allow-downgrades", "all", "1"}}, problem: "is not a package name"},
	} {
		t.Run(name, func(t *testing.T) {
			in := w.install(m, c.wanted...)
			if !strings.Contains(in.Problem, c.problem) || c.problem == "" && in.Problem != "" {
				t.Fatalf("problem %q, want %q", in.Problem, c.problem)
			}
			if diff := cmp.Diff(c.want, in.Changes); c.problem == "" && diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWantedGrammar(t *testing.T) {
	t.Parallel()
	for _, w := range []Wanted{{"libstdc++6", "amd64", "1:12.2.0-14+deb12u1"}, {"0ad", "all", "0~rc1"}} {
		if err := w.Validate(); err != nil {
			t.Error(err)
		}
	}
	for _, w := range []Wanted{
		{"-o", "amd64", "1"}, {"", "amd64", "1"}, {"a b", "amd64", "1"}, {"a/stable", "amd64", "1"}, {"a*", "amd64", "1"}, {"A", "amd64", "1"}, {"a\x00", "amd64", "1"},
		{"a", "", "1"}, {"a", "../x", "1"}, {"a", "amd64=2", "1"}, {"a", "amd64", ""}, {"a", "amd64", "1 2"}, {"a", "amd64", "-1"}, {"a", "amd64", "1/../x"}, {"a", "amd64", strings.Repeat("1", 300)},
	} {
		if w.Validate() == nil {
			t.Errorf("%q passes", w)
		}
	}
}

// overHTTP serves the repository; each request passes through gate.
func (w *world) overHTTP(gate func(http.ResponseWriter, *http.Request) bool) {
	w.t.Helper()
	files := http.FileServer(http.Dir(w.root + "/repo"))
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if gate == nil || gate(rw, r) {
			files.ServeHTTP(rw, r)
		}
	}))
	w.t.Cleanup(s.Close)
	w.cfg.Options = append(w.cfg.Options, "Acquire::Retries=0", "Acquire::http::Proxy=DIRECT")
	w.write("etc/apt/sources.list", "deb [trusted=yes] "+s.URL+" ./\n")
}

func quiet(int64, int64) {}

func stage(t *testing.T, m *Manager) (lists, dir string) {
	t.Helper()
	at, err := os.MkdirTemp("/tmp", "staunch-stage")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(at) })
	if err := os.Chmod(at, 0o755); err != nil {
		t.Fatal(err)
	}
	lists = filepath.Join(at, "lists")
	if err := m.StageLists(t.Context(), lists); err != nil {
		t.Fatal(err)
	}
	return lists, filepath.Join(at, "debs")
}

// What is staged is enough for an installation without any network: lists and files fit each other.
func TestDownloadFetchesExactlyTheseBytes(t *testing.T) {
	t.Parallel()
	for name, overHTTP := range map[string]bool{"file": false, "http": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, files := newDebWorld(t)
			if overHTTP {
				w.overHTTP(nil)
			}
			m := New(w.cfg)
			w.refresh(m)
			lists, dir := stage(t, m)
			all := []File{files["app"], files["lib"], files["newlib"]}
			if err := m.Download(t.Context(), lists, dir, all, quiet); err != nil {
				t.Fatal(err)
			}
			entries, err := os.ReadDir(dir)
			if err != nil || len(entries) != 3 {
				t.Fatalf("%v, %v", entries, err)
			}
			for _, f := range all {
				if err := f.verify(t.Context(), dir); err != nil {
					t.Error(err)
				}
			}
			if err := os.RemoveAll(w.root + "/repo"); err != nil {
				t.Fatal(err)
			}
			// A second time nothing is fetched.
			if err := m.Download(t.Context(), lists, dir, all, quiet); err != nil {
				t.Error(err)
			}
			// The simulation against the staged lists gives the same changes.
			out, err := pkgmgr.Run(t.Context(), pkgmgr.Command{Name: "apt-get", Args: append(m.options(""), "-o", "Dir::State::lists="+lists, "-o", "Debug::NoLocking=1", "-o", "APT::Get::Show-Versions=true", "-s", "install", "app=1:2.0", "lib=2.0+b~1")})
			if sim := ParseSimulation(out.Stdout); err != nil || out.Code != 0 || len(sim.Changes) != 3 {
				t.Errorf("%+v, %v, %s", sim, err, out.Stderr)
			}
		})
	}
}

func TestDownloadRefusals(t *testing.T) {
	t.Parallel()
	w, files := newDebWorld(t)
	m := New(w.cfg)
	w.refresh(m)
	lists, dir := stage(t, m)
	other, vanished, big := files["app"], files["lib"], files["app"]
	other.SHA256 = strings.Repeat("f", 64)
	if err := os.Remove(w.root + "/repo/lib_2.0+b~1_all.deb"); err != nil {
		t.Fatal(err)
	}
	big.Size = 1 << 60
	for name, c := range map[string]struct {
		file File
		gone bool
		text string
	}{
		"other_bytes_than_locked":  {other, true, "not " + other.SHA256},
		"version_not_in_the_lists": {File{Wanted{"app", "all", "7"}, files["app"].SHA256, 5}, true, "was not found"},
		"vanished_from_the_mirror": {vanished, true, "File not found"},
		"no_such_package":          {File{Wanted{"nosuch", "all", "7"}, files["app"].SHA256, 5}, true, "Unable to locate"},
		"option":                   {File{Wanted{"--help", "all", "7"}, files["app"].SHA256, 5}, true, "not a package name"},
		"no_room":                  {big, false, "are free"},
	} {
		t.Run(name, func(t *testing.T) {
			err := m.Download(t.Context(), lists, dir, []File{c.file}, quiet)
			if err == nil || isGone(err) != c.gone || !strings.Contains(err.Error(), c.text) {
				t.Errorf("%v, want %q, gone %v", err, c.text, c.gone)
			}
		})
	}
}

// A mirror that cuts connections costs attempts, not bytes: the download goes on where it was.
func TestDownloadContinuesWhereItWasCutOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const size = 400_000
	f, stanza := w.deb("big", "1.0", "all", "", size)
	w.publish("stable", stanza)
	var requests, ranges atomic.Int32
	w.overHTTP(func(rw http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, ".deb") {
			return true
		}
		if r.Header.Get("Range") != "" {
			ranges.Add(1)
		}
		if requests.Add(1) > 1 {
			return true
		}
		body, err := os.ReadFile(w.root + "/repo/" + f.Base())
		if err != nil {
			t.Error(err)
		}
		rw.Header().Set("Content-Length", fmt.Sprint(size))
		rw.Header().Set("Last-Modified", time.Unix(1, 0).UTC().Format(http.TimeFormat))
		_, _ = rw.Write(body[:size/2])
		_ = http.NewResponseController(rw).Flush()
		panic(http.ErrAbortHandler)
	})
	if err := os.Chtimes(w.root+"/repo/"+f.Base(), time.Unix(1, 0), time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	m := New(w.cfg)
	w.refresh(m)
	lists, dir := stage(t, m)
	if err := m.Download(t.Context(), lists, dir, []File{f}, quiet); err != nil {
		t.Fatal(err)
	}
	if requests.Load() < 2 || ranges.Load() == 0 {
		t.Errorf("%d requests, %d of them for a part", requests.Load(), ranges.Load())
	}
}

func TestDownloadStopsWhenAsked(t *testing.T) {
	t.Parallel()
	w, files := newDebWorld(t)
	asked := make(chan struct{}, 10)
	w.overHTTP(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, ".deb") {
			asked <- struct{}{}
			<-r.Context().Done() // the end of apt's method
		}
		return true
	})
	m := New(w.cfg)
	w.refresh(m)
	lists, dir := stage(t, m)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	if err := m.Download(ctx, lists, dir, []File{files["app"]}, quiet); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want canceled", err)
	}
}

func FuzzReadOffers(f *testing.F) {
	f.Add([]byte("Package: a\nArchitecture: all\nVersion: 1\nSHA256: " + strings.Repeat("a", 64) + "\nSize: 5\n\n"))
	f.Add([]byte("Package: a\nArchitecture: all\nVersion: 1\nSize: -5\n\nPackage: a\n x\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		found := map[string]offers{}
		if err := readOffers(bytes.NewReader(b), map[string]bool{Key("a", "all", "1"): true}, found); err != nil {
			t.Fatal(err)
		}
		o, err := found[Key("a", "all", "1")].only(Change{Name: "a", To: "1"})
		if err == nil && (!sha256Hex().MatchString(o.sha256) || o.size <= 0) {
			t.Fatalf("%+v passes", o)
		}
	})
}

func FuzzDownloadError(f *testing.F) {
	f.Add([]byte("E: Version '9' for 'app' was not found\n"))
	f.Add([]byte("E: Failed to fetch http://x/y.deb  404  Not Found [IP: ::1]\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		err := downloadError(pkgmgr.Output{Stderr: b, Code: 100})
		if err == nil || len(err.Error()) > 2100 || strings.ContainsRune(err.Error(), '\n') {
			t.Fatalf("%q", err)
		}
	})
}

// What real apt says when a download fails tells what no new attempt can help from what may pass.
func TestDownloadErrorsOfRealApt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		gone bool
		text string
	}{
		"gone":       {true, "Version '9' for 'app' was not found"},
		"nopackage":  {true, "Unable to locate package nosuch:amd64"},
		"vanished":   {true, "404"},
		"otherbytes": {false, "unexpected size"}, // a mirror in mid-update, or somebody between
		"away":       {false, "Connection refused"},
	} {
		err := downloadError(pkgmgr.Output{Stderr: golden(t, "apt-2.6.download-"+name+".stderr"), Code: 100})
		if isGone(err) != c.gone || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %q, gone %v", name, err, isGone(err))
		}
	}
}

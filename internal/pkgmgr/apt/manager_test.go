package apt

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/pkgmgr"
	"github.com/staunch-dev/staunch/internal/pkgmgr/dpkg"
)

// world is an apt world of its own, served by the real apt: a dpkg status, a repository in a folder, sources and pins.
type world struct {
	t    *testing.T
	root string
	cfg  Config
}

func newWorld(t *testing.T) *world {
	t.Helper()
	if _, err := exec.LookPath("apt-get"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("apt-get is not installed")
		}
		t.Skip("apt-get is not installed")
	}
	root, err := os.MkdirTemp("/tmp", "staunch-apt") // not t.TempDir: its 0700 parents would keep apt's sandbox user out
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, root: root}
	for _, dir := range []string{"etc/apt/preferences.d", "etc/apt/sources.list.d", "etc/apt/apt.conf.d", "etc/apt/trusted.gpg.d", "var/lib/apt/lists/partial", "var/lib/dpkg", "repo"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	w.cfg = Config{
		Root: root, StateDir: filepath.Join(root, "state"), Distribution: "debian",
		Options: []string{"APT::Architecture=amd64", "APT::Architectures=amd64", "APT::Machine-ID=0123456789abcdef0123456789abcdef"},
	}
	w.write("etc/apt/sources.list", "deb [trusted=yes] file:"+root+"/repo ./\n")
	w.write("var/lib/dpkg/status", installed("app", "install", "")+installed("held", "hold", "")+installed("phased", "install", "")+
		installed("pinned", "install", "")+installed("conf", "install", "")+installed("victim", "hold", "")+installed("vic2", "install", "")+
		installed("replaced", "install", "")+installed("needsnew", "install", "")+installed("unmet", "install", "")+installed("local", "install", ""))
	w.publish("stable-security", offered("app", "2.0", "")+offered("app", "1.0", "")+offered("held", "2.0", "")+offered("phased", "2.0", "Phased-Update-Percentage: 0\n")+
		offered("pinned", "2.0", "")+offered("conf", "2.0", "Conflicts: victim\n")+offered("needsnew", "2.0", "Depends: brandnew\n")+
		offered("brandnew", "1.0", "")+offered("unmet", "2.0", "Depends: nosuch\n")+offered("replaced", "2.0", "Conflicts: vic2\nReplaces: vic2\n"))
	w.write("etc/apt/preferences.d/mine", "Package: pinned\nPin: version 1.0\nPin-Priority: 1001\n")
	return w
}

func (w *world) write(name, text string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.root, name), []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// publish puts out a repository with a Packages file.
func (w *world) publish(suite, packages string) {
	w.write("repo/Packages", packages)
	w.write("repo/Release", fmt.Sprintf("Origin: Example\nLabel: Example Ltd, Inc\nSuite: %s\nCodename: stable\nDate: Sat, 21 Nov 2026 00:00:00 UTC\nSHA256:\n %x %d Packages\n",
		suite, sha256.Sum256([]byte(packages)), len(packages)))
}

func installed(name, want, more string) string {
	return fmt.Sprintf("Package: %s\nStatus: %s ok installed\nArchitecture: all\nVersion: 1.0\nMaintainer: x\n%sDescription: x\n\n", name, want, more)
}

func offered(name, version, more string) string {
	return fmt.Sprintf("Package: %s\nArchitecture: all\nVersion: %s\nMaintainer: x\n%sFilename: ./%s.deb\nSize: 1000\nSHA256: %064d\nDescription: x\n\n", name, version, more, name, 1)
}

func (w *world) db() dpkg.Database {
	w.t.Helper()
	root, err := pkgmgr.OpenRoot(w.root)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	db, err := dpkg.Read(root)
	if err != nil {
		w.t.Fatal(err)
	}
	return db
}

func (w *world) ask(m *Manager) Answer {
	w.t.Helper()
	a, err := m.Ask(w.t.Context(), w.db())
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func (w *world) refresh(m *Manager) {
	w.t.Helper()
	if err := m.Refresh(w.t.Context(), time.Now()); err != nil {
		w.t.Fatal(err)
	}
}

// brief is one line for each update.
func brief(us []apiv1.Update) []string {
	out := []string{}
	for _, u := range us {
		security := ""
		if u.Security {
			security = " security"
		}
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s:%s %s>%s %s %s%s | %s", u.Action, u.Name, u.Arch, u.From, u.To, u.Origin, u.State, security, u.Reason)))
	}
	return out
}

func TestUpdatesAsAptWouldInstallThemWithReasons(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := New(w.cfg)
	w.refresh(m)
	a := w.ask(m)
	if !a.Updates.Known || a.Updates.Problem != "" {
		t.Fatalf("not known: %q; refresh: %q", a.Updates.Problem, a.RefreshError)
	}
	want := []string{
		"upgrade app:all 1.0>2.0 Example installable security |",
		"install brandnew:all >1.0 Example installable security |",
		"upgrade conf:all 1.0>2.0 Example kept-back security | conf : Conflicts: victim but 1.0 is to be installed",
		"upgrade held:all 1.0>2.0 Example held security | held by the administrator",
		"upgrade needsnew:all 1.0>2.0 Example installable security |",
		"upgrade phased:all 1.0>2.0 Example phased security | phased 0 %",
		"upgrade pinned:all 1.0>2.0 Example kept-back security | pinned by /etc/apt/preferences.d/mine",
		"upgrade replaced:all 1.0>2.0 Example installable security |",
		"upgrade unmet:all 1.0>2.0 Example kept-back security | unmet : Depends: nosuch but it is not installable",
		"remove vic2:all 1.0>  installable |",
	}
	if diff := cmp.Diff(want, brief(a.Updates.Updates)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]apiv1.Phasing{{Package: "phased", Version: "2.0"}}, a.Phasing); diff != "" {
		t.Error(diff)
	}
	repo := apiv1.Repository{ID: "file:" + w.root + "/repo ./", URI: "file:" + w.root + "/repo", Suite: "./", Components: []string{}, File: w.root + "/etc/apt/sources.list", Origin: "Example", Label: "Example Ltd, Inc"}
	if diff := cmp.Diff([]apiv1.Repository{repo}, a.Repositories, cmpopts.IgnoreUnexported(apiv1.Repository{})); diff != "" {
		t.Error(diff)
	}
	if len(a.Metadata) != 1 || a.Metadata[0].Released == nil || a.Metadata[0].FetchedAt == nil || a.Metadata[0].Error != "" || a.Lists != ListsAgent {
		t.Errorf("metadata %+v from %q", a.Metadata, a.Lists)
	}
	if diff := cmp.Diff(map[string]string{"app all 1.0": "Example"}, a.Origins); diff != "" {
		t.Errorf("origins: only the version that the archive carries has one: %s", diff)
	}
}

// A simulation costs seconds of CPU: it happens again when, and only when, something that apt reads has changed.
func TestSimulatesOnlyAfterAChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := New(w.cfg)
	w.refresh(m)
	first := w.ask(m)
	ran := m.Simulations()
	if ran == 0 {
		t.Fatal("the first answer came without a simulation")
	}
	if diff := cmp.Diff(first, w.ask(m)); diff != "" || m.Simulations() != ran {
		t.Fatalf("unchanged host: %d simulations more, %s", m.Simulations()-ran, diff)
	}
	again := New(w.cfg)
	if w.ask(again); again.Simulations() != 0 {
		t.Fatalf("a restarted agent simulated %d times on an unchanged host", again.Simulations())
	}
	for name, change := range map[string]func(){
		"status": func() { w.write("var/lib/dpkg/status", installed("app", "install", "")) },
		"journal": func() {
			_ = os.MkdirAll(w.root+"/var/lib/dpkg/updates", 0o755)
			w.write("var/lib/dpkg/updates/0000", "")
		},
		"sources":         func() { w.write("etc/apt/sources.list.d/x.list", "# nothing\n") },
		"preferences":     func() { w.write("etc/apt/preferences.d/other", "# nothing\n") },
		"configuration":   func() { w.write("etc/apt/apt.conf.d/x", "// nothing\n") },
		"extended_states": func() { w.write("var/lib/apt/extended_states", "") },
	} {
		before := m.Simulations()
		change()
		if w.ask(m); m.Simulations() == before {
			t.Errorf("%s changed and apt was not asked", name)
		}
	}
}

// The lists of whoever refreshed last are used, and origins outlive the version in the archive.
func TestFresherListsWinAndOriginsAreRemembered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := New(w.cfg)
	if a := w.ask(m); a.Updates.Known || !strings.Contains(a.Updates.Problem, "no package lists") {
		t.Fatalf("without lists: known %v, %q; want unknown and why", a.Updates.Known, a.Updates.Problem)
	}
	w.refresh(m)
	if a := w.ask(m); a.Lists != ListsAgent || a.Origins["app all 1.0"] != "Example" {
		t.Fatalf("lists of %q, origins %v", a.Lists, a.Origins)
	}
	w.publish("stable", offered("app", "3.0", ""))
	system := exec.Command("apt-get", "-o", "Dir="+w.root, "-o", "Dir::State::status="+w.root+"/var/lib/dpkg/status", "-o", "APT::Architecture=amd64", "-o", "Dir::Cache="+w.root+"/syscache", "update")
	if err := os.MkdirAll(w.root+"/syscache/archives/partial", 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := system.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	a := w.ask(m)
	if a.Lists != ListsSystem || !slices.Contains(brief(a.Updates.Updates), "upgrade app:all 1.0>3.0 Example installable |") {
		t.Errorf("after apt-get update: lists of %q, %q", a.Lists, brief(a.Updates.Updates))
	}
	if a.Origins["app all 1.0"] != "Example" {
		t.Error("the installed version left the archive and lost its origin")
	}
}

func TestOneBrokenRepositoryDoesNotHideTheOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write("etc/apt/sources.list.d/broken.list", "deb [trusted=yes] file:"+w.root+"/nowhere stable main\n")
	m := New(w.cfg)
	w.refresh(m)
	a := w.ask(m)
	if !a.Updates.Known || len(a.Updates.Updates) != 10 {
		t.Errorf("known %v, %d updates; want the good repository's 10", a.Updates.Known, len(a.Updates.Updates))
	}
	if len(a.Metadata) != 2 || a.Metadata[0].Error == "" || a.Metadata[1].Error != "" || !a.RefreshedAt.IsZero() || !strings.Contains(a.RefreshError, "1 of 2") {
		t.Errorf("metadata %+v, refreshed %v, error %q", a.Metadata, a.RefreshedAt, a.RefreshError)
	}
}

func TestARefreshThatStandsStillIsStopped(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	m := New(Config{StateDir: t.TempDir(), StallAfter: 20 * time.Millisecond})
	done := make(chan struct{})
	go func() { defer close(done); m.watchStall(ctx, cancel, new(atomic.Int64)) }()
	<-ctx.Done()
	<-done
	if got := context.Cause(ctx).Error(); !strings.Contains(got, "stood still") {
		t.Error(got)
	}
}

func TestNextRefresh(t *testing.T) {
	t.Parallel()
	at := func(h float64) time.Time { return time.Unix(0, 0).Add(time.Duration(h * float64(time.Hour))) }
	const every = 6 * time.Hour
	for name, c := range map[string]struct {
		r       refreshState
		system  time.Time
		changed bool
		jitter  float64
		want    time.Time
	}{
		"never":                {want: time.Time{}},
		"system_only":          {system: at(10), want: at(16)},
		"system_newer":         {system: at(10), r: refreshState{Tried: at(8), Succeeded: at(8)}, want: at(16)},
		"own_newer":            {system: at(1), r: refreshState{Tried: at(8), Succeeded: at(8)}, want: at(14)},
		"later_by_jitter":      {system: at(10), jitter: 0.1, want: at(16.6)},
		"failed_soon":          {r: refreshState{Tried: at(20), Succeeded: at(8)}, want: at(20.5)},
		"failed_before_due":    {system: at(10), r: refreshState{Tried: at(12)}, want: at(16)},
		"never_succeeded":      {r: refreshState{Tried: at(20)}, want: at(20.5)},
		"sources_have_changed": {system: at(10), r: refreshState{Tried: at(9), Succeeded: at(9)}, changed: true, want: at(9)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := nextRefresh(c.r, c.system, every, c.changed, c.jitter); !got.Equal(c.want) && !(got.IsZero() && c.want.IsZero()) {
				t.Errorf("got %v, want %v", got.UTC(), c.want.UTC())
			}
		})
	}
}

// On this very machine, read-only: what apt-get itself would do now is what Ask calls installable, package for package.
func TestAgreesWithAptOnThisMachine(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("apt-get"); err != nil {
		t.Skip("apt-get is not installed")
	}
	lists, _ := filepath.Glob("/var/lib/apt/lists/*Packages*")
	if len(lists) == 0 {
		t.Skip("this machine's package lists were never fetched: apt itself lists nothing")
	}
	cmd := exec.Command("apt-get", "-s", "-o", "Debug::NoLocking=1", "dist-upgrade")
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) > 2 && (f[0] == "Inst" || f[0] == "Remv") {
			name, _, _ := strings.Cut(f[1], ":")
			want[f[0]+" "+name] = ""
		}
	}
	root, err := pkgmgr.OpenRoot("/")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	db, err := dpkg.Read(root)
	if err != nil {
		t.Fatal(err)
	}
	a, err := New(Config{StateDir: t.TempDir(), Distribution: "debian"}).Ask(t.Context(), db)
	if err != nil || !a.Updates.Known {
		t.Fatalf("%v, %q", err, a.Updates.Problem)
	}
	got := map[string]string{}
	for _, u := range a.Updates.Updates {
		if u.State == apiv1.UpdateInstallable {
			verb := "Inst "
			if u.Action == apiv1.ActionRemove {
				verb = "Remv "
			}
			got[verb+u.Name] = ""
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

package apply

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/seal"
)

// place is a spool and a state folder on a real file system, and an applier that may not get as far as a package manager: every entry
// here is to be refused.
type place struct {
	*applier
	root, in string
	log      *strings.Builder
	key      ssh.Signer
}

func newPlace(t *testing.T) *place {
	t.Helper()
	p := &place{root: t.TempDir(), log: &strings.Builder{}}
	p.in = filepath.Join(p.root, "spool", "in")
	if err := os.MkdirAll(p.in, 0o755); err != nil {
		t.Fatal(err)
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if p.key, err = ssh.NewSignerFromKey(private); err != nil {
		t.Fatal(err)
	}
	p.applier = &applier{boot: "boot", Options: Options{Now: time.Now, Log: slog.New(slog.NewTextHandler(p.log, nil)), Trust: filepath.Join(p.root, "trust.json"), Signers: filepath.Join(p.root, "none")}}
	if err := WriteTrust(p.Trust, "host_a", string(ssh.MarshalAuthorizedKey(p.key.PublicKey()))); err != nil {
		t.Fatal(err)
	}
	if p.state, err = openState(filepath.Join(p.root, "state")); err != nil {
		t.Fatal(err)
	}
	if p.spool, err = openSpool(filepath.Join(p.root, "spool")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.state.close(); _ = p.spool.close() })
	return p
}

// offer is a good one, but for what edit does to the documents before they are signed.
func (p *place) offer(t *testing.T, id string, edit func(*seal.Plan, *seal.Lock, *seal.Grant)) apiv1.RunOffer {
	t.Helper()
	now := time.Now()
	plan := seal.Plan{Version: 1, ID: "plan", Kind: "patch", NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), Hosts: 1, Reboot: "never"}
	lock := seal.Lock{Version: 1, Manager: "apt", Changes: []seal.Change{{Name: "a", Arch: "all", Action: "upgrade", From: "1", To: "2", SHA256: strings.Repeat("a", 64), Size: 3}}}
	grant := seal.Grant{Version: 1, RunID: id, HostID: "host_a", Epoch: 5, IssuedAt: now.Add(-time.Minute), ExpiresAt: now.Add(5 * time.Minute)}
	if edit != nil {
		edit(&plan, &lock, &grant)
	}
	encode := func(d any) []byte {
		b, err := seal.Encode(d)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	o := apiv1.RunOffer{RunID: id, Lock: encode(lock)}
	leaf := seal.Leaf("host_a", seal.Sum(o.Lock))
	plan.HostsRoot, plan.Locks = hex.EncodeToString(leaf[:]), []string{seal.Sum(o.Lock)}
	o.Plan = encode(plan)
	grant.PlanSHA256, grant.LockSHA256 = seal.Sum(o.Plan), seal.Sum(o.Lock)
	o.Grant = encode(grant)
	for _, s := range []struct {
		namespace string
		from      []byte
		to        func(string)
	}{{seal.NamespacePlan, o.Plan, func(s string) { o.PlanSignatures = []string{s} }}, {seal.NamespaceGrant, o.Grant, func(s string) { o.GrantSignature = s }}} {
		sig, err := seal.Sign(p.key, s.namespace, s.from)
		if err != nil {
			t.Fatal(err)
		}
		s.to(sig)
	}
	return o
}

func (p *place) put(t *testing.T, name string, o apiv1.RunOffer) string {
	t.Helper()
	b, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(p.in, name)
	write(t, filepath.Join(dir, "offer.json"), string(b))
	write(t, filepath.Join(dir, "debs", "a_2_all.deb"), "abc")
	write(t, filepath.Join(dir, "lists", "x_InRelease"), "x")
	return dir
}

func write(t *testing.T, name, body string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(body), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// Every hostile entry is refused with its reason, logged once, reported, moved away, and nothing of it is taken over.
func TestHostileEntries(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("devices and foreign owners need root")
	}
	const id = "run_1"
	must := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	replace := func(t *testing.T, dir, name string, with func(path string) error) {
		t.Helper()
		path := filepath.Join(dir, name)
		must(t, os.RemoveAll(path))
		must(t, with(path))
	}
	for name, c := range map[string]struct {
		spoil func(t *testing.T, p *place, dir string)
		edit  func(*seal.Plan, *seal.Lock, *seal.Grant)
		code  string
	}{
		"offer is a symbolic link": {spoil: func(t *testing.T, _ *place, dir string) {
			replace(t, dir, "offer.json", func(f string) error { return os.Symlink("/etc/passwd", f) })
		}},
		"offer is a fifo": {spoil: func(t *testing.T, _ *place, dir string) {
			replace(t, dir, "offer.json", func(f string) error { return unix.Mkfifo(f, 0o644) })
		}},
		"offer is a device": {spoil: func(t *testing.T, _ *place, dir string) {
			replace(t, dir, "offer.json", func(f string) error { return unix.Mknod(f, unix.S_IFCHR|0o666, int(unix.Mkdev(1, 5))) })
		}},
		"offer is a folder": {spoil: func(t *testing.T, _ *place, dir string) {
			replace(t, dir, "offer.json", func(f string) error { return os.Mkdir(f, 0o755) })
		}},
		"offer is a gigabyte": {spoil: func(t *testing.T, _ *place, dir string) {
			must(t, os.Truncate(filepath.Join(dir, "offer.json"), 1<<30))
		}},
		"offer is cut off": {spoil: func(t *testing.T, _ *place, dir string) { must(t, os.Truncate(filepath.Join(dir, "offer.json"), 700)) }},
		"offer is empty":   {spoil: func(t *testing.T, _ *place, dir string) { must(t, os.Truncate(filepath.Join(dir, "offer.json"), 0)) }},
		"offer is missing": {spoil: func(t *testing.T, _ *place, dir string) { must(t, os.Remove(filepath.Join(dir, "offer.json"))) }},
		"offer has another name": {spoil: func(t *testing.T, p *place, dir string) {
			must(t, os.Link(filepath.Join(dir, "offer.json"), filepath.Join(p.root, "elsewhere")))
		}},
		"offer is somebody else's": {spoil: func(t *testing.T, _ *place, dir string) { must(t, os.Chown(filepath.Join(dir, "offer.json"), 4242, 0)) }},
		"entry is a symbolic link": {spoil: func(t *testing.T, p *place, dir string) {
			must(t, os.Rename(dir, filepath.Join(p.root, "moved")))
			must(t, os.Symlink(filepath.Join(p.root, "moved"), dir))
		}},
		"entry is a file": {spoil: func(t *testing.T, _ *place, dir string) {
			must(t, os.RemoveAll(dir))
			write(t, dir, "x")
		}},
		"packages are behind a symbolic link": {spoil: func(t *testing.T, p *place, dir string) {
			must(t, os.Rename(filepath.Join(dir, "debs"), filepath.Join(p.root, "debs")))
			must(t, os.Symlink(filepath.Join(p.root, "debs"), filepath.Join(dir, "debs")))
		}},
		"packages are behind a link that stays inside": {spoil: func(t *testing.T, _ *place, dir string) {
			must(t, os.RemoveAll(filepath.Join(dir, "lists")))
			must(t, os.Rename(filepath.Join(dir, "debs"), filepath.Join(dir, "lists")))
			must(t, os.Symlink("lists", filepath.Join(dir, "debs")))
		}},
		"packages are missing": {spoil: func(t *testing.T, _ *place, dir string) { must(t, os.RemoveAll(filepath.Join(dir, "debs"))) }},
		"one package too many": {spoil: func(t *testing.T, _ *place, dir string) { write(t, filepath.Join(dir, "debs", "b_1_all.deb"), "b") }},
		"another package": {spoil: func(t *testing.T, _ *place, dir string) {
			must(t, os.Rename(filepath.Join(dir, "debs/a_2_all.deb"), filepath.Join(dir, "debs/b_1_all.deb")))
		}},
		"a file too many":     {spoil: func(t *testing.T, _ *place, dir string) { write(t, filepath.Join(dir, "postinst"), "b") }},
		"another run's offer": {spoil: func(t *testing.T, p *place, _ string) { p.put(t, id, p.offer(t, "run_2", nil)) }},
		"forged plan": {code: seal.ForgedPlan, spoil: func(t *testing.T, p *place, _ string) {
			o := p.offer(t, id, nil)
			o.Plan = append(o.Plan, ' ')
			p.put(t, id, o)
		}},
		"forged grant": {code: seal.ForgedGrant, spoil: func(t *testing.T, p *place, _ string) {
			o := p.offer(t, id, nil)
			o.Grant = append(o.Grant, ' ')
			p.put(t, id, o)
		}},
		"grant of another run":  {code: seal.OtherPlan, edit: func(_ *seal.Plan, _ *seal.Lock, g *seal.Grant) { g.RunID = "run_9" }},
		"grant of another host": {code: seal.OtherHost, edit: func(_ *seal.Plan, _ *seal.Lock, g *seal.Grant) { g.HostID = "host_b" }},
		"expired grant": {code: seal.Expired, edit: func(_ *seal.Plan, _ *seal.Lock, g *seal.Grant) {
			g.IssuedAt, g.ExpiresAt = g.IssuedAt.Add(-time.Hour), g.ExpiresAt.Add(-time.Hour)
		}},
		"epoch that was seen": {code: seal.Replayed, edit: func(_ *seal.Plan, _ *seal.Lock, g *seal.Grant) { g.Epoch = 4 }},
		"option for a name":   {edit: func(_ *seal.Plan, l *seal.Lock, _ *seal.Grant) { l.Changes[0].Name = "--allow-downgrades" }},
		"downgrade":           {edit: func(_ *seal.Plan, l *seal.Lock, _ *seal.Grant) { l.Changes[0].To = "0" }},
		"too few people have signed": {code: seal.TooFew, spoil: func(t *testing.T, p *place, _ string) {
			b, err := os.ReadFile(p.Trust)
			must(t, err)
			must(t, os.WriteFile(p.Trust, []byte(strings.Replace(string(b), `"threshold": 0`, `"threshold": 1`, 1)), 0o644))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			must(t, p.state.raiseEpoch(4))
			dir := p.put(t, id, p.offer(t, id, c.edit))
			if c.spoil != nil {
				c.spoil(t, p, dir)
			}
			if c.code == "" {
				c.code = seal.Malformed
			}
			must(t, p.all(t.Context()))
			must(t, p.all(t.Context())) // and once more, as systemd would
			if n := strings.Count(p.log.String(), "offer refused"); n != 1 || !strings.Contains(p.log.String(), "code="+c.code) {
				t.Errorf("logged %d times, want once with %s: %s", n, c.code, p.log)
			}
			if left, _ := os.ReadDir(p.in); len(left) != 0 {
				t.Errorf("the spool still holds %v", left)
			}
			if bad, _ := os.ReadDir(filepath.Join(p.root, "spool", "bad")); len(bad) != 1 {
				t.Errorf("moved away: %v", bad)
			}
			if runs, _ := os.ReadDir(p.state.path("runs")); len(runs) != 0 {
				t.Errorf("taken over: %v", runs)
			}
			if e, _ := p.state.epoch(); e != 4 {
				t.Errorf("epoch is %d", e)
			}
			report, _ := os.ReadFile(p.state.path("out", id, "reports.jsonl"))
			if strings.Count(string(report), "\n") != 1 || !strings.Contains(string(report), `"result":"refused"`) || strings.Contains(string(report), "root:") {
				t.Errorf("reported %q", report)
			}
		})
	}
}

// Names of entries that are no run's are refused too, and name no file of ours.
func TestEntryNames(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	for _, name := range []string{"..run", "run 1", "-rf", "a\nb", strings.Repeat("x", 200), "é"} {
		write(t, filepath.Join(p.in, name, "offer.json"), "{}")
	}
	if err := p.all(t.Context()); err != nil {
		t.Fatal(err)
	}
	left, _ := os.ReadDir(p.in)
	bad, _ := os.ReadDir(filepath.Join(p.root, "spool", "bad"))
	out, _ := os.ReadDir(p.state.path("out"))
	if len(left) != 0 || len(bad) != 6 || len(out) != 0 {
		t.Errorf("left %v, bad %v, out %v", left, bad, out)
	}
}

// While a folder is exchanged for a link to another again and again, nothing behind the link is ever read.
func TestFolderExchangedWhileItIsRead(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	dir := p.put(t, "run_1", p.offer(t, "run_1", nil))
	write(t, filepath.Join(p.root, "secret", "a_2_all.deb"), "SECRET")
	if err := os.Symlink(filepath.Join(p.root, "secret"), filepath.Join(p.root, "link")); err != nil {
		t.Fatal(err)
	}
	debs, link := filepath.Join(dir, "debs"), filepath.Join(p.root, "link")
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				_ = unix.Renameat2(unix.AT_FDCWD, debs, unix.AT_FDCWD, link, unix.RENAME_EXCHANGE)
			}
		}
	})
	e, err := p.spool.open("run_1")
	if err != nil {
		t.Fatal(err)
	}
	read, refused := 0, 0
	for i := range 3000 {
		to := filepath.Join(p.root, fmt.Sprint("copy", i))
		_, size, err := e.copy("debs", "a_2_all.deb", to, 100)
		var bad *hostile
		switch {
		case err == nil:
			read++
			if b, _ := os.ReadFile(to); string(b) != "abc" || size != 3 {
				t.Fatalf("read %q", b)
			}
		case errors.As(err, &bad):
			refused++
		default:
			t.Fatal(err)
		}
		_ = os.Remove(to)
	}
	close(stop)
	wg.Wait()
	_ = e.close()
	if read == 0 || refused == 0 {
		t.Errorf("%d times read, %d times refused: the exchange did not happen in between", read, refused)
	}
}

func TestSpoolBehindALinkIsNotOpened(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	if err := os.Symlink(filepath.Join(p.root, "spool"), filepath.Join(p.root, "alias")); err != nil {
		t.Fatal(err)
	}
	if s, err := openSpool(filepath.Join(p.root, "alias")); err == nil {
		_ = s.close()
		t.Error("opened")
	}
	if s, err := openSpool(filepath.Join(p.root, "nothing")); s != nil || err != nil {
		t.Errorf("a spool that is not there: %v, %v", s, err)
	}
}

// A file that grows while it is copied ends the copy at its limit.
func TestCopyIsBounded(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	dir := p.put(t, "run_1", p.offer(t, "run_1", nil))
	e, err := p.spool.open("run_1")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.close() }()
	f, size, err := e.regular("debs", "a_2_all.deb", 3)
	if err != nil || size != 3 {
		t.Fatal(size, err)
	}
	_ = f.Close()
	write(t, filepath.Join(dir, "debs", "a_2_all.deb"), "abcd")
	var bad *hostile
	if _, _, err := e.copy("debs", "a_2_all.deb", filepath.Join(p.root, "c"), 3); !errors.As(err, &bad) {
		t.Errorf("copied: %v", err)
	}
	if _, err := names(e.dir, "debs", 0); !errors.As(err, &bad) {
		t.Errorf("listed: %v", err)
	}
	for _, name := range []string{"", ".", "..", "a/b", "/etc/passwd"} {
		if f, err := inside(e.dir, name, unix.O_RDONLY); err == nil {
			_ = f.Close()
			t.Errorf("%q was opened", name)
		}
	}
}

// The epoch never falls, survives, and is not guessed when its file is damaged.
func TestEpoch(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	for _, step := range []struct{ raise, want int64 }{{3, 3}, {2, 3}, {9, 9}, {9, 9}} {
		if err := p.state.raiseEpoch(step.raise); err != nil {
			t.Fatal(err)
		}
		if got, err := p.state.epoch(); got != step.want || err != nil {
			t.Errorf("epoch %d, %v, want %d", got, err, step.want)
		}
	}
	for _, damaged := range []string{"", "x", "-1", "9x"} {
		write(t, p.state.path("epoch"), damaged)
		if _, err := p.state.epoch(); err == nil {
			t.Errorf("%q was read as an epoch", damaged)
		}
	}
}

func TestTwoAppliesExcludeEachOther(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	if s, err := openState(p.state.dir); err == nil {
		_ = s.close()
		t.Error("two at once")
	}
}

// What the server has is forgotten, but for the last three outcomes; what it does not have is kept.
func TestPrune(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	for i := range 6 {
		id := fmt.Sprintf("run_%d", i)
		if err := errors.Join(p.state.begin(id, []byte("{}")), p.again(id, done{}), p.state.finish(id, done{Epoch: int64(i), Outcome: apiv1.RunOutcome{Result: "succeeded"}})); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(p.root, "spool", "ack", "run_0"), "")
	write(t, filepath.Join(p.root, "spool", "ack", "run_5"), "")
	write(t, filepath.Join(p.root, "spool", "ack", "..evil"), "")
	if err := p.all(t.Context()); err != nil {
		t.Fatal(err)
	}
	list := func(name string) string {
		entries, _ := os.ReadDir(p.state.path(name))
		var out []string
		for _, e := range entries {
			out = append(out, e.Name())
		}
		return strings.Join(out, " ")
	}
	if got := list("done"); got != "run_1 run_2 run_3 run_4 run_5" {
		t.Errorf("outcomes of %s", got)
	}
	if got := list("out"); got != "run_1 run_2 run_3 run_4" {
		t.Errorf("reports of %s", got)
	}
	if _, err := os.Stat(p.state.path("open")); err == nil {
		t.Error("a run is said to be open")
	}
	if slices.Contains(p.spool.acked(), "run_0") {
		t.Error("the acknowledgement stays")
	}
}

// A report that a crash cut off is taken away, and lines that were told are not told again.
func TestReportsGoOn(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "out")
	r, err := openReports(dir, os.Getegid(), clock)
	if err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(dir, "log")
	write(t, log, "one\ntwo\nthr")
	tl := tail{name: log}
	lines, err := tl.read(false)
	if err = errors.Join(err, r.say(lines), r.close()); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "reports.jsonl"), os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString(`{"at":"2026-`)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	if r, err = openReports(dir, os.Getegid(), clock); err != nil {
		t.Fatal(err)
	}
	write(t, log, "one\ntwo\nthree\x1b[31m\nfour")
	tl = tail{name: log, skip: r.lines}
	lines, err = tl.read(true)
	if err = errors.Join(err, r.say(lines), r.close()); err != nil {
		t.Fatal(err)
	}
	b, _ := os.ReadFile(filepath.Join(dir, "reports.jsonl"))
	var told []string
	for line := range strings.Lines(string(b)) {
		var report apiv1.RunReport
		if err := json.Unmarshal([]byte(line), &report); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		told = append(told, report.Lines...)
	}
	if strings.Join(told, "|") != "one|two|three [31m|four" {
		t.Errorf("told %q", told)
	}
}

func TestTrust(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	if trust, err := ReadTrust(p.Trust, p.Signers); err != nil || trust.HostID != "host_a" || trust.Threshold != 0 {
		t.Fatalf("%+v, %v", trust, err)
	}
	write(t, p.Trust, strings.Replace(read(t, p.Trust), `"threshold": 0`, `"threshold": 2`, 1))
	if err := WriteTrust(p.Trust, "host_b", string(ssh.MarshalAuthorizedKey(p.key.PublicKey()))); err != nil {
		t.Fatal(err)
	}
	if trust, err := ReadTrust(p.Trust, p.Signers); err != nil || trust.HostID != "host_b" || trust.Threshold != 2 {
		t.Errorf("after enrolling again: %+v, %v", trust, err)
	}
	if err := WriteTrust(p.Trust, "host_b", "nonsense"); err == nil {
		t.Error("nonsense was pinned")
	}
	good := read(t, p.Trust)
	for name, spoil := range map[string]func() error{
		"writable by others": func() error { return os.Chmod(p.Trust, 0o666) },
		"damaged":            func() error { return os.WriteFile(p.Trust, []byte("{"), 0o644) },
		"without a key":      func() error { return os.WriteFile(p.Trust, []byte(`{"host_id":"x"}`), 0o644) },
		"below nothing":      func() error { return os.WriteFile(p.Trust, []byte(strings.Replace(good, ": 2", ": -1", 1)), 0o644) },
		"bad signers":        func() error { return os.WriteFile(p.Signers, []byte("nobody knows\n"), 0o644) },
	} {
		_ = os.Remove(p.Signers)
		if err := errors.Join(os.WriteFile(p.Trust, []byte(good), 0o644), os.Chmod(p.Trust, 0o644), spoil()); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadTrust(p.Trust, p.Signers); err == nil {
			t.Errorf("%s: believed", name)
		}
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

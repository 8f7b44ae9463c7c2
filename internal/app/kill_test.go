package app

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/feed"
)

// victimEnv names the folder of a server that takes in a bundle, in a process of its own, until it is killed.
const victimEnv = "STAUNCH_TEST_IMPORT"

func TestMain(m *testing.M) {
	if dir := os.Getenv(victimEnv); dir != "" {
		if err := importVictim(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// importVictim takes in DIR/new.staunch, and says when it begins and when it is done.
func importVictim(dir string) error {
	a, err := New(Config{Data: filepath.Join(dir, "data"), Listen: "127.0.0.1:0", Names: []string{"127.0.0.1"}, Feeds: noFeeds}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	if err := a.Start(context.Background()); err != nil {
		return err
	}
	b, err := os.ReadFile(filepath.Join(dir, "new.staunch"))
	if err != nil {
		return err
	}
	fmt.Println("begins")
	if _, err := a.wire.feed.ImportBundle(context.Background(), bytes.NewReader(b), feed.BundleOptions{Trust: os.Getenv("STAUNCH_TEST_KEY")}); err != nil {
		return err
	}
	fmt.Println("done")
	select {}
}

// manyAdvisories is an archive of advisories that all name one fixed version.
func manyAdvisories(t *testing.T, n int, fixed string) []byte {
	t.Helper()
	files := map[string]string{}
	for i := range n {
		id := fmt.Sprintf("2026-%05d", i+1)
		files["DEBIAN-CVE-"+id+".json"] = strings.NewReplacer("2026-0001", id, "3.0.17-1~deb12u1", fixed).Replace(advisoryJSON)
	}
	return archive(t, files)
}

// Killed at any instant of taking in a bundle, a server has all of what it had or all of what was brought, says which, and leaves no rubbish.
func TestKilledWhileABundleIsTakenIn(t *testing.T) {
	t.Parallel()
	const n = 2000
	a := start(t, config(t))
	give := func(fixed string) []byte {
		a.must(a.call("POST", "/api/v1/feeds/import?name="+url.QueryEscape("osv/Debian"), manyAdvisories(t, n, fixed), nil), 200, "import")
		code, bundle, _ := a.export("")
		a.must(code, 200, "export")
		return bundle
	}
	before, after := give("1.0-1"), give("2.0-1")
	dir := t.TempDir()
	cfg := config(t)
	cfg.Data, cfg.Feeds = filepath.Join(dir, "data"), noFeeds
	b := start(t, cfg)
	b.must(b.call("POST", "/api/v1/feeds/bundle?trust="+url.QueryEscape(a.wire.planKey), before, nil), 200, "the first bundle")
	b.shut()
	if err := os.WriteFile(filepath.Join(dir, "new.staunch"), after, 0o600); err != nil {
		t.Fatal(err)
	}
	ended := map[string]int{}
	for i := range 8 {
		done := killImport(t, dir, a.wire.planKey, time.Duration(i*i)*25*time.Millisecond)
		c := launch(t, cfg)
		fixed := map[string]int{}
		if err := c.wire.store.CurrentAdvisories(t.Context(), func(a advisory.Advisory) error {
			fixed[a.Affected[0].Ranges[0].Fixed]++
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		which := "1.0-1"
		if fixed["2.0-1"] > 0 {
			which = "2.0-1"
		}
		if len(fixed) != 1 || fixed[which] != n || done && which != "2.0-1" {
			t.Fatalf("after %d: %v, and it was done: %v", i, fixed, done)
		}
		ended[which]++
		statuses, err := c.wire.feed.Status(t.Context())
		if err != nil || !strings.Contains(fmt.Sprint(names(statuses)), "osv/Debian:"+fmt.Sprint(n)) {
			t.Errorf("%v, %v", names(statuses), err)
		}
		if left, err := filepath.Glob(filepath.Join(cfg.Data, "staunch-*")); err != nil || len(left) > 0 {
			t.Errorf("left over: %v, %v", left, err)
		}
		c.shut()
		if which == "2.0-1" {
			break
		}
	}
	if ended["1.0-1"] == 0 {
		t.Error("every import was done before it was killed")
	}
}

func names(all []apiv1.FeedStatus) (out []string) {
	for _, f := range all {
		out = append(out, fmt.Sprintf("%s:%d%s", f.Name, f.Records, f.Error))
	}
	return out
}

// killImport kills an import so long after it began; done: it had ended before.
func killImport(t *testing.T, dir, key string, after time.Duration) (done bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0]) //nolint:gosec // this very program
	cmd.Env = append(os.Environ(), victimEnv+"="+dir, "STAUNCH_TEST_KEY="+key)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines, began := bufio.NewScanner(out), false
	for lines.Scan() {
		switch lines.Text() {
		case "begins":
			began = true
			time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		case "done":
			done = true
		}
	}
	_ = cmd.Wait() // killed, as it should be
	if !began {
		t.Fatalf("it ended by itself: %s", stderr.String())
	}
	return done
}

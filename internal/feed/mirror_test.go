package feed

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/feed/intake"
)

func TestAMirrorIsFetchedOnceAndKeepsTheLastGoodFiles(t *testing.T) {
	t.Parallel()
	m := newMirror(t)
	m.answer(debianPath, serve(zipOf(t, debians(30)...), ""))
	m.answer(kevPath, serve(catalogue(kevEntry("CVE-2026-0001")), ""))
	dir := filepath.Join(t.TempDir(), "feeds")
	fetch := func() map[string]apiv1.FeedStatus {
		all, err := Mirror(t.Context(), dir, MirrorOptions{Releases: []string{"Debian:12"}, Without: butOSVandKEV(), From: m.URL})
		if err != nil {
			t.Fatal(err)
		}
		by := map[string]apiv1.FeedStatus{}
		for _, s := range all {
			by[s.Name] = s
		}
		return by
	}
	if got := fetch(); len(got) != 2 || got["osv/Debian"].Records != 30 || got["kev"].Records != 1 || got["kev"].Error != "" {
		t.Fatalf("%+v", got)
	}
	k, err := ReadDir(t.Context(), dir, []string{"Debian:12"})
	if err != nil || len(k.Advisories) != 30 || len(k.KEV) != 1 {
		t.Fatalf("%v: %d advisories", err, len(k.Advisories))
	}
	asked := len(m.requests())
	fetch()
	for _, r := range m.requests()[asked:] {
		if r.Header.Get("If-Modified-Since") != "Fri, 20 Nov 2026 00:00:00 GMT" {
			t.Errorf("%s asked again for what is here: %v", r.URL, r.Header)
		}
	}
	m.answer(debianPath, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) })
	m.answer(kevPath, http.NotFound)
	got := fetch()
	if !strings.Contains(got["osv/Debian"].Error, "not a zip") || !strings.Contains(got["kev"].Error, "no such file") {
		t.Errorf("%+v", got)
	}
	again, err := ReadDir(t.Context(), dir, []string{"Debian:12"})
	if err != nil || !cmp.Equal(k.Advisories, again.Advisories) {
		t.Errorf("the last good file did not stay: %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
	if _, err := Mirror(t.Context(), dir, MirrorOptions{Without: []string{"nothing/*"}}); !errors.Is(err, fault.Invalid) {
		t.Errorf("%v", err)
	}
	if _, err := Mirror(t.Context(), dir, MirrorOptions{From: dir}); !errors.Is(err, fault.Invalid) {
		t.Errorf("%v", err)
	}
}

// Red Hat names its newest archive in a text beside it. What that text says is a name, and nothing else.
func TestTheNewestArchiveIsFoundByItsPointer(t *testing.T) {
	t.Parallel()
	m := newMirror(t)
	m.answer("/advisories/csaf_2026-11-20.tar.zst", serve([]byte("archive"), "a"))
	for text, want := range map[string]string{
		"csaf_2026-11-20.tar.zst\n":       "",
		"csaf_2026-11-21.tar.zst":         "no such file",
		"../../etc/passwd":                "names no file",
		"https://elsewhere.example/x.zst": "names no file",
		"":                                "names no file",
		strings.Repeat("a", 5000):         "limit is 4096",
	} {
		m.answer("/advisories/archive_latest.txt", serve([]byte(text), ""))
		f := fetcher{client: cautious(nil), temp: t.TempDir(), limits: intake.Limits{}.OrDefault()}
		got, err := f.fetchLatest(t.Context(), m.URL+"/advisories/archive_latest.txt", 1<<20, validators{})
		if want == "" && (err != nil || got.name != "csaf_2026-11-20.tar.zst" || got.etag != `"a"`) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%.40q: %v, want %q", text, err, want)
		}
		got.discard()
		if left, err := os.ReadDir(f.temp); err != nil || len(left) > 0 {
			t.Errorf("left over: %v", left)
		}
	}
}

// A feed of several files is read from all of them when one has changed, and from none when one is missing.
func TestAFeedOfSeveralFilesIsWholeOrNothing(t *testing.T) {
	t.Parallel()
	m := newMirror(t)
	secdb := func(repository, source string) []byte {
		return []byte(`{"distroversion":"v3.20","reponame":"` + repository + `","urlprefix":"https://dl-cdn.alpinelinux.org/alpine","packages":[{"pkg":{"name":"` + source + `","secfixes":{"1.2-r0":["CVE-2026-0001"]}}}]}`)
	}
	const main, community = "/alpine/v3.20/main.json", "/alpine/v3.20/community.json"
	m.answer(main, serve(secdb("main", "busybox"), "m1"))
	b := setup(t, m.URL, "Alpine:v3.20")
	name := []string{"alpine/v3.20"}
	if err := b.Update(t.Context(), name); !errors.Is(err, fault.Unavailable) || !strings.Contains(fault.Message(err), community) || len(b.current(t)) != 0 {
		t.Fatalf("one file is missing: %v", err)
	}
	m.answer(community, serve(secdb("community", "go"), "c1"))
	if err := b.Update(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"CVE-2026-0001/busybox", "CVE-2026-0001/go"}, b.current(t)); diff != "" {
		t.Error(diff)
	}
	asked := len(m.requests())
	if err := b.Update(t.Context(), name); err != nil || len(m.requests()) != asked+2 {
		t.Errorf("nothing new: %v, %d requests", err, len(m.requests())-asked)
	}
	m.answer(community, serve(secdb("community", "rust"), "c2"))
	if err := b.Update(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"CVE-2026-0001/busybox", "CVE-2026-0001/rust"}, b.current(t)); diff != "" {
		t.Errorf("what has not changed must not get lost: %s", diff)
	}
}

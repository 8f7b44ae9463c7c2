package feed

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/store"
)

func TestUpdateImportsAndThenAsksConditionally(t *testing.T) {
	t.Parallel()
	m := newMirror(t)
	m.answer(debianPath, serve(zipOf(t, debianRecord(1), debianRecord(2)), "one"))
	m.answer(kevPath, serve(catalogue(kevEntry("CVE-2026-0001")), "k"))
	b := setup(t, m.URL, "Debian:12", "Debian:13", "Void", "../etc:1")
	if err := b.Update(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"DEBIAN-CVE-2026-0001", "DEBIAN-CVE-2026-0002"}, b.current(t)); diff != "" {
		t.Error(diff)
	}
	var kev []advisory.KEV
	err := b.store.CurrentOverlays(t.Context(), func(o advisory.Overlay) error {
		kev = append(kev, *o.KEV)
		return nil
	})
	if diff := cmp.Diff([]advisory.KEV{{CVE: "CVE-2026-0001", Added: "2026-11-01", Due: "2026-11-22", Ransomware: true, Name: "n"}}, kev); diff != "" || err != nil {
		t.Error(diff, err)
	}
	first := b.feed(t, "osv/Debian")
	if first.Records != 2 || first.URL != m.URL+debianPath || !first.AsOf.Equal(b.at()) || !first.Changed.Equal(b.at()) || first.Error != "" {
		t.Errorf("%+v", first)
	}

	began := b.at()
	b.advance(2 * time.Hour)
	before := len(m.requests())
	if err := b.Update(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	for _, r := range m.requests()[before:] {
		ifNone, ifModified := r.Header.Get("If-None-Match"), r.Header.Get("If-Modified-Since")
		if kev := r.URL.Path == kevPath; kev && (ifNone != "" || ifModified == "") || !kev && ifNone != `"one"` {
			t.Errorf("%s asked with %q and %q", r.URL, ifNone, ifModified)
		}
	}
	second := b.feed(t, "osv/Debian")
	if !second.AsOf.Equal(b.at()) || !second.Changed.Equal(began) || second.Records != 2 {
		t.Errorf("not modified: %+v", second)
	}

	m.answer(debianPath, serve(zipOf(t, debianRecord(1), debianRecord(2)), "two")) // the same bytes under another validator
	seq := mustSeq(t, b)
	if err := b.Update(t.Context(), []string{"osv/Debian"}); err != nil {
		t.Fatal(err)
	}
	if third := b.feed(t, "osv/Debian"); !third.Changed.Equal(began) || mustSeq(t, b) != seq+1 {
		t.Errorf("the same file was imported again: %+v, seq %d to %d", third, seq, mustSeq(t, b))
	}

	m.answer(debianPath, serve(zipOf(t, debianRecord(2), debianRecord(3)), "three"))
	if err := b.Update(t.Context(), []string{"osv/Debian"}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"DEBIAN-CVE-2026-0002", "DEBIAN-CVE-2026-0003"}, b.current(t)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"feed.updated: kev", "feed.updated: osv/Debian", "feed.updated: osv/Debian"}, b.events(t)); diff != "" {
		t.Error(diff)
	}
}

func mustSeq(t *testing.T, b bench) int64 {
	t.Helper()
	seq, err := b.store.Seq(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

// Whatever a source does, the last good data stays, the state says what was wrong, and it is told once.
func TestAFailingSourceLeavesTheLastGoodData(t *testing.T) {
	t.Parallel()
	good := zipOf(t, debians(40)...)
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"server error": {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusInternalServerError) }, "500 Internal Server Error"},
		"gone":         {http.NotFound, "no such file"},
		"forbidden":    {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) }, "403"},
		"stalled": {func(w http.ResponseWriter, r *http.Request) {
			w.Write(good[:100]) //nolint:errcheck // the client gives up
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, "nothing for too long"},
		"silent": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "nothing for too long"},
		"truncated": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(good)))
			w.Write(good[:len(good)/2]) //nolint:errcheck // shorter than promised, as meant
		}, "unexpected EOF"},
		"half an archive": {serve(good[:len(good)/2], ""), "not a zip file"},
		"a page":          {serve([]byte("<html>sign in</html>"), ""), "not a zip file"},
		"redirect loop":   {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }, "more than 5 redirects"},
		"other ecosystem": {serve(zipOf(t, file{"a.json", record("A", `"affected":[`+affected("npm", "p", `{"introduced":"0"}`)+`]`)}), ""), "none of its records"},
		"less than half":  {serve(zipOf(t, debians(19)...), ""), "19 records where the last one held 40"},
		"no sound record": {serve(zipOf(t, file{"a.json", "[]"}), ""), "no record that can be read"},
		"too long":        {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "2000000000") }, "the limit is"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			m := newMirror(t)
			m.answer(debianPath, serve(good, "good"))
			b := setup(t, m.URL, "Debian:12")
			osv := []string{"osv/Debian"}
			if err := b.Update(t.Context(), osv); err != nil {
				t.Fatal(err)
			}
			began := b.at()
			m.answer(debianPath, tc.answer)
			if strings.Contains(tc.want, "too long") {
				b.cfg.Stall = 50 * time.Millisecond
			}
			for range 3 {
				b.advance(time.Minute)
				err := b.Update(t.Context(), osv)
				if !errors.Is(err, fault.Unavailable) || !strings.Contains(fault.Message(err), tc.want) {
					t.Errorf("%v, want %q", err, tc.want)
				}
			}
			got := b.feed(t, "osv/Debian")
			if got.Records != 40 || !got.AsOf.Equal(began) || !strings.Contains(got.Error, tc.want) || !got.LastAttempt.Equal(b.at()) || !got.Next.After(b.at()) {
				t.Errorf("%+v", got)
			}
			if n := len(b.current(t)); n != 40 {
				t.Errorf("%d records are left", n)
			}
			if n := strings.Count(b.log.String(), "feed failed"); n != 1 {
				t.Errorf("logged %d times:\n%s", n, b.log)
			}
			m.answer(debianPath, serve(good, "good"))
			b.cfg.Stall = 30 * time.Second
			if err := b.Update(t.Context(), osv); err != nil {
				t.Fatal(err)
			}
			if got := b.feed(t, "osv/Debian"); got.Error != "" || !got.AsOf.Equal(b.at()) {
				t.Errorf("well again: %+v", got)
			}
			if diff := cmp.Diff([]string{"feed.updated: osv/Debian", "feed.failed: osv/Debian", "feed.updated: osv/Debian"}, b.events(t)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNoSecretOfAMirrorIsKept(t *testing.T) {
	t.Parallel()
	m := newMirror(t)
	base := strings.Replace(m.URL, "http://", "http://user:hunter2@", 1)
	m.answer(debianPath, serve(zipOf(t, debianRecord(1)), ""))
	b := setup(t, base, "Debian:12")
	if err := b.Update(t.Context(), []string{"osv/Debian"}); err != nil {
		t.Fatal(err)
	}
	if name, password, _ := m.requests()[0].BasicAuth(); name != "user" || password != "hunter2" {
		t.Errorf("asked as %q", name)
	}
	m.Close()
	err := b.Update(t.Context(), nil)
	if err == nil {
		t.Fatal("the mirror is down")
	}
	text := fmt.Sprint(err, b.feed(t, "osv/Debian"), b.feed(t, "kev"), b.log, b.events(t))
	if strings.Contains(text, "hunter2") {
		t.Errorf("the password shows: %s", text)
	}
}

func TestARedirectToPlainHTTPIsRefused(t *testing.T) {
	t.Parallel()
	plain := newMirror(t)
	plain.answer(debianPath, serve(zipOf(t, debianRecord(1)), ""))
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, plain.URL+r.URL.Path, http.StatusFound)
	}))
	t.Cleanup(secure.Close)
	b := setup(t, secure.URL, "Debian:12")
	s := NewService(b.store, b.cfg, secure.Client(), b.Service.log, b.at)
	if err := s.Update(t.Context(), []string{"osv/Debian"}); err == nil || !strings.Contains(err.Error(), "from https to http") || len(plain.requests()) > 0 {
		t.Errorf("%v, %d requests", err, len(plain.requests()))
	}
}

func TestAMirrorMayHoldTheCatalogueCompressed(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(catalogue(kevEntry("CVE-2026-0001"), kevEntry("CVE-1"), kevEntry("CVE-2026-0001"), `7`)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	m := newMirror(t)
	m.answer(kevPath+".gz", serve(packed.Bytes(), ""))
	b := setup(t, m.URL)
	if err := b.Update(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	got := b.feed(t, "kev")
	if got.Records != 1 || got.Skipped != 3 || got.URL != m.URL+kevPath+".gz" {
		t.Errorf("%+v", got)
	}
	want := []apiv1.FeedProblem{
		{Record: "entry 2", Reason: `"CVE-1" is not a CVE id`},
		{Record: "CVE-2026-0001", Reason: "a second entry for this CVE"},
		{Record: "entry 4", Reason: "not an entry: json: cannot unmarshal number into Go value of type feed.kevRecord"},
	}
	if diff := cmp.Diff(want, got.Problems); diff != "" {
		t.Error(diff)
	}
}

func TestUpdateDueFetchesWhatIsDueOnly(t *testing.T) {
	t.Parallel()
	m := newMirror(t)
	m.answer(debianPath, serve(zipOf(t, debianRecord(1)), "one"))
	b := setup(t, m.URL, "Debian:12")
	next, err := b.UpdateDue(t.Context()) // the catalogue is not there: no error, tried again soon
	if err != nil || !next.Equal(*b.feed(t, "kev").Next) || next.Sub(b.at()) != retryFirst {
		t.Fatalf("%v, %v", next, err)
	}
	asked := len(m.requests())
	if again, err := b.UpdateDue(t.Context()); err != nil || !again.Equal(next) || len(m.requests()) != asked {
		t.Errorf("%v, %v, %d requests more", again, err, len(m.requests())-asked)
	}
	m.answer(kevPath, serve(catalogue(kevEntry("CVE-2026-0001")), ""))
	b.advanceTo(next)
	next, err = b.UpdateDue(t.Context())
	if err != nil || b.feed(t, "kev").Records != 1 {
		t.Fatalf("%v, %+v", err, b.feed(t, "kev"))
	}
	if due := *b.feed(t, "osv/Debian").Next; !next.Equal(due) || due.Sub(b.at()) < 50*time.Minute {
		t.Errorf("next at %v, the bucket is due at %v", next, due)
	}
	nudged := 0
	b.cfg.Due = func(context.Context) { nudged++ }
	asked = len(m.requests())
	if err := b.Request(t.Context(), []string{"osv/Debian"}); err != nil || nudged != 1 || len(m.requests()) != asked {
		t.Errorf("%v, nudged %d times", err, nudged)
	}
	if _, err := b.UpdateDue(t.Context()); err != nil || len(m.requests()) != asked+1 {
		t.Errorf("%v, %d requests", err, len(m.requests())-asked)
	}
	for _, name := range []string{"osv/../x", "osv/Void", "osv/", "vex", "alpine/../x", ""} {
		if err := b.Update(t.Context(), []string{name}); !errors.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestABeingStoppedServerHasSeenNoFailure(t *testing.T) {
	t.Parallel()
	m := newMirror(t)
	ctx, cancel := context.WithCancel(t.Context())
	m.answer(debianPath, func(http.ResponseWriter, *http.Request) { cancel() })
	b := setup(t, m.URL, "Debian:12")
	if err := b.Update(ctx, []string{"osv/Debian"}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if got := b.feed(t, "osv/Debian"); got.LastAttempt != nil || len(b.events(t)) != 0 {
		t.Errorf("%+v", got)
	}
}

func TestStatusShowsWantedFeedsThatHaveNoDataYet(t *testing.T) {
	t.Parallel()
	b := setup(t, t.TempDir(), "Debian:12", "Ubuntu:24.04")
	all, err := b.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []apiv1.FeedStatus{
		{Name: "kev", Title: "CISA's known exploited vulnerabilities", Problems: []apiv1.FeedProblem{}, Support: "supported", Means: "which vulnerabilities are exploited is not known"},
		{Name: "osv/Debian", Title: "OSV records of Debian", Problems: []apiv1.FeedProblem{}, Support: "supported", Means: "no feed here assesses Debian:12"},
		{Name: "osv/Ubuntu", Title: "OSV records of Ubuntu", Problems: []apiv1.FeedProblem{}, Support: "supported", Means: "no feed here assesses Ubuntu:24.04"},
	}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Error(diff)
	}
}

var _ Store = (*store.Store)(nil)

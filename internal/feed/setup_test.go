package feed

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/store"
	"github.com/staunch-dev/staunch/internal/store/storetest"
)

// bench is a service on a real store, a clock that is moved by hand, and a log to read.
type bench struct {
	*Service
	store *store.Store
	log   *bytes.Buffer
	clock *atomic.Int64 // microseconds
}

func (b bench) at() time.Time           { return time.UnixMicro(b.clock.Load()).UTC() }
func (b bench) advance(d time.Duration) { b.clock.Add(d.Microseconds()) }
func (b bench) advanceTo(t time.Time)   { b.clock.Store(t.UnixMicro()) }
func (b bench) feed(t *testing.T, name string) apiv1.FeedStatus {
	t.Helper()
	all, err := b.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(s apiv1.FeedStatus) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("no feed %s in %+v", name, all)
	}
	return all[i]
}

func (b bench) current(t *testing.T) []string {
	t.Helper()
	ids := []string{}
	if err := b.store.CurrentAdvisories(t.Context(), func(a advisory.Advisory) error {
		ids = append(ids, a.ID)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(ids)
	return ids
}

// events are those so far, oldest first, as "kind: feed".
func (b bench) events(t *testing.T) []string {
	t.Helper()
	all, err := b.store.EventsAfter(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, e := range all {
		texts = append(texts, e.Kind+": "+e.Data["feed"])
	}
	return texts
}

func setup(t *testing.T, base string, ecosystems ...string) bench {
	t.Helper()
	b := bench{store: storetest.Open(t), log: &bytes.Buffer{}, clock: &atomic.Int64{}}
	b.advanceTo(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC))
	cfg := Config{
		Base: base, Temp: t.TempDir(),
		Releases: func(context.Context) ([]apiv1.NameCount, error) { return named(ecosystems), nil },
		Without:  butOSVandKEV(),
	}
	b.Service = NewService(b.store, cfg, nil, slog.New(slog.NewTextHandler(b.log, nil)), b.at)
	t.Cleanup(func() {
		if left, err := os.ReadDir(cfg.Temp); err != nil || len(left) > 0 {
			t.Errorf("left in the temporary folder: %v %v", left, err)
		}
	})
	return b
}

// mirror is a server of files whose answers a test can replace.
type mirror struct {
	*httptest.Server
	mu      sync.Mutex
	answers map[string]http.HandlerFunc
	asked   []*http.Request
}

// requests are those so far.
func (m *mirror) requests() []*http.Request {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.asked)
}

// answer sets what a path answers with from now on.
func (m *mirror) answer(path string, with http.HandlerFunc) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answers[path] = with
}

func newMirror(t *testing.T) *mirror {
	t.Helper()
	m := &mirror{answers: map[string]http.HandlerFunc{}}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.mu.Lock()
		m.asked = append(m.asked, r)
		answer := m.answers[r.URL.Path]
		m.mu.Unlock()
		if answer != nil {
			answer(w, r)
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(m.Close)
	return m
}

const (
	debianPath = "/osv/Debian/all.zip"
	kevPath    = "/kev/known_exploited_vulnerabilities.json"
)

// file serves data with an ETag and a date, conditionally.
func serve(data []byte, etag string) http.HandlerFunc {
	modified := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	return func(w http.ResponseWriter, r *http.Request) {
		if etag != "" {
			w.Header().Set("ETag", `"`+etag+`"`)
		}
		http.ServeContent(w, r, "", modified, bytes.NewReader(data))
	}
}

func catalogue(entries ...string) []byte {
	return []byte(`{"title":"x","dateReleased":"2026-11-19T10:00:00.0Z","count":1,"vulnerabilities":[` + strings.Join(entries, ",") + `]}`)
}

func kevEntry(cve string) string {
	return fmt.Sprintf(`{"cveID":%q,"vulnerabilityName":"n","dateAdded":"2026-11-01","dueDate":"2026-11-22","knownRansomwareCampaignUse":"Known"}`, cve)
}

// butOSVandKEV leaves out the feeds whose fetching is like theirs: most tests are of the service, not of a source.
func butOSVandKEV() []string {
	var names []string
	for _, s := range registry() {
		if name, _, _ := strings.Cut(s.name, "{"); name == s.name && name != kevFeed {
			names = append(names, name)
		} else if name != osvPrefix && name != kevFeed {
			names = append(names, name+"*")
		}
	}
	return names
}

// named are releases, each of one host.
func named(releases []string) []apiv1.NameCount {
	all := make([]apiv1.NameCount, 0, len(releases))
	for _, name := range releases {
		all = append(all, apiv1.NameCount{Name: name, Count: 1})
	}
	return all
}

package api

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

func TestConsole(t *testing.T) {
	t.Parallel()
	built := fstest.MapFS{
		"index.html": {Data: []byte("<html>console</html>")}, "assets/app-1a2b.js": {Data: []byte("js")},
		"favicon.svg": {Data: []byte("<svg/>")}, ".keep": {},
	}
	for name, tc := range map[string]struct {
		files  fs.FS
		method string
		path   string
		status int
		body   string
		cache  string
	}{
		"index":                   {built, "GET", "/", 200, "<html>console</html>", "no-store"},
		"index by name":           {built, "GET", "/index.html", 200, "<html>console</html>", "no-store"},
		"a page of the console":   {built, "GET", "/hosts/host_1", 200, "<html>console</html>", "no-store"},
		"a host name with dots":   {built, "GET", "/hosts/web1.example.org", 200, "<html>console</html>", "no-store"},
		"hashed asset":            {built, "GET", "/assets/app-1a2b.js", 200, "js", "public, max-age=31536000, immutable"},
		"other file":              {built, "GET", "/favicon.svg", 200, "<svg/>", "no-cache"},
		"asset that is gone":      {built, "GET", "/assets/app-old.js", 404, "not found\n", "no-store"},
		"folder":                  {built, "GET", "/assets", 404, "not found\n", "no-store"},
		"dot file":                {built, "GET", "/.keep", 404, "not found\n", "no-store"},
		"not ours":                {built, "GET", "/etc/passwd.txt", 404, "not found\n", "no-store"},
		"posting":                 {built, "POST", "/", 405, "method not allowed\n", "no-store"},
		"not built":               {nil, "GET", "/", 200, "console not built: make web\n", "no-store"},
		"unknown operation":       {built, "GET", "/api/v1/nothing", 404, `"type":"urn:staunch:problem/not_found"`, "no-store"},
		"unknown method":          {built, "PATCH", "/api/v1/hosts", 405, `"type":"urn:staunch:problem/not_found"`, "no-store"},
		"agents at the front":     {built, "POST", "/agent/v1/checkin", 404, "staunch-agent/1", ""},
		"health":                  {built, "GET", "/healthz", 200, "ok\n", "no-store"},
		"operation without login": {built, "GET", "/api/v1/hosts", 401, "urn:staunch:problem/unauthorized", "no-store"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handler, _ := quiet(t, Deps{Console: tc.files})
			w := httptest.NewRecorder()
			r := httptest.NewRequest(tc.method, "/", nil)
			r.URL.Path = tc.path
			handler.ServeHTTP(w, r)
			if w.Code != tc.status || !strings.Contains(w.Body.String(), tc.body) || w.Header().Get("Cache-Control") != tc.cache {
				t.Errorf("%d %q, cache %q", w.Code, w.Body, w.Header().Get("Cache-Control"))
			}
			if tc.status >= 400 && strings.HasPrefix(tc.path, "/api/") && w.Header().Get("Content-Type") != "application/problem+json" {
				t.Errorf("type %q", w.Header().Get("Content-Type"))
			}
			csp := w.Header().Get("Content-Security-Policy")
			if !strings.Contains(csp, "script-src 'self';") || !strings.Contains(csp, "frame-ancestors 'none'") || w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("Referrer-Policy") != "no-referrer" {
				t.Errorf("headers %v", w.Header())
			}
		})
	}
}

func TestCrossSitePostsAreRefused(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		headers map[string]string
		refused bool
	}{
		"cross-site fetch":   {map[string]string{"Sec-Fetch-Site": "cross-site"}, true},
		"sibling subdomain":  {map[string]string{"Sec-Fetch-Site": "same-site"}, true},
		"foreign origin":     {map[string]string{"Origin": "https://evil.example"}, true},
		"the console itself": {map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": "https://staunch.example"}, false},
		"a command line":     {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handler, log := quiet(t, Deps{})
			r := httptest.NewRequest(http.MethodPost, "https://staunch.example/api/v1/enroll-tokens", strings.NewReader("{}"))
			for k, v := range tc.headers {
				r.Header.Set(k, v)
			}
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			want := http.StatusUnauthorized // past the check: nobody is signed in
			if tc.refused {
				want = http.StatusForbidden
			}
			if w.Code != want {
				t.Errorf("%d, want %d: %s", w.Code, want, w.Body)
			}
			if n := log.count("request"); n != 1 {
				t.Errorf("%d log records", n)
			}
		})
	}
}

func TestPanicIsA500AndOneRecord(t *testing.T) {
	t.Parallel()
	_, log := quiet(t, Deps{})
	a := New(Deps{Log: log.logger()})
	w := httptest.NewRecorder()
	a.guard(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("secret-ish detail") })).ServeHTTP(w, httptest.NewRequest("GET", "/x", nil))
	if w.Code != 500 || strings.Contains(w.Body.String(), "secret-ish") || !strings.Contains(w.Body.String(), "urn:staunch:problem/internal") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if log.count("request") != 1 || log.count("secret-ish detail") != 1 {
		t.Errorf("log: %s", log)
	}
}

// deadlined notes the last deadline for writing.
type deadlined struct {
	*httptest.ResponseRecorder
	write time.Time
}

func (d *deadlined) SetWriteDeadline(t time.Time) error { d.write = t; return nil }

func TestEveryRequestSetsItsOwnDeadline(t *testing.T) {
	t.Parallel()
	handler, _ := quiet(t, Deps{})
	for _, path := range []string{"/", "/healthz", "/api/v1/hosts", "/api/v1/nothing"} {
		w := &deadlined{ResponseRecorder: httptest.NewRecorder()}
		handler.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if !w.write.After(time.Now()) {
			t.Errorf("%s would be answered under the deadline of the request before it: %v", path, w.write)
		}
	}
}

package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"github.com/staunch-dev/staunch/internal/access"
	"github.com/staunch-dev/staunch/internal/api"
	"github.com/staunch-dev/staunch/internal/apiv1"
)

// operation is one of the API's, as its document has it.
type operation struct {
	method, path, id string
	parameters       []parameter
	body             bool
	agents           bool
}

type parameter struct {
	Name   string `yaml:"name"`
	In     string `yaml:"in"`
	Schema struct {
		Type   any      `yaml:"type"`
		Enum   []string `yaml:"enum"`
		Format string   `yaml:"format"`
	} `yaml:"schema"`
}

// operations are all of them, by id.
func operations(t *testing.T) []operation {
	t.Helper()
	text, err := api.Spec()
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]struct {
			ID         string                `yaml:"operationId"`
			Parameters []parameter           `yaml:"parameters"`
			Body       any                   `yaml:"requestBody"`
			Security   []map[string][]string `yaml:"security"`
		} `yaml:"paths"`
	}
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	var all []operation
	for path, methods := range doc.Paths {
		for method, op := range methods {
			all = append(all, operation{strings.ToUpper(method), path, op.ID, op.Parameters, op.Body != nil, strings.HasPrefix(path, "/agent/")})
		}
	}
	slices.SortFunc(all, func(a, b operation) int { return strings.Compare(a.id, b.id) })
	if len(all) < 50 {
		t.Fatalf("%d operations", len(all))
	}
	return all
}

// hostile are values that nobody means, and some that are meant.
func hostile(p parameter) *rapid.Generator[string] {
	plain := append(slices.Clone(p.Schema.Enum), "1", "0", "web1", "CVE-2026-0001", "Debian:12", "openssl", "env=prod", "host.os in (Debian:12,x)", "name", "2026-01-01T00:00:00Z", "urgent=15d")
	bad := []string{
		"", "-1", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "1e309", "NaN", "0x10", "null", "true", "\x00", "\xff\xfe", "\u202e", "\x1b[2J", "%", "%00", "../../etc/passwd",
		"' OR 1=1 --", "_%", "{}", "[]", "<script>", strings.Repeat("a", 3000), strings.Repeat("a,", 900), strings.Repeat("(", 1900), strings.Repeat("!", 1900), "a in (" + strings.Repeat("b,", 900) + "c)",
		"0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "-0001-01-01T00:00:00Z", "2026-13-01", "1970-01-01T00:00:00+23:59", "0000-00-00T00:00:00Z",
		"eyJhIjoxfQ", "AAAA", "urgent=99999999999999d", "urgent=-1d", "urgent=1d,urgent=2d", "host.=x", "host.os", "!host.os", "=", ",", "a=b=c",
	}
	if typed, ok := p.Schema.Type.(string); ok && typed == "boolean" {
		plain = append(plain, "true", "false", "true", "false")
	}
	if p.Schema.Format == "date-time" {
		plain = []string{"2026-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "1970-01-01T00:00:00Z", time.Now().UTC().Format(time.RFC3339), time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)}
	}
	return rapid.OneOf(rapid.SampledFrom(plain), rapid.SampledFrom(bad), rapid.String())
}

func anyBody() *rapid.Generator[[]byte] {
	deep := func(s string) []byte { return []byte(strings.Repeat(s, 5000)) }
	return rapid.OneOf(
		rapid.SampledFrom([][]byte{nil, []byte("{}"), []byte("null"), []byte("[]"), []byte(`"x"`), deep(`{"a":`), deep("["), []byte(`{"names":null}`), []byte(`{"name":"\ud800"}`), {0xff, 0xfe, 0x00}, []byte(`{"labels":{"":""}}`), []byte(`{"ttl_seconds":-1}`), []byte(`{"uses":1e99}`)}),
		rapid.SliceOfN(rapid.Byte(), 0, 200),
		rapid.Map(rapid.MapOfN(rapid.SampledFrom([]string{"name", "names", "labels", "uses", "ttl_seconds", "selector", "hosts", "fixes", "packages", "plan", "signature", "note", "password", "username", "csr", "token"}), rapid.String(), 0, 4),
			func(m map[string]string) []byte { b, _ := json.Marshal(m); return b }),
	)
}

// leaks are texts of the inside: an answer that has one tells more than it should.
var leaks = regexp.MustCompile(`(?i)goroutine |runtime error|\.go:\d|sqlite|constraint failed|pgx|no such (table|column)|stk_[0-9a-z]|BEGIN [A-Z ]*PRIVATE`)

// However an operation is asked, it answers soon, never with a fault of the server's own, and tells nothing of the inside.
func TestOperationsSurviveWhateverTheyAreAsked(t *testing.T) {
	t.Parallel()
	s := start(t, config(t))
	s.knowledge()
	a := s.enrolled()
	a.report(bodies(t))
	secret := s.token
	// Those end the session, wait, or are long by design.
	skipped := []string{"logout", "live", "agent-work"}
	all := slices.DeleteFunc(operations(t), func(o operation) bool {
		return slices.Contains(skipped, o.id) || o.agents || o.id == "revoke-token" || o.id == "change-password" || o.id == "revoke-host" || o.method == http.MethodDelete
	})
	answered := map[string]map[int]int{}
	rapid.Check(t, func(rt *rapid.T) {
		op := rapid.SampledFrom(all).Draw(rt, "operation")
		path, query := op.path, url.Values{}
		for _, p := range op.parameters {
			value := func() string {
				if p.In == "path" && rapid.Bool().Draw(rt, "real") {
					return a.hostID
				}
				return hostile(p).Draw(rt, p.Name)
			}
			switch {
			case p.In == "path":
				path = strings.ReplaceAll(path, "{"+p.Name+"}", url.PathEscape(value()))
			case p.Name == "min_seq": // waits for a change that may never come, and says so
			case p.In == "query" && (rapid.IntRange(0, 4).Draw(rt, "given") == 0 || p.Name == "name"):
				query.Add(p.Name, value())
				if rapid.IntRange(0, 9).Draw(rt, "twice") == 0 {
					query.Add(p.Name, value())
				}
			}
		}
		var body io.Reader
		if op.body {
			body = bytes.NewReader(anyBody().Draw(rt, "body"))
		}
		r, err := http.NewRequestWithContext(t.Context(), op.method, s.URL()+path, body)
		if err != nil {
			rt.Skip(err)
		}
		r.URL.RawQuery = query.Encode()
		r.Header.Set("Authorization", "Bearer "+s.token)
		if op.body {
			r.Header.Set("Content-Type", rapid.SampledFrom([]string{"application/json", "", "text/plain", "application/octet-stream", "application/x-tar"}).Draw(rt, "type"))
		}
		began := time.Now()
		resp, err := s.http.Do(r)
		if err != nil {
			rt.Fatalf("%s: %v", op.id, err)
		}
		defer resp.Body.Close() //nolint:errcheck // only read
		text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
		took := time.Since(began)
		if answered[op.id] == nil {
			answered[op.id] = map[int]int{}
		}
		answered[op.id][resp.StatusCode]++
		switch {
		case err != nil:
			rt.Fatalf("%s: %v", op.id, err)
		case resp.StatusCode >= 500 && resp.StatusCode != http.StatusServiceUnavailable:
			rt.Fatalf("%s %s?%s: %d %s", op.method, path, query.Encode(), resp.StatusCode, text)
		case took > 20*time.Second: // two cores that many share
			rt.Fatalf("%s %s?%s: %s", op.method, path, query.Encode(), took)
		case resp.StatusCode < 400:
		case resp.Header.Get("Content-Type") != "application/problem+json":
			rt.Fatalf("%s: %d as %q: %.200s", op.id, resp.StatusCode, resp.Header.Get("Content-Type"), text)
		case leaks.Match(text) || bytes.Contains(text, []byte(secret)) || bytes.Contains(text, []byte(s.cfg.Data)):
			rt.Fatalf("%s %s?%s: tells of the inside: %s", op.method, path, query.Encode(), text)
		}
	})
	if len(answered) < len(all)/2 {
		t.Errorf("only %v were asked", slices.Sorted(maps.Keys(answered)))
	}
}

// Without a credential, with one that is worth nothing, with an agent's certificate, and as a viewer, every operation says no, but for those
// that the document leaves open and those that only read.
func TestOperationsAskWhoIsThere(t *testing.T) {
	t.Parallel()
	s := start(t, config(t))
	a := s.enrolled()
	viewer := s.as(access.Viewer)
	reads := func(o operation) bool {
		return o.method == http.MethodGet && o.id != "export-feeds" && o.id != "list-enroll-tokens"
	}
	open := []string{"login", "login-token", "agent-enroll"}
	for _, o := range operations(t) {
		if slices.Contains(open, o.id) || o.id == "live" || o.id == "agent-work" {
			continue
		}
		path := regexp.MustCompile(`\{[^}]*\}`).ReplaceAllString(o.path, "x")
		if o.id == "import-feed" {
			path += "?name=kev"
		}
		ask := func(who string, header http.Header, as *http.Client, at string, want ...int) {
			r, err := http.NewRequestWithContext(t.Context(), o.method, at+path, strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			r.Header = header
			r.Header.Set("Content-Type", "application/json")
			var p apiv1.Problem
			if code := s.send(as, r, &p); !slices.Contains(want, code) {
				t.Errorf("%s: %s gets %d %q", o.id, who, code, p.Detail)
			}
		}
		door := "https://" + s.entrances[len(s.entrances)-1].socket.Addr().String()
		if o.agents {
			ask("no certificate", http.Header{}, s.agent().client, door, 401)
			ask("an operator's token", http.Header{"Authorization": {"Bearer " + s.token}}, s.agent().client, door, 401)
			ask("an operator at the operators' door", http.Header{"Authorization": {"Bearer " + s.token}}, s.http, s.URL(), 404)
			continue
		}
		ask("nobody", http.Header{}, s.http, s.URL(), 401)
		ask("a made-up token", http.Header{"Authorization": {"Bearer stk_x.y"}}, s.http, s.URL(), 401)
		ask("a made-up session", http.Header{"Cookie": {api.CookieName + "=x"}}, s.http, s.URL(), 401)
		ask("a host's certificate", http.Header{}, a.client, door, 401, 404)
		if o.method != http.MethodGet {
			ask("another site's page", http.Header{"Authorization": {"Bearer " + s.token}, "Sec-Fetch-Site": {"cross-site"}}, s.http, s.URL(), 403)
		}
		if own := []string{"logout", "change-password", "create-token", "revoke-token"}; !reads(o) && !slices.Contains(own, o.id) {
			ask("a viewer", http.Header{"Authorization": {"Bearer " + viewer.token}}, s.http, s.URL(), 403)
		}
	}
}

// A body over its operation's limit is refused before it is read whole, and one that stalls does not wait for ever.
func TestBodiesAreBounded(t *testing.T) {
	t.Parallel()
	s := start(t, config(t))
	for _, o := range operations(t) {
		if !o.body || o.agents || strings.HasPrefix(o.id, "import-") || strings.HasPrefix(o.id, "login") {
			continue
		}
		path := regexp.MustCompile(`\{[^}]*\}`).ReplaceAllString(o.path, "x")
		body := io.MultiReader(strings.NewReader(`{"name":"`), &endless{left: 8 << 20}, strings.NewReader(`"}`))
		r, err := http.NewRequestWithContext(t.Context(), o.method, s.URL()+path, body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+s.token)
		r.Header.Set("Content-Type", "application/json")
		var p apiv1.Problem
		if code := s.send(s.http, r, &p); code != http.StatusRequestEntityTooLarge && code != http.StatusUnprocessableEntity && code != http.StatusNotFound {
			t.Errorf("%s: %s", o.id, fmt.Sprint(code, " ", p.Detail))
		}
	}
}

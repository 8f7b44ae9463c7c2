package client_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/access"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/client"
	"github.com/staunch-dev/staunch/internal/fault"
)

// far is a server as far as TLS and HTTP go: its certificate is of a real CA of ours, its answers are the test's.
type far struct {
	url string
	ca  *access.CA
}

func serve(t *testing.T, names []string, handler http.HandlerFunc) far {
	t.Helper()
	ca, err := access.OpenCA(t.TempDir(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.ServerCertificate(names, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(handler)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13}
	s.Config.ErrorLog = nil
	s.StartTLS()
	t.Cleanup(s.Close)
	return far{url: s.URL, ca: ca}
}

func (f far) operator(t *testing.T, token string) *client.Operator {
	t.Helper()
	o, err := client.NewOperator(client.OperatorConfig{URL: f.url, CAPEM: f.ca.CAPEM(), Token: token, UserAgent: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Close)
	return o
}

func answer(w http.ResponseWriter, status int, contentType, body string) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func TestTrustIsOneCA(t *testing.T) {
	t.Parallel()
	served := 0
	right := serve(t, []string{"127.0.0.1"}, func(w http.ResponseWriter, _ *http.Request) {
		served++
		answer(w, 200, "application/json", `{"user":"ada"}`)
	})
	other, err := access.OpenCA(t.TempDir(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := serve(t, []string{"staunch.example"}, func(http.ResponseWriter, *http.Request) { t.Error("a request reached a server of another name") })
	for name, tc := range map[string]struct {
		cfg  client.OperatorConfig
		want error
		text string
	}{
		"CA":                     {client.OperatorConfig{URL: right.url, CAPEM: right.ca.CAPEM()}, nil, ""},
		"fingerprint":            {client.OperatorConfig{URL: right.url, CAFingerprint: strings.ToUpper(right.ca.Fingerprint())}, nil, ""},
		"other CA":               {client.OperatorConfig{URL: right.url, CAPEM: other.CAPEM()}, fault.Unauthorized, "not of the CA"},
		"other fingerprint":      {client.OperatorConfig{URL: right.url, CAFingerprint: other.Fingerprint()}, fault.Unauthorized, "someone between"},
		"CA, other name":         {client.OperatorConfig{URL: elsewhere.url, CAPEM: elsewhere.ca.CAPEM()}, fault.Unauthorized, "127.0.0.1"},
		"fingerprint other name": {client.OperatorConfig{URL: elsewhere.url, CAFingerprint: elsewhere.ca.Fingerprint()}, fault.Unauthorized, "127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := client.NewOperator(tc.cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer o.Close()
			_, err = o.Session(t.Context())
			if !errors.Is(err, tc.want) || tc.want != nil && !strings.Contains(fault.Message(err), tc.text) {
				t.Errorf("error %v, want %v with %q", err, tc.want, tc.text)
			}
		})
	}
	if served != 2 {
		t.Errorf("%d requests were served, want 2: a refused server must hear nothing", served)
	}
}

func TestFetchCASendsNothing(t *testing.T) {
	t.Parallel()
	f := serve(t, []string{"127.0.0.1"}, func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") })
	ca, fingerprint, err := client.FetchCA(t.Context(), f.url)
	if err != nil || fingerprint != f.ca.Fingerprint() || string(ca) != string(f.ca.CAPEM()) {
		t.Errorf("%s, %v", fingerprint, err)
	}
}

func TestFetchCAOfStrangeServers(t *testing.T) {
	t.Parallel()
	s := httptest.NewTLSServer(http.NotFoundHandler()) // self-signed for example.com and 127.0.0.1, a CA of its own: taken as such
	t.Cleanup(s.Close)
	if _, _, err := client.FetchCA(t.Context(), s.URL); err != nil {
		t.Errorf("self-signed: %v", err)
	}
	f := serve(t, []string{"staunch.example"}, nil)
	if _, _, err := client.FetchCA(t.Context(), f.url); !errors.Is(err, fault.Unauthorized) {
		t.Errorf("for another name: %v", err)
	}
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	if _, _, err := client.FetchCA(t.Context(), strings.Replace(plain.URL, "http:", "https:", 1)); !errors.Is(err, fault.Unavailable) {
		t.Errorf("without TLS: %v", err)
	}
}

func TestProblemsBecomeFaults(t *testing.T) {
	t.Parallel()
	const problem = "application/problem+json"
	for name, tc := range map[string]struct {
		status            int
		contentType, body string
		kind              error
		message           string
	}{
		"not found":      {404, problem, `{"type":"urn:staunch:problem/not_found","status":404,"detail":"there is no host \"x\""}`, fault.NotFound, `there is no host "x"`},
		"conflict":       {409, problem, `{"type":"urn:staunch:problem/conflict","detail":"it is approved"}`, fault.Conflict, "it is approved"},
		"expired":        {401, problem, `{"type":"urn:staunch:problem/expired","detail":"the token expired"}`, fault.Expired, "the token expired"},
		"fields":         {422, problem, `{"type":"urn:staunch:problem/invalid","detail":"validation failed","errors":[{"location":"body.ttl","message":"too long"}]}`, fault.Invalid, "validation failed; body.ttl: too long"},
		"must change":    {403, problem, `{"type":"urn:staunch:problem/must_change","detail":"change it"}`, client.ErrMustChange, "change it"},
		"internal":       {500, problem, `{"type":"urn:staunch:problem/internal","detail":"internal error; the server's log has the details"}`, fault.Unavailable, "the server's log has the details"},
		"newer type":     {418, problem, `{"type":"urn:staunch:problem/teapot","detail":"short and stout"}`, fault.Invalid, "short and stout"},
		"title only":     {403, problem, `{"title":"Forbidden"}`, fault.Forbidden, "Forbidden"},
		"a proxy's page": {502, "text/html", "<html>", fault.Unavailable, "answers 502, and not like a staunch server"},
		"redirect":       {302, "text/html", "", fault.Unavailable, "answers 302"},
		"not JSON":       {200, "text/html", "<html>", fault.Unavailable, "does not answer like a staunch server"},
		"cut off":        {200, "application/json", `{"user":`, fault.Unavailable, "cut off"},
		"broken problem": {409, problem, `{`, fault.Conflict, "answers 409"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := serve(t, []string{"127.0.0.1"}, func(w http.ResponseWriter, _ *http.Request) {
				if tc.status == 302 {
					w.Header().Set("Location", "https://elsewhere.invalid/")
				}
				answer(w, tc.status, tc.contentType, tc.body)
			})
			_, err := f.operator(t, "secret-token").Session(t.Context())
			if !errors.Is(err, tc.kind) || !strings.Contains(fault.Message(err), tc.message) {
				t.Errorf("error %v, want %v with %q", err, tc.kind, tc.message)
			}
			if err != nil && strings.Contains(err.Error(), "secret-token") {
				t.Errorf("the token is in the error: %v", err)
			}
		})
	}
}

func TestRequestsAreWhatTheAPIAsks(t *testing.T) {
	t.Parallel()
	type request struct{ Method, URI, Auth, Body string }
	var got request
	f := serve(t, []string{"127.0.0.1"}, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = request{r.Method, r.RequestURI, r.Header.Get("Authorization"), string(body)}
		answer(w, 200, "application/json", `{"items":[],"labels":{}}`)
	})
	o := f.operator(t, "stk_x")
	ctx := t.Context()
	for _, tc := range []struct {
		call func() error
		want request
	}{
		{func() error {
			_, err := o.Hosts(ctx, client.List{Selector: "role in (web,api)", Desc: true, Limit: 5, State: "pending"})
			return err
		}, request{"GET", "/api/v1/hosts?desc=true&limit=5&selector=role+in+%28web%2Capi%29&state=pending", "Bearer stk_x", ""}},
		{func() error { _, err := o.Host(ctx, "../tokens?x#y"); return err }, request{"GET", "/api/v1/hosts/..%2Ftokens%3Fx%23y", "Bearer stk_x", ""}},
		{func() error { return o.ApproveHost(ctx, "web1") }, request{"POST", "/api/v1/hosts/web1/approve", "Bearer stk_x", ""}},
		{func() error { return o.SetLabels(ctx, "web1", map[string]string{"a": "b"}) }, request{"PUT", "/api/v1/hosts/web1/labels", "Bearer stk_x", `{"labels":{"a":"b"}}`}},
		{func() error { _, err := o.Vulnerability(ctx, "CVE-2024-1/2", client.List{}); return err }, request{"GET", "/api/v1/vulnerabilities/CVE-2024-1%2F2", "Bearer stk_x", ""}},
		{func() error { _, err := o.ImportFeed(ctx, "osv/Debian", strings.NewReader("zip"), false); return err }, request{"POST", "/api/v1/feeds/import?name=osv%2FDebian", "Bearer stk_x", "zip"}},
		{func() error { _, err := o.ImportFeed(ctx, "kev", strings.NewReader("{}"), true); return err }, request{"POST", "/api/v1/feeds/import?force=true&name=kev", "Bearer stk_x", "{}"}},
		{func() error { _, err := o.Events(ctx, "host_1", client.List{Cursor: "9"}); return err }, request{"GET", "/api/v1/events?cursor=9&host=host_1", "Bearer stk_x", ""}},
	} {
		if err := tc.call(); err != nil {
			t.Errorf("%s: %v", tc.want.URI, err)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestAddressesThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "http://staunch.example", "https://", "https://me:pw@staunch.example", "https://staunch.example?x=1", "ftp://x", "https://a b", "://"} {
		if _, err := client.ParseURL(url); !errors.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", url, err)
		} else if strings.Contains(fault.Message(err), "pw") {
			t.Errorf("the password is in the message: %v", err)
		}
	}
	for in, want := range map[string]string{"staunch.example:8443": "https://staunch.example:8443", "https://staunch.example/": "https://staunch.example", "https://[::1]:1\n": "https://[::1]:1"} {
		if u, err := client.ParseURL(in); err != nil || u.String() != want {
			t.Errorf("%q gives %v, %v", in, u, err)
		}
	}
	if _, err := client.NewOperator(client.OperatorConfig{URL: "https://x", CAFingerprint: "abc"}); !errors.Is(err, fault.Invalid) {
		t.Errorf("short fingerprint: %v", err)
	}
	if _, err := client.NewOperator(client.OperatorConfig{URL: "https://x", CAPEM: []byte("abc")}); !errors.Is(err, fault.Invalid) {
		t.Errorf("CA that is no PEM: %v", err)
	}
}

func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	f := serve(t, []string{"127.0.0.1"}, nil)
	o, err := client.NewOperator(client.OperatorConfig{URL: "https://127.0.0.1:1", CAPEM: f.ca.CAPEM()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.Session(t.Context()); !errors.Is(err, fault.Unavailable) || !strings.Contains(fault.Message(err), "connection refused") {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := o.Session(ctx); !errors.Is(err, fault.Unavailable) {
		t.Errorf("given up: %v", err)
	}
}

func TestLiveReadsMessagesUntilItsContextEnds(t *testing.T) {
	t.Parallel()
	f := serve(t, []string{"127.0.0.1"}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, ": hello\n\nevent: x\nid: 4\ndata: {\"seq\":4,\ndata: \"kind\":\"host\",\"ref\":\"h\"}\n\n")
		_, _ = io.WriteString(w, "data:{\"seq\":5,\"kind\":\"feed\"}\n\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var got []apiv1.LiveMessage
	err := f.operator(t, "t").Live(ctx, func(m apiv1.LiveMessage) error {
		if got = append(got, m); len(got) == 2 {
			cancel()
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]apiv1.LiveMessage{{Seq: 4, Kind: "host", Ref: "h"}, {Seq: 5, Kind: "feed"}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestNormalFingerprint(t *testing.T) {
	t.Parallel()
	want := strings.Repeat("ab", 32)
	for _, in := range []string{want, strings.ToUpper(want), strings.TrimSuffix(strings.Repeat("AB:", 32), ":"), " " + want + "\n"} {
		if got, err := client.NormalFingerprint(in); got != want || err != nil {
			t.Errorf("%q gives %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "ab", want + "ab", strings.Repeat("zz", 32)} {
		if _, err := client.NormalFingerprint(in); !errors.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func FuzzLive(f *testing.F) {
	f.Add("data: {\"seq\":1}\n\n")
	f.Add("data:\n\n:\n\ndata: [\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		err := client.ReadLive(strings.NewReader(text), func(m apiv1.LiveMessage) error {
			_, err := json.Marshal(m)
			return err
		})
		if err != nil && fault.KindOf(err) == fault.Internal {
			t.Errorf("a strange server is not our bug: %v", err)
		}
	})
}

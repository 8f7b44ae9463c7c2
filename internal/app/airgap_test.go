package app

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/crypto/ssh"

	"github.com/staunch-dev/staunch/internal/access"
	"github.com/staunch-dev/staunch/internal/apiv1"
)

// export asks for a bundle as an operator does.
func (s *server) export(query string) (code int, bundle []byte, signer string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.URL()+"/api/v1/feeds/bundle"+query, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	resp, err := s.http.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	bundle, err = io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, bundle, resp.Header.Get(apiv1.HeaderSigner)
}

// One server knows, another has no network: what the first exports gives the second the same findings, as old as they are there.
func TestAServerRunsWholeFromAnothersBundle(t *testing.T) {
	t.Parallel()
	a := start(t, config(t))
	if code := a.call("POST", "/api/v1/feeds/import?name="+url.QueryEscape("osv/Debian"), archive(t, map[string]string{"DEBIAN-CVE-2026-0001.json": advisoryJSON}), nil); code != 200 {
		t.Fatal(code)
	}
	if code := a.call("POST", "/api/v1/feeds/import?name=kev", []byte(kevJSON), nil); code != 200 {
		t.Fatal(code)
	}
	list := "overrides:\n  - {id: CVE-2026-7777, ecosystem: \"Debian:12\", package: openssl, status: affected, reason: our patch brought it back}\n"
	if code := a.call("POST", "/api/v1/feeds/import?name=override", []byte(list), nil); code != 200 {
		t.Fatal(code)
	}
	code, bundle, signer := a.export("?release=" + url.QueryEscape("Debian:12"))
	if code != 200 || signer != a.wire.planKey {
		t.Fatalf("export: %d, signed by %q", code, signer)
	}
	if code, _, _ := a.export("?release=" + url.QueryEscape("Ubuntu:24.04")); code != 404 {
		t.Errorf("a release of which nothing is known: %d", code)
	}

	cfg := config(t)
	cfg.Feeds = noFeeds
	b := start(t, cfg)
	var p apiv1.Problem
	public, _, _, _, err := ssh.ParseAuthorizedKey([]byte(signer))
	if err != nil {
		t.Fatal(err)
	}
	if code := b.call("POST", "/api/v1/feeds/bundle", bundle, &p); code != 422 || !strings.Contains(p.Detail, ssh.FingerprintSHA256(public)) || !strings.Contains(p.Detail, "--trust") {
		t.Errorf("a signer whom nobody trusts: %d %q", code, p.Detail)
	}
	if code := b.call("POST", "/api/v1/feeds/update", apiv1.UpdateFeeds{}, &p); code != 422 || !strings.Contains(p.Detail, "feeds: none") {
		t.Errorf("fetching where nothing is fetched: %d %q", code, p.Detail)
	}
	if err := access.WriteFile(filepath.Join(cfg.Data, "bundle_signers"), []byte(`hq namespaces="staunch-bundle" `+signer+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var got apiv1.BundleImport
	if code := b.call("POST", "/api/v1/feeds/bundle", bundle, &got); code != 200 || got.SignedBy != "hq" || len(got.Items) != 3 {
		t.Fatalf("%d %+v", code, got)
	}
	for _, f := range got.Items {
		if f.Error != "" || f.Records != 1 {
			t.Errorf("%+v", f)
		}
	}
	findings := func(s *server) []apiv1.Finding {
		agent := s.enrolled()
		agent.report(bodies(t))
		return get[apiv1.FindingPage](s, "/api/v1/hosts/"+agent.hostID+"/findings").Items
	}
	there, here := findings(a), findings(b)
	if len(there) != 2 {
		t.Fatalf("%+v", there)
	}
	if diff := cmp.Diff(there, here, cmpopts.IgnoreFields(apiv1.Finding{}, "HostID")); diff != "" {
		t.Errorf("-there +here: %s", diff)
	}
	var feeds apiv1.FeedList
	if code := b.call("GET", "/api/v1/feeds", nil, &feeds); code != 200 {
		t.Fatal(code)
	}
	for _, f := range feeds.Items {
		if f.Next != nil || f.LastAttempt != nil && f.AsOf == nil {
			t.Errorf("%+v is to be fetched, or was", f)
		}
	}
	left, err := filepath.Glob(filepath.Join(cfg.Data, "staunch-*"))
	if more, globErr := filepath.Glob(filepath.Join(a.cfg.Data, "staunch-*")); err != nil || globErr != nil || len(left)+len(more) > 0 {
		t.Errorf("left over: %v %v", left, more)
	}
	if info, err := os.Stat(filepath.Join(cfg.Data, "bundle_signers")); err != nil || info.Size() == 0 {
		t.Error(err)
	}
}

package feed

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/fault"
)

func signer(t testing.TB) ssh.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// everything is all that a server knows, without what is only of its own import.
func (b bench) everything(t *testing.T) (all []any) {
	t.Helper()
	add := func(v any) error {
		all = append(all, v)
		return nil
	}
	if err := errors.Join(
		b.store.CurrentAdvisories(t.Context(), func(a advisory.Advisory) error { return add(a) }),
		b.store.CurrentOverlays(t.Context(), func(o advisory.Overlay) error { return add(o) }),
	); err != nil {
		t.Fatal(err)
	}
	lifecycles, err := b.store.CurrentLifecycles(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lifecycles {
		all = append(all, l)
	}
	return all
}

// origin is a server with feeds, and the bundle that it exports.
func origin(t *testing.T, releases ...string) (bench, []byte, string) {
	t.Helper()
	a := setup(t, "")
	a.cfg.Key = signer(t)
	both := record("DEBIAN-CVE-2026-0900", `"affected":[`+affected("Debian:12", "q", `{"introduced":"0"},{"fixed":"1"}`)+","+affected("Debian:13", "q", `{"introduced":"0"},{"fixed":"2"}`)+`]`)
	third := record("DEBIAN-CVE-2026-0901", `"affected":[`+affected("Debian:13", "q", `{"introduced":"0"},{"fixed":"2"}`)+`]`)
	if _, err := a.Import(t.Context(), folder(t, map[string][]byte{
		"osv/Debian/all.zip":                       zipOf(t, append(debians(30), file{"b.json", both}, file{"c.json", third}, file{"bad.json", "?"})...),
		"osv/npm/all.zip":                          zipOf(t, file{"a.json", record("GHSA-1", `"affected":[`+affected("npm", "p", `{"introduced":"0"}`)+`]`)}),
		"kev/known_exploited_vulnerabilities.json": catalogue(kevEntry("CVE-2026-0001")),
		"epss/epss_scores-2026-08-16.csv":          nil, // not a place of a feed
		"eol/distro-info-debian.csv":               []byte("version,codename,series,created,release,eol,eol-lts,eol-elts\n12,Bookworm,bookworm,2021-08-14,2023-06-10,2026-06-10,2028-06-30,2033-06-30\n"),
		"eol/distro-info-ubuntu.csv":               []byte("version,codename,series,created,release,eol,eol-server,eol-esm,eol-legacy\n24.04 LTS,Noble Numbat,noble,2023-10-26,2024-04-25,2029-05-31,2029-05-31,2034-04-25,2036-04-25\n"),
	})); err != nil {
		t.Fatal(err)
	}
	return a, a.exported(t, releases...), strings.TrimSpace(string(ssh.MarshalAuthorizedKey(a.cfg.Key.PublicKey())))
}

func (b bench) exported(t *testing.T, releases ...string) []byte {
	t.Helper()
	x, err := b.Export(t.Context(), releases)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(x)
	if err = errors.Join(err, x.Close()); err != nil || int64(len(data)) != x.Size {
		t.Fatalf("%v: %d of %d bytes", err, len(data), x.Size)
	}
	return data
}

func TestABundleOfEverythingMakesTheSameKnowledgeElsewhere(t *testing.T) {
	t.Parallel()
	a, data, key := origin(t)
	b := setup(t, "")
	b.cfg.Offline = true
	b.advance(300 * time.Hour)
	got, err := b.ImportBundle(t.Context(), bytes.NewReader(data), BundleOptions{Trust: key})
	if err != nil || got.SignedBy != "the key given" || got.Signer != ssh.FingerprintSHA256(a.cfg.Key.PublicKey()) || !got.Created.Equal(a.at()) {
		t.Fatalf("%v: %+v", err, got)
	}
	if diff := cmp.Diff(a.everything(t), b.everything(t)); diff != "" {
		t.Error(diff)
	}
	for _, name := range []string{"osv/Debian", "osv/npm", "kev", "distro-info"} {
		was, is := a.feed(t, name), b.feed(t, name)
		if is.Next != nil {
			t.Errorf("%s is to be fetched at %v by a server that fetches nothing", name, is.Next)
		}
		is.Changed, is.LastAttempt, is.Next, was.Changed, was.LastAttempt, was.Next = nil, nil, nil, nil, nil, nil
		if diff := cmp.Diff(was, is); diff != "" {
			t.Errorf("%s is not shown as it is at its origin, as old as there: %s", name, diff)
		}
	}
	if diff := cmp.Diff(states(t, a)["osv/Debian"].Ecosystems, states(t, b)["osv/Debian"].Ecosystems); diff != "" {
		t.Error(diff)
	}
	if next, err := b.UpdateDue(t.Context()); err != nil || !next.IsZero() {
		t.Errorf("a server that fetches nothing is to look again at %v: %v", next, err)
	}
	seq := mustSeq(t, b)
	if _, err := b.ImportBundle(t.Context(), bytes.NewReader(data), BundleOptions{Trust: key}); err != nil || len(b.everything(t)) != len(a.everything(t)) {
		t.Errorf("the same bundle again: %v", err)
	}
	if k, err := b.store.KnowledgeAfter(t.Context(), seq); err != nil || len(k.Advisories)+len(k.Overlays) > 0 {
		t.Errorf("the same bundle changed something: %v %+v", err, k)
	}
}

func states(t *testing.T, b bench) map[string]advisory.FeedState {
	t.Helper()
	all, err := b.states(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestABundleForAReleaseHoldsWhatIsSaidOfIt(t *testing.T) {
	t.Parallel()
	a, data, key := origin(t, "Debian:13")
	b := setup(t, "")
	if _, err := b.ImportBundle(t.Context(), bytes.NewReader(data), BundleOptions{Trust: key}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"DEBIAN-CVE-2026-0900", "DEBIAN-CVE-2026-0901"}, b.current(t)); diff != "" {
		t.Error(diff)
	}
	for _, v := range b.everything(t) {
		if a, ok := v.(advisory.Advisory); ok && (len(a.Affected) != 1 || a.Affected[0].Ecosystem != "Debian:13") {
			t.Errorf("%+v", a)
		}
	}
	if got := states(t, b)["osv/Debian"]; !slices.Equal(got.Ecosystems, []string{"Debian:13"}) || got.Records != 2 {
		t.Errorf("%+v: a release that is not in the bundle must not count as assessed", got)
	}
	if _, ok := states(t, b)["osv/npm"]; ok || b.feed(t, "kev").Records != 1 || b.feed(t, "distro-info").Records != 2 {
		t.Error("it has a bucket that nobody asked for, or lacks what is of every host")
	}
	for release, hint := range map[string]string{
		"Ubuntu:24.04": "for Ubuntu:24.04: fetch or import it first; there is something of releases of Debian, npm",
		"debian":       "for debian: fetch or import it first; there is something of Debian:12, Debian:13",
	} {
		if _, err := a.Export(t.Context(), []string{"Debian:13", release}); !errors.Is(err, fault.NotFound) || !strings.Contains(fault.Message(err), hint) {
			t.Errorf("a release of which nothing is known: %v, want %q", err, hint)
		}
	}
	if _, err := setup(t, "").Export(t.Context(), nil); err == nil {
		t.Error("a server without a key or data exports")
	}
}

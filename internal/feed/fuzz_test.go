package feed

import (
	"archive/tar"
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"testing"
	"unicode/utf8"

	"golang.org/x/crypto/ssh"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/seal"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// checkAdvisory holds what a record that was let through promises to the store and to matching.
func checkAdvisory(t *testing.T, a advisory.Advisory, bucket string) {
	t.Helper()
	if a.ID == "" || len(a.ID) > maxID || len(a.Details) > maxDetails || len(a.Summary) > maxSummary || !utf8.ValidString(a.Details) || !utf8.ValidString(a.Summary) {
		t.Errorf("%+v", a)
	}
	if len(a.Affected) == 0 && a.Withdrawn.IsZero() {
		t.Errorf("%s affects nothing", a.ID)
	}
	for _, cve := range a.CVEs {
		if !intake.IsCVE(cve) {
			t.Errorf("%q", cve)
		}
	}
	for _, f := range a.Affected {
		scheme, ok := vercmp.ForEcosystem(f.Ecosystem)
		if !ok || bucketOf(f.Ecosystem) != bucket || len(f.Ranges)+len(f.Versions) == 0 {
			t.Errorf("%+v", f)
		}
		for _, r := range f.Ranges {
			if r.Introduced == "" || r.Fixed != "" && r.Last != "" {
				t.Errorf("%+v", r)
			}
			for _, v := range []string{r.Introduced, r.Fixed, r.Last} {
				if v != "" && v != "0" && vercmp.Valid(scheme, v) != nil {
					t.Errorf("%q is no %s version", v, scheme)
				}
			}
		}
	}
	if _, err := json.Marshal(a); err != nil {
		t.Error(err)
	}
}

func FuzzOSVRecord(f *testing.F) {
	fixed := affected("Debian:12", "p", `{"introduced":"0"},{"fixed":"1:2.0~rc1-1+deb12u1"},{"introduced":"3"},{"last_affected":"4"},{"limit":"5"}`)
	for _, seed := range []string{
		debianRecord(1).text,
		record("DEBIAN-CVE-2024-0001", `"aliases":["CVE-2024-1"],"severity":[{"type":"CVSS_V3","score":"x"}],"affected":[`+fixed+`,`+fixed+`]`),
		record("X", `"withdrawn":"2026-01-01T00:00:00Z","affected":null`),
		record("X", `"affected":[{"package":{"ecosystem":"Debian:12","name":"p"},"versions":["1","é"],"ecosystem_specific":{"urgency":"low"}}]`),
		`{"id":1}`, `[`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, bucket := range []string{"Debian", "AlmaLinux"} {
			if a, _, err := parseOSV(raw, bucket); err == nil {
				checkAdvisory(t, a, bucket)
			}
		}
		firstBucket(raw)
	})
}

func FuzzOSVZip(f *testing.F) {
	whole := zipOf(f, debianRecord(1), file{"x/", ""}, file{"bad", "{"})
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add(tiny(f, 3))
	f.Fuzz(func(t *testing.T, data []byte) {
		limits := intake.Limits{MaxEntries: 1000, MaxRecord: 1 << 16, MaxTotal: 1 << 20}
		s, all, err := readAll(t, data, limits)
		if err == nil && s.Records == 0 || len(all) != s.Records || len(s.Problems) > intake.MaxProblems {
			t.Errorf("%v: %+v, %d records", err, s, len(all))
		}
		for _, a := range all {
			checkAdvisory(t, a, "Debian")
		}
	})
}

func FuzzKEV(f *testing.F) {
	f.Add(catalogue(kevEntry("CVE-2026-0001"), `{}`, `[]`))
	f.Add([]byte(`{"vulnerabilities":{}}`))
	f.Add([]byte{0x1f, 0x8b, 8, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		n := 0
		s, err := readKEV(bytes.NewReader(data), intake.Limits{MaxTotal: 1 << 20}, func(k advisory.KEV) error {
			n++
			if !intake.IsCVE(k.CVE) || k.Added == "" || !utf8.ValidString(k.Name) {
				t.Errorf("%+v", k)
			}
			return nil
		})
		if err == nil && n == 0 || s.Records != n || len(s.Problems) > intake.MaxProblems {
			t.Errorf("%v: %+v, %d entries", err, s, n)
		}
	})
}

func FuzzBundleLine(f *testing.F) {
	f.Add([]byte(`{"a":{"id":"X","affected":[]}}`))
	f.Add([]byte(`{"o":{"cve":"CVE-2026-0001","kev":{"cve":"CVE-2026-0001","added":"2026-01-01"}}}`))
	f.Add([]byte(`{"l":{"product":"debian","release":"12"}}`))
	f.Add([]byte(`{"a":{},"o":{}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		given := 0
		count := func(feed, id string) error {
			if given++; feed != "f" || id == "" {
				t.Errorf("%q of feed %q", id, feed)
			}
			return nil
		}
		err := giveLine(raw, "f", intake.Sink{
			Advisory:  func(a advisory.Advisory) error { return count(a.Feed, a.ID) },
			Overlay:   func(o advisory.Overlay) error { return count(o.Feed, o.CVE) },
			Lifecycle: func(l advisory.Lifecycle) error { return count(l.Feed, l.Product) },
		})
		if (err == nil) != (given == 1) {
			t.Errorf("%v, and %d records", err, given)
		}
	})
}

// Whatever a file says, its front is believed only with a signature over it, and its members stay within their bounds.
func FuzzBundle(f *testing.F) {
	key, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))) // the same in every process that fuzzes
	if err != nil {
		f.Fatal(err)
	}
	text := []byte(`{"v":1,"feeds":[{"name":"kev","file":"a","size":1,"sha256":"00"}]}`)
	signature, err := seal.Sign(key, seal.NamespaceBundle, text)
	if err != nil {
		f.Fatal(err)
	}
	seed := func(names ...string) {
		var out bytes.Buffer
		w := tar.NewWriter(&out)
		for i, name := range names {
			body := [][]byte{text, []byte(signature), []byte("x")}[min(i, 2)]
			if err := errors.Join(w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(body))}), second(w.Write(body))); err != nil {
				f.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			f.Fatal(err)
		}
		f.Add(out.Bytes())
	}
	seed(manifestName, signatureName, "a")
	seed(signatureName, manifestName)
	seed(manifestName)
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := openBundle(bytes.NewReader(data))
		if err != nil {
			return
		}
		if !bytes.Equal(b.signer.Marshal(), key.PublicKey().Marshal()) || !bytes.Contains(data, text) {
			t.Error("a front that nobody signed")
		}
		for _, m := range b.manifest.Feeds {
			if _, err := b.open(m); err == nil {
				t.Errorf("%+v has bytes that are not its own", m)
			}
		}
	})
}

func second[T any](_ T, err error) error { return err }

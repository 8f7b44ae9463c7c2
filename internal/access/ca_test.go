package access_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/access"
	"github.com/staunch-dev/staunch/internal/fault"
)

var day = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func openCA(t *testing.T, dir string) *access.CA {
	t.Helper()
	ca, err := access.OpenCA(dir, day)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func csrOf(t testing.TB, key crypto.Signer, template x509.CertificateRequest) []byte {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &template, key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
}

func p256(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func certOf(t *testing.T, text []byte) *x509.Certificate {
	t.Helper()
	block, rest := pem.Decode(text)
	if block == nil || len(rest) > 0 {
		t.Fatalf("not one PEM block: %q", text)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestCAIsMadeOnceAndReadAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, second := openCA(t, dir), openCA(t, dir)
	if first.Fingerprint() != second.Fingerprint() {
		t.Error("the second start made another CA")
	}
	cert := certOf(t, first.CAPEM())
	if !cert.IsCA || !cert.MaxPathLenZero || cert.MaxPathLen != 0 || cert.KeyUsage != x509.KeyUsageCertSign|x509.KeyUsageCRLSign {
		t.Errorf("CA certificate: IsCA %v, MaxPathLen %d, usage %v", cert.IsCA, cert.MaxPathLen, cert.KeyUsage)
	}
	if got := cert.NotAfter.Sub(day).Hours() / 24 / 365; got < 9.9 || got > 10.1 {
		t.Errorf("lives %.1f years", got)
	}
	info, err := os.Stat(filepath.Join(dir, "ca.key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("ca.key: %v, %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".ca*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestCARefusesWhatItCannotTrust(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		damage func(t *testing.T, dir string)
		now    time.Time
		want   string
	}{
		"key readable by others": {func(t *testing.T, dir string) { chmod(t, filepath.Join(dir, "ca.key"), 0o640) }, day, "chmod 600"},
		"no key":                 {func(t *testing.T, dir string) { remove(t, filepath.Join(dir, "ca.key")) }, day, "restore it from a backup"},
		"no certificate":         {func(t *testing.T, dir string) { remove(t, filepath.Join(dir, "ca.pem")) }, day, "restore it from a backup"},
		"key of another":         {func(t *testing.T, dir string) { swapKey(t, dir) }, day, "not the key of"},
		"empty certificate":      {func(t *testing.T, dir string) { write(t, filepath.Join(dir, "ca.pem"), nil) }, day, "exactly one certificate"},
		"key is a directory": {func(t *testing.T, dir string) {
			remove(t, filepath.Join(dir, "ca.key"))
			if err := os.Mkdir(filepath.Join(dir, "ca.key"), 0o700); err != nil {
				t.Fatal(err)
			}
		}, day, "reading"},
		"expired": {func(*testing.T, string) {}, day.Add(11 * 365 * 24 * time.Hour), "expired"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			openCA(t, dir)
			tc.damage(t, dir)
			_, err := access.OpenCA(dir, tc.now)
			if err == nil || !strings.Contains(fault.Message(err), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
}

func TestHostCertificateTakesOnlyTheKeyOfTheRequest(t *testing.T) {
	t.Parallel()
	ca := openCA(t, t.TempDir())
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]crypto.Signer{"P-256": p256(t), "Ed25519": ed} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			liar := x509.CertificateRequest{Subject: pkix.Name{CommonName: "root", Organization: []string{"x"}}, DNSNames: []string{"server.example.org"}}
			text, serial, notAfter, err := ca.IssueHost(csrOf(t, key, liar), "host_1", day)
			if err != nil {
				t.Fatal(err)
			}
			cert := certOf(t, text)
			if cert.Subject.String() != "CN=host_1" || len(cert.DNSNames) != 0 || len(cert.URIs) != 1 || cert.URIs[0].String() != "staunch://host/host_1" {
				t.Errorf("subject %s, names %v, uris %v", cert.Subject, cert.DNSNames, cert.URIs)
			}
			if !slices.Equal(cert.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}) || cert.KeyUsage != x509.KeyUsageDigitalSignature || cert.IsCA {
				t.Errorf("usages %v %v, CA %v", cert.ExtKeyUsage, cert.KeyUsage, cert.IsCA)
			}
			if !cert.NotAfter.Equal(notAfter) || !notAfter.Equal(day.Add(24*time.Hour)) {
				t.Errorf("until %s, said %s", cert.NotAfter, notAfter)
			}
			if got, err := ca.VerifyHost(cert); err != nil || got != serial || serial != cert.SerialNumber.Text(16) {
				t.Errorf("VerifyHost: %q, %v; issued as %q", got, err, serial)
			}
		})
	}
}

func TestIssueHostRefusesBadRequests(t *testing.T) {
	t.Parallel()
	ca := openCA(t, t.TempDir())
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	weak, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	good := csrOf(t, p256(t), x509.CertificateRequest{})
	block, _ := pem.Decode(good)
	block.Bytes[len(block.Bytes)-1] ^= 1
	for name, tc := range map[string]struct {
		csr  []byte
		want string
	}{
		"empty":          {nil, "PEM block"},
		"not PEM":        {[]byte("hello"), "PEM block"},
		"a certificate":  {ca.CAPEM(), "PEM block"},
		"two requests":   {append(slices.Clone(good), good...), "PEM block"},
		"huge":           {make([]byte, 1<<20), "larger"},
		"P-384":          {csrOf(t, p384, x509.CertificateRequest{}), "neither P-256"},
		"RSA":            {csrOf(t, weak, x509.CertificateRequest{}), "neither P-256"},
		"signature gone": {pem.EncodeToMemory(block), "not signed by its own key"},
		"garbage inside": {pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: []byte("x")}), "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, _, err := ca.IssueHost(tc.csr, "host_1", day)
			if err == nil || !strings.Contains(fault.Message(err), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
}

func TestVerifyHostRefusesForeignAndServerCertificates(t *testing.T) {
	t.Parallel()
	ours, theirs := openCA(t, t.TempDir()), openCA(t, t.TempDir())
	text, _, _, err := theirs.IssueHost(csrOf(t, p256(t), x509.CertificateRequest{}), "host_1", day)
	if err != nil {
		t.Fatal(err)
	}
	server, err := ours.ServerCertificate([]string{"localhost"}, day)
	if err != nil {
		t.Fatal(err)
	}
	for name, cert := range map[string]*x509.Certificate{
		"other CA with the same name": certOf(t, text), "the server's own": server.Leaf, "the CA itself": certOf(t, ours.CAPEM()),
	} {
		if _, err := ours.VerifyHost(cert); fault.KindOf(err) != fault.Unauthorized {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestServerCertificateServesTheCAToo(t *testing.T) {
	t.Parallel()
	ca := openCA(t, t.TempDir())
	cert, err := ca.ServerCertificate([]string{"patch.example.org", "192.0.2.7", "::1"}, day)
	if err != nil {
		t.Fatal(err)
	}
	if len(cert.Certificate) != 2 || !slices.Equal(cert.Certificate[1], certOf(t, ca.CAPEM()).Raw) {
		t.Error("the CA is not in the chain")
	}
	for _, name := range []string{"patch.example.org", "192.0.2.7", "::1"} {
		if err := cert.Leaf.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
	if !slices.Equal(cert.Leaf.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}) || cert.Leaf.IsCA {
		t.Errorf("usages %v", cert.Leaf.ExtKeyUsage)
	}
	if _, err := ca.ServerCertificate(nil, day); err == nil {
		t.Error("no names were accepted")
	}
}

func TestServingReplacesItsCertificateInTime(t *testing.T) {
	t.Parallel()
	ca := openCA(t, t.TempDir())
	now := day
	s, err := ca.NewServing([]string{"a.example"}, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	serial := func() string {
		c, err := s.Certificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		return c.Leaf.SerialNumber.Text(16)
	}
	first := serial()
	if now = day.Add(60 * 24 * time.Hour); serial() != first {
		t.Error("replaced with exactly 30 days left")
	}
	now = day.Add(60*24*time.Hour + time.Minute)
	second := serial()
	if second == first {
		t.Error("kept with less than 30 days left")
	}
	s.SetNames([]string{"a.example"})
	if serial() != second {
		t.Error("replaced though the names are the same")
	}
	s.SetNames([]string{"b.example"})
	if c, _ := s.Certificate(nil); c.Leaf.VerifyHostname("b.example") != nil {
		t.Error("kept though the names changed")
	}
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func swapKey(t *testing.T, dir string) {
	t.Helper()
	other := t.TempDir()
	openCA(t, other)
	key, err := os.ReadFile(filepath.Join(other, "ca.key"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "ca.key"), key)
}

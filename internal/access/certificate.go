package access

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"net"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/staunch-dev/staunch/internal/fault"
)

const (
	hostLife      = 24 * time.Hour
	serverLife    = 90 * 24 * time.Hour
	serverRenewAt = 30 * 24 * time.Hour // left
	maxCSR        = 16 << 10
	maxNames      = 100
)

// IssueHost signs a client certificate for a host. Only the public key of the request is used: P-256 or Ed25519, whose possession the
// request's signature proves. Everything else in it is somebody's word. fault.Invalid for a request that is not one.
func (ca *CA) IssueHost(csrPEM []byte, hostID string, now time.Time) (certPEM []byte, serial string, notAfter time.Time, err error) {
	public, err := publicKeyOf(csrPEM)
	if err != nil {
		return nil, "", time.Time{}, err
	}
	number := newSerial()
	template := &x509.Certificate{
		SerialNumber:          number,
		Subject:               pkix.Name{CommonName: hostID},
		URIs:                  []*url.URL{{Scheme: "staunch", Host: "host", Path: "/" + hostID}},
		NotBefore:             now.Add(-clockSkew).UTC().Truncate(time.Second),
		NotAfter:              now.Add(hostLife).UTC().Truncate(time.Second),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
	}
	if template.NotAfter.After(ca.cert.NotAfter) {
		template.NotAfter = ca.cert.NotAfter
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, public, ca.key)
	if err != nil {
		return nil, "", time.Time{}, fault.Wrap(err, fault.Internal, "signing a host certificate")
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), number.Text(16), template.NotAfter, nil
}

func publicKeyOf(csrPEM []byte) (crypto.PublicKey, error) {
	if len(csrPEM) > maxCSR {
		return nil, fault.New(fault.TooLarge, "the certificate request is larger than %d bytes", maxCSR)
	}
	block, rest := pem.Decode(csrPEM)
	if block == nil || block.Type != "CERTIFICATE REQUEST" || len(trimmed(rest)) > 0 {
		return nil, fault.New(fault.Invalid, "the certificate request is not one PEM block CERTIFICATE REQUEST")
	}
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the certificate request cannot be read")
	}
	switch key := csr.PublicKey.(type) {
	case ed25519.PublicKey:
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() {
			return nil, fault.New(fault.Invalid, "the certificate request's key is neither P-256 nor Ed25519")
		}
	default:
		return nil, fault.New(fault.Invalid, "the certificate request's key is neither P-256 nor Ed25519")
	}
	if err := csr.CheckSignature(); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the certificate request is not signed by its own key")
	}
	return csr.PublicKey, nil
}

// VerifyHost checks that this CA signed leaf for a client, and gives its serial in lower-case hex. The validity period is not looked
// at: fleet knows it by serial, and lets an expired certificate renew for a while. fault.Unauthorized.
func (ca *CA) VerifyHost(leaf *x509.Certificate) (serial string, err error) {
	roots := x509.NewCertPool()
	roots.AddCert(ca.cert)
	_, err = leaf.Verify(x509.VerifyOptions{
		Roots:       roots,
		CurrentTime: leaf.NotAfter, // within leaf's own period, and so within the CA's if it is ours
		KeyUsages:   []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil || leaf.IsCA || len(leaf.URIs) != 1 || leaf.URIs[0].Scheme != "staunch" || leaf.URIs[0].Host != "host" {
		return "", fault.Wrap(err, fault.Unauthorized, "the certificate is not one that this server gave to a host")
	}
	return leaf.SerialNumber.Text(16), nil
}

// ServerCertificate signs the server's own certificate for names, which are DNS names or IP addresses, with the CA in its chain: a
// client that knows only the CA's fingerprint finds the CA there.
func (ca *CA) ServerCertificate(names []string, now time.Time) (tls.Certificate, error) {
	if len(names) == 0 || len(names) > maxNames {
		return tls.Certificate{}, fault.New(fault.Invalid, "the server needs 1 to %d names, not %d", maxNames, len(names))
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber:          newSerial(),
		Subject:               pkix.Name{CommonName: "Staunch server"},
		NotBefore:             now.Add(-clockSkew),
		NotAfter:              now.Add(serverLife),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	if template.NotAfter.After(ca.cert.NotAfter) {
		template.NotAfter = ca.cert.NotAfter
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, key.Public(), ca.key)
	if err != nil {
		return tls.Certificate{}, fault.Wrap(err, fault.Invalid, "the server's names %q do not make a certificate", names)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der, ca.cert.Raw}, PrivateKey: key, Leaf: leaf}, nil
}

// Serving is the server's certificate while it runs: a new one takes the place of one that has less than 30 days left, or other
// names, without a restart. Its key is in memory only: clients pin the CA, so a new certificate surprises nobody.
type Serving struct {
	ca  *CA
	now func() time.Time

	mu    sync.Mutex
	names []string
	cert  *tls.Certificate
}

// NewServing makes the first certificate, so that bad names are known at start.
func (ca *CA) NewServing(names []string, now func() time.Time) (*Serving, error) {
	s := &Serving{ca: ca, now: now, names: slices.Clone(names)}
	_, err := s.Certificate(nil)
	return s, err
}

// SetNames changes the names; the next connection sees them.
func (s *Serving) SetNames(names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.names, names) {
		s.names, s.cert = slices.Clone(names), nil
	}
}

// Certificate is for tls.Config.GetCertificate.
func (s *Serving) Certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if s.cert != nil && s.cert.Leaf.NotAfter.Sub(now) >= serverRenewAt {
		return s.cert, nil
	}
	cert, err := s.ca.ServerCertificate(s.names, now)
	switch {
	case err == nil:
		s.cert = &cert
	case s.cert == nil:
		return nil, err
	}
	return s.cert, nil // an old one is better than none
}

func trimmed(b []byte) []byte { return bytes.TrimSpace(b) }

package client

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/fault"
)

// Fingerprint is the sha256 of a certificate's DER bytes, in lower-case hex: how people and enroll-tokens name the server's CA.
func Fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return hex.EncodeToString(sum[:])
}

// NormalFingerprint accepts a fingerprint as people paste it: any case, with colons or spaces. fault.Invalid when it is not a sha256.
func NormalFingerprint(text string) (string, error) {
	text = strings.ToLower(strings.NewReplacer(":", "", " ", "").Replace(strings.TrimSpace(text)))
	if raw, err := hex.DecodeString(text); err != nil || len(raw) != sha256.Size {
		return "", fault.New(fault.Invalid, "a CA fingerprint is 64 hexadecimal digits, not %q", clip(text))
	}
	return text, nil
}

// PinnedTLS trusts exactly the CA with this fingerprint, which the server sends after its own certificate. It does what the standard
// verification does, chain, validity and name, but with a root that it knows only by its hash. host is the name or address that is
// dialled, without a port; it is given here because a connection to an address has no server name of its own.
func PinnedTLS(fingerprint, host string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		// The standard verification wants the root itself beforehand; VerifyConnection below replaces it and refuses everything
		// that does not end at the pinned CA. Without it no handshake succeeds.
		InsecureSkipVerify: true, //nolint:gosec // see above
		VerifyConnection: func(state tls.ConnectionState) error {
			return verifyPinned(state.PeerCertificates, fingerprint, host)
		},
	}
}

func verifyPinned(chain []*x509.Certificate, fingerprint, host string) error {
	var ca *x509.Certificate
	for _, cert := range chain {
		if Fingerprint(cert) == fingerprint {
			ca = cert
		}
	}
	if ca == nil {
		return &pinError{want: fingerprint, got: sentCA(chain)}
	}
	return verifyBy(chain, ca, host)
}

// verifyBy checks the server's certificate against one CA and against the name that was dialled.
func verifyBy(chain []*x509.Certificate, ca *x509.Certificate, host string) error {
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	_, err := chain[0].Verify(x509.VerifyOptions{
		Roots: roots, DNSName: host, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	return err
}

// pinError is a server whose CA is not the one we know.
type pinError struct{ want, got string }

func (e *pinError) Error() string {
	return fmt.Sprintf("its CA has the fingerprint %s, not %s: this is another server, or someone between", e.got, e.want)
}

// sentCA is the fingerprint of the last certificate sent, which our servers make their CA.
func sentCA(certs []*x509.Certificate) string {
	if len(certs) == 0 {
		return "(none sent)"
	}
	return Fingerprint(certs[len(certs)-1])
}

// FetchCA asks the server for its CA, as PEM, and sends nothing. What it gives is not to be trusted before a person, or a fingerprint
// from elsewhere, has said that it is right. fault.Unavailable when there is no such server, fault.Invalid for a bad URL.
func FetchCA(ctx context.Context, serverURL string) (caPEM []byte, fingerprint string, err error) {
	u, err := ParseURL(serverURL)
	if err != nil {
		return nil, "", err
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	dialer := &tls.Dialer{Config: &tls.Config{
		MinVersion: tls.VersionTLS13,
		// There is nothing to verify against yet. The connection carries no byte of ours and is closed at once; the chain must
		// still agree with itself and with the name.
		InsecureSkipVerify: true, //nolint:gosec // see above
		VerifyConnection: func(state tls.ConnectionState) error {
			chain := state.PeerCertificates
			return verifyBy(chain, chain[len(chain)-1], u.Hostname())
		},
	}}
	conn, err := dialer.DialContext(ctx, "tcp", hostPort(u))
	if err != nil {
		return nil, "", unreachable(u, err)
	}
	defer func() { _ = conn.Close() }()
	certs := conn.(*tls.Conn).ConnectionState().PeerCertificates //nolint:forcetypeassert // tls.Dialer says so
	ca := certs[len(certs)-1]
	if !ca.IsCA {
		return nil, "", fault.New(fault.Unavailable, "%s does not send its CA: is it a staunch server?", u)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw}), Fingerprint(ca), nil
}

// rootsTLS trusts the one CA given as PEM, by the standard verification.
func rootsTLS(caPEM []byte) (*tls.Config, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(caPEM) {
		return nil, fault.New(fault.Invalid, "the CA certificate is not PEM")
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots}, nil
}

// ParseURL reads a server's address: https, a host, an optional port and path, nothing else. A bare host:port is completed.
// fault.Invalid.
func ParseURL(text string) (*url.URL, error) {
	text = strings.TrimSpace(text)
	if text != "" && !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "":
		return nil, fault.New(fault.Invalid, "%q is not a server address like https://staunch.example.org:8443", clip(text))
	case u.Scheme != "https":
		return nil, fault.New(fault.Invalid, "a server's address begins with https://, not %s://", clip(u.Scheme))
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, fault.New(fault.Invalid, "a server's address has no user, query or fragment")
	}
	u.Path = strings.TrimRight(u.Path, "/")
	return u, nil
}

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "443"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// unreachable says why there was no answer: no connection, or one with a stranger.
func unreachable(u *url.URL, err error) error {
	var pin *pinError
	var verify *tls.CertificateVerificationError
	var name x509.HostnameError
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &pin):
		return fault.Wrap(err, fault.Unauthorized, "%s is not trusted: %s", u, pin)
	case errors.As(err, &name):
		return fault.Wrap(err, fault.Unauthorized, "%s is not trusted: %s", u, name.Error())
	case errors.As(err, &unknown):
		return fault.Wrap(err, fault.Unauthorized, "%s is not trusted: its certificate is not of the CA that is known here", u)
	case errors.As(err, &invalid):
		return fault.Wrap(err, fault.Unauthorized, "%s is not trusted: %s", u, invalid.Error())
	case errors.As(err, &verify):
		return fault.Wrap(err, fault.Unauthorized, "%s is not trusted: its certificate cannot be verified", u)
	case errors.Is(err, context.DeadlineExceeded):
		return fault.Wrap(err, fault.Unavailable, "%s did not answer in time", u)
	case errors.Is(err, context.Canceled):
		return fault.Wrap(err, fault.Unavailable, "interrupted")
	}
	return fault.Wrap(err, fault.Unavailable, "cannot reach %s: %s", u, rootCause(err))
}

// rootCause is the plainest part of a network error, as "connection refused".
func rootCause(err error) string {
	var dns *net.DNSError
	var op *net.OpError
	var asked *url.Error
	switch {
	case errors.As(err, &dns):
		return "no address for " + dns.Name
	case errors.As(err, &op) && op.Err != nil:
		if inner := errors.Unwrap(op.Err); inner != nil {
			return inner.Error()
		}
		return op.Err.Error()
	case errors.As(err, &asked):
		return asked.Err.Error()
	}
	return err.Error()
}

// clip shortens foreign text that is about to be quoted.
func clip(s string) string {
	const most = 100
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

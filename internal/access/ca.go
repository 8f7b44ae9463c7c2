package access

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"github.com/staunch-dev/staunch/internal/fault"
)

// Files of the CA in the server's data directory.
const (
	caCertFile = "ca.pem"
	caKeyFile  = "ca.key"
)

const (
	caLife    = 10 * 365 * 24 * time.Hour
	clockSkew = 5 * time.Minute // certificates begin this much earlier, for clocks that are behind ours
	maxPEM    = 64 << 10
)

// CA signs host certificates and the server's own. Agents and clients pin its fingerprint, so losing the key means enrolling anew.
type CA struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

// OpenCA reads the CA of dir, and makes it when neither of its files is there. It refuses half a pair, a key that others can read,
// and a certificate that is not of the key or not a CA's: guessing would cut off every agent.
func OpenCA(dir string, now time.Time) (*CA, error) {
	certPath, keyPath := filepath.Join(dir, caCertFile), filepath.Join(dir, caKeyFile)
	certPEM, certErr := readSmall(certPath)
	keyPEM, keyErr := readSmall(keyPath)
	noCert, noKey := errors.Is(certErr, fs.ErrNotExist), errors.Is(keyErr, fs.ErrNotExist)
	switch {
	case noCert && noKey:
		return createCA(dir, now)
	case noCert || noKey:
		missing, present := certPath, keyPath
		if noKey {
			missing, present = keyPath, certPath
		}
		return nil, fault.New(fault.Invalid, "%s is here but %s is not: restore it from a backup; if no host was ever enrolled, remove the one that is left", present, missing)
	case certErr != nil:
		return nil, fault.Wrap(certErr, fault.Invalid, "reading %s", certPath)
	case keyErr != nil:
		return nil, fault.Wrap(keyErr, fault.Invalid, "reading %s", keyPath)
	}
	info, err := os.Stat(keyPath)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "reading %s", keyPath)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fault.New(fault.Invalid, "%s can be read or written by others (mode %#o): chmod 600 it, and consider whether it was copied", keyPath, info.Mode().Perm())
	}
	ca, err := parseCA(certPEM, keyPEM)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the CA in %s: %v", dir, err)
	}
	if now.After(ca.cert.NotAfter) {
		return nil, fault.New(fault.Invalid, "the CA in %s expired on %s", dir, ca.cert.NotAfter.Format(time.DateOnly))
	}
	return ca, nil
}

func createCA(dir string, now time.Time) (*CA, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          newSerial(),
		Subject:               pkix.Name{CommonName: "Staunch CA"},
		NotBefore:             now.Add(-time.Hour), // before every certificate it signs, which begin clockSkew early
		NotAfter:              now.Add(caLife),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true, // it signs leaves only
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	// The key first: a certificate without its key would look like a CA whose key was lost.
	if err := WriteFile(filepath.Join(dir, caKeyFile), keyPEM, 0o600); err != nil {
		return nil, err
	}
	if err := WriteFile(filepath.Join(dir, caCertFile), certPEM, 0o644); err != nil {
		return nil, err
	}
	return parseCA(certPEM, keyPEM)
}

func parseCA(certPEM, keyPEM []byte) (*CA, error) {
	block, rest := pem.Decode(certPEM)
	if block == nil || block.Type != "CERTIFICATE" || len(trimmed(rest)) > 0 {
		return nil, errors.New("ca.pem does not hold exactly one certificate")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("ca.pem: %w", err)
	}
	keyBlock, rest := pem.Decode(keyPEM)
	if keyBlock == nil || keyBlock.Type != "PRIVATE KEY" || len(trimmed(rest)) > 0 {
		return nil, errors.New("ca.key does not hold exactly one private key")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(keyBlock.Bytes)
	if err != nil {
		return nil, errors.New("ca.key is damaged") // the parser's words could quote it
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	switch {
	case !ok || key.Curve != elliptic.P256():
		return nil, errors.New("ca.key is not a P-256 key")
	case !key.PublicKey.Equal(cert.PublicKey):
		return nil, errors.New("ca.key is not the key of ca.pem")
	case !cert.IsCA || cert.KeyUsage&x509.KeyUsageCertSign == 0:
		return nil, errors.New("ca.pem is not the certificate of a CA")
	}
	return &CA{cert: cert, key: key, pem: pem.EncodeToMemory(block)}, nil
}

// CAPEM is the CA's certificate.
func (ca *CA) CAPEM() []byte { return ca.pem }

// Fingerprint is the sha256 of the CA's certificate, lower-case hex.
func (ca *CA) Fingerprint() string {
	sum := sha256.Sum256(ca.cert.Raw)
	return hex.EncodeToString(sum[:])
}

// newSerial is 127 random bits, positive and at most 16 bytes, as RFC 5280 §4.1.2.2 asks.
func newSerial() *big.Int {
	var raw [16]byte
	_, _ = rand.Read(raw[:]) // documented never to fail
	raw[0] &= 0x7f
	raw[15] |= 1 // never zero
	return new(big.Int).SetBytes(raw[:])
}

// WriteFile makes or replaces a file so that after a crash it is there whole or as it was before: written beside, synced, renamed.
func WriteFile(path string, data []byte, mode fs.FileMode) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*")
	if err != nil {
		return fault.Wrap(err, fault.Internal, "writing %s", path)
	}
	defer os.Remove(f.Name()) //nolint:errcheck // it is gone when all went well
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		return fault.Wrap(err, fault.Internal, "writing %s", path)
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func readSmall(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxPEM {
		return nil, errors.New("not a small regular file")
	}
	return os.ReadFile(path)
}

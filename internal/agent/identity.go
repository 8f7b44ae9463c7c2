package agent

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/pkgmgr"
)

// identityFile holds all that makes this machine a host, in one file, so that one rename replaces all of it.
const identityFile = "identity.json"

// Pair is a certificate and its private key, PEM.
type Pair struct {
	Certificate string `json:"certificate"`
	Key         string `json:"key"`
}

// Identity is who this host is, and to which server. Previous is the pair that a renewal replaced; it stays until the server has seen
// the new one, since an answer can be lost on its way to us or a disk write on its way down.
type Identity struct {
	Server   string `json:"server"`
	HostID   string `json:"host_id"`
	CA       string `json:"ca"`
	PlanKey  string `json:"plan_key,omitempty"` // the key that plans are signed with, pinned at enrollment; one authorized_keys line
	Current  Pair   `json:"current"`
	Previous *Pair  `json:"previous,omitempty"`
}

// Load reads the identity from the state folder. fault.NotFound: not enrolled.
func Load(stateDir string) (Identity, error) {
	var id Identity
	b, err := os.ReadFile(filepath.Join(stateDir, identityFile))
	if errors.Is(err, fs.ErrNotExist) {
		return id, fault.New(fault.NotFound, "this machine is not enrolled: run staunch-agent enroll")
	}
	if err != nil {
		return id, fault.Wrap(err, fault.Forbidden, "the identity in %s cannot be read", stateDir)
	}
	if err := json.Unmarshal(b, &id); err != nil {
		return id, fault.Wrap(err, fault.Invalid, "the identity in %s is damaged: enroll again with --force", stateDir)
	}
	if _, err := id.Current.parse(); err != nil {
		return id, fault.Wrap(err, fault.Invalid, "the certificate in %s is damaged: enroll again with --force", stateDir)
	}
	return id, nil
}

// Save replaces the identity; after a crash the old or the new one is there, whole.
func (id Identity) Save(stateDir string) error {
	b, err := json.MarshalIndent(id, "", "  ")
	if err == nil {
		err = pkgmgr.WriteFile(filepath.Join(stateDir, identityFile), append(b, '\n'), 0o600)
	}
	if err != nil {
		return fault.Wrap(err, fault.Internal, "saving the identity in %s", stateDir)
	}
	return nil
}

// parse gives the pair in the form TLS wants, with its leaf.
func (p Pair) parse() (tls.Certificate, error) {
	c, err := tls.X509KeyPair([]byte(p.Certificate), []byte(p.Key))
	if err == nil && c.Leaf == nil {
		c.Leaf, err = x509.ParseCertificate(c.Certificate[0])
	}
	return c, err
}

// newKey makes a P-256 key and the request for its certificate, both PEM. Nothing in the request but the key counts.
func newKey(hostname string) (keyPEM, csrPEM string, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", "", err
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: hostname}}, key)
	if err != nil {
		return "", "", err
	}
	keyPEM = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	return keyPEM, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: csr})), nil
}

// life is a certificate's period.
type life struct{ from, to time.Time }

func lifeOf(c tls.Certificate) life { return life{c.Leaf.NotBefore, c.Leaf.NotAfter} }

// renewAt is half life.
func (l life) renewAt() time.Time { return l.from.Add(l.to.Sub(l.from) / 2) }

// renewalGrace is how long after its end a certificate may still ask for the next; the server holds to it.
const renewalGrace = 30 * 24 * time.Hour

// lost reports that only a new enrollment helps.
func (l life) lost(now time.Time) bool { return now.After(l.to.Add(renewalGrace)) }

// DefaultState is where the state lives: the system's place for root, the user's otherwise.
func DefaultState(getenv func(string) string, euid int) string {
	if euid == 0 {
		return "/var/lib/staunch-agent"
	}
	if dir := getenv("STATE_DIRECTORY"); dir != "" { // systemd's StateDirectory=
		return dir
	}
	if dir := getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "staunch-agent")
	}
	return filepath.Join(getenv("HOME"), ".local", "state", "staunch-agent")
}

// prepareState makes the state folder. As root others may walk through it, not list it: apt's own unprivileged user must reach the
// lists folder in it. Everything secret in it is 0600.
func prepareState(dir string, euid int) error {
	mode := os.FileMode(0o700)
	if euid == 0 {
		mode = 0o711
	}
	if err := os.MkdirAll(dir, mode); err != nil {
		return fault.Wrap(err, fault.Forbidden, "the state folder %s cannot be made", dir)
	}
	probe, err := os.CreateTemp(dir, ".probe.*")
	if err != nil {
		return fault.Wrap(err, fault.Forbidden, "the state folder %s is not writable", dir)
	}
	_ = probe.Close()
	if err := os.Remove(probe.Name()); err != nil {
		return fault.Wrap(err, fault.Internal, "the state folder %s does not work", dir)
	}
	return nil
}

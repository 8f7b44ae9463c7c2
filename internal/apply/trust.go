package apply

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/pkgmgr"
	"github.com/staunch-dev/staunch/internal/seal"
)

// Where the trust of a host lives. Both files belong to root; a server message writes neither.
const (
	DefaultTrust   = "/etc/staunch/trust.json"
	DefaultSigners = "/etc/staunch/allowed_signers"
)

const maxTrust = 1 << 20

// trustFile is trust.json.
type trustFile struct {
	HostID    string `json:"host_id"`
	PlanKey   string `json:"plan_key"`  // one authorized_keys line
	Threshold int    `json:"threshold"` // signatures of people from allowed_signers that a plan needs
}

// ReadTrust reads what this host believes. signers may be absent: then nobody's signature counts. fault.NotFound: the host has no trust
// file, so it carries out nothing; fault.Forbidden: somebody else than its owner could have written one of the files; fault.Invalid:
// damaged.
func ReadTrust(file, signers string) (seal.Trust, error) {
	var t seal.Trust
	b, err := ReadOwned(file, maxTrust)
	if errors.Is(err, fs.ErrNotExist) {
		return t, fault.New(fault.NotFound, "there is no %s: enroll as root, so that this host knows whose plans to carry out", file)
	}
	if err != nil {
		return t, err
	}
	var f trustFile
	if err := json.Unmarshal(b, &f); err != nil {
		return t, fault.Wrap(err, fault.Invalid, "%s is damaged", file)
	}
	key, _, _, rest, err := ssh.ParseAuthorizedKey([]byte(f.PlanKey))
	if err != nil || len(rest) > 0 || f.HostID == "" || f.Threshold < 0 {
		return t, fault.Wrap(err, fault.Invalid, "%s lacks a host id, one plan key or a threshold", file)
	}
	t = seal.Trust{HostID: f.HostID, PlanKey: key, Threshold: f.Threshold}
	b, err = ReadOwned(signers, maxTrust)
	if errors.Is(err, fs.ErrNotExist) {
		return t, nil
	}
	if err != nil {
		return seal.Trust{}, err
	}
	if t.Signers, err = seal.ParseAllowedSigners(b); err != nil {
		return seal.Trust{}, fault.Wrap(err, fault.Invalid, "%s cannot be used", signers)
	}
	return t, nil
}

// WriteTrust pins a server's plan key for a host. The threshold that an administrator has set stays.
func WriteTrust(file, hostID, planKey string) error {
	if _, _, _, rest, err := ssh.ParseAuthorizedKey([]byte(planKey)); err != nil || len(rest) > 0 {
		return fault.Wrap(err, fault.Invalid, "the server's plan key cannot be read")
	}
	f := trustFile{HostID: hostID, PlanKey: strings.TrimSpace(planKey)}
	var old trustFile
	if b, err := ReadOwned(file, maxTrust); err == nil && json.Unmarshal(b, &old) == nil && old.Threshold > 0 {
		f.Threshold = old.Threshold
	}
	b, err := json.MarshalIndent(f, "", "  ")
	if err == nil {
		err = os.MkdirAll(filepath.Dir(file), 0o755)
	}
	if err == nil {
		err = pkgmgr.WriteFile(file, append(b, '\n'), 0o644)
	}
	if err != nil {
		return fault.Wrap(err, fault.Internal, "writing %s", file)
	}
	return nil
}

// ReadOwned reads a file that only root, or we ourselves, can have written, of so many bytes at most. fault.Forbidden: somebody else could.
func ReadOwned(name string, most int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o022 != 0 || !trustedOwner(info) {
		return nil, fault.New(fault.Forbidden, "%s must be a regular file that belongs to root and that nobody else can write", name)
	}
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(b)) > most {
		err = fault.New(fault.Invalid, "%s is larger than any real one", name)
	}
	return b, err
}

package access

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/seal"
)

// Files of approval in the server's data directory.
const (
	planKeyFile        = "plan.key"
	allowedSignersFile = "allowed_signers"
	bundleSignersFile  = "bundle_signers"
)

// OpenPlanKey reads the server's plan key of dir (Ed25519, in OpenSSH's format), and makes it when there is none. Every agent has pinned
// it at enrollment: a key that is damaged, of another kind, or readable by others is refused and never replaced.
func OpenPlanKey(dir string) (ssh.Signer, error) {
	path := filepath.Join(dir, planKeyFile)
	text, err := readSmall(path)
	if errors.Is(err, fs.ErrNotExist) {
		return createPlanKey(path)
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "reading %s", path)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "reading %s", path)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fault.New(fault.Invalid, "%s can be read or written by others (mode %#o): chmod 600 it, and consider whether it was copied", path, info.Mode().Perm())
	}
	return parsePlanKey(path, text)
}

func createPlanKey(path string) (ssh.Signer, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(key, "staunch plan key")
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(block)
	if err := WriteFile(path, text, 0o600); err != nil {
		return nil, err
	}
	return parsePlanKey(path, text)
}

func parsePlanKey(path string, text []byte) (ssh.Signer, error) {
	signer, err := ssh.ParsePrivateKey(text)
	if err != nil {
		return nil, fault.New(fault.Invalid, "%s is damaged, or has a passphrase: restore it from a backup", path) // the parser's words could quote it
	}
	if signer.PublicKey().Type() != ssh.KeyAlgoED25519 {
		return nil, fault.New(fault.Invalid, "%s is not an Ed25519 key", path)
	}
	return signer, nil
}

// PlanKeyLine is the public half of a plan key as agents pin it: one line of authorized_keys, without a comment.
func PlanKeyLine(signer ssh.Signer) string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
}

// AllowedSigners reads DIR/allowed_signers: the people whose approval counts. It is read anew each time, so that a person is added or
// removed without a restart; there may be no such file. fault.Invalid for a line that is not understood.
func AllowedSigners(dir string) ([]seal.Signer, error) { return signersOf(dir, allowedSignersFile) }

// BundleSigners reads DIR/bundle_signers in the same way: the servers whose bundles of feeds are taken in.
func BundleSigners(dir string) ([]seal.Signer, error) { return signersOf(dir, bundleSignersFile) }

func signersOf(dir, file string) ([]seal.Signer, error) {
	path := filepath.Join(dir, file)
	text, err := readSmall(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "reading %s", path)
	}
	signers, err := seal.ParseAllowedSigners(text)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "%s: %v", path, err)
	}
	return signers, nil
}

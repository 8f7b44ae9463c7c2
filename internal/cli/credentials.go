package cli

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/fault"
)

// maxSecretFile bounds files that hold a token, a password or credentials.
const maxSecretFile = 64 << 10

// credentials are what login keeps: which server, how to know it, and the token it gave.
type credentials struct {
	URL           string    `json:"url"`
	CA            string    `json:"ca"` // PEM
	CAFingerprint string    `json:"ca_fingerprint"`
	User          string    `json:"user"`
	TokenID       string    `json:"token_id"`
	Token         string    `json:"token"`
	Expires       time.Time `json:"expires"`
}

// credentialsPath is $XDG_CONFIG_HOME/staunch/credentials.json; the specification says to ignore a relative $XDG_CONFIG_HOME.
func (p *program) credentialsPath() (string, error) {
	dir := p.env.Getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(dir) {
		home := p.env.Getenv("HOME")
		if !filepath.IsAbs(home) {
			return "", fault.New(fault.Invalid, "neither XDG_CONFIG_HOME nor HOME is set: there is no place for credentials")
		}
		dir = filepath.Join(home, ".config")
	}
	return filepath.Join(dir, "staunch", "credentials.json"), nil
}

// loadCredentials reads what login kept; ok is false when nobody signed in. A file that others can read is refused, as ssh does.
func (p *program) loadCredentials() (c credentials, ok bool, err error) {
	path, err := p.credentialsPath()
	if err != nil {
		return credentials{}, false, nil //nolint:nilerr // without a home nobody can have signed in
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return credentials{}, false, nil
	}
	if err != nil {
		return credentials{}, false, fault.Wrap(err, fault.Invalid, "cannot read %s", path)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return credentials{}, false, fault.New(fault.Unauthorized, "%s can be read by others: chmod 600 it, and sign in again if somebody may have", path)
	}
	text, err := readBounded(path)
	if err != nil {
		return credentials{}, false, err
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return credentials{}, false, fault.New(fault.Invalid, "%s is damaged: sign in again", path)
	}
	return c, true, nil
}

// saveCredentials replaces the file whole: at no instant is there half of one, or one that others can read.
func (p *program) saveCredentials(c credentials) (path string, err error) {
	if path, err = p.credentialsPath(); err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			err = fault.Wrap(err, fault.Invalid, "cannot keep the credentials in %s: %s", path, err)
		}
	}()
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return path, err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return path, err
	}
	f, err := os.CreateTemp(dir, ".credentials-*") // made 0600
	if err != nil {
		return path, err
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already when all went well
	_, err = f.Write(append(text, '\n'))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return path, err
	}
	return path, os.Rename(f.Name(), path)
}

func (p *program) forgetCredentials() error {
	path, err := p.credentialsPath()
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.Wrap(err, fault.Invalid, "cannot remove %s", path)
	}
	return nil
}

// secretFrom reads a secret from a file, or from standard input for "-": its first line, without the line's end.
func (p *program) secretFrom(path, what string) (string, error) {
	lines, err := p.secretLines(path)
	if err != nil {
		return "", err
	}
	if lines[0] == "" {
		return "", fault.New(fault.Invalid, "the %s in %q is empty", what, path)
	}
	return lines[0], nil
}

// loginFrom is secretFrom for a password. It also understands the file in which a server leaves its first login, which has the lines
// "user: NAME" and "password: PASSWORD"; user is empty for any other file.
func (p *program) loginFrom(path string) (user, password string, err error) {
	lines, err := p.secretLines(path)
	if err != nil {
		return "", "", err
	}
	if len(lines) == 2 {
		name, isUser := strings.CutPrefix(lines[0], "user: ")
		secret, isPassword := strings.CutPrefix(lines[1], "password: ")
		if isUser && isPassword && secret != "" {
			return name, secret, nil
		}
	}
	if lines[0] == "" {
		return "", "", fault.New(fault.Invalid, "the password in %q is empty", path)
	}
	return "", lines[0], nil
}

// secretLines are the lines of a small file, or of standard input for "-"; at least one, which may be empty.
func (p *program) secretLines(path string) ([]string, error) {
	var text []byte
	var err error
	if path == "-" {
		text, err = io.ReadAll(io.LimitReader(p.in, maxSecretFile))
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "cannot read standard input")
		}
	} else if text, err = readBounded(path); err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimSuffix(lines[i], "\r")
	}
	return lines, nil
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // the caller's own file
	if err != nil {
		return nil, fileFault(path, err)
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	if err != nil {
		return nil, fileFault(path, err)
	}
	if len(text) > maxSecretFile {
		return nil, fault.New(fault.TooLarge, "%q is larger than %d bytes", path, maxSecretFile)
	}
	return text, nil
}

// fileFault is a failure to open or read a file that the caller named.
func fileFault(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fault.Wrap(err, fault.NotFound, "there is no file %q", path)
	}
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return fault.Wrap(err, fault.Invalid, "cannot read %q: %s", path, pathErr.Err)
	}
	return fault.Wrap(err, fault.Invalid, "cannot read %q", path)
}

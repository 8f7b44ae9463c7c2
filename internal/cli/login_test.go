package cli_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/cli"
)

// terminal is a person at a keyboard: lines typed, and passwords typed without an echo.
type terminal struct {
	lines     string
	passwords []string
	out, errs bytes.Buffer
	home      string
}

func (k *terminal) env() cli.Env {
	return cli.Env{
		Stdin: strings.NewReader(k.lines), Stdout: &k.out, Stderr: &k.errs,
		StdinTerminal: true, StdoutTerminal: true, StderrTerminal: true, Width: 80,
		Getenv: func(key string) string {
			if key == "XDG_CONFIG_HOME" {
				return k.home
			}
			return ""
		},
		ReadPassword: func() (string, error) {
			if len(k.passwords) == 0 {
				return "", errors.New("no more passwords")
			}
			next := k.passwords[0]
			k.passwords = k.passwords[1:]
			return next, nil
		},
		Hostname: func() (string, error) { return "laptop", nil },
		Now:      time.Now,
		Version:  "test",
	}
}

func TestLoginAtATerminal(t *testing.T) {
	t.Parallel()
	s, err := newServer(filepath.Join(t.TempDir(), "server"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stop)
	first, err := os.ReadFile(filepath.Join(s.data, "first-login"))
	if err != nil {
		t.Fatal(err)
	}
	_, password, _ := strings.Cut(strings.TrimSpace(string(first)), "password: ")
	const chosen = "a-password-of-my-own"
	for _, tc := range []struct {
		name      string
		lines     string
		passwords []string
		code      int
		says      string
	}{
		{"does not know the fingerprint", "n\n", nil, 4, "the fingerprint was not confirmed"},
		{"presses Enter", "\n", nil, 4, "the fingerprint was not confirmed"},
		{"mistypes the new password", "y\nadmin\n", []string{password, chosen, chosen + "x"}, 2, "the two new passwords differ: nothing was changed"},
		{"closes the terminal", "y\nadmin\n", nil, 2, "no password was given"},
		{"does everything right", "yes\nadmin\n", []string{password, chosen, chosen}, 0, "signed in to " + s.url + " as admin"},
		{"comes again", "y\nadmin\n", []string{chosen}, 0, "signed in to " + s.url + " as admin"},
	} {
		k := &terminal{lines: tc.lines, passwords: tc.passwords, home: t.TempDir()}
		if code := cli.Run(t.Context(), k.env(), []string{"login", s.url}); code != tc.code || !strings.Contains(k.errs.String(), tc.says) {
			t.Errorf("%s: ends with %d: %s", tc.name, code, &k.errs)
		}
		if !strings.Contains(k.errs.String(), s.fingerprint) {
			t.Errorf("%s: the fingerprint was not shown: %s", tc.name, &k.errs)
		}
		for _, secret := range []string{password, chosen} {
			if strings.Contains(k.errs.String()+k.out.String()+s.log.String(), secret) {
				t.Errorf("%s: a password was shown or logged", tc.name)
			}
		}
		if _, err := os.Stat(filepath.Join(k.home, "staunch", "credentials.json")); (err == nil) != (tc.code == 0) {
			t.Errorf("%s: credentials: %v", tc.name, err)
		}
	}
}

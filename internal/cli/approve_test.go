package cli_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"encoding/pem"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	sshagent "golang.org/x/crypto/ssh/agent"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/app"
	"github.com/staunch-dev/staunch/internal/cli"
)

const (
	hostFacts = `{"hostname":"x","arch":"x86_64","os":{"id":"debian","version_id":"12","name":"Debian GNU/Linux 12 (bookworm)","ecosystem":"Debian:12"},` +
		`"kernel":{"running":"6.1.0-37-amd64","newest":"6.1.0-37-amd64","installed":["6.1.0-37-amd64"]},"reboot":{"required":false,"packages":[],"reasons":[]},` +
		`"package_manager":{"name":"apt","interrupted":false,"broken":[],"held":[]},"units":[]}`
	hostPackages = `{"ecosystem":"Debian:12","packages":[{"name":"openssl","arch":"amd64","version":"3.0.15-1~deb12u1","origin":"Debian"}]}`
	hostUpdates  = `{"manager":"apt","known":true,"updates":[{"name":"openssl","arch":"amd64","action":"upgrade","from":"3.0.15-1~deb12u1","to":"3.0.17-1~deb12u3",` +
		`"archive":"oldstable-security","origin":"Debian","security":true,"state":"installable"}]}`
)

// keys are two people's: alice's in a file with a passphrase, bob's in an agent.
type keys struct {
	dir, socket string
	signers     string // allowed_signers
}

const passphrase = "correct horse battery staple"

func newKeys(t *testing.T) keys {
	t.Helper()
	k := keys{dir: t.TempDir()}
	k.socket = filepath.Join(k.dir, "agent")
	_, alice, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKeyWithPassphrase(alice, "alice", []byte(passphrase))
	if err != nil {
		t.Fatal(err)
	}
	k.write(t, "alice", pem.EncodeToMemory(block))
	k.allow(t, "alice", alice.Public())
	bob, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	k.allow(t, "bob", bob.Public())
	keyring := sshagent.NewKeyring()
	if err := keyring.Add(sshagent.AddedKey{PrivateKey: bob}); err != nil {
		t.Fatal(err)
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "unix", k.socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { _ = sshagent.ServeAgent(keyring, conn) }()
		}
	}()
	return k
}

func (k *keys) path(name string) string { return filepath.Join(k.dir, name) }

func (k *keys) write(t *testing.T, name string, text []byte) {
	t.Helper()
	if err := os.WriteFile(k.path(name), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// allow writes a person's .pub file, and lets them approve.
func (k *keys) allow(t *testing.T, name string, key any) {
	t.Helper()
	public, err := ssh.NewPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	line := ssh.MarshalAuthorizedKey(public)
	k.write(t, name+".pub", line)
	k.signers += name + " " + string(line)
}

// desk is a person at a terminal who is signed in.
func desk(t *testing.T, s *server) *terminal {
	t.Helper()
	first, err := os.ReadFile(filepath.Join(s.data, "first-login"))
	if err != nil {
		t.Fatal(err)
	}
	_, password, _ := strings.Cut(strings.TrimSpace(string(first)), "password: ")
	k := &terminal{lines: "y\nadmin\n", passwords: []string{password, "a-password-of-my-own", "a-password-of-my-own"}, home: t.TempDir()}
	if code := cli.Run(t.Context(), k.env(), []string{"login", s.url}); code != 0 {
		t.Fatal(&k.errs)
	}
	return k
}

// run runs a command line with these answers.
func (k *terminal) run(t *testing.T, lines string, passwords []string, env map[string]string, args ...string) int {
	t.Helper()
	k.lines, k.passwords = lines, passwords
	k.out, k.errs = bytes.Buffer{}, bytes.Buffer{}
	e := k.env()
	home := e.Getenv
	e.Getenv = func(key string) string {
		if v, ok := env[key]; ok {
			return v
		}
		return home(key)
	}
	e.Size = func() (int, int) { return 80, 24 }
	return cli.Run(t.Context(), e, args)
}

func TestPeopleApproveWithTheirKeysAtATerminal(t *testing.T) {
	t.Parallel()
	keys := newKeys(t)
	s, err := newServerWith(filepath.Join(t.TempDir(), "server"), func(c *app.Config) {
		c.Approvals = 2
		if err := os.MkdirAll(c.Data, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(c.Data, "allowed_signers"), []byte(keys.signers), 0o600); err != nil {
			t.Fatal(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stop)
	k := desk(t, s)
	if code := k.run(t, "", nil, nil, "enroll-token", "create"); code != 0 {
		t.Fatal(&k.errs)
	}
	if err := s.join(strings.TrimSpace(k.out.String()), "web1", section{"facts", hostFacts}, section{"packages", hostPackages},
		section{"updates", hostUpdates}, section{"repositories", `{"repositories":[]}`}); err != nil {
		t.Fatal(err)
	}
	web1, err := s.agent("web1")
	if err != nil {
		t.Fatal(err)
	}
	web1.work(agentScript{after: strings.ReplaceAll(hostPackages, "3.0.15-1~deb12u1", "3.0.17-1~deb12u3"), changes: []apiv1.LockChange{
		{Name: "openssl", Arch: "amd64", Action: "upgrade", From: "3.0.15-1~deb12u1", To: "3.0.17-1~deb12u3", SHA256: strings.Repeat("ab", 32), Size: 1 << 20},
	}})
	if code := k.run(t, "", nil, nil, "plan", "create", "-o", "json"); code != 0 || !strings.Contains(k.errs.String(), "of 1 host have answered") {
		t.Fatalf("ends with %d: %s", code, &k.errs)
	}
	var plan apiv1.Plan
	if err := json.Unmarshal(k.out.Bytes(), &plan); err != nil || !plan.Approvable || plan.Required != 2 {
		t.Fatalf("%+v, %v", plan, err)
	}

	withAgent := map[string]string{"SSH_AUTH_SOCK": keys.socket}
	keys.write(t, "readable", []byte("x"))
	if err := os.Chmod(keys.path("readable"), 0o644); err != nil {
		t.Fatal(err)
	}
	keys.write(t, "nothing", []byte("x"))
	for _, tc := range []struct {
		name      string
		key       string
		lines     string
		passwords []string
		env       map[string]string
		code      int
		says      string
	}{
		{"says no", "alice", "n\n", nil, nil, 1, "nothing was done"},
		{"presses Enter", "alice", "\n", nil, nil, 1, "nothing was done"},
		{"names no file", "nobody", "y\n", nil, nil, 3, "there is no file"},
		{"names a file that is no key", "nothing", "y\n", nil, nil, 2, "holds neither an SSH private key nor one public key"},
		{"has a key that others can read", "readable", "y\n", nil, nil, 4, "can be read by others"},
		{"mistypes the passphrase", "alice", "y\n", []string{"wrong"}, nil, 4, "that is not the passphrase"},
		{"has no agent", "bob.pub", "y\n", nil, nil, 2, "SSH_AUTH_SOCK is not set"},
		{"has an agent that is gone", "bob.pub", "y\n", nil, map[string]string{"SSH_AUTH_SOCK": keys.path("gone")}, 5, "cannot reach ssh-agent"},
		{"has an agent without the key", "alice.pub", "y\n", nil, withAgent, 3, "ssh-agent does not hold SHA256:"},
		{"signs with a key from a file", "alice", "y\n", []string{passphrase}, nil, 0, "has 1 of the 2 signatures that it needs"},
		{"signs with a key in an agent", "bob.pub", "yes\n", nil, withAgent, 0, "approved"},
		{"comes too late", "bob.pub", "y\n", nil, withAgent, 1, "is approved already"},
	} {
		code := k.run(t, tc.lines, tc.passwords, tc.env, "plan", "approve", plan.ID, "--ssh-key", keys.path(tc.key))
		if said := strings.Join(strings.Fields(k.errs.String()), " "); code != tc.code || !strings.Contains(said, tc.says) { // lines are broken where the terminal ends
			t.Errorf("%s: ends with %d: %s", tc.name, code, &k.errs)
		}
		if tc.code == 0 && !strings.Contains(k.errs.String(), plan.Hash) {
			t.Errorf("%s: the hash was not shown: %s", tc.name, &k.errs)
		}
		if strings.Contains(k.out.String()+k.errs.String()+s.log.String(), passphrase) {
			t.Errorf("%s: the passphrase was shown or logged", tc.name)
		}
	}

	if code := k.run(t, "", nil, nil, "plan", "show", plan.ID); code != 0 || !strings.Contains(k.out.String(), "alice SHA256:") || !strings.Contains(k.out.String(), "bob SHA256:") {
		t.Errorf("ends with %d: %s", code, &k.out)
	}
	if code := k.run(t, "", nil, nil, "rollout", "start", plan.ID, "--approve", "--watch"); code != 0 {
		t.Errorf("ends with %d: %s", code, &k.errs)
	}
	if page := k.out.String(); !strings.Contains(page, "    web1\n") || !strings.Contains(page, "\x1b[J") || !strings.Contains(page, "completed") {
		t.Errorf("%q", page)
	}
	if code := k.run(t, "", nil, nil, "report", "compliance", "-o", "html"); code != 0 || !strings.Contains(k.out.String(), "<title>Compliance report") {
		t.Errorf("ends with %d: %s", code, &k.errs)
	}
}

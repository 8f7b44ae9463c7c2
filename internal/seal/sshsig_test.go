package seal

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

func newSigner(t testing.TB, kind string) ssh.Signer {
	t.Helper()
	var key any
	var err error
	switch kind {
	case "ed25519":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	case "ecdsa":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "rsa":
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

func TestSignaturesHoldForTheirBytesNamespaceAndKeyOnly(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"ed25519", "ecdsa", "rsa"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			signer, message := newSigner(t, kind), []byte("a plan")
			sig, err := Sign(signer, NamespacePlan, message)
			if err != nil {
				t.Fatal(err)
			}
			key, err := Verify(sig, NamespacePlan, message)
			if err != nil || !bytes.Equal(key.Marshal(), signer.PublicKey().Marshal()) {
				t.Fatalf("own signature: %v", err)
			}
			if _, err := Verify(sig, NamespaceGrant, message); err == nil {
				t.Error("holds in another namespace")
			}
			if _, err := Verify(sig, NamespacePlan, []byte("a plan.")); err == nil {
				t.Error("holds for other bytes")
			}
		})
	}
}

// An approver can sign with ssh-keygen, and anyone can check our signatures with it.
func TestInteroperatesWithSSHKeygen(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("ssh-keygen is not installed: apt-get install openssh-client")
		}
		t.Skip("ssh-keygen is not installed (Debian: openssh-client)")
	}
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	run := func(stdin string, args ...string) {
		t.Helper()
		cmd := exec.Command("ssh-keygen", args...)
		cmd.Stdin = strings.NewReader(stdin)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen %v: %v\n%s", args, err, out)
		}
	}
	message := "the exact bytes\nof a plan"
	for _, kind := range []string{"ed25519", "ecdsa", "rsa"} {
		key := in(kind)
		run("", "-q", "-t", kind, "-N", "", "-f", key)
		if err := os.WriteFile(in("message"), []byte(message), 0o600); err != nil {
			t.Fatal(err)
		}
		_ = os.Remove(in("message.sig"))
		run("", "-Y", "sign", "-q", "-f", key, "-n", NamespacePlan, in("message"))
		theirs, err := os.ReadFile(in("message.sig"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Verify(string(theirs), NamespacePlan, []byte(message)); err != nil {
			t.Errorf("%s: a signature by ssh-keygen: %v", kind, err)
		}

		private, err := os.ReadFile(key)
		if err != nil {
			t.Fatal(err)
		}
		signer, err := ssh.ParsePrivateKey(private)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := Sign(signer, NamespacePlan, []byte(message))
		if err != nil {
			t.Fatal(err)
		}
		public, err := os.ReadFile(key + ".pub")
		if err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{"ours.sig": ours, "allowed": `ann namespaces="staunch-plan" ` + string(public)} {
			if err := os.WriteFile(in(name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		run(message, "-Y", "verify", "-q", "-f", in("allowed"), "-I", "ann", "-n", NamespacePlan, "-s", in("ours.sig"))
		allowed, err := os.ReadFile(in("allowed"))
		if err != nil {
			t.Fatal(err)
		}
		signers, err := ParseAllowedSigners(allowed)
		if err != nil {
			t.Fatal(err)
		}
		if got := Approvers(signers, []byte(message), []string{string(theirs), ours}, time.Now()); len(got) != 1 || got[0] != "ann" {
			t.Errorf("%s: approvers %v, want ann once", kind, got)
		}
	}
}

func line(s ssh.Signer) string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(s.PublicKey())))
}

func TestApproversCountsPeopleOnce(t *testing.T) {
	t.Parallel()
	ann, bob, plan := newSigner(t, "ed25519"), newSigner(t, "ed25519"), []byte("plan")
	sign := func(s ssh.Signer, ns string) string {
		sig, err := Sign(s, ns, plan)
		if err != nil {
			t.Fatal(err)
		}
		return sig
	}
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		file string
		sigs []string
		want int
	}{
		"two people":                     {"ann " + line(ann) + "\nbob " + line(bob), []string{sign(ann, NamespacePlan), sign(bob, NamespacePlan)}, 2},
		"same key twice":                 {"ann " + line(ann), []string{sign(ann, NamespacePlan), sign(ann, NamespacePlan)}, 1},
		"one key under two names":        {"ann " + line(ann) + "\nbob " + line(ann), []string{sign(ann, NamespacePlan), sign(ann, NamespacePlan)}, 1},
		"two keys of one person":         {"ann " + line(ann) + "\nann " + line(bob), []string{sign(ann, NamespacePlan), sign(bob, NamespacePlan)}, 1},
		"unknown key":                    {"ann " + line(ann), []string{sign(bob, NamespacePlan)}, 0},
		"other namespace signed":         {"ann " + line(ann), []string{sign(ann, NamespaceGrant)}, 0},
		"key allowed for something else": {`ann namespaces="git" ` + line(ann), []string{sign(ann, NamespacePlan)}, 0},
		"no longer valid":                {`ann valid-before="20260101Z" ` + line(ann), []string{sign(ann, NamespacePlan)}, 0},
		"not yet valid":                  {`ann valid-after="20270101Z" ` + line(ann), []string{sign(ann, NamespacePlan)}, 0},
		"valid now":                      {`ann valid-after="20260101Z",valid-before="20270101Z" ` + line(ann), []string{sign(ann, NamespacePlan)}, 1},
		"garbage among signatures":       {"ann " + line(ann), []string{"", "x", sign(ann, NamespacePlan)}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			signers, err := ParseAllowedSigners([]byte("# comment\n\n" + tc.file + "\n"))
			if err != nil {
				t.Fatal(err)
			}
			if got := Approvers(signers, plan, tc.sigs, now); len(got) != tc.want {
				t.Errorf("approvers %v, want %d", got, tc.want)
			}
		})
	}
}

func TestAllowedSignersFailsClosed(t *testing.T) {
	t.Parallel()
	key := line(newSigner(t, "ed25519"))
	for name, file := range map[string]string{
		"pattern":            "*@example.org " + key,
		"several principals": "ann,bob " + key,
		"certificate":        "ann cert-authority " + key,
		"unknown option":     `ann frobnicate="1" ` + key,
		"no key":             "ann",
		"bad key":            "ann ssh-ed25519 AAAA",
		"bad time":           `ann valid-before="tomorrow" ` + key,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := ParseAllowedSigners([]byte(file)); err == nil {
				t.Errorf("accepted as %+v", got)
			}
		})
	}
}

func FuzzVerify(f *testing.F) {
	sig, err := Sign(newSigner(f, "ed25519"), NamespacePlan, []byte("m"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sig)
	f.Add("-----BEGIN SSH SIGNATURE-----\nU1NIU0lH\n-----END SSH SIGNATURE-----\n")
	f.Fuzz(func(t *testing.T, armored string) {
		if _, err := Verify(armored, NamespacePlan, []byte("other message")); err == nil {
			t.Fatal("a signature over another message holds")
		}
	})
}

func FuzzParseAllowedSigners(f *testing.F) {
	f.Add([]byte(`ann namespaces="staunch-plan" ` + line(newSigner(f, "ed25519"))))
	f.Fuzz(func(_ *testing.T, file []byte) { _, _ = ParseAllowedSigners(file) })
}

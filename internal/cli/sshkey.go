package cli

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/seal"
)

// signPlan signs a plan's bytes with the SSH key that a file holds or names.
func (p *program) signPlan(ctx context.Context, file string, plan []byte) (string, error) {
	text, err := readBounded(file)
	if err != nil {
		return "", err
	}
	var signer ssh.Signer
	if public, _, _, rest, err := ssh.ParseAuthorizedKey(text); err == nil && len(bytes.TrimSpace(rest)) == 0 {
		conn, agentSigner, err := p.agentSigner(ctx, public)
		if err != nil {
			return "", err
		}
		defer func() { _ = conn.Close() }()
		defer context.AfterFunc(ctx, func() { _ = conn.Close() })() // a hardware key may wait for a touch
		signer = agentSigner
	} else if signer, err = p.privateKey(ctx, file, text); err != nil {
		return "", err
	}
	p.note("signing with %s %s", signer.PublicKey().Type(), ssh.FingerprintSHA256(signer.PublicKey()))
	signature, err := seal.Sign(signer, seal.NamespacePlan, plan)
	if err != nil {
		return "", fault.Wrap(err, fault.Invalid, "the key in %q did not sign: %s", file, err)
	}
	if _, err := seal.Verify(signature, seal.NamespacePlan, plan); err != nil {
		return "", fault.Wrap(err, fault.Invalid, "what the key in %q signed does not verify: %s", file, err)
	}
	return signature, nil
}

// privateKey reads a private key, asking for its passphrase where it has one.
func (p *program) privateKey(ctx context.Context, file string, text []byte) (ssh.Signer, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, fileFault(file, err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fault.New(fault.Unauthorized, "%q can be read by others: chmod 600 it, and consider whether it still is a secret", file)
	}
	signer, err := ssh.ParsePrivateKey(text)
	var locked *ssh.PassphraseMissingError
	switch {
	case err == nil:
		return signer, nil
	case !errors.As(err, &locked):
		return nil, fault.New(fault.Invalid, "%q holds neither an SSH private key nor one public key", file)
	case !p.env.StdinTerminal:
		return nil, usage("the key in %q has a passphrase and there is no terminal to ask on: give its .pub file, and the key to ssh-agent", file)
	}
	passphrase, err := p.password(ctx, "Passphrase of "+clean(file)+": ", "--ssh-key")
	if err != nil {
		return nil, err
	}
	if signer, err = ssh.ParsePrivateKeyWithPassphrase(text, []byte(passphrase)); err != nil {
		if errors.Is(err, x509.IncorrectPasswordError) {
			return nil, fault.New(fault.Unauthorized, "that is not the passphrase of %q", file)
		}
		return nil, fault.New(fault.Invalid, "the key in %q cannot be read with that passphrase", file)
	}
	return signer, nil
}

// agentSigner finds a key's private half in ssh-agent. The caller closes the connection after signing.
func (p *program) agentSigner(ctx context.Context, public ssh.PublicKey) (net.Conn, ssh.Signer, error) {
	socket := p.env.Getenv("SSH_AUTH_SOCK")
	if socket == "" {
		return nil, nil, fault.New(fault.Invalid, "a public key needs ssh-agent, and SSH_AUTH_SOCK is not set: start one, or give the private key's file")
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, nil, fault.Wrap(err, fault.Unavailable, "cannot reach ssh-agent at %q", socket)
	}
	signers, err := agent.NewClient(conn).Signers()
	if err != nil {
		_ = conn.Close()
		return nil, nil, fault.Wrap(err, fault.Unavailable, "ssh-agent does not say which keys it holds")
	}
	for _, s := range signers {
		if bytes.Equal(s.PublicKey().Marshal(), public.Marshal()) {
			return conn, s, nil
		}
	}
	_ = conn.Close()
	return nil, nil, fault.New(fault.NotFound, "ssh-agent does not hold %s: ssh-add it, or give the private key's file", strings.TrimSpace(ssh.FingerprintSHA256(public)))
}

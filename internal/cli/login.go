package cli

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/client"
	"github.com/staunch-dev/staunch/internal/fault"
)

type loginOptions struct {
	fingerprint     string
	username        string
	passwordFile    string
	newPasswordFile string
	ttl             string
}

func (p *program) login() *cobra.Command {
	var opts loginOptions
	c := &cobra.Command{
		Use:   "login URL",
		Short: "Sign in to a server and remember it",
		Long: `Sign in to a server and remember it.

The server proves itself with a CA of its own. Compare the fingerprint that is shown with the one
that "staunch server" printed at its first start, or give it with --ca-fingerprint. From then on
exactly this CA is trusted.

What is kept is an API token, never the password: in $XDG_CONFIG_HOME/staunch/credentials.json,
readable by you only.`,
		Example: `  staunch login https://staunch.example.org:8443
  staunch login https://staunch.example.org:8443 --ca-fingerprint 3f7a… \
      --username admin --password-file password --new-password-file new-password`,
		Args: exactly("the URL of the server"),
	}
	c.Flags().StringVar(&opts.fingerprint, "ca-fingerprint", "", "`SHA256` of the server's CA certificate, instead of a question")
	c.Flags().StringVar(&opts.username, "username", "", "`NAME` to sign in with, instead of a question")
	c.Flags().StringVar(&opts.passwordFile, "password-file", "", "`FILE` with the password, - for standard input; the server's first-login is one too")
	c.Flags().StringVar(&opts.newPasswordFile, "new-password-file", "", "`FILE` with a new password, used when it must be changed")
	c.Flags().StringVar(&opts.ttl, "ttl", "", "`DURATION` to stay signed in, as 720h; the server's default is 90 days")
	c.RunE = func(cmd *cobra.Command, args []string) error { return p.runLogin(cmd.Context(), args[0], opts) }
	return c
}

func (p *program) runLogin(ctx context.Context, address string, opts loginOptions) error {
	u, err := client.ParseURL(address)
	if err != nil {
		return err
	}
	caPEM, fingerprint, err := p.trust(ctx, u.String(), opts.fingerprint)
	if err != nil {
		return err
	}
	o, err := client.NewOperator(client.OperatorConfig{URL: u.String(), CAPEM: caPEM, UserAgent: p.userAgent()})
	if err != nil {
		return err
	}
	defer o.Close()
	token, err := p.askToken(ctx, o, opts)
	if err != nil {
		return err
	}
	path, err := p.saveCredentials(credentials{
		URL: u.String(), CA: string(caPEM), CAFingerprint: fingerprint,
		User: token.User, TokenID: token.ID, Token: token.Secret, Expires: token.Expires,
	})
	if err != nil {
		return err
	}
	p.note("signed in to %s as %s until %s; kept in %s", u, token.User, moment(&token.Expires), path)
	return nil
}

// trust is the server's CA, once somebody has said that it is the right one.
func (p *program) trust(ctx context.Context, address, expected string) (caPEM []byte, fingerprint string, err error) {
	if expected == "" {
		expected = p.env.Getenv("STAUNCH_CA_FINGERPRINT")
	}
	if expected != "" {
		if expected, err = client.NormalFingerprint(expected); err != nil {
			return nil, "", err
		}
	}
	caPEM, fingerprint, err = client.FetchCA(ctx, address)
	switch {
	case err != nil:
		return nil, "", err
	case expected == fingerprint:
		return caPEM, fingerprint, nil
	case expected != "":
		return nil, "", fault.New(fault.Unauthorized, "%s is not trusted: its CA has the fingerprint %s, not %s: this is another server, or someone between", address, fingerprint, expected)
	case !p.env.StdinTerminal:
		return nil, "", usage("without a terminal to ask on, give the fingerprint of the server's CA with --ca-fingerprint")
	}
	write(p.env.Stderr, "The CA of %s has the fingerprint\n\n  %s\n\nThe server printed it at its first start. ", clean(address), fingerprint)
	yes, err := p.confirm(ctx, "Is it the same?")
	if err != nil {
		return nil, "", err
	}
	if !yes {
		return nil, "", fault.New(fault.Unauthorized, "not signed in: the fingerprint was not confirmed")
	}
	return caPEM, fingerprint, nil
}

// askToken turns a name and a password into a token, changing the password on the way when the server insists.
func (p *program) askToken(ctx context.Context, o *client.Operator, opts loginOptions) (apiv1.Token, error) {
	req := apiv1.LoginToken{Username: opts.username, Name: "cli", TTL: opts.ttl}
	if host, err := p.env.Hostname(); err == nil && host != "" {
		req.Name = cut(clean("cli on "+host), 128)
	}
	var err error
	if opts.passwordFile != "" {
		var user string
		if user, req.Password, err = p.loginFrom(opts.passwordFile); err != nil {
			return apiv1.Token{}, err
		}
		req.Username = or(req.Username, user)
	}
	if req.Username == "" {
		if req.Username, err = p.ask(ctx, "Name: ", "--username"); err != nil {
			return apiv1.Token{}, err
		}
	}
	if req.Password == "" {
		if req.Password, err = p.password(ctx, "Password: ", "--password-file"); err != nil {
			return apiv1.Token{}, err
		}
	}
	token, err := o.LoginToken(ctx, req)
	if !errors.Is(err, client.ErrMustChange) {
		return token, err
	}
	if opts.newPasswordFile == "" && !p.env.StdinTerminal {
		return apiv1.Token{}, fault.New(fault.Unauthorized, "the password must be changed first: give a new one of at least 12 characters with --new-password-file")
	}
	if req.NewPassword, err = p.newPassword(ctx, opts.newPasswordFile); err != nil {
		return apiv1.Token{}, err
	}
	return o.LoginToken(ctx, req)
}

func (p *program) newPassword(ctx context.Context, file string) (string, error) {
	if file != "" {
		return p.secretFrom(file, "new password")
	}
	write(p.env.Stderr, "The password must be changed first.\n")
	first, err := p.password(ctx, "New password (at least 12 characters): ", "--new-password-file")
	if err != nil {
		return "", err
	}
	again, err := p.password(ctx, "The same again: ", "--new-password-file")
	if err != nil {
		return "", err
	}
	if first != again {
		return "", fault.New(fault.Invalid, "the two new passwords differ: nothing was changed")
	}
	return first, nil
}

// password reads a secret from the terminal without showing it.
func (p *program) password(ctx context.Context, prompt, flag string) (string, error) {
	if !p.env.StdinTerminal {
		return "", usage("without a terminal to ask on, %s is needed (- for standard input)", flag)
	}
	write(p.env.Stderr, "%s", prompt)
	text, err := await(ctx, p.env.ReadPassword)
	write(p.env.Stderr, "\n")
	if err != nil {
		return "", fault.Wrap(err, fault.Invalid, "no password was given")
	}
	return text, nil
}

// ask reads a line from the terminal.
func (p *program) ask(ctx context.Context, prompt, flag string) (string, error) {
	if !p.env.StdinTerminal {
		return "", usage("without a terminal to ask on, %s is needed", flag)
	}
	write(p.env.Stderr, "%s", prompt)
	line, err := await(ctx, func() (string, error) { return p.in.ReadString('\n') })
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fault.Wrap(err, fault.Invalid, "interrupted")
	}
	return strings.TrimSpace(line), nil
}

// confirm asks a question on the terminal; anything but yes is no.
func (p *program) confirm(ctx context.Context, question string) (bool, error) {
	line, err := p.ask(ctx, question+" [y/N] ", "--yes")
	if err != nil {
		return false, err
	}
	line = strings.ToLower(line)
	return line == "y" || line == "yes", nil
}

func (p *program) logout() *cobra.Command {
	return &cobra.Command{
		Use:     "logout",
		Short:   "Sign out: revoke the token and forget the server",
		Example: "  staunch logout",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, ok, err := p.loadCredentials()
			if err != nil {
				return err
			}
			if !ok {
				p.note("nobody was signed in")
				return nil
			}
			revoked := p.revoke(cmd.Context(), c)
			if err := p.forgetCredentials(); err != nil {
				return err
			}
			if revoked != nil {
				p.note("signed out here; but the token %s is good until %s, since it could not be revoked: %s", c.TokenID, moment(&c.Expires), Message(revoked))
				return nil
			}
			p.note("signed out of %s", c.URL)
			return nil
		},
	}
}

// revoke ends the stored token; one that is refused has ended already.
func (p *program) revoke(ctx context.Context, c credentials) error {
	o, err := client.NewOperator(client.OperatorConfig{URL: c.URL, CAPEM: []byte(c.CA), Token: c.Token, UserAgent: p.userAgent()})
	if err != nil {
		return err
	}
	defer o.Close()
	if err = o.RevokeToken(ctx, c.TokenID); err == nil {
		return nil
	}
	switch fault.KindOf(err) {
	case fault.NotFound, fault.Unauthorized, fault.Expired:
		return nil
	default:
		return err
	}
}

func (p *program) whoami() *cobra.Command {
	return p.remote(&cobra.Command{
		Use:     "whoami",
		Short:   "Show who is signed in, and to which server",
		Example: "  staunch whoami",
	}, func(ctx context.Context, o *client.Operator, _ []string) error {
		s, err := o.Session(ctx)
		if err != nil {
			return err
		}
		return p.details(s, pairs{
			{"user", s.User}, {"role", s.Role}, {"until", moment(s.Expires)},
			{"server", o.URL()}, {"version", s.Server.Version}, {"ca_fingerprint", s.Server.CAFingerprint}, {"agents_use", s.Server.AgentURL},
		})
	})
}

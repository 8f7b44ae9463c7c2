package cli

import (
	"github.com/staunch-dev/staunch/internal/client"
	"github.com/staunch-dev/staunch/internal/fault"
)

// connect is a client for the server that flags, environment or login name, in this order. A stored token goes only to the server
// that gave it.
func (p *program) connect() (*client.Operator, error) {
	stored, signedIn, err := p.loadCredentials()
	if err != nil {
		return nil, err
	}
	cfg := client.OperatorConfig{URL: p.server, CAFingerprint: p.env.Getenv("STAUNCH_CA_FINGERPRINT"), UserAgent: p.userAgent()}
	if cfg.URL == "" {
		cfg.URL = p.env.Getenv("STAUNCH_URL")
	}
	if cfg.URL == "" {
		cfg.URL = stored.URL
	}
	if cfg.URL == "" {
		return nil, fault.New(fault.Unauthorized, "not signed in: staunch login URL, or set STAUNCH_URL, STAUNCH_TOKEN and STAUNCH_CA_FINGERPRINT")
	}
	known := signedIn && sameServer(cfg.URL, stored.URL)
	if cfg.CAFingerprint == "" && known {
		cfg.CAPEM = []byte(stored.CA)
	}
	if cfg.CAFingerprint == "" && cfg.CAPEM == nil {
		return nil, fault.New(fault.Unauthorized, "the CA of %s is not known here: staunch login %s, or set STAUNCH_CA_FINGERPRINT", cfg.URL, cfg.URL)
	}
	switch {
	case p.tokenFile != "":
		if cfg.Token, err = p.secretFrom(p.tokenFile, "API token"); err != nil {
			return nil, err
		}
	case p.env.Getenv("STAUNCH_TOKEN") != "":
		cfg.Token = p.env.Getenv("STAUNCH_TOKEN")
	case known:
		cfg.Token = stored.Token
		if p.env.Now().After(stored.Expires) {
			return nil, fault.New(fault.Unauthorized, "the sign-in of %s expired: staunch login %s", moment(&stored.Expires), stored.URL)
		}
	default:
		return nil, fault.New(fault.Unauthorized, "no API token for %s: staunch login %s, --token-file FILE, or set STAUNCH_TOKEN", cfg.URL, cfg.URL)
	}
	return client.NewOperator(cfg)
}

func sameServer(a, b string) bool {
	ua, errA := client.ParseURL(a)
	ub, errB := client.ParseURL(b)
	return errA == nil && errB == nil && ua.String() == ub.String()
}

func (p *program) userAgent() string { return "staunch/" + p.env.Version }

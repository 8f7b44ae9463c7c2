package feed

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"

	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// transferError says of a transfer that failed which host or proxy to look at. The cause is for the log, without the URL that net/http
// puts around it (it may hold a password).
func transferError(ctx context.Context, host string, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, errStalled) {
		return cause
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	if words := unreachable(intake.Shown(host), err); words != "" {
		return fault.Wrap(err, fault.Unavailable, "%s", words)
	}
	return err
}

// unreachable is a sentence on what did not answer; empty when it is about something else.
func unreachable(host string, err error) string {
	var (
		at      *net.OpError
		name    *net.DNSError
		untrust *tls.CertificateVerificationError
		late    net.Error
	)
	errors.As(err, &at)
	switch {
	case at != nil && at.Op == "proxyconnect":
		return "the proxy on the way to " + host + " cannot be reached: look at the server's HTTPS_PROXY and HTTP_PROXY"
	case errors.As(err, &name) && name.IsNotFound:
		return "no address is known for " + host + ": look at its name; without DNS for it, a proxy is named in HTTPS_PROXY"
	case name != nil:
		return "the address of " + host + " cannot be looked up: DNS does not answer this server; a proxy is named in HTTPS_PROXY"
	case errors.As(err, &untrust):
		return "the certificate of " + host + " is not trusted here: a proxy that opens TLS needs its CA among the system's"
	case at != nil && at.Op == "dial":
		return host + " cannot be reached: look at the network and the firewall; a proxy is named in HTTPS_PROXY"
	case errors.As(err, &late) && late.Timeout():
		return host + " did not answer in time"
	case at != nil:
		return "the connection to " + host + " broke off"
	}
	return ""
}

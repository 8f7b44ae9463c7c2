package feed

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"

	"github.com/staunch-dev/staunch/internal/fault"
)

// What did not answer is said in words on the host or the proxy to look at; Go's own are for the log.
func TestAnUnreachableSourceIsSaidInASentence(t *testing.T) {
	t.Parallel()
	unknown := &net.DNSError{Err: "no such host", Name: "osv.example.org", Server: "10.0.0.1:53", IsNotFound: true}
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	for name, tc := range map[string]struct {
		err  error
		want string
	}{
		"no such name":      {dial(unknown), "no address is known for osv.example.org: "},
		"DNS is silent":     {dial(&net.DNSError{Err: "i/o timeout", Name: "osv.example.org", IsTimeout: true}), "the address of osv.example.org cannot be looked up: DNS does not answer"},
		"nobody listens":    {dial(syscall.ECONNREFUSED), "osv.example.org cannot be reached: look at the network and the firewall"},
		"no such proxy":     {&net.OpError{Op: "proxyconnect", Net: "tcp", Err: dial(unknown)}, "the proxy on the way to osv.example.org cannot be reached"},
		"a foreign CA":      {&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, "the certificate of osv.example.org is not trusted here"},
		"no answer in time": {context.DeadlineExceeded, "osv.example.org did not answer in time"},
		"cut off":           {&net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}, "the connection to osv.example.org broke off"},
		"something else":    {io.ErrUnexpectedEOF, "unexpected EOF"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			secret := "https://me:secret@osv.example.org/all.zip"
			err := transferError(t.Context(), "osv.example.org", &url.Error{Op: "Get", URL: secret, Err: tc.err})
			shown := fault.Message(asFault(err))
			if !strings.HasPrefix(shown, tc.want) || strings.Contains(shown, "dial tcp") || strings.Contains(err.Error(), "secret") || !errors.Is(err, tc.err) {
				t.Errorf("%q (%v), want %q", shown, err, tc.want)
			}
		})
	}
}

func TestTheCauseOfAFailedFetchIsInTheLog(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(nil)
	gone.Close()
	b := setup(t, gone.URL, "Debian:12")
	err := b.Update(t.Context(), []string{"osv/Debian"})
	host := strings.TrimPrefix(gone.URL, "http://")
	if got := b.feed(t, "osv/Debian").Error; !errors.Is(err, fault.Unavailable) || !strings.HasPrefix(got, host+" cannot be reached") || strings.Contains(got, "dial") {
		t.Errorf("%v: %q", err, got)
	}
	if log := b.log.String(); strings.Count(log, "feed failed") != 1 || !strings.Contains(log, "cause=") || !strings.Contains(log, "dial tcp") {
		t.Errorf("the log has no cause: %s", log)
	}
}

package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/staunch-dev/staunch/internal/access"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/fleet"
)

type hostKey struct{}

// hostOf is the host whose certificate the request came with. Nothing an agent says about itself is used instead.
func hostOf(ctx context.Context) fleet.Host {
	h, _ := ctx.Value(hostKey{}).(fleet.Host)
	return h
}

// authenticateHost is the middleware of every agent operation. TLS asked for a certificate but did not verify it, so that one that
// has expired can still reach renewal; everything is verified here, on each request, so revoking acts on open connections too.
func (a *API) authenticateHost(ctx huma.Context, next func(huma.Context)) {
	n := needOf(ctx.Operation())
	ctx, cancel := a.begin(ctx)
	defer cancel()
	host, leave, err := a.admit(ctx, n)
	if err != nil {
		_, w := humago.Unwrap(ctx)
		writeModel(w, problem(ctx.Context(), err))
		return
	}
	defer leave()
	next(huma.WithValue(ctx, hostKey{}, host))
}

func (a *API) admit(ctx huma.Context, n need) (fleet.Host, func(), error) {
	now := a.Now()
	if encoding := ctx.Header("Content-Encoding"); encoding != "" && ctx.Operation().OperationID != opPutSection {
		return fleet.Host{}, nil, fault.New(fault.Invalid, "content encoding %q: only sections are sent compressed", clip(encoding, 40))
	}
	if n == needToken {
		if !a.quota.enroll.Allow(access.AddressKey(remoteOf(ctx.Context())), now) {
			return fleet.Host{}, nil, fault.New(fault.TooMany, "too many enrollments from this address: wait a minute")
		}
		return fleet.Host{}, func() {}, nil
	}
	host, err := a.certified(ctx, n)
	if err != nil {
		return fleet.Host{}, nil, err
	}
	recordOf(ctx.Context()).actor = "host:" + host.ID
	leave, err := a.quota.enter(host.ID, now)
	if err != nil {
		return fleet.Host{}, nil, err
	}
	if n != needCert && host.State != fleet.Approved {
		leave()
		return fleet.Host{}, nil, errPending
	}
	return host, leave, nil
}

// certified is the host that the presented certificate identifies.
func (a *API) certified(ctx huma.Context, n need) (fleet.Host, error) {
	state := ctx.TLS()
	if state == nil || len(state.PeerCertificates) == 0 {
		return fleet.Host{}, fault.New(fault.Unauthorized, "this needs the certificate that enrollment gave")
	}
	serial, err := a.CA.VerifyHost(state.PeerCertificates[0])
	if err != nil {
		return fleet.Host{}, err
	}
	return a.Fleet.Authenticate(ctx.Context(), serial, a.Now(), n == needCert)
}

package fleet

import (
	"context"
	"fmt"
	"time"

	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
)

// Authenticate is the host that the certificate with this serial identifies; the caller has verified the chain. Pending hosts are
// returned: what they may do is the caller's decision. fault.Unauthorized when the certificate is unknown, superseded, or of a host
// that is revoked or deleted, from the moment it was; fault.Expired past its end, or past 30 more days when renewing.
//
// The first sight of a host's newest certificate supersedes its elders, so at most one works from then on.
func (s *Service) Authenticate(ctx context.Context, serial string, now time.Time, renewing bool) (Host, error) {
	cert, host, err := s.store.Certificate(ctx, serial)
	if err != nil {
		if fault.KindOf(err) == fault.NotFound {
			return Host{}, s.refuseCertificate(ctx, Host{}, fault.Unauthorized, "the certificate is not known to this server: enroll again", now)
		}
		return Host{}, err
	}
	if kind, problem := judge(cert, host, now, renewing); problem != "" {
		return Host{}, s.refuseCertificate(ctx, host, kind, problem, now)
	}
	if err := s.supersede(ctx, host.ID, serial, now); err != nil {
		return Host{}, err
	}
	return host, nil
}

// judge says why the certificate is refused; an empty problem means that it is not.
func judge(cert Certificate, host Host, now time.Time, renewing bool) (fault.Kind, string) {
	end := cert.NotAfter
	if renewing {
		end = end.Add(renewalGrace)
	}
	switch {
	case !host.DeletedAt.IsZero():
		return fault.Unauthorized, "this host was deleted: enroll again"
	case host.State == Revoked:
		return fault.Unauthorized, "this host was revoked: enroll again"
	case !cert.SupersededAt.IsZero():
		return fault.Unauthorized, "a newer certificate of this host is in use: if another machine has this one's identity, enroll one of them again"
	case now.After(end) && renewing:
		return fault.Expired, "the certificate expired more than 30 days ago: enroll again"
	case now.After(end):
		return fault.Expired, "the certificate has expired: renew it"
	}
	return "", ""
}

// supersede marks the elders of the host's newest certificate, once per process. An older certificate that still works changes
// nothing: the agent may have lost the answer that carried the newest.
func (s *Service) supersede(ctx context.Context, hostID, serial string, now time.Time) error {
	s.mu.Lock()
	done := s.current[hostID] == serial
	s.mu.Unlock()
	if done {
		return nil
	}
	newest, err := s.store.NewestCertificate(ctx, hostID)
	if err != nil {
		return err
	}
	if newest.Serial != serial {
		return nil
	}
	if err := s.store.Supersede(ctx, hostID, serial, now); err != nil {
		return err
	}
	s.mu.Lock()
	s.current[hostID] = serial
	s.mu.Unlock()
	return nil
}

// refuseCertificate records a refusal once per host, reason and hour.
func (s *Service) refuseCertificate(ctx context.Context, host Host, kind fault.Kind, problem string, now time.Time) error {
	text := "refused: " + problem
	if host.ID != "" {
		text = fmt.Sprintf("host %s refused: %s", host.Name, problem)
	}
	s.refused(ctx, event.HostRefused, host.ID+" "+problem, event.Event{
		At: now, Actor: "server", Host: host.ID, Text: text, Data: map[string]string{"reason": problem},
	})
	return fault.New(kind, "%s", problem)
}

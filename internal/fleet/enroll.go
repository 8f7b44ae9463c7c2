package fleet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/id"
)

// renewalGrace is how long after its end a certificate still authenticates the renewal call: a machine that was switched off over
// a long holiday comes back by itself.
const renewalGrace = 30 * 24 * time.Hour

// EnrollRequest is what an agent says at first contact. Only the token proves anything; the rest is taken as hearsay.
type EnrollRequest struct {
	Token        string
	CSR          string // PEM; only its public key is used
	Hostname     string
	MachineID    string // hash of the machine id
	AgentVersion string
	RemoteAddr   string // as net/http gives it
}

// Enrolled is a new host and its first certificate, PEM.
type Enrolled struct {
	Host    Host
	CertPEM []byte
}

// Enroll makes a new host of whoever holds a good enroll-token. A machine that was here before becomes a new host too, with a hint
// in the event: an id is never taken over on the word of a token. Every token that is not good gives the same fault.Unauthorized;
// its cause, and the event, say what was wrong. fault.Invalid for a certificate request that is not one.
func (s *Service) Enroll(ctx context.Context, req EnrollRequest, now time.Time) (Enrolled, error) {
	t, problem, err := s.token(ctx, req.Token, now)
	if err != nil {
		return Enrolled{}, err
	}
	if problem != "" {
		return Enrolled{}, s.refuseToken(ctx, req, t.ID, problem, now)
	}
	h := newHost(req, t, now)
	certPEM, serial, notAfter, err := s.issuer.IssueHost([]byte(req.CSR), h.ID, now)
	if err != nil {
		s.refused(ctx, event.EnrollRefused, t.ID+" csr", event.Event{
			At: now, Actor: "server", Text: "enrollment refused: bad certificate request",
			Data: map[string]string{"token": t.ID, "remote": remote(req), "reason": "bad certificate request"},
		})
		return Enrolled{}, err
	}
	e, err := s.enrolledEvent(ctx, req, h)
	if err != nil {
		return Enrolled{}, err
	}
	h, err = s.store.Enroll(ctx, Enrollment{
		TokenID: t.ID, Host: h, Event: e,
		Certificate: Certificate{Serial: serial, HostID: h.ID, IssuedAt: now, NotAfter: notAfter},
	})
	if fault.KindOf(err) == fault.Expired && err != nil {
		return Enrolled{}, s.refuseToken(ctx, req, t.ID, "used up, revoked or expired meanwhile", now)
	}
	if err != nil {
		return Enrolled{}, err
	}
	return Enrolled{Host: h, CertPEM: certPEM}, nil
}

// newHost is the host that req and t make: labels and approval are the token's word, the rest is cleaned hearsay.
func newHost(req EnrollRequest, t EnrollToken, now time.Time) Host {
	h := Host{
		ID:           id.New(HostPrefix, now),
		MachineID:    cleanWord(req.MachineID),
		State:        Pending,
		Labels:       maps.Clone(t.Labels),
		TokenID:      t.ID,
		AgentVersion: cleanWord(req.AgentVersion),
		EnrolledAt:   now,
	}
	if h.Labels == nil {
		h.Labels = Labels{}
	}
	if h.Name = cleanHostname(req.Hostname); h.Name == "" {
		h.Name = "unnamed-" + h.ID[len(h.ID)-6:]
	}
	if t.Approve {
		h.State, h.ApprovedAt, h.ApprovedBy = Approved, now, "token:"+t.ID
	}
	return h
}

// enrolledEvent says who came, and which hosts look like the same machine.
func (s *Service) enrolledEvent(ctx context.Context, req EnrollRequest, h Host) (event.Event, error) {
	e := event.Event{
		At: h.EnrolledAt, Kind: event.HostEnrolled, Actor: "host:" + h.ID, Host: h.ID,
		Text: fmt.Sprintf("host %s enrolled, %s", h.Name, h.State),
		Data: map[string]string{"token": h.TokenID, "remote": remote(req), "state": string(h.State)},
	}
	if h.MachineID == "" {
		return e, nil
	}
	same, err := s.store.HostsOfMachine(ctx, h.MachineID)
	if err != nil {
		return event.Event{}, err
	}
	if len(same) > 0 {
		e.Data["same_machine"] = someIDs(same)
		e.Text += fmt.Sprintf("; its machine id is also that of %s: a clone, or the same machine enrolled again", someIDs(same))
	}
	return e, nil
}

// refuseToken is the one answer to every bad token; problem goes to the log and the event.
func (s *Service) refuseToken(ctx context.Context, req EnrollRequest, tokenID, problem string, now time.Time) error {
	data := map[string]string{"remote": remote(req), "reason": problem}
	if tokenID != "" {
		data["token"] = tokenID
	}
	s.refused(ctx, event.EnrollRefused, remote(req)+" "+tokenID+" "+problem, event.Event{
		At: now, Actor: "server", Text: "enrollment refused: enroll-token " + problem, Data: data,
	})
	return fault.Wrap(errors.New("enroll-token "+problem), fault.Unauthorized,
		"the enroll-token is unknown, expired, used up or revoked: ask for a new one")
}

// refused appends e unless the same was said within the hour. The refusal itself stands whether or not it can be recorded.
func (s *Service) refused(ctx context.Context, kind, key string, e event.Event) {
	if !s.refusals.allow(kind+" "+key, e.At) {
		return
	}
	e.Kind = kind
	if _, err := s.store.AppendEvent(ctx, e); err != nil {
		s.log.ErrorContext(ctx, "record a refusal", slog.String("kind", kind), slog.Any("error", err))
	}
}

// Renew issues the host's next certificate. The present one works until Authenticate has seen the next, so an agent that loses the
// answer asks again. fault.Invalid for a bad request, fault.TooMany for more than 20 in an hour.
func (s *Service) Renew(ctx context.Context, host Host, csr string, now time.Time) (certPEM []byte, err error) {
	if !s.renewals.allow(host.ID, now) {
		return nil, fault.New(fault.TooMany, "too many certificates for host %s within the hour: wait, or enroll it again", host.Name)
	}
	certPEM, serial, notAfter, err := s.issuer.IssueHost([]byte(csr), host.ID, now)
	if err != nil {
		return nil, err
	}
	err = s.store.AddCertificate(ctx, Certificate{Serial: serial, HostID: host.ID, IssuedAt: now, NotAfter: notAfter})
	if err != nil {
		return nil, err
	}
	return certPEM, nil
}

// cleanWord keeps a short word of letters, digits and . _ - + ~ : as it is; anything else is dropped whole rather than repaired.
func cleanWord(s string) string {
	const most = 64
	odd := func(r rune) bool { return !isKeyRune(r) && !strings.ContainsRune("+~:", r) }
	if len(s) > most || strings.ContainsFunc(s, odd) {
		return ""
	}
	return s
}

// cleanHostname makes a DNS-like name of what a host calls itself: lower-case labels of at most 63 letters, digits and inner
// hyphens, joined by dots, 253 in all. What is left may be empty. No result looks like an id, since ids have an underscore.
func cleanHostname(s string) string {
	const most, mostLabel = 253, 63
	if len(s) > 4*most {
		s = s[:4*most]
	}
	var labels []string
	for label := range strings.SplitSeq(strings.ToLower(s), ".") {
		label = strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
				return r
			}
			return '-'
		}, label)
		label = strings.Trim(label, "-")
		if label = strings.TrimRight(label[:min(mostLabel, len(label))], "-"); label != "" {
			labels = append(labels, label)
		}
	}
	name := strings.Join(labels, ".")
	return strings.TrimRight(name[:min(most, len(name))], "-.")
}

// remote is the address without its port, so that one machine is one key.
func remote(req EnrollRequest) string {
	if host, _, err := net.SplitHostPort(req.RemoteAddr); err == nil {
		return host
	}
	return clip(req.RemoteAddr)
}

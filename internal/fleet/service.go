package fleet

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/id"
)

// Prefixes of ids that fleet makes.
const (
	HostPrefix  = "host"
	TokenPrefix = "enr"
)

// Issuer makes client certificates: the agent CA of access. IssueHost takes only the public key from the request, and gives
// fault.Invalid for a request that is not one.
type Issuer interface {
	IssueHost(csrPEM []byte, hostID string, now time.Time) (certPEM []byte, serial string, notAfter time.Time, err error)
	CAPEM() []byte
	Fingerprint() string // sha256 of the CA certificate, lower-case hex
}

// Service lets hosts into the fleet, knows them by their certificates, and changes what operators say about them.
type Service struct {
	store    Store
	issuer   Issuer
	log      *slog.Logger
	refusals *limiter // events about refusals: outsiders must not fill the log
	renewals *limiter // certificates issued to one host

	mu      sync.Mutex
	current map[string]string // host id to the serial whose elders are superseded already
}

// NewService makes the service; it has nothing to start or stop.
func NewService(store Store, issuer Issuer, log *slog.Logger) *Service {
	return &Service{
		store: store, issuer: issuer, log: log,
		refusals: &limiter{every: time.Hour, each: 1, total: 1000},
		renewals: &limiter{every: time.Hour, each: 20},
		current:  map[string]string{},
	}
}

// Hosts lists the hosts that exist, by ordinal.
func (s *Service) Hosts(ctx context.Context) ([]Host, error) { return s.store.Hosts(ctx) }

// Host finds a host by id or by name. fault.NotFound when there is none (any more), fault.Conflict when several have the name;
// its message gives their ids.
func (s *Service) Host(ctx context.Context, idOrName string) (Host, error) {
	if id.Valid(HostPrefix, idOrName) {
		return s.existing(ctx, idOrName)
	}
	found, err := s.store.HostsNamed(ctx, idOrName)
	if err != nil && fault.KindOf(err) != fault.Invalid { // a text that cannot be stored is nobody's name
		return Host{}, err
	}
	switch len(found) {
	case 0:
		return Host{}, fault.New(fault.NotFound, "there is no host with the id or name %q", clip(idOrName))
	case 1:
		return found[0], nil
	}
	return Host{}, fault.New(fault.Conflict, "%d hosts are named %q: use an id: %s", len(found), clip(idOrName), someIDs(found))
}

// existing is the host with this id, fault.NotFound when it was deleted.
func (s *Service) existing(ctx context.Context, hostID string) (Host, error) {
	h, err := s.store.Host(ctx, hostID)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return Host{}, err
	}
	if err != nil || !h.DeletedAt.IsZero() {
		return Host{}, fault.New(fault.NotFound, "there is no host with the id or name %q", clip(hostID))
	}
	return h, nil
}

// Approve lets a pending host take part. fault.NotFound; fault.Conflict when it is not pending.
func (s *Service) Approve(ctx context.Context, actor, hostID string, now time.Time) error {
	return s.setState(ctx, hostID, []State{Pending}, Approved, event.Event{
		At: now, Kind: event.HostApproved, Actor: actor, Host: hostID, Text: "approved",
	})
}

// Revoke refuses the host's certificates from now on; it comes back only by enrolling again, as another host.
// fault.NotFound; fault.Conflict when it is revoked already.
func (s *Service) Revoke(ctx context.Context, actor, hostID string, now time.Time) error {
	return s.setState(ctx, hostID, []State{Pending, Approved}, Revoked, event.Event{
		At: now, Kind: event.HostRevoked, Actor: actor, Host: hostID, Text: "revoked",
	})
}

func (s *Service) setState(ctx context.Context, hostID string, from []State, to State, e event.Event) error {
	h, err := s.existing(ctx, hostID)
	if err != nil {
		return err
	}
	e.Text = fmt.Sprintf("host %s %s", h.Name, e.Text)
	if _, err := s.store.SetHostState(ctx, h.ID, from, to, e.Actor, e.At, e); err != nil {
		if fault.KindOf(err) == fault.Conflict {
			return fault.Wrap(err, fault.Conflict, "host %s cannot be %s: it is %s", h.Name, to, h.State)
		}
		return err
	}
	return nil
}

// Delete removes the host from the fleet and refuses its certificates; what happened to it stays. fault.NotFound.
func (s *Service) Delete(ctx context.Context, actor, hostID string, now time.Time) error {
	h, err := s.existing(ctx, hostID)
	if err != nil {
		return err
	}
	_, err = s.store.DeleteHost(ctx, h.ID, now, event.Event{
		At: now, Kind: event.HostDeleted, Actor: actor, Host: h.ID, Text: fmt.Sprintf("host %s deleted", h.Name),
	})
	if err == nil {
		s.mu.Lock()
		delete(s.current, h.ID)
		s.mu.Unlock()
	}
	return err
}

// SetLabels replaces the host's labels. fault.Invalid, fault.NotFound.
func (s *Service) SetLabels(ctx context.Context, actor, hostID string, l Labels, now time.Time) error {
	if err := l.Validate(); err != nil {
		return err
	}
	h, err := s.existing(ctx, hostID)
	if err != nil {
		return err
	}
	_, err = s.store.SetHostLabels(ctx, h.ID, l, event.Event{
		At: now, Kind: event.HostLabels, Actor: actor, Host: h.ID,
		Text: fmt.Sprintf("labels of host %s set", h.Name),
		Data: map[string]string{"before": h.Labels.String(), "after": l.String()},
	})
	return err
}

// someIDs names up to five hosts.
func someIDs(hosts []Host) string {
	const most = 5
	ids := make([]string, 0, most)
	for _, h := range hosts[:min(most, len(hosts))] {
		ids = append(ids, h.ID)
	}
	text := strings.Join(ids, ", ")
	if len(hosts) > most {
		text += fmt.Sprintf(" and %d more", len(hosts)-most)
	}
	return text
}

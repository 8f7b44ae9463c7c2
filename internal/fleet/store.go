package fleet

import (
	"context"
	"time"

	"github.com/staunch-dev/staunch/internal/event"
)

// Enrollment is the one atomic write of an enrollment: token use, host, certificate, event.
type Enrollment struct {
	TokenID     string
	Host        Host // Ordinal is given by the store
	Certificate Certificate
	Event       event.Event
}

// Store is what fleet asks for. Methods that find nothing return a fault.NotFound; each write is one transaction, appends its
// change and event in it, and returns the change's seq.
type Store interface {
	AppendEvent(ctx context.Context, e event.Event) (seq int64, err error) // as event.Store: a refusal belongs to no other write

	CreateEnrollToken(ctx context.Context, t EnrollToken, e event.Event) error
	EnrollToken(ctx context.Context, id string) (EnrollToken, error)
	EnrollTokens(ctx context.Context) ([]EnrollToken, error) // newest first
	RevokeEnrollToken(ctx context.Context, id string, at time.Time, e event.Event) error

	// Enroll takes one use of the token and adds the host. fault.Expired when the token has no use left, is revoked or expired at
	// Host.EnrolledAt: checked in the transaction, so that two hosts never share a use.
	Enroll(ctx context.Context, e Enrollment) (Host, error)

	Host(ctx context.Context, id string) (Host, error)                                                                          // also deleted ones
	Hosts(ctx context.Context) ([]Host, error)                                                                                  // those that exist, by ordinal
	HostsNamed(ctx context.Context, name string) ([]Host, error)                                                                // those that exist and have the name in any case, by ordinal
	HostsOfMachine(ctx context.Context, machineID string) ([]Host, error)                                                       // those that exist, by ordinal
	SetHostState(ctx context.Context, id string, from []State, to State, by string, at time.Time, e event.Event) (int64, error) // fault.Conflict when not in from
	SetHostLabels(ctx context.Context, id string, labels Labels, e event.Event) (int64, error)
	DeleteHost(ctx context.Context, id string, at time.Time, e event.Event) (int64, error) // closes its sections; history stays

	Certificate(ctx context.Context, serial string) (Certificate, Host, error)
	AddCertificate(ctx context.Context, c Certificate) error
	// Supersede marks every certificate of the host other than serial that is not marked yet.
	Supersede(ctx context.Context, hostID, serial string, at time.Time) error
	NewestCertificate(ctx context.Context, hostID string) (Certificate, error)
}

package api

import (
	"context"
	"crypto/x509"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"time"

	"github.com/staunch-dev/staunch/internal/access"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/assess"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/feed"
	"github.com/staunch-dev/staunch/internal/fleet"
)

// Deps is everything the API calls. All fields but Console and Metrics are required.
type Deps struct {
	Access    Access
	CA        CA
	Fleet     Fleet
	Certs     Certs
	Presence  Presence
	Inventory Inventory
	Assess    Assess
	Feed      Feed
	Plans     Plans
	Rollouts  Rollouts
	Runs      Runs
	Follower  Follower
	Events    Events
	Reports   Reports
	Totals    Totals
	Log       *slog.Logger
	Now       func() time.Time
	Version   string
	PlanKey   string        // what agents pin: one authorized_keys line
	AgentURL  func() string // what an agent is given as --server; a function because a listener on port 0 knows late
	Console   fs.FS         // nil: not built
	Ready     func() error  // nil error: the index is loaded and the database answers
	Metrics   http.Handler  // nil: not served
	Meters    Meters        // nil: not counted
}

// Meters counts what the API does, for /metrics.
type Meters interface {
	Request(operation string, status int, d time.Duration)
	CheckIn()
}

// Access is users, sessions and API tokens.
type Access interface {
	Login(ctx context.Context, name, password, remote string) (secret string, s access.Session, u access.User, err error)
	LoginToken(ctx context.Context, req access.LoginToken) (t access.Token, secret string, err error)
	Logout(ctx context.Context, secret string) error
	Authenticate(ctx context.Context, secret string) (access.Session, access.User, error)
	AuthenticateToken(ctx context.Context, bearer string) (access.Token, access.User, error)
	ChangePassword(ctx context.Context, u access.User, keepSecret, current, next, remote string) error
	CreateToken(ctx context.Context, u access.User, name string, ttl time.Duration) (t access.Token, secret string, err error)
	Tokens(ctx context.Context, u access.User) ([]access.Token, error)
	RevokeToken(ctx context.Context, u access.User, id string) error
}

// CA says which client certificates are ours.
type CA interface {
	Fingerprint() string
	CAPEM() []byte
	// VerifyHost checks that our CA signed leaf for a host. It does not look at the validity period: fleet does, since an expired one may still renew.
	VerifyHost(leaf *x509.Certificate) (serial string, err error)
}

// Fleet is hosts, enroll-tokens and certificates.
type Fleet interface {
	CreateToken(ctx context.Context, actor string, req fleet.CreateToken, now time.Time) (fleet.EnrollToken, string, error)
	Tokens(ctx context.Context) ([]fleet.EnrollToken, error)
	RevokeToken(ctx context.Context, actor, id string, now time.Time) error
	Enroll(ctx context.Context, req fleet.EnrollRequest, now time.Time) (fleet.Enrolled, error)
	Renew(ctx context.Context, host fleet.Host, csr string, now time.Time) (certPEM []byte, err error)
	Authenticate(ctx context.Context, serial string, now time.Time, renewing bool) (fleet.Host, error)
	Host(ctx context.Context, idOrName string) (fleet.Host, error)
	Approve(ctx context.Context, actor, id string, now time.Time) error
	Revoke(ctx context.Context, actor, id string, now time.Time) error
	Delete(ctx context.Context, actor, id string, now time.Time) error
	SetLabels(ctx context.Context, actor, id string, l fleet.Labels, now time.Time) error
}

// Certs is the newest certificate of a host.
type Certs interface {
	NewestCertificate(ctx context.Context, hostID string) (fleet.Certificate, error)
}

// Presence is the agents' long polls.
type Presence interface {
	Wait(ctx context.Context, hostID string) (kind string, ok bool)
	Nudge(hostID, kind string)
}

// Inventory is what hosts have.
type Inventory interface {
	Checkin(ctx context.Context, hostID string, in apiv1.Checkin) (apiv1.CheckinAnswer, error)
	PutSection(ctx context.Context, hostID, section, digest string, body []byte) (apiv1.SectionAnswer, error)
	Seen(hostID string)
	Detail(ctx context.Context, hostID string) (facts *apiv1.Facts, hw *apiv1.Hardware, repos []apiv1.Repository, vitals *apiv1.Vitals, vitalsAt time.Time, since map[string]time.Time, err error)
	PackagesOf(ctx context.Context, hostID string) (apiv1.HostPackages, error)
	UpdatesOf(ctx context.Context, hostID string) (apiv1.HostUpdates, error)
	History(ctx context.Context, hostID string, before time.Time, limit int) ([]apiv1.HistoryEntry, error)
}

// Assess is what is wrong, and where.
type Assess interface {
	WaitSeq(ctx context.Context, seq int64) error
	Overview(ctx context.Context, q assess.Query) (apiv1.Overview, error)
	Hosts(ctx context.Context, q assess.Query) (apiv1.HostPage, error)
	Host(ctx context.Context, id string) (apiv1.Host, error)
	HostFindings(ctx context.Context, host string, q assess.Query) (apiv1.FindingPage, error)
	Findings(ctx context.Context, q assess.Query) (apiv1.FindingPage, error)
	Vulnerabilities(ctx context.Context, q assess.Query) (apiv1.VulnPage, error)
	Vulnerability(ctx context.Context, id string, q assess.Query) (apiv1.VulnDetail, error)
	Updates(ctx context.Context, q assess.Query) (apiv1.FleetUpdatePage, error)
}

// Feed is the state of the feeds and a way to give them data.
type Feed interface {
	Status(ctx context.Context) ([]apiv1.FeedStatus, error)
	Work() apiv1.FeedWork
	// List is Status with the releases of which no feed speaks.
	List(ctx context.Context) (apiv1.FeedList, error)
	ImportFile(ctx context.Context, name string, r io.Reader, force bool) (apiv1.FeedStatus, error)
	ImportArchive(ctx context.Context, r io.Reader) ([]apiv1.FeedStatus, error)
	Export(ctx context.Context, releases []string) (*feed.Bundle, error)
	ImportBundle(ctx context.Context, r io.Reader, o feed.BundleOptions) (apiv1.BundleImport, error)
	// Request asks for feeds to be fetched soon, in the background; empty names mean all.
	Request(ctx context.Context, names []string) error
}

// Follower tells what changed.
type Follower interface {
	Subscribe(buffer int) (ch <-chan event.Change, cancel func())
}

// Events is the log and the sequence of changes.
type Events interface {
	Events(ctx context.Context, host string, before int64, limit int) ([]event.Event, error)
	EventsAfter(ctx context.Context, after int64, limit int) ([]event.Event, error)
	Seq(ctx context.Context) (int64, error)
	ChangesAfter(ctx context.Context, after int64, limit int) ([]event.Change, error)
}

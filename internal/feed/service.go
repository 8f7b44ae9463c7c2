package feed

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// Config says where feeds come from, which, and how often. The zero value asks the official sources.
type Config struct {
	Base        string                                  // "" the official sources; else a folder or the URL of a mirror: osv/NAME/all.zip, kev/…
	Ecosystems  func(context.Context) ([]string, error) // releases whose buckets are wanted, as Debian:12; nil: none
	Interval    time.Duration                           // between looks at an OSV bucket; default 1 h
	KEVInterval time.Duration                           // between looks at CISA's catalogue; default 6 h
	Temp        string                                  // folder for files in transit; default the system's
	Due         func(context.Context)                   // called when Request made something due: a nudge to call UpdateDue; may be nil
	intake.Limits
}

// Store is what the service asks for.
type Store interface {
	advisory.Store
	AppendEvent(ctx context.Context, e event.Event) (seq int64, err error)
}

// Service fetches and imports feeds. Safe for concurrent use; one feed is worked on at a time.
type Service struct {
	store  Store
	cfg    Config
	client *http.Client
	log    *slog.Logger
	now    func() time.Time
	turn   chan struct{} // holds one token: whose turn it is
}

// NewService makes a service. client may be nil.
func NewService(store Store, cfg Config, client *http.Client, log *slog.Logger, now func() time.Time) *Service {
	if cfg.Interval <= 0 {
		cfg.Interval = time.Hour
	}
	if cfg.KEVInterval <= 0 {
		cfg.KEVInterval = 6 * time.Hour
	}
	cfg.Limits = cfg.OrDefault()
	s := &Service{store: store, cfg: cfg, client: cautious(client), log: log, now: now, turn: make(chan struct{}, 1)}
	s.turn <- struct{}{}
	return s
}

// Update fetches feeds now, whether due or not; no names means all that are wanted. A feed that fails keeps its last good data; the error
// joins what was wrong with each (fault.Unavailable). An unknown name is fault.Invalid.
func (s *Service) Update(ctx context.Context, names []string) error {
	if err := known(names); err != nil {
		return err
	}
	if len(names) == 0 {
		var err error
		if names, err = s.wanted(ctx); err != nil {
			return err
		}
	}
	var failed []error
	for _, name := range names {
		failed = append(failed, s.update(ctx, name))
	}
	return errors.Join(failed...)
}

// UpdateDue fetches the feeds whose time has come and says when the next one is due. A feed that fails is no error here: its state says
// so, and when it is tried again.
func (s *Service) UpdateDue(ctx context.Context) (next time.Time, err error) {
	names, err := s.wanted(ctx)
	if err != nil {
		return time.Time{}, err
	}
	states, err := s.states(ctx)
	if err != nil {
		return time.Time{}, err
	}
	for _, name := range names {
		if states[name].NextDue.After(s.now()) {
			continue
		}
		if err := s.update(ctx, name); err != nil && fault.KindOf(err) != fault.Unavailable {
			return time.Time{}, err
		}
	}
	if states, err = s.states(ctx); err != nil {
		return time.Time{}, err
	}
	for _, name := range names {
		if due := states[name].NextDue; next.IsZero() || due.Before(next) {
			next = due
		}
	}
	return next, nil
}

// Request makes feeds due now, to be fetched in the background by UpdateDue; no names means all that are wanted.
func (s *Service) Request(ctx context.Context, names []string) error {
	if err := known(names); err != nil {
		return err
	}
	if len(names) == 0 {
		var err error
		if names, err = s.wanted(ctx); err != nil {
			return err
		}
	}
	states, err := s.states(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		state := states[name]
		state.Name, state.NextDue = name, s.now()
		if err := s.store.SaveFeedState(ctx, state); err != nil {
			return err
		}
	}
	if s.cfg.Due != nil {
		s.cfg.Due(ctx)
	}
	return nil
}

// Status describes every feed that is wanted or has data, by name.
func (s *Service) Status(ctx context.Context) ([]apiv1.FeedStatus, error) {
	names, err := s.wanted(ctx)
	if err != nil {
		return nil, err
	}
	states, err := s.states(ctx)
	if err != nil {
		return nil, err
	}
	for name := range states {
		names = append(names, name)
	}
	slices.Sort(names)
	out := make([]apiv1.FeedStatus, 0, len(names))
	for _, name := range slices.Compact(names) {
		state := states[name]
		state.Name = name
		out = append(out, status(state))
	}
	return out, nil
}

// wanted are the feeds that the fleet needs: CISA's catalogue, and the bucket of each release that is there. Sorted.
func (s *Service) wanted(ctx context.Context) ([]string, error) {
	names := []string{kevFeed}
	if s.cfg.Ecosystems != nil {
		ecosystems, err := s.cfg.Ecosystems(ctx)
		if err != nil {
			return nil, err
		}
		for _, ecosystem := range ecosystems {
			if bucket := bucketOf(ecosystem); fetchable(bucket) {
				names = append(names, osvFeed(bucket))
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

func (s *Service) states(ctx context.Context) (map[string]advisory.FeedState, error) {
	list, err := s.store.FeedStates(ctx)
	if err != nil {
		return nil, err
	}
	states := make(map[string]advisory.FeedState, len(list))
	for _, state := range list {
		states[state.Name] = state
	}
	return states, nil
}

// known refuses names that no feed can have.
func known(names []string) error {
	for _, name := range names {
		if bucket, ok := strings.CutPrefix(name, osvPrefix); name != kevFeed && !(ok && fetchable(bucket)) {
			return fault.New(fault.Invalid, "no feed is named %q: feeds are kev, and osv/ with an ecosystem, as osv/Debian", intake.Shown(name))
		}
	}
	return nil
}

func status(f advisory.FeedState) apiv1.FeedStatus {
	return apiv1.FeedStatus{
		Name: f.Name, URL: f.URL, Records: f.Records, Skipped: f.Skipped, Problems: problemsOf(f.Problems),
		AsOf: instant(f.AsOf), Changed: instant(f.ChangedAt), LastAttempt: instant(f.AttemptedAt), Error: f.Error, Next: instant(f.NextDue), Support: "supported",
	}
}

func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

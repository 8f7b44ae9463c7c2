package feed

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/seal"
)

// Config says where feeds come from, which, and how often. The zero value asks the official sources.
type Config struct {
	Base     string                                           // "" the official sources; else a folder or the URL of a mirror: osv/NAME/all.zip, kev/…
	Releases func(context.Context) ([]apiv1.NameCount, error) // what hosts say they are, as Debian:12, and how many do; nil: none
	Interval time.Duration                                    // between looks at a feed; default each source's own
	Without  []string                                         // feeds that are left out, as epss or ubuntu/*; see CheckWithout
	Key      ssh.Signer                                       // what bundles are signed with, and trusted by; nil: none are made
	Trusted  func() ([]seal.Signer, error)                    // whose bundles are taken in, beside the server's own; may be nil
	Offline  bool                                             // nothing is fetched: knowledge comes by import
	Temp     string                                           // folder for files in transit; default the system's
	Due      func(context.Context)                            // called when Request made something due: a nudge to call UpdateDue; may be nil
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
	asked  intake.Limits // as they were given: adapters have defaults of their own for sources that need other ones
	client *http.Client
	log    *slog.Logger
	now    func() time.Time
	turn   chan struct{} // holds one token: whose turn it is

	work work

	mu       sync.Mutex
	newest   map[string]int // see newestReleases
	newestOf string
}

// NewService makes a service. client may be nil.
func NewService(store Store, cfg Config, client *http.Client, log *slog.Logger, now func() time.Time) *Service {
	asked := cfg.Limits
	cfg.Limits = cfg.OrDefault()
	s := &Service{store: store, cfg: cfg, asked: asked, client: cautious(client), log: log, now: now, turn: make(chan struct{}, 1)}
	s.turn <- struct{}{}
	return s
}

// Update fetches feeds now, whether due or not; no names means all that are wanted. A feed that fails keeps its last good data; the error
// joins what was wrong with each (fault.Unavailable). An unknown name, or one that is not fetched, is fault.Invalid.
func (s *Service) Update(ctx context.Context, names []string) error {
	states, err := s.states(ctx)
	if err != nil {
		return err
	}
	feeds, err := s.named(ctx, names, states)
	if err != nil {
		return err
	}
	var failed []error
	for _, f := range feeds {
		failed = append(failed, s.update(ctx, f))
	}
	return errors.Join(failed...)
}

// UpdateDue fetches the feeds whose time has come and says when the next one is due; zero: never. A feed that fails is no error here: its state says
// so, and when it is tried again.
func (s *Service) UpdateDue(ctx context.Context) (next time.Time, err error) {
	if err := s.expire(ctx); err != nil || s.cfg.Offline {
		return time.Time{}, err
	}
	states, err := s.states(ctx)
	if err != nil {
		return time.Time{}, err
	}
	feeds, err := s.named(ctx, nil, states)
	if err != nil {
		return time.Time{}, err
	}
	for _, f := range feeds {
		if states[f.name].NextDue.After(s.now()) {
			continue
		}
		if err := s.update(ctx, f); err != nil && fault.KindOf(err) != fault.Unavailable {
			return time.Time{}, err
		}
	}
	if states, err = s.states(ctx); err != nil {
		return time.Time{}, err
	}
	for _, f := range feeds {
		if due := states[f.name].NextDue; next.IsZero() || due.Before(next) {
			next = due
		}
	}
	return next, nil
}

// Request makes feeds due now, to be fetched in the background by UpdateDue; no names means all that are wanted. A feed that no host needs
// is never fetched there, and asking for it is fault.Invalid.
func (s *Service) Request(ctx context.Context, names []string) error {
	states, err := s.states(ctx)
	if err != nil {
		return err
	}
	feeds, err := s.named(ctx, names, states)
	if err != nil {
		return err
	}
	wanted, _, err := s.wanted(ctx, states)
	if err != nil {
		return err
	}
	for _, f := range feeds {
		if slices.ContainsFunc(wanted, func(w source) bool { return w.name == f.name }) {
			continue
		}
		if leftOut(s.cfg.Without, f.name) {
			return fault.New(fault.Invalid, "this server is told not to fetch the feed %s (feeds_without)", f.name)
		}
		return fault.New(fault.Invalid, "no host here has a release that the feed %s speaks of, so it is not fetched", f.name)
	}
	for _, f := range feeds {
		state := states[f.name]
		state.Name, state.NextDue = f.name, s.now()
		if err := s.store.SaveFeedState(ctx, state); err != nil {
			return err
		}
	}
	if s.cfg.Due != nil {
		s.cfg.Due(ctx)
	}
	return nil
}

// wanted are the feeds that the fleet needs, by name: those of every host, and those of each release that is there and can be.
func (s *Service) wanted(ctx context.Context, states map[string]advisory.FeedState) ([]source, fleetReleases, error) {
	r, err := s.releases(ctx, states)
	if err != nil {
		return nil, r, err
	}
	return slices.DeleteFunc(sourcesFor(r.asked), func(f source) bool { return leftOut(s.cfg.Without, f.name) }), r, nil
}

// named are the sources of feeds that can be fetched; without names, those of all that are wanted.
func (s *Service) named(ctx context.Context, names []string, states map[string]advisory.FeedState) ([]source, error) {
	if s.cfg.Offline {
		return nil, fault.New(fault.Invalid, "this server is told to fetch nothing (feeds: none): give it feeds with import")
	}
	if len(names) == 0 {
		feeds, _, err := s.wanted(ctx, states)
		return slices.DeleteFunc(feeds, func(f source) bool { return !f.supported() }), err
	}
	feeds := make([]source, 0, len(names))
	for _, name := range names {
		f, err := known(name)
		switch {
		case err != nil:
			return nil, err
		case f.own:
			return nil, fault.New(fault.Invalid, "the feed %s is your own knowledge: give it with import", name)
		case !f.supported():
			return nil, fault.New(fault.Invalid, "the feed %s is not supported: %s", name, f.why)
		}
		feeds = append(feeds, f)
	}
	return feeds, nil
}

// leftOut says whether the configuration leaves a feed out: by its name, or by a pattern such as ubuntu/*.
func leftOut(without []string, name string) bool {
	return slices.ContainsFunc(without, func(pattern string) bool {
		family, all := strings.CutSuffix(pattern, "*")
		return name == pattern || all && strings.HasPrefix(name, family)
	})
}

// CheckWithout says what is wrong with a list of feeds to be left out (fault.Invalid): one that names no feed would silently do nothing.
func CheckWithout(without []string) error {
	for _, pattern := range without {
		family, all := strings.CutSuffix(pattern, "*")
		if _, ok := sourceOf(pattern); ok || all && slices.ContainsFunc(registry(), func(f source) bool { return strings.HasPrefix(f.name, family) }) {
			continue
		}
		_, err := known(pattern)
		return err
	}
	return nil
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

func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

package assess

import (
	"context"
	"fmt"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fleet"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// Sweep gives the overview of several instants, newest first, as it would have been then. It reads the newest whole and steps back from
// one to the next, so a year costs about as much as its changes. at is in descending order; an error of each ends it.
func (s *Service) Sweep(ctx context.Context, at []time.Time, each func(at time.Time, o apiv1.Overview) error) error {
	var back *Service
	var now, later time.Time
	clock := func() time.Time { return now } // ages are of then
	for _, instant := range at {
		now = instant
		then := backward{s.store, s.past(instant), instant, later}
		if back == nil {
			back = NewService(then, nil, nil, fleet.NewPresence(time.Minute), s.log, clock)
			back.room = s.room
			var err error
			if back.ix, err = s.loadFirst(ctx, then, instant); err != nil {
				return fmt.Errorf("reading the past: %w", err)
			}
			back.ix.now = clock
		} else if err := back.stepTo(ctx, then); err != nil {
			return fmt.Errorf("stepping back to %s: %w", inventory.Instant(instant), err)
		}
		back.ix.past = Past{At: instant}
		o, err := back.Overview(ctx, Query{})
		if err != nil {
			return err
		}
		if err := each(instant, o); err != nil {
			return err
		}
		later = instant
	}
	return nil
}

// loadFirst loads the index that a sweep begins with, in turn with those that people ask for.
func (s *Service) loadFirst(ctx context.Context, then backward, at time.Time) (*index, error) {
	done, err := s.pasts.turn(ctx, at)
	if err != nil {
		return nil, err
	}
	defer done()
	return s.loadBeside(ctx, then, at)
}

// What a host's packages and updates are taken to be in a step: as many bytes as those of the fleets that the reckoning is fitted to.
const stepSet, stepUpdates = 625, 7150

// stepTo brings an index back to an earlier instant, by the ways on which the present one is brought forward.
func (s *Service) stepTo(ctx context.Context, then backward) error {
	changed, err := then.at.HostsChangedUntil(ctx, then.later)
	if err != nil {
		return err
	}
	knowledge, err := then.at.KnowledgeUntil(ctx, then.later)
	if err != nil {
		return err
	}
	// The index grows where hosts come back that have been deleted since: each may bring a set of packages and updates of its own.
	giveBack, err := s.room.Take(fmt.Sprintf("a sweep back to %s, where %s had something else", inventory.Instant(then.instant), plural(len(changed), "host", "hosts")),
		Counts{Hosts: int64(len(changed)), Sets: int64(len(changed)), SetBytes: int64(len(changed) * stepSet), Updates: int64(len(changed)), UpdateBytes: int64(len(changed) * stepUpdates)}.beside())
	if err != nil {
		return err
	}
	defer giveBack()
	s.store = then
	s.ix.revise(compileChange(knowledge), s.step)
	if s.ix.lifecycles, err = loadLifecycles(ctx, then); err != nil {
		return err
	}
	b := batch{feeds: true, hosts: map[string]bool{}}
	for _, id := range changed {
		b.hosts[id] = true
	}
	if err := s.applyBatch(ctx, b); err != nil {
		return err
	}
	threats, err := s.ix.threatsIn(ctx, then)
	if err != nil {
		return err
	}
	s.ix.reviseThreats(threats, s.step)
	s.ix.said = then
	s.ix.rejudge(s.step)
	return nil
}

// backward is a store on which following leads from a later instant to an earlier one.
type backward struct {
	Store
	at      PastReader
	instant time.Time
	later   time.Time
}

func (b backward) HostCounts(ctx context.Context) (inventory.Counts, error) {
	return b.at.HostCounts(ctx)
}

func (b backward) KnowledgeCounts(ctx context.Context) (advisory.Counts, error) {
	return b.at.KnowledgeCounts(ctx)
}

func (b backward) Host(ctx context.Context, id string) (fleet.Host, error) { return b.at.Host(ctx, id) }

func (b backward) OpenSections(ctx context.Context, hostID string) (map[string]inventory.Interval, error) {
	return b.at.OpenSections(ctx, hostID)
}

func (b backward) SeenHost(context.Context, string) (inventory.Seen, error) {
	return inventory.Seen{}, nil
}

func (b backward) Hosts(ctx context.Context) ([]fleet.Host, error) { return b.at.Hosts(ctx) }

func (b backward) OpenPackageSets(ctx context.Context) ([]inventory.HostSet, error) {
	return b.at.OpenPackageSets(ctx)
}

func (b backward) OpenBodies(ctx context.Context, section string, fn func(hostID string, from time.Time, digest string, json []byte) error) error {
	return b.at.OpenBodies(ctx, section, fn)
}

func (b backward) AllSeen(ctx context.Context) ([]inventory.Seen, error) { return b.at.AllSeen(ctx) }

func (b backward) CurrentAdvisories(ctx context.Context, fn func(advisory.Advisory) error) error {
	return b.at.CurrentAdvisories(ctx, fn)
}

func (b backward) CurrentAdvisory(ctx context.Context, r advisory.Ref) (advisory.Advisory, error) {
	return b.at.CurrentAdvisory(ctx, r)
}

func (b backward) OverlaysFrom(ctx context.Context, feed string) ([]advisory.Overlay, error) {
	return b.at.OverlaysFrom(ctx, feed)
}

func (b backward) OverlaysOf(ctx context.Context, cves []string) ([]advisory.Overlay, error) {
	return b.at.OverlaysOf(ctx, cves)
}

func (b backward) CurrentLifecycles(ctx context.Context) ([]advisory.Lifecycle, error) {
	return b.at.CurrentLifecycles(ctx)
}

func (b backward) FeedStates(ctx context.Context) ([]advisory.FeedState, error) {
	return b.at.FeedStates(ctx)
}

package assess

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// applyBatch reads what changes are about and applies it.
func (s *Service) applyBatch(ctx context.Context, b batch) error {
	if b.resync {
		return s.reload(ctx)
	}
	if b.advisory {
		if err := s.followKnowledge(ctx); err != nil {
			return err
		}
		lifecycles, err := loadLifecycles(ctx, s.store)
		if err != nil {
			return err
		}
		s.writing(func(ix *index) { ix.lifecycles = lifecycles })
	}
	if b.feeds {
		states, err := s.store.FeedStates(ctx)
		if err != nil {
			return fmt.Errorf("reading feeds: %w", err)
		}
		s.writing(func(ix *index) { ix.setFeeds(states) })
	}
	for id := range b.hosts {
		if err := s.followHost(ctx, id); err != nil {
			return fmt.Errorf("reading host %q: %w", id, err)
		}
	}
	if b.seq > 0 {
		s.reach(b.seq)
	}
	return nil
}

// followKnowledge applies what feeds have changed since the index's seq.
func (s *Service) followKnowledge(ctx context.Context) error {
	k, err := s.store.KnowledgeAfter(ctx, s.ix.seq) // read without the lock: only this goroutine writes
	if err != nil {
		return fmt.Errorf("reading changed advisories: %w", err)
	}
	// Of EPSS the index keeps only what advisories name, so what is known of CVEs that are new to it is read with them.
	var fresh []string
	for i := range k.Advisories {
		for _, cve := range k.Advisories[i].CVEs {
			if len(s.ix.byName[cve]) == 0 {
				fresh = append(fresh, cve)
			}
		}
	}
	overlays, err := s.store.OverlaysOf(ctx, fresh)
	if err != nil {
		return fmt.Errorf("reading overlays: %w", err)
	}
	k.Overlays = append(k.Overlays, overlays...)
	s.ix.revise(compileChange(k), s.step)
	return nil
}

// followHost reads a host again, only the sections that differ from what the index has.
func (s *Service) followHost(ctx context.Context, id string) error {
	h, err := s.store.Host(ctx, id)
	if errors.Is(err, fault.NotFound) || (err == nil && !h.DeletedAt.IsZero()) {
		s.writing(func(ix *index) { ix.drop(id) })
		return nil
	}
	if err != nil {
		return err
	}
	open, err := s.store.OpenSections(ctx, id)
	if err != nil {
		return err
	}
	p := portrait{host: h, packages: open[apiv1.SectionPackages].Digest, updates: open[apiv1.SectionUpdates].Digest, repositories: open[apiv1.SectionRepositories].Digest}
	old := s.ix.hosts[id]
	if old != nil {
		p.seen = old.seen
	} else {
		one, err := s.store.SeenHost(ctx, id)
		if err != nil {
			return err
		}
		if p.seen, err = seenOf(one); err != nil {
			return err
		}
	}
	if err := s.readFacts(ctx, &p, old, open[apiv1.SectionFacts].Digest); err != nil {
		return err
	}
	if p.updates != "" && s.ix.updates[p.updates] == nil {
		p.pending = new(apiv1.Updates)
		if err := s.readSection(ctx, apiv1.SectionUpdates, p.updates, p.pending); err != nil {
			return err
		}
	}
	learned, err := s.readSet(ctx, &p)
	if err != nil {
		return err
	}
	arrive := s.ix.arriving(PlaceOf(h.Labels))
	s.writing(func(ix *index) {
		arrive()
		ix.learn(learned)
		err = ix.put(p)
		ix.forget(learned)
	})
	return err
}

func (s *Service) readFacts(ctx context.Context, p *portrait, old *host, digest string) error {
	if digest == "" {
		return nil
	}
	p.factsDigest = digestOf(digest)
	if old != nil && old.factsDigest == p.factsDigest {
		p.facts = old.facts.Value()
		return nil
	}
	var f apiv1.Facts
	if err := s.readSection(ctx, apiv1.SectionFacts, digest, &f); err != nil {
		return err
	}
	p.facts = factsOf(&f)
	return nil
}

func (s *Service) readSection(ctx context.Context, section, digest string, into any) error {
	text, err := s.store.SectionJSON(ctx, section, digest)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fault.Wrap(err, fault.Internal, "stored section %s %s", section, digest)
	}
	return nil
}

// readSet reads a host's package set unless the index has it, and gives the packages that the index does not know yet.
func (s *Service) readSet(ctx context.Context, p *portrait) ([]inventory.Package, error) {
	if p.packages == "" || s.ix.sets[p.packages] != nil {
		return nil, nil
	}
	var err error
	if p.set, err = s.store.PackageSet(ctx, p.packages); err != nil {
		return nil, err
	}
	var unknown []inventory.PackageID
	for _, id := range p.set {
		if s.ix.interned(id) == nil {
			unknown = append(unknown, id)
		}
	}
	return s.store.Packages(ctx, unknown)
}

// followSeen takes in last-seen times written since the newest one known.
func (s *Service) followSeen(ctx context.Context) error {
	fresh, err := s.store.SeenSince(ctx, s.heardAt.Add(-heardOverlap))
	if err != nil {
		return err
	}
	parsed := make(map[*host]seen, len(fresh))
	for _, one := range fresh {
		h := s.ix.hosts[one.HostID]
		if h == nil {
			continue
		}
		next := h.seen
		if next.at, next.agent = micros(one.At), wordOf(one.AgentVersion); micros(one.VitalsAt) != next.vitalsAt {
			if next, err = seenOf(one); err != nil {
				return err
			}
		}
		if one.At.After(s.heardAt) {
			s.heardAt = one.At
		}
		parsed[h] = next
	}
	s.writing(func(*index) {
		for h, next := range parsed { // the same hosts: only this goroutine changes which there are
			h.seen = next
		}
	})
	return nil
}

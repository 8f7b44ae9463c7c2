package assess

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/inventory"
)

const (
	loadPage = 5000
	// rebuildFrom is how many changed advisories make it quicker, and kinder to readers, to build a new index beside the present one.
	rebuildFrom = 2000
	// heardOverlap reads last-seen times again that may have been written late: they are batched for 5 s.
	heardOverlap = 15 * time.Second
)

// load builds an index from the store. heard is the newest last-seen time in it.
func load(ctx context.Context, store Reader) (ix *index, heard time.Time, err error) {
	ix = newIndex()
	if ix.seq, err = store.Seq(ctx); err != nil { // first: what is read afterwards may be newer, never older
		return nil, heard, err
	}
	if err := loadKnowledge(ctx, store, ix); err != nil {
		return nil, heard, err
	}
	portraits, heard, err := loadPortraits(ctx, store)
	if err != nil {
		return nil, heard, err
	}
	sets := map[string][]inventory.PackageID{}
	wanted := map[inventory.PackageID]bool{}
	for _, p := range portraits {
		digest := p.digests[apiv1.SectionPackages]
		if _, read := sets[digest]; digest == "" || read {
			continue
		}
		ids, err := store.PackageSet(ctx, digest)
		if err != nil {
			return nil, heard, fmt.Errorf("reading package set %s: %w", digest, err)
		}
		sets[digest] = ids
		for _, id := range ids {
			wanted[id] = true
		}
	}
	if err := loadPackages(ctx, store, ix, wanted); err != nil {
		return nil, heard, err
	}
	for _, p := range portraits {
		p.set = sets[p.digests[apiv1.SectionPackages]]
		ix.put(*p)
	}
	return ix, heard, nil
}

func loadKnowledge(ctx context.Context, store Reader, ix *index) error {
	var k advisory.Knowledge
	err := store.CurrentAdvisories(ctx, func(a advisory.Advisory) error {
		k.Advisories = append(k.Advisories, a)
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading advisories: %w", err)
	}
	err = store.CurrentOverlays(ctx, func(o advisory.Overlay) error {
		k.Overlays = append(k.Overlays, o)
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading overlays: %w", err)
	}
	states, err := store.FeedStates(ctx)
	if err != nil {
		return fmt.Errorf("reading feeds: %w", err)
	}
	ix.apply(compileChange(k))
	ix.setFeeds(states)
	return nil
}

// loadPackages learns the interned packages that present sets name.
func loadPackages(ctx context.Context, store Reader, ix *index, wanted map[inventory.PackageID]bool) error {
	for after := inventory.PackageID(0); ; {
		page, err := store.AllPackages(ctx, after, loadPage)
		if err != nil {
			return fmt.Errorf("reading packages: %w", err)
		}
		for _, p := range page {
			after = p.ID
			if wanted[p.ID] {
				ix.learn([]inventory.Package{p})
			}
		}
		if len(page) < loadPage {
			return nil
		}
	}
}

// loadPortraits reads every host, without its packages.
func loadPortraits(ctx context.Context, store Reader) (portraits map[string]*portrait, heard time.Time, err error) {
	hosts, err := store.Hosts(ctx)
	if err != nil {
		return nil, heard, fmt.Errorf("reading hosts: %w", err)
	}
	portraits = make(map[string]*portrait, len(hosts))
	for _, h := range hosts {
		portraits[h.ID] = &portrait{host: h, digests: map[string]string{}}
	}
	sets, err := store.OpenPackageSets(ctx)
	if err != nil {
		return nil, heard, fmt.Errorf("reading package sets: %w", err)
	}
	for _, s := range sets {
		if p := portraits[s.HostID]; p != nil {
			p.digests[apiv1.SectionPackages] = s.Digest
		}
	}
	if err := loadBodies(ctx, store, portraits, apiv1.SectionFacts, func(p *portrait, f *apiv1.Facts) { p.facts = f }); err != nil {
		return nil, heard, err
	}
	if err := loadBodies(ctx, store, portraits, apiv1.SectionUpdates, func(p *portrait, u *apiv1.Updates) { p.updates = u }); err != nil {
		return nil, heard, err
	}
	// Of repositories only the digest is asked for: two hosts with the same one are offered the same.
	if err := loadBodies(ctx, store, portraits, apiv1.SectionRepositories, func(*portrait, *struct{}) {}); err != nil {
		return nil, heard, err
	}
	all, err := store.AllSeen(ctx)
	if err != nil {
		return nil, heard, fmt.Errorf("reading last-seen times: %w", err)
	}
	for _, one := range all {
		if one.At.After(heard) {
			heard = one.At
		}
		if p := portraits[one.HostID]; p != nil {
			if p.seen, err = seenOf(one); err != nil {
				return nil, heard, err
			}
		}
	}
	return portraits, heard, nil
}

// loadBodies reads one section of every host; equal bodies come one after the other and are decoded once.
func loadBodies[T any](ctx context.Context, store Reader, portraits map[string]*portrait, section string, set func(*portrait, *T)) error {
	var decoded *T
	var of string
	err := store.OpenBodies(ctx, section, func(hostID string, _ time.Time, digest string, text []byte) error {
		if digest != of {
			decoded, of = new(T), digest
			if err := json.Unmarshal(text, decoded); err != nil {
				return fault.Wrap(err, fault.Internal, "stored section %s %s", section, digest)
			}
			trim(decoded)
		}
		if p := portraits[hostID]; p != nil {
			p.digests[section] = digest
			set(p, decoded)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading section %s: %w", section, err)
	}
	return nil
}

// trim drops what no list asks for: of a host's two hundred units only the failed ones count.
func trim(section any) {
	facts, ok := section.(*apiv1.Facts)
	if !ok {
		return
	}
	var failed []apiv1.Unit
	for _, u := range facts.Units {
		if u.Failed {
			failed = append(failed, u)
		}
	}
	facts.Units = failed
	facts.PackageManager.Held = nil
}

func seenOf(s inventory.Seen) (seen, error) {
	vitals, err := inventory.ParseVitals(s.Vitals)
	if err != nil {
		return seen{}, err
	}
	s.Vitals = nil // parsed: the text is not needed twice
	return seen{Seen: s, vitals: vitals}, nil
}

// applyBatch reads what changes are about and applies it.
func (s *Service) applyBatch(ctx context.Context, b batch) error {
	if b.resync {
		return s.reload(ctx)
	}
	if b.advisory {
		rebuilt, err := s.followKnowledge(ctx)
		if err != nil || rebuilt {
			return err
		}
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

// followKnowledge applies what feeds have changed since the index's seq; much of it makes a new index.
func (s *Service) followKnowledge(ctx context.Context) (rebuilt bool, err error) {
	k, err := s.store.KnowledgeAfter(ctx, s.ix.seq) // read without the lock: only this goroutine writes
	if err != nil {
		return false, fmt.Errorf("reading changed advisories: %w", err)
	}
	if len(k.Advisories)+len(k.Gone) >= rebuildFrom {
		return true, s.reload(ctx)
	}
	c := compileChange(k)
	s.writing(func(ix *index) { ix.apply(c) })
	return false, nil
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
	p := portrait{host: h, digests: map[string]string{}}
	for _, section := range []string{apiv1.SectionPackages, apiv1.SectionFacts, apiv1.SectionUpdates, apiv1.SectionRepositories} {
		if interval, ok := open[section]; ok {
			p.digests[section] = interval.Digest
		}
	}
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
	if err := s.readFacts(ctx, &p, old); err != nil {
		return err
	}
	if err := s.readUpdates(ctx, &p); err != nil {
		return err
	}
	learned, err := s.readSet(ctx, &p)
	if err != nil {
		return err
	}
	s.writing(func(ix *index) {
		ix.learn(learned)
		ix.put(p)
		ix.forget(learned)
	})
	return nil
}

func (s *Service) readFacts(ctx context.Context, p *portrait, old *host) error {
	digest := p.digests[apiv1.SectionFacts]
	switch {
	case digest == "":
		return nil
	case old != nil && old.digests[apiv1.SectionFacts] == digest:
		p.facts = old.facts
		return nil
	}
	p.facts = new(apiv1.Facts)
	return s.readSection(ctx, apiv1.SectionFacts, digest, p.facts)
}

func (s *Service) readUpdates(ctx context.Context, p *portrait) error {
	digest := p.digests[apiv1.SectionUpdates]
	if digest == "" || s.ix.updates[digest] != nil {
		return nil
	}
	p.updates = new(apiv1.Updates)
	return s.readSection(ctx, apiv1.SectionUpdates, digest, p.updates)
}

func (s *Service) readSection(ctx context.Context, section, digest string, into any) error {
	text, err := s.store.SectionJSON(ctx, section, digest)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fault.Wrap(err, fault.Internal, "stored section %s %s", section, digest)
	}
	trim(into)
	return nil
}

// readSet reads a host's package set unless the index has it, and gives the packages that the index does not know yet.
func (s *Service) readSet(ctx context.Context, p *portrait) ([]inventory.Package, error) {
	digest := p.digests[apiv1.SectionPackages]
	if digest == "" || s.ix.sets[digest] != nil {
		return nil, nil
	}
	var err error
	if p.set, err = s.store.PackageSet(ctx, digest); err != nil {
		return nil, err
	}
	var unknown []inventory.PackageID
	for _, id := range p.set {
		if s.ix.packages[id] == nil {
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
	parsed := make([]seen, 0, len(fresh))
	for _, one := range fresh {
		h := s.ix.hosts[one.HostID]
		if h == nil {
			continue
		}
		next := seen{Seen: one, vitals: h.seen.vitals}
		next.Vitals = nil
		if !one.VitalsAt.Equal(h.seen.VitalsAt) {
			if next, err = seenOf(one); err != nil {
				return err
			}
		}
		if one.At.After(s.heardAt) {
			s.heardAt = one.At
		}
		parsed = append(parsed, next)
	}
	s.writing(func(ix *index) {
		for _, one := range parsed {
			if h := ix.hosts[one.HostID]; h != nil {
				h.seen = one
			}
		}
	})
	return nil
}

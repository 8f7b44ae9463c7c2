package assess

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/inventory"
)

const (
	loadPage = 5000
	// heardOverlap reads last-seen times again that may have been written late: they are batched for 5 s.
	heardOverlap = 15 * time.Second
)

// everyOverlay streams all that is known of CVEs beside advisories: hundreds of thousands, of EPSS.
type everyOverlay func(ctx context.Context, fn func(advisory.Overlay) error) error

// load builds an index. every is for one that goes on: it keeps what is known of each CVE that an advisory names, for a host may come that has
// it. nil: of the CVEs that some host has, and what KEV lists. now is the clock by which things have an age; heard is the newest last-seen time in it.
func load(ctx context.Context, from Reader, every everyOverlay, now func() time.Time) (ix *index, heard time.Time, err error) {
	ix = newIndex(now)
	ix.said = from
	if ix.seq, err = from.Seq(ctx); err != nil { // first: what is read afterwards may be newer, never older
		return nil, heard, err
	}
	l := loading{from: from, ix: ix, at: map[string]int{}}
	group, both := errgroup.WithContext(ctx) // hosts and knowledge do not meet in the index before packages come
	group.Go(func() error { return loadKnowledge(both, from, every, ix) })
	group.Go(func() error { return l.portraits(both) })
	if err := group.Wait(); err != nil {
		return nil, heard, err
	}
	if err := l.packages(ctx, ix); err != nil {
		return nil, heard, err
	}
	for i := range l.all { // before anything is judged, so that it is judged for all of them at once
		ix.place(PlaceOf(l.all[i].host.Labels))
	}
	b := newBulk(ix)
	for _, i := range l.alike() {
		if err := l.put(ctx, b, &l.all[i]); err != nil {
			return nil, heard, err
		}
		l.all[i] = portrait{}
	}
	if every == nil {
		if ix.threats, err = ix.threatsIn(ctx, from); err != nil { // before the cohorts are judged
			return nil, heard, err
		}
	}
	b.end()
	ix.live.RunOptimize()
	return ix, l.heard, nil
}

func loadKnowledge(ctx context.Context, from Reader, every everyOverlay, ix *index) error {
	c := newCompiling()
	err := from.CurrentAdvisories(ctx, func(a advisory.Advisory) error {
		c.add(a)
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading advisories: %w", err)
	}
	if every != nil {
		err := every(ctx, func(o advisory.Overlay) error {
			c.overlays = append(c.overlays, o)
			return nil
		})
		if err != nil {
			return fmt.Errorf("reading overlays: %w", err)
		}
	}
	states, err := from.FeedStates(ctx)
	if err != nil {
		return fmt.Errorf("reading feeds: %w", err)
	}
	if ix.lifecycles, err = loadLifecycles(ctx, from); err != nil {
		return err
	}
	ix.revise(c.change, atOnce)
	ix.setFeeds(states)
	return nil
}

// loading is the building of an index from its hosts.
type loading struct {
	from  Reader
	ix    *index
	all   []portrait
	at    map[string]int    // host id to its place in all
	sets  map[string][]byte // those that no host of the index has yet, as EncodeSet writes them: a seventh of the room
	heard time.Time
}

// packages learns the interned packages that present sets name.
func (l *loading) packages(ctx context.Context, ix *index) error {
	l.sets = map[string][]byte{}
	wanted := map[inventory.PackageID]bool{}
	for i := range l.all {
		digest := l.all[i].packages
		if _, read := l.sets[digest]; digest == "" || read {
			continue
		}
		ids, err := l.from.PackageSet(ctx, digest)
		if err != nil {
			return fmt.Errorf("reading package set %s: %w", digest, err)
		}
		l.sets[digest] = slices.Clone(inventory.EncodeSet(ids)) // cut to size
		for _, id := range ids {
			wanted[id] = true
		}
	}
	for after := inventory.PackageID(0); ; {
		page, err := l.from.AllPackages(ctx, after, loadPage)
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

// alike orders hosts so that those with like packages come one after the other: sets that begin alike are encoded alike but for their
// length. Their cohorts' numbers are neighbours then, and bitmaps of cohorts have runs, which take half the room.
func (l *loading) alike() []int {
	rank := make(map[string]int, len(l.sets)) // of a package set
	packages := func(digest string) []byte {
		_, n := binary.Uvarint(l.sets[digest])
		return l.sets[digest][max(n, 0):]
	}
	for n, digest := range slices.SortedFunc(maps.Keys(l.sets), func(a, b string) int { return bytes.Compare(packages(a), packages(b)) }) {
		rank[digest] = n
	}
	order := make([]int, len(l.all))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(rank[l.all[a].packages], rank[l.all[b].packages]) })
	return order
}

// put gives a host to the index.
func (l *loading) put(ctx context.Context, b *bulk, p *portrait) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if set := l.sets[p.packages]; set != nil {
		var err error
		if p.set, err = inventory.DecodeSet(set); err != nil {
			return err
		}
		l.sets[p.packages] = nil // the index has it from now on
	}
	return b.put(*p)
}

// portraits reads every host, without its packages.
func (l *loading) portraits(ctx context.Context) error {
	hosts, err := l.from.Hosts(ctx)
	if err != nil {
		return fmt.Errorf("reading hosts: %w", err)
	}
	l.all = make([]portrait, len(hosts))
	for i, h := range hosts {
		l.all[i].host = h
		l.at[h.ID] = i
	}
	sets, err := l.from.OpenPackageSets(ctx)
	if err != nil {
		return fmt.Errorf("reading package sets: %w", err)
	}
	for _, s := range sets {
		if i, there := l.at[s.HostID]; there {
			l.all[i].packages = s.Digest
		}
	}
	group, ctx := errgroup.WithContext(ctx) // each sets fields of its own
	group.Go(func() error { return l.facts(ctx) })
	group.Go(func() error {
		return loadBodies(ctx, l, apiv1.SectionUpdates, func(p *portrait, digest string, u *apiv1.Updates) {
			p.updates = digest
			l.ix.holdUpdates(digest, u) // at once: as the index keeps them they take a tenth
		})
	})
	group.Go(func() error {
		// Only the digest is asked for: two hosts with the same one are offered the same.
		err := loadBodies(ctx, l, apiv1.SectionRepositories, func(p *portrait, digest string, _ *struct{}) { p.repositories = digest })
		if err == nil {
			err = l.seen(ctx)
		}
		return err
	})
	return group.Wait()
}

func (l *loading) seen(ctx context.Context) error {
	all, err := l.from.AllSeen(ctx)
	if err != nil {
		return fmt.Errorf("reading last-seen times: %w", err)
	}
	for _, one := range all {
		if one.At.After(l.heard) {
			l.heard = one.At
		}
		if i, there := l.at[one.HostID]; there {
			if l.all[i].seen, err = seenOf(one); err != nil {
				return err
			}
		}
	}
	return nil
}

// loadBodies reads one section of every host; equal bodies come one after the other and are decoded once.
func loadBodies[T any](ctx context.Context, l *loading, section string, set func(*portrait, string, *T)) error {
	var decoded *T
	var of string
	err := l.from.OpenBodies(ctx, section, func(hostID string, _ time.Time, digest string, text []byte) error {
		if digest != of || decoded == nil {
			decoded, of = new(T), digest
			if err := json.Unmarshal(text, decoded); err != nil {
				return fault.Wrap(err, fault.Internal, "stored section %s %s", section, digest)
			}
		}
		if i, there := l.at[hostID]; there {
			set(&l.all[i], digest, decoded)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading section %s: %w", section, err)
	}
	return nil
}

// facts reads the facts of every host. No two hosts have the same, and decoding them is most of what a start takes, so it is done on
// every core beside reading.
func (l *loading) facts(ctx context.Context) error {
	type body struct {
		host, digest string
		text         []byte
	}
	group, ctx := errgroup.WithContext(ctx)
	bodies := make(chan []body, 2*runtime.GOMAXPROCS(0))
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() error {
			for batch := range bodies {
				for _, b := range batch {
					f, err := readFacts(b.text)
					if err != nil {
						return fault.Wrap(err, fault.Internal, "stored section %s %s", apiv1.SectionFacts, b.digest)
					}
					if i, there := l.at[b.host]; there { // each host has one body, so no two write the same portrait
						l.all[i].facts, l.all[i].factsDigest = f, digestOf(b.digest)
					}
				}
			}
			return nil
		})
	}
	group.Go(func() error {
		defer close(bodies)
		var batch []body
		send := func() error {
			select {
			case bodies <- batch:
				batch = nil
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		err := l.from.OpenBodies(ctx, apiv1.SectionFacts, func(hostID string, _ time.Time, digest string, text []byte) error {
			if batch = append(batch, body{hostID, digest, text}); len(batch) < 64 {
				return nil
			}
			return send()
		})
		if err == nil && len(batch) > 0 {
			err = send()
		}
		return err
	})
	if err := group.Wait(); err != nil {
		return fmt.Errorf("reading section %s: %w", apiv1.SectionFacts, err)
	}
	return nil
}

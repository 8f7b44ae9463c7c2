package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/inventory"
	"github.com/staunch-dev/staunch/test/fleetgen"
)

// oneAdvisory imports advisories about what every host of a release has, one after the other, and asks which hosts are affected. The
// first is not counted: it warms up what a server that runs has warm.
func (s *server) oneAdvisory(ctx context.Context, t *table) error {
	var alone, among []time.Duration
	for n := range 8 {
		a := s.fleet.Base(1_000_000+n, n)
		a.Feed = "osv/fresh"
		began := time.Now()
		out, err := s.store.ImportFeed(ctx, s.in(a.Feed, nil, []advisory.Advisory{a}, nil))
		if err != nil {
			return err
		}
		if err := s.answered(ctx, out.Seq, a); err != nil {
			return err
		}
		if n > 0 {
			alone = append(alone, time.Since(began))
		}
	}
	whole := map[string][]advisory.Advisory{}
	for _, a := range s.fleet.Advisories(0) {
		whole[a.Feed] = append(whole[a.Feed], a)
	}
	for n := range 3 {
		a := s.fleet.Base(2_000_000+n, n)
		state := s.fleet.Feeds()[0]
		list := append(slices.Clip(whole[a.Feed]), a)
		began := time.Now()
		out, err := s.store.ImportFeed(ctx, s.in(a.Feed, state.Ecosystems, list, nil))
		if err != nil {
			return err
		}
		if err := s.answered(ctx, out.Seq, a); err != nil {
			return err
		}
		among = append(among, time.Since(began))
	}
	slices.Sort(alone)
	slices.Sort(among)
	t.within("one new advisory: import, durable, to affected hosts answered", alone[len(alone)/2], 100*time.Millisecond)
	t.note("  the worst of seven", short(alone[len(alone)-1]), "", false)
	t.note(fmt.Sprintf("  the same in a feed of %d that is imported whole", len(whole[s.fleet.Feeds()[0].Name])), short(among[len(among)/2]), "", false)
	return nil
}

// answered waits until answers include a change and an advisory is among them.
func (s *server) answered(ctx context.Context, seq int64, a advisory.Advisory) error {
	var detail apiv1.VulnDetail
	if _, err := s.get(ctx, fmt.Sprintf("/api/v1/vulnerabilities/%s?limit=1&min_seq=%d", a.CVEs[0], seq), &detail); err != nil {
		return err
	}
	if detail.Hosts.Total == 0 {
		return errors.New("a new advisory about what every host has affects none")
	}
	return nil
}

// questions asks what people ask.
func (s *server) questions(ctx context.Context, t *table) error {
	var page apiv1.VulnPage
	if _, err := s.get(ctx, "/api/v1/vulnerabilities?sort=hosts&desc=true&limit=1", &page); err != nil {
		return err
	}
	var detail apiv1.VulnDetail
	count, err := s.median(ctx, 101, "/api/v1/vulnerabilities/"+page.Items[0].ID+"?limit=1", &detail)
	if err != nil {
		return err
	}
	t.within(fmt.Sprintf("CVE to hosts through the API: count (of %d)", detail.Hosts.Total), count, time.Millisecond)
	first, err := s.median(ctx, 101, "/api/v1/vulnerabilities/"+page.Items[0].ID, &detail)
	if err != nil {
		return err
	}
	t.within("CVE to hosts through the API: first page of 100", first, 5*time.Millisecond)
	for _, selector := range []string{"", "env=prod", "role=role07", "exposure=internet,criticality=high", "env!=prod,site in (site01,site02,site03)", "host.os=ubuntu:24.04", "host.metadata=stale",
		"host.online=no", "host.name=" + fleetgen.HostName(7)} {
		var overview apiv1.Overview
		took, err := s.median(ctx, 11, "/api/v1/overview?selector="+url.QueryEscape(selector), &overview)
		if err != nil {
			return err
		}
		t.within(fmt.Sprintf("dashboard of %q (%d hosts)", selector, overview.Hosts), took, 50*time.Millisecond)
	}
	for what, path := range map[string]string{"list of hosts, first page": "/api/v1/hosts", "list of findings, first page": "/api/v1/findings", "list of vulnerabilities, first page": "/api/v1/vulnerabilities"} {
		var list map[string]any
		took, err := s.median(ctx, 5, path, &list)
		if err != nil {
			return err
		}
		t.note(what, short(took), "", false)
	}
	return nil
}

// changingHosts gives some hosts the package set of another, and one in ten a new one.
func (s *server) changingHosts(ctx context.Context, t *table) error {
	const hosts = 200
	f := s.fleet
	var seq int64
	began := time.Now()
	for n := range hosts {
		other := f.SetOf((n*17 + 5) % f.Config.Hosts)
		body := inventory.Body{Section: apiv1.SectionPackages, Digest: fleetgen.SetDigest(other)}
		if n%10 == 0 {
			body.Digest = fleetgen.Digest("changed", n)
			for _, id := range f.Sets[other].IDs()[3:] {
				body.Packages = append(body.Packages, f.Packages[id-1])
			}
		}
		out, err := s.store.AcceptSection(ctx, inventory.Accept{HostID: f.Host(n % f.Config.Hosts).ID, At: fleetgen.Now(), Body: body, Events: nil})
		if err != nil {
			return err
		}
		seq = max(seq, out.Seq)
	}
	stored := time.Since(began)
	if err := s.assess.WaitSeq(ctx, seq); err != nil {
		return err
	}
	t.note(fmt.Sprintf("a host changes: stored and in answers (5 %% of the fleet in an hour is one every %s)", short(time.Hour*20/time.Duration(f.Config.Hosts))),
		fmt.Sprintf("%s, of it %s after the last was stored", short(time.Since(began)/hosts), short((time.Since(began)-stored)/hosts)), "", false)
	return nil
}

// wholeFeed changes every advisory and asks all the while.
func (s *server) wholeFeed(ctx context.Context, t *table) error {
	all := s.fleet.Advisories(1) // made before the clock runs
	done := make(chan struct{})
	var longest time.Duration
	var failed error
	asked := 0
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		for {
			select {
			case <-done:
				return
			default:
			}
			var o apiv1.Overview
			took, err := s.get(ctx, "/api/v1/overview", &o)
			if err == nil && (o.Hosts != s.fleet.Config.Hosts || o.Findings.Total == 0 || !o.Findings.Assessed) {
				err = fmt.Errorf("an answer while feeds come in is not whole: %d hosts, %d findings", o.Hosts, o.Findings.Total)
			}
			if err != nil {
				failed = err
				return
			}
			longest = max(longest, took)
			asked++
			time.Sleep(100 * time.Millisecond)
		}
	}()
	began := time.Now()
	seq, err := s.importWhole(ctx, all)
	if err != nil {
		return err
	}
	imported := time.Since(began)
	if err := s.assess.WaitSeq(ctx, seq); err != nil {
		return err
	}
	took := time.Since(began)
	close(done)
	<-finished
	t.within(fmt.Sprintf("whole feeds of %d advisories, all changed: import and re-match", s.fleet.Config.Advisories), took, 5*time.Second)
	t.note("  of it import", short(imported), "", false)
	t.note(fmt.Sprintf("  the longest of %d dashboards meanwhile", asked), short(longest), "", false)
	return failed
}

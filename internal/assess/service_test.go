package assess

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/fleet"
)

// fleetOf two hosts that share a vulnerable openssl; apt of the first offers the fix.
func fleetOf(t *testing.T) (*world, fleet.Host, fleet.Host) {
	t.Helper()
	w := newWorld(t)
	a, b := w.enroll("alpha", fleet.Labels{"env": "prod"}), w.enroll("beta", fleet.Labels{"env": "test"})
	for _, h := range []fleet.Host{a, b} {
		w.facts(h.ID, "6.1.0-37-amd64")
		w.packages(h.ID, "Debian:12", deb("libssl3", "openssl", "3.0.16-1"), deb("curl", "curl", "7.88-1"))
	}
	w.importFeed("osv/Debian", []string{"Debian:12"}, fixes("CVE-2025-1", "openssl", "3.0.17-1"))
	w.put(a.ID, apiv1.SectionUpdates, apiv1.Updates{Manager: "apt", Known: true, Updates: []apiv1.Update{
		{Name: "libssl3", Arch: "amd64", Action: "upgrade", From: "3.0.16-1", To: "3.0.17-1", Archive: "bookworm-security", Security: true, State: "installable"}}})
	w.start()
	t.Cleanup(w.stop)
	w.settle()
	return w, a, b
}

func TestAFixThatAptOffersCountsAsFixable(t *testing.T) {
	t.Parallel()
	w, a, b := fleetOf(t)
	page, err := w.assess.Vulnerabilities(t.Context(), Query{})
	w.must(err)
	if len(page.Items) != 1 || page.Items[0].Hosts != 2 || page.Items[0].Fixable != 1 {
		t.Fatalf("%+v, want one on two hosts, fixable on one", page.Items)
	}
	found, err := w.assess.HostFindings(t.Context(), a.ID, Query{})
	w.must(err)
	if f := found.Items[0]; f.Update != "3.0.17-1" || !strings.Contains(f.Explanation, "apt offers libssl3 3.0.17-1 from bookworm-security now") {
		t.Errorf("update %q: %s", f.Update, f.Explanation)
	}
	w.put(a.ID, apiv1.SectionUpdates, apiv1.Updates{Manager: "apt", Known: true, Updates: []apiv1.Update{
		{Name: "libssl3", Arch: "amd64", Action: "upgrade", From: "3.0.16-1", To: "3.0.17-1", State: "held", Reason: "held by the administrator"}}})
	w.settle()
	page, err = w.assess.Vulnerabilities(t.Context(), Query{})
	w.must(err)
	if page.Items[0].Fixable != 0 {
		t.Errorf("fixable on %d hosts though the package is held", page.Items[0].Fixable)
	}
	found, err = w.assess.HostFindings(t.Context(), a.ID, Query{})
	w.must(err)
	if f := found.Items[0]; f.Update != "" || !strings.Contains(f.Explanation, "held: apt would offer libssl3 3.0.17-1: held by the administrator") {
		t.Errorf("update %q: %s", f.Update, f.Explanation)
	}
	found, err = w.assess.HostFindings(t.Context(), b.ID, Query{})
	w.must(err)
	if f := found.Items[0]; !strings.Contains(f.Explanation, "updates not reported yet") {
		t.Errorf("%s", f.Explanation)
	}
}

func TestSelectorsSearchAndFilters(t *testing.T) {
	t.Parallel()
	w, _, _ := fleetOf(t)
	selector := func(text string) fleet.Selector {
		s, err := fleet.ParseSelector(text)
		w.must(err)
		return s
	}
	for name, tc := range map[string]struct {
		q    Query
		want []string
	}{
		"all":           {Query{}, []string{"alpha", "beta"}},
		"other way":     {Query{Desc: true}, []string{"beta", "alpha"}},
		"label":         {Query{Selector: selector("env=prod")}, []string{"alpha"}},
		"os":            {Query{Selector: selector("host.os=debian:12,host.arch=amd64")}, []string{"alpha", "beta"}},
		"name":          {Query{Search: "BET"}, []string{"beta"}},
		"label text":    {Query{Search: "env=te"}, []string{"beta"}},
		"state":         {Query{State: "pending"}, []string{}},
		"most security": {Query{Sort: "security", Desc: true}, []string{"alpha", "beta"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page, err := w.assess.Hosts(context.Background(), tc.q)
			if err != nil {
				t.Fatal(err)
			}
			got := []string{}
			for _, h := range page.Items {
				got = append(got, h.Name)
			}
			if d := cmp.Diff(tc.want, got); d != "" || page.Total != len(tc.want) {
				t.Errorf("total %d, %s", page.Total, d)
			}
		})
	}
	for name, q := range map[string]Query{"column": {Sort: "colour"}, "cursor": {Cursor: "%%"}, "no json": {Cursor: "e30x"}} {
		if _, err := w.assess.Hosts(t.Context(), q); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v, want Invalid", name, err)
		}
		if _, err := w.assess.Findings(t.Context(), q); !errors.Is(err, fault.Invalid) {
			t.Errorf("findings, %s: %v, want Invalid", name, err)
		}
	}
}

func TestWhatIsNotAssessedSaysSoAndWhy(t *testing.T) {
	t.Parallel()
	w, a, _ := fleetOf(t)
	fresh := w.enroll("fresh", nil)
	w.packages(a.ID, "Debian:13", deb("libssl3", "openssl", "3.0.16-1"))
	w.settle()
	for id, want := range map[string]string{a.ID: "no advisory data for Debian:13: staunch feed update", fresh.ID: "no inventory yet"} {
		row, err := w.assess.Host(t.Context(), id)
		w.must(err)
		if row.Findings.Assessed || row.Findings.Reason != want {
			t.Errorf("%+v, want not assessed: %s", row.Findings, want)
		}
		page, err := w.assess.HostFindings(t.Context(), id, Query{})
		w.must(err)
		if page.Count.Assessed || page.NotAssessed != 1 || page.Count.Reason != want {
			t.Errorf("%+v", page)
		}
	}
	o, err := w.assess.Overview(t.Context(), Query{})
	w.must(err)
	if o.Hosts != 3 || o.NotAssessed != 2 || o.HostsByWorst.Total != 1 || o.HostsByWorst.Normal != 1 || o.Findings.Total != 1 || len(o.Top) != 1 || !o.Findings.Assessed {
		t.Errorf("%+v", o)
	}
	if d := cmp.Diff([]apiv1.NameCount{{Name: "Debian:12", Count: 1}, {Name: "Debian:13", Count: 1}}, w.assess.Releases(t.Context())); d != "" {
		t.Error(d)
	}
	detail, err := w.assess.Vulnerability(t.Context(), "CVE-1999-1", Query{})
	w.must(err)
	if detail.Known || detail.Hosts.Total != 0 {
		t.Errorf("%+v", detail)
	}
	detail, err = w.assess.Vulnerability(t.Context(), "debian-cve-2025-1", Query{})
	w.must(err)
	if !detail.Known || detail.Hosts.Total != 1 || detail.Advisories[0].Affected[0].Range != "< 3.0.17-1" {
		t.Errorf("by the advisory's id: %+v", detail)
	}
}

func TestFleetUpdatesAreCountedOnce(t *testing.T) {
	t.Parallel()
	w, _, b := fleetOf(t)
	w.put(b.ID, apiv1.SectionUpdates, apiv1.Updates{Manager: "apt", Known: true, Updates: []apiv1.Update{
		{Name: "libssl3", Arch: "amd64", Action: "upgrade", From: "3.0.15-1", To: "3.0.17-1", Archive: "bookworm-security", Security: true, State: "held"}}})
	w.settle()
	page, err := w.assess.Updates(t.Context(), Query{})
	w.must(err)
	want := []apiv1.FleetUpdate{{Name: "libssl3", Action: "upgrade", From: []string{"3.0.15-1", "3.0.16-1"}, To: "3.0.17-1", Archive: "bookworm-security", Security: true, Hosts: 2,
		States: []apiv1.NameCount{{Name: "installable", Count: 1}, {Name: "held", Count: 1}}}}
	if d := cmp.Diff(want, page.Items); d != "" || page.Unknown != 0 {
		t.Errorf("unknown %d, %s", page.Unknown, d)
	}
}

func TestADeletedHostIsGoneFromEveryAnswer(t *testing.T) {
	t.Parallel()
	w, a, _ := fleetOf(t)
	_, err := w.store.DeleteHost(t.Context(), a.ID, w.at, event.Event{At: w.at, Kind: event.HostDeleted, Actor: "user:test", Host: a.ID})
	w.must(err)
	w.settle()
	if _, err := w.assess.Host(t.Context(), a.ID); !errors.Is(err, fault.NotFound) {
		t.Errorf("host: %v", err)
	}
	page, err := w.assess.Findings(t.Context(), Query{})
	w.must(err)
	if page.Total != 1 || page.Items[0].Host != "beta" {
		t.Errorf("%+v", page)
	}
}

func TestWaitSeqEndsWithItsContextAndReadingWaitsForTheLoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.assess.Hosts(t.Context(), Query{}); !errors.Is(err, fault.Unavailable) || w.assess.Ready() {
		t.Errorf("before start: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := w.assess.WaitSeq(ctx, 1_000); !errors.Is(err, fault.Unavailable) {
		t.Errorf("WaitSeq: %v", err)
	}
	w.start()
	w.stop()
	w.stop()
	if !w.assess.Ready() {
		t.Error("not ready after start")
	}
}

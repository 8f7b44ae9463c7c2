package assess

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fleet"
)

func (w *world) importLifecycles(name string, all ...advisory.Lifecycle) {
	w.tb.Helper()
	w.imports++
	w.at = w.at.Add(time.Second)
	_, err := w.store.ImportFeed(context.Background(), advisory.Import{
		State: advisory.FeedState{Name: name, SHA256: fmt.Sprint(w.imports), Records: len(all), AsOf: w.at, ChangedAt: w.at, AttemptedAt: w.at, NextDue: w.at.Add(time.Hour)},
		At:    w.at,
		Lifecycles: func(yield func(advisory.Lifecycle) error) error {
			for _, l := range all {
				if err := yield(l); err != nil {
					return err
				}
			}
			return nil
		},
	})
	w.must(err)
}

// A host says how its release is looked after as soon as a feed does, in rows, in selectors and in the overview alike.
func TestHostsSayHowTheirReleaseIsLookedAfter(t *testing.T) {
	t.Parallel()
	w, a, b := fleetOf(t)
	today := w.at
	day := func(days int) string { return today.AddDate(0, 0, days).Format(time.DateOnly) }
	jammy := apiv1.Facts{Hostname: b.ID, Arch: "amd64", OS: apiv1.OSRelease{ID: "ubuntu", VersionID: "22.04", Ecosystem: "Ubuntu:22.04"},
		Kernel: apiv1.Kernel{Installed: []string{}}, Reboot: apiv1.Reboot{Packages: []string{}, Reasons: []string{}},
		PackageManager: apiv1.PackageManager{Name: "apt", Broken: []apiv1.PackageState{}, Held: []string{}}, Units: []apiv1.Unit{}}
	w.put(b.ID, apiv1.SectionFacts, jammy)
	w.packages(b.ID, "Ubuntu:22.04", deb("libssl3", "openssl", "3.0.16-1"))
	check := func(id string, want apiv1.HostLifecycle, ended int) {
		t.Helper()
		w.settle()
		row, err := w.assess.Host(t.Context(), id)
		w.must(err)
		if d := cmp.Diff(want, row.Lifecycle); d != "" {
			t.Error(d)
		}
		selector, err := fleet.ParseSelector("host.lifecycle=" + want.State + ",host.name=" + row.Name)
		w.must(err)
		page, err := w.assess.Hosts(t.Context(), Query{Selector: selector})
		w.must(err)
		if len(page.Items) != 1 || page.Items[0].ID != id {
			t.Errorf("host.lifecycle=%s finds %+v", want.State, page.Items)
		}
		o, err := w.assess.Overview(t.Context(), Query{})
		w.must(err)
		if o.EndOfLife != ended {
			t.Errorf("%d hosts whose release is over, want %d", o.EndOfLife, ended)
		}
	}
	check(a.ID, apiv1.HostLifecycle{Product: "debian", Release: "12", State: "unknown"}, 0)

	bookworm := advisory.Lifecycle{Product: "debian", Release: "12", Released: "2023-06-10", EOL: day(10)}
	older := advisory.Lifecycle{Product: "ubuntu", Release: "22.04", Released: "2022-04-21", EOL: day(-10), Extended: day(100)}
	w.importLifecycles("eol", bookworm, older)
	check(a.ID, apiv1.HostLifecycle{Product: "debian", Release: "12", State: "supported", Until: day(10), Source: "eol"}, 0)
	check(b.ID, apiv1.HostLifecycle{Product: "ubuntu", Release: "22.04", State: "extended", Until: day(100), Source: "eol", EntitlementNeeded: "esm-infra"}, 0)
	jammy.Entitlements = []string{"esm-apps", "esm-infra"}
	w.put(b.ID, apiv1.SectionFacts, jammy)
	check(b.ID, apiv1.HostLifecycle{Product: "ubuntu", Release: "22.04", State: "extended", Until: day(100), Source: "eol"}, 0)

	bookworm.EOL = day(-1)
	w.importLifecycles("distro-info", bookworm) // counts above endoflife.date
	check(a.ID, apiv1.HostLifecycle{Product: "debian", Release: "12", State: "ended", Until: day(-1), Source: "distro-info"}, 1)
}

// What is worked out once is kept for releases that a source knows: hosts can make up others without end.
func TestMadeUpReleasesAreNotKept(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	l := &lifecycles{of: map[release]advisory.Lifecycle{{"debian", "12"}: {Product: "debian", Release: "12", EOL: "2027-01-01", Feed: "eol"}}}
	for i := range 1000 {
		if got := l.on(fmt.Sprintf("Debian:%d", 100+i), now).HostLifecycle; got.State != "unknown" {
			t.Fatalf("%+v", got)
		}
	}
	for range 2 {
		if got := l.on("Debian:12", now).HostLifecycle; got.State != "supported" {
			t.Fatalf("%+v", got)
		}
	}
	kept := 0
	l.today.Range(func(any, any) bool { kept++; return true })
	if kept != 1 {
		t.Errorf("%d releases are kept, want 1", kept)
	}
}

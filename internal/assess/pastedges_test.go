package assess

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/fleet"
)

func (w *world) delete(h fleet.Host) {
	w.tb.Helper()
	_, err := w.store.DeleteHost(context.Background(), h.ID, w.at, event.Event{At: w.at, Kind: event.HostDeleted, Actor: "user:test", Host: h.ID})
	w.must(err)
}

// importScoresOf imports EPSS of a few CVEs.
func (w *world) importScoresOf(scores map[string]float64) {
	w.tb.Helper()
	w.imports++
	w.at = w.at.Add(time.Second)
	_, err := w.store.ImportFeed(context.Background(), advisory.Import{
		State: advisory.FeedState{Name: "epss", SHA256: fmt.Sprint(w.imports), Records: len(scores), AsOf: w.at, ChangedAt: w.at, AttemptedAt: w.at, NextDue: w.at.Add(time.Hour)},
		At:    w.at,
		Overlays: func(yield func(advisory.Overlay) error) error {
			for cve, score := range scores {
				if err := yield(advisory.Overlay{CVE: cve, EPSS: &advisory.EPSS{Score: score}}); err != nil {
					return err
				}
			}
			return nil
		},
	})
	w.must(err)
}

// said is everything that has a history in what is said of a fleet.
func (w *world) said(past Past) []string {
	w.tb.Helper()
	page, err := w.assess.Findings(context.Background(), Query{Past: past, Limit: 1000})
	w.must(err)
	overview, err := w.assess.Overview(context.Background(), Query{Past: past})
	w.must(err)
	out := []string{fmt.Sprintf("%d hosts, %d not assessed, %+v, %+v", overview.Hosts, overview.NotAssessed, overview.Findings, overview.HostsByWorst)}
	for _, f := range page.Items {
		line := fmt.Sprintf("%s %s %s %s < %s: %s %s", f.HostID, f.Host, f.Vulnerability, f.Installed, f.Fixed, f.Priority, f.Status)
		if f.EPSS != nil {
			line += fmt.Sprintf(" %.3f of %s", f.EPSS.Score, f.EPSS.AsOf)
		}
		for _, r := range f.Reasons {
			line += fmt.Sprintf("; %s %s (%s)", r.Input, r.Value, r.Effect)
		}
		out = append(out, line)
	}
	slices.Sort(out[1:])
	return out
}

// Whatever happened since, an instant is told as it was told at that instant.
func TestThePastIsWhatThePresentWas(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(t)
		defer w.stop()
		var now atomic.Int64
		set := func(at time.Time) { now.Store(at.UnixMicro()) }
		w.assess.now = func() time.Time { return time.UnixMicro(now.Load()).UTC() }
		set(time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC))
		w.start()
		var hosts []fleet.Host
		told := map[time.Time][]string{}
		version := func(label string) string { return fmt.Sprintf("1.%d", rapid.IntRange(1, 4).Draw(r, label)) }
		cve := func(label string) string { return rapid.SampledFrom([]string{"CVE-1", "CVE-2"}).Draw(r, label) }
		begin := time.Date(2026, 11, 1, 6, 0, 0, 0, time.UTC)
		for n := range rapid.IntRange(1, 5).Draw(r, "moments") {
			w.at = begin.Add(time.Duration(n) * time.Hour)
			for range rapid.IntRange(0, 4).Draw(r, "deeds") {
				switch deed := rapid.IntRange(0, 10).Draw(r, "deed"); {
				case deed == 0 || len(hosts) == 0:
					hosts = append(hosts, w.enroll(rapid.SampledFrom([]string{"web", "db"}).Draw(r, "name"), nil))
				case deed < 5:
					h := rapid.SampledFrom(hosts).Draw(r, "host")
					w.packages(h.ID, "Debian:12", deb("a", "a", version("a")), deb("b", "b", version("b")))
				case deed < 8:
					w.importFeed("osv/Debian", []string{"Debian:12"}, fixes("CVE-1", rapid.SampledFrom([]string{"a", "b"}).Draw(r, "source"), version("fix")), fixes("CVE-2", "b", version("fix")))
				case deed == 8:
					w.importKEV(cve("listed"))
				case deed == 9:
					w.importScoresOf(map[string]float64{cve("scored"): float64(rapid.IntRange(0, 999).Draw(r, "score")) / 1000, "CVE-9": 0.5})
				default:
					i := rapid.IntRange(0, len(hosts)-1).Draw(r, "gone")
					w.delete(hosts[i])
					hosts = slices.Delete(hosts, i, i+1)
				}
			}
			w.settle()
			told[w.at] = w.said(Past{})
		}
		for at, want := range told {
			if diff := cmp.Diff(want, w.said(Past{At: at})); diff != "" {
				r.Fatalf("at %v: %s", at, diff)
			}
		}
	})
}

// Before the first import of KEV nobody knows what is in it: that is said, and not that something is not listed.
func TestBeforeKEVWasImportedNothingIsSaidToBeUnlisted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	day := func(n int) time.Time { return time.Date(2026, 11, n, 12, 0, 0, 0, time.UTC) }
	w.at = day(1)
	web := w.enroll("web1", nil)
	w.packages(web.ID, "Debian:12", deb("libssl3", "openssl", "3.0.15"))
	w.importFeed("osv/Debian", []string{"Debian:12"}, fixes("CVE-1", "openssl", "3.0.16"))
	w.at = day(3)
	w.importKEV("CVE-9")
	w.assess.now = func() time.Time { return day(10) }
	w.start()
	defer w.stop()
	for name, tc := range map[string]struct {
		past Past
		want string
	}{
		"now":            {Past{}, "not listed"},
		"after":          {Past{At: day(4)}, "not listed"},
		"before":         {Past{At: day(2)}, "not known: the catalogue is not here"},
		"with hindsight": {Past{At: day(2), Hindsight: true}, "not listed"},
	} {
		page, err := w.assess.Findings(t.Context(), Query{Past: tc.past})
		w.must(err)
		if len(page.Items) != 1 {
			t.Fatalf("%s: %+v", name, page)
		}
		var said []string
		for _, r := range page.Items[0].Reasons {
			if r.Input == "kev" {
				said = append(said, r.Value)
			}
		}
		if got := strings.Join(said, "; "); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}

// A host of the past is found by the name that it had among those of then: one that is gone, and one that came again under its name.
func TestAHostOfThePastIsFoundByName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	day := func(n int) time.Time { return time.Date(2026, 11, n, 12, 0, 0, 0, time.UTC) }
	w.at = day(1)
	w.importFeed("osv/Debian", []string{"Debian:12"}, fixes("CVE-1", "openssl", "3.0.16"))
	gone, first := w.enroll("gone1", nil), w.enroll("web1", nil)
	for _, h := range []fleet.Host{gone, first} {
		w.packages(h.ID, "Debian:12", deb("libssl3", "openssl", "3.0.15"))
	}
	w.at = day(3)
	w.delete(gone)
	w.delete(first)
	w.at = day(5)
	second := w.enroll("web1", nil)
	w.packages(second.ID, "Debian:12", deb("libssl3", "openssl", "3.0.14"))
	w.at = day(7)
	w.enroll("web1", nil) // two of one name
	w.assess.now = func() time.Time { return day(10) }
	w.start()
	defer w.stop()
	for name, tc := range map[string]struct {
		host string
		at   time.Time
		want string // the version that is installed, or what kind of fault
	}{
		"one that is gone, by name":                        {"gone1", day(2), "3.0.15"},
		"one that is gone, in capitals":                    {"GONE1", day(2), "3.0.15"},
		"one that is gone, by id":                          {gone.ID, day(2), "3.0.15"},
		"at the last moment of it":                         {"gone1", day(3).Add(-time.Microsecond), "3.0.15"},
		"at the moment it went":                            {"gone1", day(3), string(fault.NotFound)},
		"the first of its name":                            {"web1", day(2), "3.0.15"},
		"between the two":                                  {"web1", day(4), string(fault.NotFound)},
		"the second of its name":                           {"web1", day(6), "3.0.14"},
		"the second, before it came":                       {second.ID, day(2), string(fault.NotFound)},
		"two of one name":                                  {"web1", day(8), string(fault.Conflict)},
		"one of the two, by id":                            {second.ID, day(8), "3.0.14"},
		"today by name, which is somebody else's business": {"web1", time.Time{}, string(fault.NotFound)},
	} {
		page, err := w.assess.HostFindings(t.Context(), tc.host, Query{Past: Past{At: tc.at}})
		got := string(fault.KindOf(err))
		if err == nil && len(page.Items) == 1 {
			got = page.Items[0].Installed
		}
		if got != tc.want {
			t.Errorf("%s: %s, %v, want %s", name, got, err, tc.want)
		}
	}
}

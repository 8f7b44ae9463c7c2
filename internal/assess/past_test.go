package assess

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/fleet"
)

// pastSaid is what a question about findings gives, in few words.
type pastSaid struct {
	Findings []string
	Hosts    int
	Unknown  int
	Reason   string
	Past     *apiv1.Past
}

func (w *world) askedThen(past Past) pastSaid {
	w.tb.Helper()
	ctx := context.Background()
	page, err := w.assess.Findings(ctx, Query{Past: past})
	w.must(err)
	overview, err := w.assess.Overview(ctx, Query{Past: past})
	w.must(err)
	out := pastSaid{Hosts: overview.Hosts, Unknown: page.NotAssessed, Past: page.Past}
	for _, f := range page.Items {
		out.Findings = append(out.Findings, f.Host+" "+f.Vulnerability+" "+f.Installed+" < "+f.Fixed)
	}
	hosts, err := w.assess.Hosts(ctx, Query{Past: past, Sort: "name"})
	w.must(err)
	if len(hosts.Items) > 0 && !hosts.Items[0].Findings.Assessed {
		out.Reason = hosts.Items[0].Findings.Reason
	}
	return out
}

// When a host's lists were refreshed has no history, so of the past nobody says that they never were; and what was offered was then.
func TestThePastDoesNotSayThatListsWereNeverRefreshed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.at = w.at.Add(-48 * time.Hour)
	then := w.at.Add(time.Hour)
	web, db := w.enroll("web1", nil), w.enroll("db1", nil)
	for _, h := range []fleet.Host{web, db} {
		w.packages(h.ID, "Debian:12", deb("libssl3", "openssl", "3.0.15"))
	}
	w.put(web.ID, apiv1.SectionUpdates, apiv1.Updates{Manager: "apt", Known: true, Updates: []apiv1.Update{}})
	w.put(db.ID, apiv1.SectionUpdates, apiv1.Updates{Manager: "apt", Known: true, Updates: []apiv1.Update{
		{Name: "libssl3", Arch: "amd64", Action: apiv1.ActionUpgrade, From: "3.0.15", To: "3.0.17", State: apiv1.UpdateInstallable}}})
	w.importFeed("osv/Debian", []string{"Debian:12"}, fixes("CVE-1", "openssl", "3.0.17"))
	w.start()
	t.Cleanup(w.stop)
	page, err := w.assess.Findings(t.Context(), Query{Sort: "host", Past: Past{At: then}})
	w.must(err)
	if len(page.Items) != 2 || !strings.Contains(page.Items[0].Explanation, "apt offered libssl3 3.0.17 then") || !strings.Contains(page.Items[1].Explanation, "no update was offered then") ||
		strings.Contains(page.Items[1].Explanation, "refreshed") {
		t.Errorf("%+v", page.Items)
	}
}

// Who was online has no history either: nobody is said to have been, and nobody is found or counted as if.
func TestThePastDoesNotSayWhoIsOnlineToday(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.at = w.at.Add(-48 * time.Hour)
	then := w.at.Add(time.Hour)
	web := w.enroll("web1", nil)
	go w.presence.Wait(t.Context(), web.ID)
	for !w.presence.Online(web.ID, w.assess.now()) {
		time.Sleep(time.Millisecond)
	}
	w.start()
	t.Cleanup(w.stop)
	online, err := fleet.ParseSelector("host.online=yes")
	w.must(err)
	for name, tc := range map[string]struct {
		past Past
		want int
	}{"now": {Past{}, 1}, "then": {Past{At: then}, 0}, "with hindsight": {Past{At: then, Hindsight: true}, 0}} {
		page, err := w.assess.Hosts(t.Context(), Query{Past: tc.past})
		w.must(err)
		found, err := w.assess.Hosts(t.Context(), Query{Past: tc.past, Selector: online})
		w.must(err)
		overview, err := w.assess.Overview(t.Context(), Query{Past: tc.past})
		w.must(err)
		if len(page.Items) != 1 || page.Items[0].Online != (tc.want == 1) || found.Total != tc.want || overview.Online != tc.want {
			t.Errorf("%s: %+v, %d found, %d counted, want %d", name, page.Items, found.Total, overview.Online, tc.want)
		}
	}
}

// The past is judged with what was known then, or with hindsight, whatever happened since.
func TestThePastAnswersWithThenAndWithHindsight(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	day := func(n int) time.Time { return time.Date(2026, 11, n, 12, 0, 0, 0, time.UTC) }
	w.at = day(1)
	web := w.enroll("web1", nil)
	w.packages(web.ID, "Debian:12", deb("libssl3", "openssl", "3.0.15"), deb("zlib1g", "zlib", "1.2"))
	w.at = day(3)
	w.importFeed("osv/Debian", []string{"Debian:12"}, fixes("CVE-1", "openssl", "3.0.16"))
	w.at = day(5)
	w.importFeed("osv/Debian", []string{"Debian:12"}, fixes("CVE-1", "openssl", "3.0.17"), fixes("CVE-2", "zlib", "1.3"))
	w.at = day(7)
	w.packages(web.ID, "Debian:12", deb("libssl3", "openssl", "3.0.17"), deb("zlib1g", "zlib", "1.2"))
	w.at = day(8)
	old := w.enroll("old1", nil)
	w.packages(old.ID, "Debian:12", deb("libssl3", "openssl", "3.0.15"))
	w.at = day(9)
	_, err := w.store.DeleteHost(context.Background(), old.ID, w.at, event.Event{At: w.at, Kind: event.HostDeleted, Actor: "user:test", Host: old.ID})
	w.must(err)
	w.assess.now = func() time.Time { return day(10) }
	w.start()
	defer w.stop()

	then := func(n int) Past { return Past{At: day(n)} }
	later := func(n int) Past { return Past{At: day(n), Hindsight: true} }
	of := func(n int, knowledge string) *apiv1.Past { return &apiv1.Past{AsOf: day(n), Knowledge: knowledge} }
	for name, tc := range map[string]struct {
		past Past
		want pastSaid
	}{
		"now":                       {Past{}, pastSaid{Findings: []string{"web1 CVE-2 1.2 < 1.3"}, Hosts: 1}},
		"before the first feed":     {then(2), pastSaid{Hosts: 1, Unknown: 1, Reason: "unknown then: no feed with advisories for Debian:12 had been imported", Past: of(2, "then")}},
		"the same with hindsight":   {later(2), pastSaid{Findings: []string{"web1 CVE-2 1.2 < 1.3", "web1 CVE-1 3.0.15 < 3.0.17"}, Hosts: 1, Past: of(2, "today")}},
		"with the first feed":       {then(4), pastSaid{Findings: []string{"web1 CVE-1 3.0.15 < 3.0.16"}, Hosts: 1, Past: of(4, "then")}},
		"with its revision":         {then(6), pastSaid{Findings: []string{"web1 CVE-2 1.2 < 1.3", "web1 CVE-1 3.0.15 < 3.0.17"}, Hosts: 1, Past: of(6, "then")}},
		"a host that is gone since": {Past{At: day(8).Add(time.Hour)}, pastSaid{Findings: []string{"old1 CVE-1 3.0.15 < 3.0.17", "web1 CVE-2 1.2 < 1.3"}, Hosts: 2, Past: &apiv1.Past{AsOf: day(8).Add(time.Hour), Knowledge: "then"}}},
		"before there was any host": {Past{At: day(1).Add(-time.Hour)}, pastSaid{Past: &apiv1.Past{AsOf: day(1).Add(-time.Hour), Knowledge: "then"}}},
	} {
		t.Run(name, func(t *testing.T) {
			got := w.askedThen(tc.past)
			if diff := cmp.Diff(tc.want.sorted(), got.sorted()); diff != "" {
				t.Error(diff)
			}
		})
	}
	for name, past := range map[string]Past{"the future": {At: day(11)}, "hindsight of nothing": {Hindsight: true}} {
		if _, err := w.assess.Findings(context.Background(), Query{Past: past}); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(w.assess.pasts.kept); n != pastsKept {
		t.Errorf("%d indexes are kept", n)
	}

	// With hindsight, what is learned later changes the answer; what was known then never changes.
	before := w.askedThen(then(4))
	w.askedThen(later(4))
	w.at = day(10)
	w.importFeed("osv/Debian", []string{"Debian:12"}, fixes("CVE-3", "zlib", "1.3"))
	w.settle()
	if diff := cmp.Diff(before, w.askedThen(then(4))); diff != "" {
		t.Error(diff)
	}
	if got := w.askedThen(later(4)); len(got.Findings) != 1 || got.Findings[0] != "web1 CVE-3 1.2 < 1.3" {
		t.Errorf("%+v", got)
	}
}

func (s pastSaid) sorted() pastSaid {
	s.Findings = sortedStrings(append([]string{}, s.Findings...))
	return s
}

// However a fleet and what is known came to be, stepping back day by day gives what reading each day whole gives.
func TestSweepingBackIsReadingEachDay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(t)
		defer w.stop()
		var hosts []fleet.Host
		var days []time.Time
		version := func(label string) string { return fmt.Sprintf("1.%d", rapid.IntRange(1, 4).Draw(r, label)) }
		for day := range rapid.IntRange(1, 5).Draw(r, "days") {
			w.at = time.Date(2026, 11, 1+day, 6, 0, 0, 0, time.UTC)
			for range rapid.IntRange(0, 4).Draw(r, "deeds") {
				switch deed := rapid.IntRange(0, 9).Draw(r, "deed"); {
				case deed == 0 || len(hosts) == 0:
					hosts = append(hosts, w.enroll(fmt.Sprintf("h%d", len(hosts)), nil))
				case deed < 5:
					h := rapid.SampledFrom(hosts).Draw(r, "host")
					w.packages(h.ID, "Debian:12", deb("a", "a", version("a")), deb("b", "b", version("b")))
				case deed < 8:
					w.importFeed("osv/Debian", []string{"Debian:12"}, fixes("CVE-1", rapid.SampledFrom([]string{"a", "b"}).Draw(r, "source"), version("fix")), fixes("CVE-2", "b", version("fix")))
				case deed == 8:
					w.importKEV(rapid.SampledFrom([]string{"CVE-1", "CVE-2"}).Draw(r, "cve"))
				default:
					i := rapid.IntRange(0, len(hosts)-1).Draw(r, "gone")
					_, err := w.store.DeleteHost(context.Background(), hosts[i].ID, w.at, event.Event{At: w.at, Kind: event.HostDeleted, Actor: "user:test", Host: hosts[i].ID})
					w.must(err)
					hosts = slices.Delete(hosts, i, i+1)
				}
			}
			days = append(days, time.Date(2026, 11, 1+day, 23, 59, 59, 999_999_000, time.UTC))
		}
		end := days[len(days)-1].Add(time.Hour)
		w.assess.now = func() time.Time { return end }
		w.start()
		slices.Reverse(days)
		var swept []time.Time
		w.must(w.assess.Sweep(context.Background(), days, func(at time.Time, got apiv1.Overview) error {
			swept = append(swept, at)
			want, err := w.assess.Overview(context.Background(), Query{Past: Past{At: at}})
			w.must(err)
			want.Seq, got.Seq = 0, 0
			if diff := cmp.Diff(want, got); diff != "" {
				r.Fatalf("%v: %s", at, diff)
			}
			return nil
		}))
		if !slices.Equal(swept, days) {
			r.Fatalf("swept %v of %v", swept, days)
		}
	})
}

// Many who ask about many times make the server load one at a time; each is answered in the end, and who cannot wait is told to ask again.
func TestThePastIsLoadedOneAtATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	day := func(n int) time.Time { return time.Date(2026, 11, n, 12, 0, 0, 0, time.UTC) }
	w.at = day(1)
	w.enroll("web1", nil)
	w.assess.now = func() time.Time { return day(28) }
	w.start()
	defer w.stop()
	var loading, most atomic.Int32
	turn := make(chan struct{})
	past := w.assess.past
	w.assess.past = func(at time.Time) PastReader {
		for n := loading.Add(1); ; {
			if seen := most.Load(); n <= seen || most.CompareAndSwap(seen, n) {
				break
			}
		}
		<-turn
		loading.Add(-1)
		return past(at)
	}
	var asking sync.WaitGroup
	for n := range 20 {
		asking.Go(func() {
			if o, err := w.assess.Overview(context.Background(), Query{Past: Past{At: day(n + 2)}}); err != nil || o.Hosts != 1 {
				t.Errorf("day %d: %v, %d hosts", n, err, o.Hosts)
			}
		})
	}
	turn <- struct{}{} // one is being loaded, and the next after it
	for loading.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, err := w.assess.Overview(ctx, Query{Past: Past{At: day(25)}}); !errors.Is(err, fault.Unavailable) {
		t.Errorf("who cannot wait: %v", err)
	}
	close(turn)
	asking.Wait()
	if most.Load() != 1 || len(w.assess.pasts.kept) > pastsKept {
		t.Errorf("%d were loaded at a time, %d are kept", most.Load(), len(w.assess.pasts.kept))
	}
}

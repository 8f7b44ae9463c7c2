package inventory_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/fleet"
	"github.com/staunch-dev/staunch/internal/id"
	"github.com/staunch-dev/staunch/internal/inventory"
	"github.com/staunch-dev/staunch/internal/store"
	"github.com/staunch-dev/staunch/internal/store/storetest"
)

type bundle struct {
	t     *testing.T
	store *store.Store
	s     *inventory.Service
	at    time.Time
}

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{t: t, store: storetest.Open(t), at: time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)}
	b.s = inventory.NewService(b.store, slog.New(slog.DiscardHandler), func() time.Time { return b.at })
	return b
}

func (b *bundle) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bundle) host(name string) string {
	b.t.Helper()
	ctx := context.Background()
	token := fleet.EnrollToken{ID: id.New("et", b.at), SecretHash: "00", Approve: true, Uses: 1, UsesLeft: 1, CreatedAt: b.at, CreatedBy: "user:t", ExpiresAt: b.at.Add(time.Hour)}
	b.must(b.store.CreateEnrollToken(ctx, token, event.Event{At: b.at, Kind: event.EnrollCreated, Actor: "user:t"}))
	h := fleet.Host{ID: id.New("host", b.at), Name: name, State: fleet.Approved, TokenID: token.ID, EnrolledAt: b.at, ApprovedAt: b.at}
	_, err := b.store.Enroll(ctx, fleet.Enrollment{TokenID: token.ID, Host: h,
		Certificate: fleet.Certificate{Serial: id.New("c", b.at), HostID: h.ID, IssuedAt: b.at, NotAfter: b.at.Add(time.Hour)},
		Event:       event.Event{At: b.at, Kind: event.HostEnrolled, Actor: "host:" + h.ID, Host: h.ID, Text: "Enrolled."}})
	b.must(err)
	return h.ID
}

func encode(t *testing.T, body any) (string, []byte) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return sum(text), text
}

func sum(text []byte) string {
	s := sha256.Sum256(text)
	return hex.EncodeToString(s[:])
}

func (b *bundle) put(hostID, section string, body any) (string, apiv1.SectionAnswer) {
	b.t.Helper()
	digest, text := encode(b.t, body)
	b.at = b.at.Add(time.Minute)
	answer, err := b.s.PutSection(context.Background(), hostID, section, digest, text)
	b.must(err)
	return digest, answer
}

func packages(versions ...string) apiv1.Packages {
	p := apiv1.Packages{Ecosystem: "Debian:12", Packages: []apiv1.Package{}}
	for i, v := range versions {
		if v != "" {
			p.Packages = append(p.Packages, apiv1.Package{Name: fmt.Sprintf("pkg%d", i), Arch: "amd64", Version: v, Source: "src", Origin: "Debian"})
		}
	}
	return p
}

func facts(boot, kernel string) apiv1.Facts {
	return apiv1.Facts{Hostname: "h", Arch: "amd64", OS: apiv1.OSRelease{ID: "debian", VersionID: "12", Name: "Debian 12", Ecosystem: "Debian:12"}, BootID: boot,
		Kernel: apiv1.Kernel{Running: kernel, Installed: []string{}}, Reboot: apiv1.Reboot{Packages: []string{}, Reasons: []string{}},
		PackageManager: apiv1.PackageManager{Name: "apt", Broken: []apiv1.PackageState{}, Held: []string{}}, Units: []apiv1.Unit{}}
}

func TestAnUnchangedCheckinWritesNothingButLastSeen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	h := b.host("a")
	digest, _ := b.put(h, apiv1.SectionPackages, packages("1.0-1", "2.0-1"))
	b.s.Stop() // writes what waits
	before := b.store.Stats()
	for range 3 {
		b.at = b.at.Add(time.Minute)
		answer, err := b.s.Checkin(t.Context(), h, apiv1.Checkin{AgentVersion: "1", Sections: map[string]string{apiv1.SectionPackages: digest}, Vitals: &apiv1.Vitals{Load1: 1}})
		b.must(err)
		if len(answer.Lacks) != 0 || answer.Seq == 0 || answer.NextSeconds == 0 {
			t.Fatalf("%+v", answer)
		}
	}
	b.s.Stop()
	after := b.store.Stats()
	if after.Writes != before.Writes || after.SeenWrites != before.SeenWrites+1 {
		t.Errorf("writes %+v, before %+v: want one batch of last-seen times and nothing else", after, before)
	}
	seen, err := b.store.SeenHost(t.Context(), h)
	b.must(err)
	if !seen.At.Equal(b.at) || !strings.Contains(string(seen.Vitals), `"load1":1`) {
		t.Errorf("%+v", seen)
	}
}

func TestAKnownBodyIsNotAskedForAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one, two := b.host("one"), b.host("two")
	digest, text := encode(t, packages("1.0-1"))
	checkin := apiv1.Checkin{Sections: map[string]string{apiv1.SectionPackages: digest, "from-the-future": strings.Repeat("a", 64)}}
	answer, err := b.s.Checkin(t.Context(), one, checkin)
	b.must(err)
	if d := cmp.Diff([]string{apiv1.SectionPackages}, answer.Lacks); d != "" {
		t.Fatal(d)
	}
	_, err = b.s.PutSection(t.Context(), one, apiv1.SectionPackages, digest, text)
	b.must(err)
	answer, err = b.s.Checkin(t.Context(), two, checkin)
	b.must(err)
	if len(answer.Lacks) != 0 {
		t.Fatalf("the second host of the image is asked for %v", answer.Lacks)
	}
	got, err := b.s.PackagesOf(t.Context(), two)
	b.must(err)
	if d := cmp.Diff(packages("1.0-1").Packages, got.Packages, cmp.AllowUnexported(apiv1.Package{})); d != "" || got.Ecosystem != "Debian:12" {
		t.Errorf("%s %s", got.Ecosystem, d)
	}
	if again, err := b.s.PutSection(t.Context(), two, apiv1.SectionPackages, digest, text); err != nil || again.Changed {
		t.Errorf("the same body again: %+v, %v", again, err)
	}
}

func TestBadSectionsAreRefusedAndChangeNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	h := b.host("a")
	pkg := func(change func(*apiv1.Package)) apiv1.Packages {
		p := packages("1.0-1", "2.0-1")
		change(&p.Packages[1])
		return p
	}
	text := func(body any) []byte { _, text := encode(t, body); return text }
	before, err := b.store.Seq(t.Context())
	b.must(err)
	for name, tc := range map[string]struct {
		section string
		body    []byte
		digest  string
		want    fault.Kind
	}{
		"wrong digest":          {apiv1.SectionPackages, text(packages("1.0-1")), strings.Repeat("0", 64), fault.Invalid},
		"unknown section":       {"secrets", []byte(`{}`), "", fault.Invalid},
		"truncated":             {apiv1.SectionPackages, []byte(`{"ecosystem":"Debian:12","packages":[{"na`), "", fault.Invalid},
		"another type":          {apiv1.SectionPackages, []byte(`[]`), "", fault.Invalid},
		"two values":            {apiv1.SectionFacts, append(text(facts("b", "k")), []byte(` {}`)...), "", fault.Invalid},
		"not utf-8":             {apiv1.SectionFacts, []byte("{\"hostname\":\"\xff\"}"), "", fault.Invalid},
		"control character":     {apiv1.SectionPackages, text(pkg(func(p *apiv1.Package) { p.Version = "1.0\x1b[31m" })), "", fault.Invalid},
		"name too long":         {apiv1.SectionPackages, text(pkg(func(p *apiv1.Package) { p.Name = strings.Repeat("x", 257) })), "", fault.TooLarge},
		"empty name":            {apiv1.SectionPackages, text(pkg(func(p *apiv1.Package) { p.Name = "" })), "", fault.Invalid},
		"not sorted":            {apiv1.SectionPackages, text(pkg(func(p *apiv1.Package) { p.Name = "a" })), "", fault.Invalid},
		"twice":                 {apiv1.SectionPackages, text(pkg(func(p *apiv1.Package) { p.Name, p.Version = "pkg0", "1.0-1" })), "", fault.Invalid},
		"state of no update":    {apiv1.SectionUpdates, []byte(`{"manager":"apt","known":true,"updates":[{"name":"a","arch":"amd64","action":"upgrade","security":false,"state":"maybe"}]}`), "", fault.Invalid},
		"huge":                  {apiv1.SectionFacts, make([]byte, apiv1.MaxSectionBytes+1), "", fault.TooLarge},
		"too many disks":        {apiv1.SectionHardware, text(apiv1.Hardware{Disks: make([]apiv1.Disk, 1001)}), "", fault.TooLarge},
		"repositories unsorted": {apiv1.SectionRepositories, text(apiv1.Repositories{Repositories: []apiv1.Repository{{ID: "b"}, {ID: "a"}}}), "", fault.Invalid},
	} {
		digest := tc.digest
		if digest == "" {
			digest = sum(tc.body)
		}
		if _, err := b.s.PutSection(t.Context(), h, tc.section, digest, tc.body); fault.KindOf(err) != tc.want {
			t.Errorf("%s: %v, want %s", name, err, tc.want)
		}
	}
	for name, in := range map[string]apiv1.Checkin{
		"digest of capitals":  {Sections: map[string]string{"packages": strings.Repeat("A", 64)}},
		"digest too short":    {Sections: map[string]string{"packages": "ab"}},
		"vitals out of range": {Vitals: &apiv1.Vitals{Phasing: []apiv1.Phasing{{Package: "a", Version: "1", Percent: 101}}}},
		"mount with escape":   {Vitals: &apiv1.Vitals{Free: []apiv1.FreeSpace{{Mount: "/\x1b"}}}},
	} {
		if _, err := b.s.Checkin(t.Context(), h, in); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v, want Invalid", name, err)
		}
	}
	after, err := b.store.Seq(t.Context())
	b.must(err)
	if before != after {
		t.Errorf("something changed: seq %d, before %d", after, before)
	}
}

func TestAnOddVersionKeepsItsPackage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	h := b.host("a")
	b.put(h, apiv1.SectionPackages, packages("not a version", "1.0-1"))
	got, err := b.s.PackagesOf(t.Context(), h)
	b.must(err)
	if len(got.Packages) != 2 || got.Packages[0].Version != "not a version" {
		t.Fatalf("%+v", got.Packages)
	}
	all, err := b.store.AllPackages(t.Context(), 0, 10)
	b.must(err)
	for _, p := range all {
		if odd := p.Version == "not a version"; odd != (p.VersionKey == nil) {
			t.Errorf("%s has the key %x", p.Version, p.VersionKey)
		}
	}
}

func TestNoPackagesAreASetToo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	h := b.host("a")
	b.put(h, apiv1.SectionPackages, packages("1.0-1"))
	if _, answer := b.put(h, apiv1.SectionPackages, packages()); !answer.Changed {
		t.Error("not changed")
	}
	got, err := b.s.PackagesOf(t.Context(), h)
	b.must(err)
	if len(got.Packages) != 0 || got.AsOf == nil {
		t.Errorf("%+v", got)
	}
}

func TestHistoryTellsWhatChangedNewestFirst(t *testing.T) {
	t.Parallel()
	b := setup(t)
	h := b.host("a")
	b.put(h, apiv1.SectionFacts, facts("boot-1", "6.1.0-37-amd64"))
	b.put(h, apiv1.SectionPackages, packages("1.0-1", "2.0-1", "3.0-1"))
	b.put(h, apiv1.SectionPackages, packages("1.0-2", "", "3.0-1", "4.0-1"))
	b.put(h, apiv1.SectionFacts, facts("boot-2", "6.1.0-38-amd64"))
	all, err := b.s.History(t.Context(), h, time.Time{}, 100)
	b.must(err)
	var got []string
	for _, e := range all {
		got = append(got, e.Kind+": "+e.Text)
	}
	want := []string{
		"host.rebooted: Rebooted; runs kernel 6.1.0-38-amd64, before 6.1.0-37-amd64.",
		"facts: Running kernel 6.1.0-38-amd64, before 6.1.0-37-amd64, rebooted.",
		"packages: 1 package changed version, 1 package installed, 1 package removed.",
		"packages: First inventory: 3 packages.",
		"facts: First facts: Debian 12, kernel 6.1.0-37-amd64.",
		"host.enrolled: Enrolled.",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Fatal(d)
	}
	changes := []apiv1.PackageChange{{Name: "pkg0", Arch: "amd64", From: "1.0-1", To: "1.0-2"}, {Name: "pkg1", Arch: "amd64", From: "2.0-1"}, {Name: "pkg3", Arch: "amd64", To: "4.0-1"}}
	if d := cmp.Diff(changes, all[2].Changes); d != "" {
		t.Error(d)
	}
	// Page by page it is the same.
	var paged []string
	for before := (time.Time{}); ; {
		page, err := b.s.History(t.Context(), h, before, 1)
		b.must(err)
		if len(page) == 0 {
			break
		}
		for _, e := range page {
			paged = append(paged, e.Kind+": "+e.Text)
		}
		before = page[len(page)-1].At
	}
	if d := cmp.Diff(want, paged); d != "" {
		t.Errorf("by pages: %s", d)
	}
}

func TestPhasingIsKeptOncePerVersionAndExplainsTheUpdate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	h := b.host("a")
	b.put(h, apiv1.SectionFacts, facts("b", "k"))
	b.put(h, apiv1.SectionUpdates, apiv1.Updates{Manager: "apt", Known: true, Updates: []apiv1.Update{
		{Name: "libc6", Arch: "amd64", Action: "upgrade", From: "1", To: "2", State: "phased"}}})
	_, err := b.s.Checkin(t.Context(), h, apiv1.Checkin{Vitals: &apiv1.Vitals{Phasing: []apiv1.Phasing{{Package: "libc6", Version: "2", Percent: 30}}}})
	b.must(err)
	b.s.Stop()
	seen, err := b.store.SeenHost(t.Context(), h)
	b.must(err)
	if strings.Contains(string(seen.Vitals), "phasing") {
		t.Errorf("the host keeps the share too: %s", seen.Vitals)
	}
	got, err := b.s.UpdatesOf(t.Context(), h)
	b.must(err)
	if want := "phased: offered to 30 % of machines so far, not to this one"; got.Updates.Updates[0].Reason != want {
		t.Errorf("%q, want %q", got.Updates.Updates[0].Reason, want)
	}
	if !got.Metadata.Stale || got.Metadata.Reason != "package lists were never refreshed" {
		t.Errorf("%+v", got.Metadata)
	}
}

func TestLastSeenIsWrittenEveryFiveSeconds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	h := b.host("a")
	synctest.Test(t, func(t *testing.T) {
		rec := &recorder{Store: b.store}
		s := inventory.NewService(rec, slog.New(slog.DiscardHandler), time.Now)
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.Seen(h)
		s.Seen(h)
		time.Sleep(5*time.Second + time.Millisecond)
		synctest.Wait()
		if rec.batches != 1 || rec.hosts != 1 {
			t.Errorf("%d batches of %d hosts after five seconds", rec.batches, rec.hosts)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		s.Seen(h)
		s.Stop()
		s.Stop()
		if rec.batches != 2 {
			t.Errorf("%d batches, want the second at Stop and none while nobody was seen", rec.batches)
		}
	})
}

// recorder counts batches in place of a database, whose own goroutines cannot live in a synctest bubble.
type recorder struct {
	inventory.Store
	batches, hosts int
}

func (r *recorder) WriteSeen(_ context.Context, batch []inventory.Seen, _ []inventory.PhasedShare) error {
	r.batches++
	r.hosts += len(batch)
	return nil
}

func TestMetadataState(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	at := func(d time.Duration) *time.Time { t := now.Add(d); return &t }
	apt := &apiv1.Facts{PackageManager: apiv1.PackageManager{Name: "apt"}}
	for name, tc := range map[string]struct {
		vitals *apiv1.Vitals
		facts  *apiv1.Facts
		stale  bool
		reason string
	}{
		"nothing reported": {nil, apt, true, "has not said"},
		"no manager":       {&apiv1.Vitals{RefreshedAt: at(0)}, &apiv1.Facts{}, true, "no package manager"},
		"never":            {&apiv1.Vitals{RefreshError: "no\nroute"}, apt, true, "never refreshed: no route"},
		"fresh":            {&apiv1.Vitals{RefreshedAt: at(-23 * time.Hour)}, apt, false, ""},
		"a day old":        {&apiv1.Vitals{RefreshedAt: at(-25 * time.Hour)}, apt, true, "25 hours ago"},
		"no facts yet":     {&apiv1.Vitals{RefreshedAt: at(-time.Hour)}, nil, false, ""},
		"expired lists": {&apiv1.Vitals{RefreshedAt: at(-time.Hour), Metadata: []apiv1.MetadataTime{{Repository: "http://mirror.example.org/debian x", ValidUntil: at(-time.Minute)}}}, apt, true,
			"valid until 2026-11-21 09:59 UTC"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := inventory.MetadataState(tc.vitals, tc.facts, now)
			if got.Stale != tc.stale || !strings.Contains(got.Reason, tc.reason) || got.Stale != (got.Reason != "") {
				t.Errorf("%+v, want stale %v: …%s…", got, tc.stale, tc.reason)
			}
		})
	}
}

package assess

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fleet"
	"github.com/staunch-dev/staunch/internal/id"
	"github.com/staunch-dev/staunch/internal/inventory"
	"github.com/staunch-dev/staunch/internal/store"
	"github.com/staunch-dev/staunch/internal/store/storetest"
)

// world is a real store with everything that stands on it, and what a test has put into it.
type world struct {
	tb        testing.TB
	store     *store.Store
	follower  *event.Follower
	presence  *fleet.Presence
	inventory *inventory.Service
	assess    *Service
	at        time.Time
	imports   int
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	return worldOn(tb, storetest.Open(tb))
}

func worldOn(tb testing.TB, s *store.Store) *world {
	tb.Helper()
	w := &world{tb: tb, store: s, at: time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)}
	log := slog.New(slog.DiscardHandler)
	begin := w.at
	w.follower = event.NewFollower(s, log)
	w.presence = fleet.NewPresence(time.Minute)
	w.inventory = inventory.NewService(s, log, func() time.Time { return w.at })
	w.assess = NewService(s, func(at time.Time) PastReader { return s.At(at) }, w.follower, w.presence, log, func() time.Time { return begin }) // asked from other goroutines too
	w.must(w.follower.Start(context.Background()))
	return w
}

func (w *world) start() {
	w.tb.Helper()
	w.must(w.assess.Start(context.Background()))
}

func (w *world) stop() {
	w.assess.Stop()
	w.follower.Stop()
}

func (w *world) must(err error) {
	w.tb.Helper()
	if err != nil {
		w.tb.Fatal(err)
	}
}

// settle waits until answers include everything that was written.
func (w *world) settle() {
	w.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	seq, err := w.store.Seq(ctx)
	w.must(err)
	w.must(w.assess.WaitSeq(ctx, seq))
}

func (w *world) enroll(name string, labels fleet.Labels) fleet.Host {
	w.tb.Helper()
	ctx := context.Background()
	token := fleet.EnrollToken{ID: id.New("et", w.at), SecretHash: "00", Labels: labels, Approve: true, Uses: 1, UsesLeft: 1, CreatedAt: w.at, CreatedBy: "user:test", ExpiresAt: w.at.Add(time.Hour)}
	w.must(w.store.CreateEnrollToken(ctx, token, event.Event{At: w.at, Kind: event.EnrollCreated, Actor: "user:test"}))
	h := fleet.Host{ID: id.New("host", w.at), Name: name, State: fleet.Approved, Labels: labels, TokenID: token.ID, EnrolledAt: w.at, ApprovedAt: w.at, ApprovedBy: "token"}
	h, err := w.store.Enroll(ctx, fleet.Enrollment{TokenID: token.ID, Host: h,
		Certificate: fleet.Certificate{Serial: id.New("c", w.at), HostID: h.ID, IssuedAt: w.at, NotAfter: w.at.Add(time.Hour)},
		Event:       event.Event{At: w.at, Kind: event.HostEnrolled, Actor: "host:" + h.ID, Host: h.ID}})
	w.must(err)
	return h
}

func (w *world) put(hostID, section string, body any) {
	w.tb.Helper()
	text, err := json.Marshal(body)
	w.must(err)
	sum := sha256.Sum256(text)
	w.at = w.at.Add(time.Second)
	_, err = w.inventory.PutSection(context.Background(), hostID, section, hex.EncodeToString(sum[:]), text)
	w.must(err)
}

func (w *world) packages(hostID, ecosystem string, packages ...apiv1.Package) {
	w.tb.Helper()
	slices.SortFunc(packages, func(a, b apiv1.Package) int { return strings.Compare(a.Name+" "+a.Version, b.Name+" "+b.Version) })
	w.put(hostID, apiv1.SectionPackages, apiv1.Packages{Ecosystem: ecosystem, Packages: append([]apiv1.Package{}, packages...)})
}

func (w *world) facts(hostID, kernel string, old ...apiv1.OldCode) {
	w.tb.Helper()
	w.put(hostID, apiv1.SectionFacts, apiv1.Facts{Hostname: hostID, Arch: "amd64",
		OS:     apiv1.OSRelease{ID: "debian", VersionID: "12", Name: "Debian GNU/Linux 12 (bookworm)", Ecosystem: "Debian:12"},
		Kernel: apiv1.Kernel{Running: kernel, Installed: []string{}}, Reboot: apiv1.Reboot{Packages: []string{}, Reasons: []string{}},
		PackageManager: apiv1.PackageManager{Name: "apt", Broken: []apiv1.PackageState{}, Held: []string{}}, Units: []apiv1.Unit{}, OldCode: old})
}

func (w *world) importFeed(name string, ecosystems []string, advisories ...advisory.Advisory) {
	w.tb.Helper()
	w.imports++
	w.at = w.at.Add(time.Second)
	_, err := w.store.ImportFeed(context.Background(), advisory.Import{
		State: advisory.FeedState{Name: name, SHA256: fmt.Sprint(w.imports), Records: len(advisories), Ecosystems: ecosystems, AsOf: w.at, ChangedAt: w.at, AttemptedAt: w.at, NextDue: w.at.Add(time.Hour)},
		At:    w.at,
		Advisories: func(yield func(advisory.Advisory) error) error {
			for _, a := range advisories {
				a.Feed = name
				if err := yield(a); err != nil {
					return err
				}
			}
			return nil
		},
	})
	w.must(err)
}

func (w *world) importKEV(cves ...string) {
	w.tb.Helper()
	w.imports++
	w.at = w.at.Add(time.Second)
	_, err := w.store.ImportFeed(context.Background(), advisory.Import{
		State: advisory.FeedState{Name: "kev", SHA256: fmt.Sprint(w.imports), Records: len(cves), AsOf: w.at, ChangedAt: w.at, AttemptedAt: w.at, NextDue: w.at.Add(time.Hour)},
		At:    w.at,
		Overlays: func(yield func(advisory.Overlay) error) error {
			for _, cve := range cves {
				if err := yield(advisory.Overlay{CVE: cve, KEV: &advisory.KEV{CVE: cve, Added: "2026-01-02", Due: "2026-01-23"}}); err != nil {
					return err
				}
			}
			return nil
		},
	})
	w.must(err)
}

// fixes is an advisory of a source package in Debian 12.
func fixes(cve, source, fixed string) advisory.Advisory {
	return advisory.Advisory{Feed: "osv/Debian", ID: "DEBIAN-" + cve, CVEs: []string{cve},
		Affected: []advisory.Affected{{Ecosystem: "Debian:12", Package: source, Ranges: []advisory.Range{{Introduced: "0", Fixed: fixed}}}}}
}

func deb(name, source, version string) apiv1.Package {
	p := apiv1.Package{Name: name, Arch: "amd64", Version: version}
	if source != name {
		p.Source = source
	}
	return p
}

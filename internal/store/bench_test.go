package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fleet"
	"github.com/staunch-dev/staunch/internal/inventory"
	"github.com/staunch-dev/staunch/internal/store"
	"github.com/staunch-dev/staunch/internal/store/storetest"
)

// databases are what a benchmark runs on.
func databases(b *testing.B, run func(*testing.B, *store.Store)) {
	b.Run("sqlite", func(b *testing.B) { run(b, storetest.Open(b)) })
	b.Run("postgres", func(b *testing.B) { run(b, storetest.Reopen(b, storetest.Postgres(b))) })
}

func enrollHosts(b *testing.B, s *store.Store, n int) {
	b.Helper()
	now := time.Now()
	ev := event.Event{At: now, Kind: event.HostEnrolled}
	if err := s.CreateEnrollToken(b.Context(), fleet.EnrollToken{ID: "t", Uses: n, UsesLeft: n, CreatedAt: now, ExpiresAt: now.Add(time.Hour)}, ev); err != nil {
		b.Fatal(err)
	}
	for i := range n {
		id := fmt.Sprintf("h%d", i)
		if _, err := s.Enroll(b.Context(), fleet.Enrollment{TokenID: "t", Host: fleet.Host{ID: id, State: fleet.Approved, EnrolledAt: now},
			Certificate: fleet.Certificate{Serial: id, IssuedAt: now, NotAfter: now}, Event: ev}); err != nil {
			b.Fatal(err)
		}
	}
}

func manyPackages(n, seed int) []inventory.Package {
	all := make([]inventory.Package, n)
	for i := range all {
		name := fmt.Sprintf("libpackage-name%d-%d", i, seed)
		all[i] = inventory.Package{Ecosystem: "Debian:12", Name: name, Arch: "amd64", Version: "2:1.20.4-5+deb12u1", VersionKey: []byte("2:1.20.4-5+deb12u1 as a key"),
			Source: name, SourceVersion: "2:1.20.4-5+deb12u1", SourceKey: []byte("2:1.20.4-5+deb12u1 as a key"), Origin: "Debian"}
	}
	return all
}

// A host's 800 packages: none seen before (a new release's first host), all seen before but not as this set (the next host), the same set.
func BenchmarkAcceptSectionPackages(b *testing.B) {
	databases(b, func(b *testing.B, s *store.Store) {
		enrollHosts(b, s, 1)
		accept := func(b *testing.B, digest string, p []inventory.Package) {
			b.Helper()
			in := inventory.Accept{HostID: "h0", At: time.Now(), Body: inventory.Body{Section: "packages", Digest: digest, Packages: p}}
			if got, err := s.AcceptSection(b.Context(), in); err != nil || !got.Changed {
				b.Fatal(got, err)
			}
		}
		seed := 0
		b.Run("new packages", func(b *testing.B) {
			for b.Loop() {
				seed++
				accept(b, fmt.Sprintf("new%d", seed), manyPackages(800, seed))
			}
		})
		known := manyPackages(801, 1)
		b.Run("known packages", func(b *testing.B) {
			for b.Loop() {
				seed++
				accept(b, fmt.Sprintf("known%d", seed), known[seed%2:][:800])
			}
		})
		b.Run("known set", func(b *testing.B) {
			seed++
			a, z := fmt.Sprintf("a%d", seed), fmt.Sprintf("z%d", seed)
			accept(b, a, known)
			accept(b, z, known[1:])
			for i := 0; b.Loop(); i++ {
				accept(b, []string{a, z}[i%2], nil)
			}
		})
	})
}

// A feed as large as Debian's: the first import, and one in which a hundredth has changed.
func BenchmarkImportFeed50k(b *testing.B) {
	databases(b, func(b *testing.B, s *store.Store) {
		round := 0
		load := func(b *testing.B, feed string, fixed func(i int) string) {
			b.Helper()
			if _, err := s.ImportFeed(b.Context(), advisory.Import{State: advisory.FeedState{Name: feed}, At: time.Now(),
				Advisories: func(yield func(advisory.Advisory) error) error {
					for i := range 50_000 {
						if err := yield(bigAdvisory(i, fixed(i))); err != nil {
							return err
						}
					}
					return nil
				}}); err != nil {
				b.Fatal(err)
			}
		}
		b.Run("first", func(b *testing.B) {
			for b.Loop() {
				round++
				load(b, fmt.Sprintf("osv/%d", round), func(int) string { return "1" })
			}
		})
		b.Run("hundredth changed", func(b *testing.B) {
			load(b, "osv/x", func(int) string { return "1" })
			for b.Loop() {
				round++
				load(b, "osv/x", func(i int) string {
					if i%100 == 0 {
						return fmt.Sprint(round)
					}
					return "1"
				})
			}
		})
		b.Run("read all", func(b *testing.B) {
			for b.Loop() {
				if err := s.CurrentAdvisories(b.Context(), func(advisory.Advisory) error { return nil }); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
}

// bigAdvisory is about 1 KB, as Debian's records are once reduced.
func bigAdvisory(i int, fixed string) advisory.Advisory {
	a := advisory.Advisory{ID: fmt.Sprintf("DEBIAN-CVE-2026-%d", i), CVEs: []string{fmt.Sprintf("CVE-2026-%d", i)},
		Summary: "In the driver, a missing check of the length lets a local user read what is not theirs.",
		Details: fmt.Sprintf("Number %d: when a device is taken away while a request is under way, the request's buffer may be freed twice. "+
			"A user who may open the device can make the machine stop or gain rights. The check was lost when %x was changed to take its lock later.", i, i*7919),
		Severity: "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", Published: time.UnixMicro(int64(i) * 1e9), Modified: time.UnixMicro(int64(i) * 1e9)}
	for _, release := range []string{"11", "12", "13", "14"} {
		a.Affected = append(a.Affected, advisory.Affected{Ecosystem: "Debian:" + release, Package: "linux", Ranges: []advisory.Range{{Introduced: "0", Fixed: "6.1." + fixed}}})
	}
	return a
}

package storetest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/staunch-dev/staunch/internal/access"
	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/fleet"
	"github.com/staunch-dev/staunch/internal/inventory"
	"github.com/staunch-dev/staunch/internal/store"
)

// start is when every test begins. It has microseconds, which is what is kept.
func start() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 123_456_000, time.UTC) }

func ev(kind, host string) event.Event {
	return event.Event{At: start(), Kind: kind, Actor: "user:admin", Host: host, Text: "something happened", Data: map[string]string{"b": "2", "a": "1"}}
}

func digestOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func token(id string, uses int) fleet.EnrollToken {
	return fleet.EnrollToken{ID: id, SecretHash: digestOf(id), Labels: fleet.Labels{"env": "prod"}, Approve: true, Uses: uses, UsesLeft: uses,
		CreatedAt: start(), CreatedBy: "user:admin", ExpiresAt: start().Add(time.Hour)}
}

func enrollment(tokenID, hostID string) fleet.Enrollment {
	return fleet.Enrollment{
		TokenID: tokenID,
		Host: fleet.Host{ID: hostID, Name: "name-of-" + hostID, MachineID: "m-" + hostID, State: fleet.Approved, Labels: fleet.Labels{"env": "prod", "role": "web"},
			TokenID: tokenID, AgentVersion: "0.1.0", EnrolledAt: start(), ApprovedAt: start(), ApprovedBy: "token"},
		Certificate: fleet.Certificate{Serial: "c0-" + hostID, HostID: hostID, IssuedAt: start(), NotAfter: start().Add(24 * time.Hour)},
		Event:       ev(event.HostEnrolled, hostID),
	}
}

// enroll adds hosts through a token that fits them.
func enroll(t testing.TB, s *store.Store, hosts ...string) {
	t.Helper()
	tokenID := "t-" + hosts[0]
	must(t, s.CreateEnrollToken(t.Context(), token(tokenID, len(hosts)), ev(event.EnrollCreated, "")))
	for _, h := range hosts {
		_, err := s.Enroll(t.Context(), enrollment(tokenID, h))
		must(t, err)
	}
}

func user(name string) access.User {
	return access.User{ID: "u-" + name, Name: name, Role: access.Operator, PasswordHash: "$argon2id$…", MustChange: true, CreatedAt: start(), ChangedAt: start()}
}

// packages are n packages of a host, those of equal seeds being the same ones.
func packages(n, seed int) []inventory.Package {
	all := make([]inventory.Package, n)
	for i := range all {
		name := fmt.Sprintf("package-%d-%d", seed, i)
		all[i] = inventory.Package{Ecosystem: "Debian:12", Name: name, Arch: "amd64", Version: "1.2.3-4+deb12u1", VersionKey: []byte{1, 2, 0, byte(i)},
			Source: "source-" + name, SourceVersion: "1.2.3-4+deb12u1", Origin: "Debian"}
	}
	return all
}

func acceptJSON(host, section, json string, at time.Time) inventory.Accept {
	return inventory.Accept{HostID: host, At: at, Body: inventory.Body{Section: section, Digest: digestOf(json), JSON: []byte(json)}}
}

func acceptPackages(host, name string, p []inventory.Package, at time.Time) inventory.Accept {
	return inventory.Accept{HostID: host, At: at, Body: inventory.Body{Section: "packages", Digest: digestOf(name), Packages: p}}
}

// advisories is an import of a feed that says exactly these things.
func importOf(feed string, at time.Time, as []advisory.Advisory, os []advisory.Overlay) advisory.Import {
	return advisory.Import{
		State: advisory.FeedState{Name: feed, URL: "https://feeds.example.org/" + feed, AsOf: at, ChangedAt: at, AttemptedAt: at, NextDue: at.Add(time.Hour)},
		At:    at,
		Advisories: func(yield func(advisory.Advisory) error) error {
			for _, a := range as {
				if err := yield(a); err != nil {
					return err
				}
			}
			return nil
		},
		Overlays: func(yield func(advisory.Overlay) error) error {
			for _, o := range os {
				if err := yield(o); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func advisoryOf(id, fixed string) advisory.Advisory {
	return advisory.Advisory{ID: id, CVEs: []string{"CVE-" + id}, Summary: "A flaw in " + id, Severity: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
		Published: start(), Affected: []advisory.Affected{{Ecosystem: "Debian:12", Package: "openssl", Ranges: []advisory.Range{{Introduced: "0", Fixed: fixed}}}}}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mustBe(t testing.TB, kind fault.Kind, err error) {
	t.Helper()
	if fault.KindOf(err) != kind || err == nil {
		t.Fatalf("got %v, want a fault %q", err, kind)
	}
}

// same compares values; nil and empty lists and maps are the same.
func same[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

// get is the value of a call that must succeed.
func get[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		must(t, err)
		return v
	}
}

func currentAdvisories(ctx context.Context, s *store.Store) (all []advisory.Advisory, err error) {
	err = s.CurrentAdvisories(ctx, func(a advisory.Advisory) error {
		all = append(all, a)
		return nil
	})
	return all, err
}

func currentOverlays(ctx context.Context, s *store.Store) (all []advisory.Overlay, err error) {
	err = s.CurrentOverlays(ctx, func(o advisory.Overlay) error {
		all = append(all, o)
		return nil
	})
	return all, err
}

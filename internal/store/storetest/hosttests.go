package storetest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/fleet"
	"github.com/staunch-dev/staunch/internal/store"
)

func tokenUses(t *testing.T, s *store.Store) {
	ctx := t.Context()
	must(t, s.CreateEnrollToken(ctx, token("t1", 2), ev(event.EnrollCreated, "")))
	for i, id := range []string{"h1", "h2"} {
		in := enrollment("t1", id)
		got := get(s.Enroll(ctx, in))(t)
		want := in.Host
		want.Ordinal = int64(i + 1)
		same(t, "enrolled", got, want)
		same(t, "by name, in any case", get(s.HostsNamed(ctx, strings.ToUpper(want.Name)))(t), []fleet.Host{want})
		same(t, "by machine", get(s.HostsOfMachine(ctx, want.MachineID))(t), []fleet.Host{want})
		same(t, "read again", get(s.Host(ctx, id))(t), want)
		c, h, err := s.Certificate(ctx, in.Certificate.Serial)
		must(t, err)
		same(t, "certificate", c, in.Certificate)
		same(t, "its host", h, want)
	}
	mustBe(t, fault.Expired, second(s.Enroll(ctx, enrollment("t1", "h3"))))
	mustBe(t, fault.NotFound, second(s.Host(ctx, "h3")))
	mustBe(t, fault.NotFound, second(s.Enroll(ctx, enrollment("t-none", "h3"))))
	if left := get(s.EnrollToken(ctx, "t1"))(t).UsesLeft; left != 0 {
		t.Errorf("%d uses left", left)
	}
	kinds := map[string]int{}
	for _, c := range get(s.ChangesAfter(ctx, 0, 0))(t) {
		kinds[c.Kind+" "+c.Ref]++
	}
	same(t, "changes", kinds, map[string]int{"token t1": 3, "host h1": 1, "host h2": 1, "event 1": 1, "event 2": 1, "event 3": 1})
}

func tokenOver(t *testing.T, s *store.Store) {
	ctx := t.Context()
	late, revoked := token("late", 5), token("revoked", 5)
	late.ExpiresAt = start() // expired at this very instant
	must(t, s.CreateEnrollToken(ctx, late, ev(event.EnrollCreated, "")))
	must(t, s.CreateEnrollToken(ctx, revoked, ev(event.EnrollCreated, "")))
	must(t, s.RevokeEnrollToken(ctx, "revoked", start(), ev(event.EnrollRevoked, "")))
	for _, id := range []string{"late", "revoked"} {
		mustBe(t, fault.Expired, second(s.Enroll(ctx, enrollment(id, "h1"))))
		if left := get(s.EnrollToken(ctx, id))(t).UsesLeft; left != 5 {
			t.Errorf("%s: %d uses left, want 5", id, left)
		}
	}
}

func tokensListed(t *testing.T, s *store.Store) {
	ctx := t.Context()
	old, young := token("old", 1), token("young", 3)
	young.CreatedAt, young.Approve, young.Labels = start().Add(time.Minute), false, nil
	must(t, s.CreateEnrollToken(ctx, old, ev(event.EnrollCreated, "")))
	must(t, s.CreateEnrollToken(ctx, young, ev(event.EnrollCreated, "")))
	must(t, s.RevokeEnrollToken(ctx, "old", start().Add(time.Hour), ev(event.EnrollRevoked, "")))
	old.RevokedAt = start().Add(time.Hour)
	same(t, "tokens", get(s.EnrollTokens(ctx))(t), []fleet.EnrollToken{young, old})
	mustBe(t, fault.Conflict, s.RevokeEnrollToken(ctx, "old", start(), ev(event.EnrollRevoked, "")))
	mustBe(t, fault.NotFound, s.RevokeEnrollToken(ctx, "none", start(), ev(event.EnrollRevoked, "")))
	mustBe(t, fault.NotFound, second(s.EnrollToken(ctx, "none")))
}

// lastUse: two processes, several hosts each, one use.
func lastUse(t *testing.T, cfg store.Config) {
	a, b := Reopen(t, cfg), Reopen(t, cfg)
	must(t, a.CreateEnrollToken(t.Context(), token("t1", 1), ev(event.EnrollCreated, "")))
	var won atomic.Int32
	var racers sync.WaitGroup
	for i := range 8 {
		s := a
		if i%2 == 1 {
			s = b
		}
		racers.Go(func() {
			_, err := s.Enroll(t.Context(), enrollment("t1", fmt.Sprintf("h%d", i)))
			if err == nil {
				won.Add(1)
			} else if !errors.Is(err, fault.Expired) {
				t.Errorf("host %d: %v", i, err)
			}
		})
	}
	racers.Wait()
	hosts := get(a.Hosts(t.Context()))(t)
	if won.Load() != 1 || len(hosts) != 1 {
		t.Errorf("%d won and %d hosts exist, want one", won.Load(), len(hosts))
	}
}

func hostState(t *testing.T, s *store.Store) {
	ctx := t.Context()
	must(t, s.CreateEnrollToken(ctx, token("t1", 1), ev(event.EnrollCreated, "")))
	in := enrollment("t1", "h1")
	in.Host.State, in.Host.ApprovedAt, in.Host.ApprovedBy = fleet.Pending, time.Time{}, ""
	must(t, second(s.Enroll(ctx, in)))
	if h := get(s.Host(ctx, "h1"))(t); !h.ApprovedAt.IsZero() {
		t.Errorf("a pending host was approved at %v", h.ApprovedAt)
	}
	later := start().Add(time.Minute)
	seq := get(s.SetHostState(ctx, "h1", []fleet.State{fleet.Pending}, fleet.Approved, "user:admin", later, ev(event.HostApproved, "h1")))(t)
	if now := get(s.Seq(ctx))(t); seq != now {
		t.Errorf("seq %d, want %d", seq, now)
	}
	h := get(s.Host(ctx, "h1"))(t)
	if h.State != fleet.Approved || !h.ApprovedAt.Equal(later) || h.ApprovedBy != "user:admin" {
		t.Errorf("approved: %+v", h)
	}
	_, err := s.SetHostState(ctx, "h1", []fleet.State{fleet.Pending}, fleet.Approved, "user:admin", later, ev(event.HostApproved, "h1"))
	mustBe(t, fault.Conflict, err)
	must(t, second(s.SetHostState(ctx, "h1", []fleet.State{fleet.Pending, fleet.Approved}, fleet.Revoked, "user:admin", later.Add(time.Hour), ev(event.HostRevoked, "h1"))))
	h = get(s.Host(ctx, "h1"))(t)
	if h.State != fleet.Revoked || !h.ApprovedAt.Equal(later) {
		t.Errorf("revoked: %+v", h)
	}
	_, err = s.SetHostState(ctx, "none", []fleet.State{fleet.Pending}, fleet.Approved, "user:admin", later, ev(event.HostApproved, "h1"))
	mustBe(t, fault.NotFound, err)
}

func hostLabels(t *testing.T, s *store.Store) {
	ctx := t.Context()
	enroll(t, s, "h1")
	for _, labels := range []fleet.Labels{{"env": "test", "zone": "é \"quoted\""}, {}, nil} {
		must(t, second(s.SetHostLabels(ctx, "h1", labels, ev(event.HostLabels, "h1"))))
		same(t, "labels", get(s.Host(ctx, "h1"))(t).Labels, labels)
	}
	mustBe(t, fault.NotFound, second(s.SetHostLabels(ctx, "none", nil, ev(event.HostLabels, "none"))))
}

func hostDeleted(t *testing.T, s *store.Store) {
	ctx := t.Context()
	enroll(t, s, "h1", "h2", "h3")
	must(t, second(s.AcceptSection(ctx, acceptJSON("h3", "facts", `{"a":1}`, start().Add(time.Hour)))))
	must(t, s.WriteSeen(ctx, seenOf("h3", start()), nil))
	gone := start().Add(time.Minute) // before its section began: the clock stepped back
	must(t, second(s.DeleteHost(ctx, "h3", gone, ev(event.HostDeleted, "h3"))))

	if h := get(s.Host(ctx, "h3"))(t); !h.DeletedAt.Equal(gone) {
		t.Errorf("deleted at %v", h.DeletedAt)
	}
	if open := get(s.OpenSections(ctx, "h3"))(t); len(open) != 0 {
		t.Errorf("open after deletion: %v", open)
	}
	i := get(s.Intervals(ctx, "h3", time.Time{}, 10))(t)
	if len(i) != 1 || !i[0].To.After(i[0].From) {
		t.Errorf("history: %v", i)
	}
	if all := get(s.AllSeen(ctx))(t); len(all) != 0 {
		t.Errorf("seen after deletion: %v", all)
	}
	mustBe(t, fault.NotFound, second(s.DeleteHost(ctx, "h3", gone, ev(event.HostDeleted, "h3"))))
	mustBe(t, fault.NotFound, second(s.SetHostLabels(ctx, "h3", nil, ev(event.HostLabels, "h3"))))
	mustBe(t, fault.NotFound, second(s.SetHostState(ctx, "h3", []fleet.State{fleet.Approved}, fleet.Revoked, "x", gone, ev(event.HostRevoked, "h3"))))
	mustBe(t, fault.NotFound, s.AddCertificate(ctx, fleet.Certificate{Serial: "c1", HostID: "h3", IssuedAt: start(), NotAfter: start()}))

	enroll(t, s, "h4")
	var ordinals []int64
	for _, h := range get(s.Hosts(ctx))(t) {
		ordinals = append(ordinals, h.Ordinal)
	}
	same(t, "ordinals", ordinals, []int64{1, 2, 4})
}

func reopened(t *testing.T, cfg store.Config) {
	s := Reopen(t, cfg)
	enroll(t, s, "h1", "h2")
	must(t, second(s.AcceptSection(t.Context(), acceptPackages("h1", "one", packages(3, 1), start()))))
	must(t, second(s.DeleteHost(t.Context(), "h2", start(), ev(event.HostDeleted, "h2"))))
	must(t, s.Close())

	s = Reopen(t, cfg)
	enroll(t, s, "h3")
	if o := get(s.Host(t.Context(), "h3"))(t).Ordinal; o != 3 {
		t.Errorf("ordinal %d, want 3", o)
	}
	must(t, second(s.AcceptSection(t.Context(), acceptPackages("h3", "two", packages(1, 2), start()))))
	if ids := get(s.PackageSet(t.Context(), digestOf("two")))(t); len(ids) != 1 || ids[0] != 4 {
		t.Errorf("ids %v, want [4]", ids)
	}
	VerifyChain(t, s)
}

func certificates(t *testing.T, s *store.Store) {
	ctx := t.Context()
	enroll(t, s, "h1", "h2")
	day := 24 * time.Hour
	next := fleet.Certificate{Serial: "c1-h1", HostID: "h1", IssuedAt: start().Add(day / 2), NotAfter: start().Add(day / 2).Add(day)}
	must(t, s.AddCertificate(ctx, next))
	same(t, "newest", get(s.NewestCertificate(ctx, "h1"))(t), next)
	must(t, s.Supersede(ctx, "h1", "c1-h1", start().Add(day)))
	must(t, s.Supersede(ctx, "h1", "c1-h1", start().Add(2*day))) // the first sight counts
	old, _, err := s.Certificate(ctx, "c0-h1")
	must(t, err)
	if !old.SupersededAt.Equal(start().Add(day)) {
		t.Errorf("superseded at %v", old.SupersededAt)
	}
	for _, serial := range []string{"c1-h1", "c0-h2"} {
		if c, _, err := s.Certificate(ctx, serial); err != nil || !c.SupersededAt.IsZero() {
			t.Errorf("%s: superseded at %v, %v", serial, c.SupersededAt, err)
		}
	}
	// Thirty days after its end a certificate opens nothing, not even a renewal.
	must(t, s.AddCertificate(ctx, fleet.Certificate{Serial: "c2-h1", HostID: "h1", IssuedAt: old.NotAfter.Add(30*day + time.Second), NotAfter: start().Add(40 * day)}))
	_, _, err = s.Certificate(ctx, "c0-h1")
	mustBe(t, fault.NotFound, err)
	_, _, err = s.Certificate(ctx, "c1-h1")
	must(t, err)
	mustBe(t, fault.NotFound, second(s.NewestCertificate(ctx, "none")))
}

package storetest

import (
	"math"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/store"
)

func eventsListed(t *testing.T, s *store.Store) {
	ctx := t.Context()
	for i, host := range []string{"h1", "", "h2", "h1"} {
		e := ev("test.kind", host)
		e.At = e.At.Add(time.Duration(i) * time.Second)
		if seq := get(s.AppendEvent(ctx, e))(t); seq != int64(i+1) {
			t.Fatalf("seq %d, want %d", seq, i+1)
		}
		select {
		case <-s.Committed():
		default:
			t.Fatal("a commit was not signalled")
		}
	}
	seqs := func(es []event.Event) (out []int64) {
		for _, e := range es {
			out = append(out, e.Seq)
		}
		return out
	}
	same(t, "all", seqs(get(s.Events(ctx, "", 0, 10))(t)), []int64{4, 3, 2, 1})
	same(t, "a page", seqs(get(s.Events(ctx, "", 4, 2))(t)), []int64{3, 2})
	same(t, "of a host", seqs(get(s.Events(ctx, "h1", 0, 10))(t)), []int64{4, 1})
	same(t, "of a host before", seqs(get(s.Events(ctx, "h1", 4, 10))(t)), []int64{1})
	same(t, "after", seqs(get(s.EventsAfter(ctx, 2, 10))(t)), []int64{3, 4})

	first := get(s.EventsAfter(ctx, 0, 1))(t)[0]
	want := ev("test.kind", "h1")
	want.Seq, want.Hash = 1, event.Chain("", func() event.Event { e := ev("test.kind", "h1"); e.Seq = 1; return e }())
	same(t, "as it was appended", first, want)

	changes := get(s.ChangesAfter(ctx, 2, 10))(t)
	same(t, "changes", changes, []event.Change{
		{Seq: 3, At: start().Add(2 * time.Second), Kind: event.ChangeEvent, Ref: "3"},
		{Seq: 4, At: start().Add(3 * time.Second), Kind: event.ChangeEvent, Ref: "4"},
	})
}

func unstorableText(t *testing.T, s *store.Store) {
	ctx := t.Context()
	enroll(t, s, "h1")
	for _, bad := range []string{"a\x00b", "a\xffb"} {
		_, err := s.UserByName(ctx, bad)
		mustBe(t, fault.Invalid, err)
		in := enrollment("t-h1", "h2")
		in.Host.Name = bad
		mustBe(t, fault.Expired, second(s.Enroll(ctx, in))) // the token's only use is taken
		p := packages(1, 1)
		p[0].Name = bad
		mustBe(t, fault.Invalid, second(s.AcceptSection(ctx, acceptPackages("h1", bad, p, start()))))
		_, err = s.AppendEvent(ctx, event.Event{At: start(), Kind: event.UserLoginFail, Actor: "user:" + bad, Text: "no user " + bad})
		must(t, err)
		got := get(s.Events(ctx, "", 0, 1))(t)[0]
		if got.Text != "no user a\uFFFDb" || got.Actor != "user:a\uFFFDb" {
			t.Errorf("logged as %q by %q", got.Text, got.Actor)
		}
	}
	VerifyChain(t, s)
}

func second[T any](_ T, err error) error { return err }

func changesPruned(t *testing.T, s *store.Store) {
	ctx := t.Context()
	for i := range 4 {
		e := ev("test.kind", "")
		e.At = start().Add(time.Duration(i) * time.Hour)
		must(t, second(s.AppendEvent(ctx, e)))
	}
	if n := get(s.PruneChanges(ctx, start().Add(2*time.Hour)))(t); n != 2 {
		t.Errorf("pruned %d changes, want 2", n)
	}
	if got := get(s.ChangesAfter(ctx, 0, 0))(t); len(got) != 2 || got[0].Seq != 3 {
		t.Errorf("left: %v", got)
	}
	must(t, second(s.PruneChanges(ctx, start().Add(99*time.Hour))))
	if seq := get(s.Seq(ctx))(t); seq != 4 {
		t.Errorf("seq %d after pruning, want 4", seq)
	}
}

// VerifyChain walks the whole log as an auditor would.
func VerifyChain(t testing.TB, s *store.Store) []event.Event {
	t.Helper()
	all := get(s.EventsAfter(t.Context(), 0, math.MaxInt))(t)
	before := ""
	for i, e := range all {
		if e.Seq != int64(i+1) {
			t.Fatalf("event %d follows event %d", e.Seq, i)
		}
		if want := event.Chain(before, e); e.Hash != want {
			t.Fatalf("event %d has hash %s, want %s", e.Seq, e.Hash, want)
		}
		before = e.Hash
	}
	return all
}

func chainVerifies(t *testing.T, s *store.Store) {
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := range 10 {
				e := ev("test.kind", "h"+strconv.Itoa(w))
				e.Text = strconv.Itoa(i)
				if _, err := s.AppendEvent(t.Context(), e); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	if all := VerifyChain(t, s); len(all) != 40 {
		t.Errorf("%d events, want 40", len(all))
	}
}

// noGaps: seq order is commit order. A follower reads while two processes write; if a later seq could be seen before an earlier one,
// its cursor would pass the earlier one by.
func noGaps(t *testing.T, cfg store.Config) {
	const each = 40
	a, b := Reopen(t, cfg), Reopen(t, cfg)
	enroll(t, a, "h1")
	cursor := get(b.Seq(t.Context()))(t)
	from := cursor
	var writers sync.WaitGroup
	for _, s := range []*store.Store{a, b} {
		writers.Go(func() {
			for i := range each {
				if _, err := s.SetHostLabels(t.Context(), "h1", map[string]string{"n": strconv.Itoa(i)}, ev(event.HostLabels, "h1")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { writers.Wait(); close(done) }()
	for last := false; !last; {
		select {
		case <-done:
			last = true // and one look more
		default:
		}
		for _, c := range get(b.ChangesAfter(t.Context(), cursor, 0))(t) {
			if c.Seq != cursor+1 {
				t.Fatalf("after change %d came %d", cursor, c.Seq)
			}
			cursor = c.Seq
		}
	}
	if cursor-from != 2*2*each { // a change of the host and one for its event
		t.Errorf("followed %d changes, want %d", cursor-from, 4*each)
	}
	all := VerifyChain(t, a)
	if diff := cmp.Diff(len(all), 2*each+2); diff != "" {
		t.Error(diff)
	}
}

package assess

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
)

func TestRoomIsGivenWhereItIs(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	for name, tc := range map[string]struct {
		memory Memory
		heap   Heap
		bytes  int64
		fits   bool
		said   string
	}{
		"how much there is is not known":                       {Memory{}, Heap{50 * mib, 80 * mib}, 1 << 40, true, ""},
		"twice of everything fits":                             {Memory{Free: 336 * mib}, Heap{100 * mib, 180 * mib}, 150 * mib, true, ""},
		"twice of everything does not":                         {Memory{Free: 336*mib - 1}, Heap{100 * mib, 180 * mib}, 150 * mib, false, "needs about 150 MiB, so that the server would have 516 MiB with what it holds already, and it can have 515 MiB (what the machine has free)"},
		"the control group leaves less":                        {Memory{Free: 1 << 40, Group: 10 * mib}, Heap{100 * mib, 180 * mib}, 150 * mib, false, "190 MiB (what the memory limit of its control group leaves)"},
		"with a limit of Go's own a third more is enough":      {Memory{Free: 1 << 40, Soft: 350 * mib}, Heap{100 * mib, 180 * mib}, 150 * mib, true, ""},
		"the limit is too low":                                 {Memory{Free: 1 << 40, Soft: 349 * mib}, Heap{100 * mib, 180 * mib}, 150 * mib, false, "349 MiB (GOMEMLIMIT)"},
		"the limit is higher than what there is":               {Memory{Free: 100 * mib, Soft: 1 << 40}, Heap{100 * mib, 180 * mib}, 150 * mib, false, "280 MiB (what the machine has free)"},
		"there is nothing left, and what is asked for is none": {Memory{Free: 1}, Heap{100 * mib, 180 * mib}, 0, false, "180 MiB (what the machine has free)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dropped := 0
			r := NewRoom(func() Memory { return tc.memory }, func() Heap { return tc.heap })
			r.Spared(func() bool { dropped++; return false })
			_, err := r.Take("the fleet", tc.bytes)
			if (err == nil) != tc.fits || (dropped == 0) != tc.fits {
				t.Fatalf("%v; asked %d times for what is kept", err, dropped)
			}
			if err == nil {
				return
			}
			text := fault.Message(err)
			if fault.KindOf(err) != fault.NoRoom || !strings.Contains(text, tc.said) || !strings.Contains(text, "too little memory for the fleet") || !strings.Contains(text, "Give the server more memory") {
				t.Errorf("%s: %s", fault.KindOf(err), text)
			}
			if strings.Contains(text, "set GOMEMLIMIT") != (tc.memory.Soft == 0) {
				t.Errorf("a limit is set: %t: %s", tc.memory.Soft > 0, text)
			}
		})
	}
}

// What is kept only because it may be asked for again goes before anybody is refused.
func TestRoomIsMadeOfWhatIsKept(t *testing.T) {
	t.Parallel()
	heap := Heap{Objects: 300, Mapped: 300}
	r := NewRoom(func() Memory { return Memory{Free: 2*besideRead + 500} }, func() Heap { return heap })
	r.Spared(func() bool { heap.Objects = 100; return true })
	if _, err := r.Take("x", besideRead/2+200); err != nil || heap.Objects != 100 {
		t.Errorf("%v; %d in use", err, heap.Objects)
	}
	heap.Objects = 300
	if !r.Spare() || heap.Objects != 100 {
		t.Errorf("%d in use", heap.Objects)
	}
	var none *Room
	if _, err := none.Take("x", 1<<60); err != nil || none.Spare() {
		t.Errorf("no room has a bound: %v", err)
	}
	none.Spared(func() bool { return true })
}

// However many take and give back, what is lent at one time would fit beside what is held, and all of it comes back.
func TestRoomIsNeverLentTwice(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const there, held = 4 << 30, 1 << 30
		r := NewRoom(func() Memory { return Memory{Free: there - held} }, func() Heap { return Heap{Objects: held / 2, Mapped: held} })
		var back []func()
		var lent []int64
		for range rapid.IntRange(1, 30).Draw(t, "deeds") {
			if len(back) > 0 && rapid.Bool().Draw(t, "give back") {
				i := rapid.IntRange(0, len(back)-1).Draw(t, "whose")
				back[i]()
				back[i]() // twice is once
				back, lent = append(back[:i], back[i+1:]...), append(lent[:i], lent[i+1:]...)
				continue
			}
			bytes := rapid.Int64Range(0, 1<<30).Draw(t, "bytes")
			giveBack, err := r.Take("x", bytes)
			sum := bytes
			for _, n := range lent {
				sum += n
			}
			if fits := 2*(held/2+sum)+besideRead <= there; fits != (err == nil) {
				t.Fatalf("%d lent and %d asked for: %v", sum-bytes, bytes, err)
			}
			if err == nil {
				back, lent = append(back, giveBack), append(lent, bytes)
			}
		}
		for _, giveBack := range back {
			giveBack()
		}
		if r.lent != 0 {
			t.Fatalf("%d are lent still", r.lent)
		}
	})
}

// Where an index of the past does not fit beside what is held, the question is refused, the present is answered as before, what was kept goes
// first, and with more memory the question is answered. So are sweeps.
func TestThePastThatDoesNotFitIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	day := func(n int) time.Time { return time.Date(2026, 11, n, 12, 0, 0, 0, time.UTC) }
	w.at = day(1)
	web := w.enroll("web1", nil)
	w.packages(web.ID, "Debian:12", deb("libssl3", "openssl", "3.0.15"))
	w.importFeed("osv/Debian", []string{"Debian:12"}, fixes("CVE-1", "openssl", "3.0.16"))
	w.assess.now = func() time.Time { return day(28) }
	memory := Memory{}
	w.assess.Within(NewRoom(func() Memory { return memory }, func() Heap { return Heap{Objects: 40 << 20, Mapped: 60 << 20} }))
	w.start()
	defer w.stop()
	ask := func(past Past) error {
		o, err := w.assess.Overview(context.Background(), Query{Past: past})
		if err == nil && (o.Hosts != 1 || o.Findings.Total != 1) {
			t.Errorf("%+v", o)
		}
		return err
	}
	w.must(ask(Past{At: day(2)})) // nothing is known to bound it
	memory = Memory{Free: 1 << 20}
	w.must(ask(Past{At: day(2)})) // it is kept
	for name, past := range map[string]Past{"then": {At: day(3)}, "with hindsight": {At: day(3), Hindsight: true}} {
		err := ask(past)
		if fault.KindOf(err) != fault.NoRoom || !strings.Contains(fault.Message(err), "the fleet as it was at 2026-11-03 12:00 UTC, which had 1 host with 1 package set, 1 package and 1 advisory") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(w.assess.pasts.kept); n != 0 {
		t.Errorf("%d are kept where there is no room", n)
	}
	w.must(ask(Past{}))
	each := func(time.Time, apiv1.Overview) error { return nil }
	if err := w.assess.Sweep(context.Background(), []time.Time{day(4), day(2)}, each); fault.KindOf(err) != fault.NoRoom {
		t.Errorf("a sweep: %v", err)
	}
	// A sweep that began ends where hosts come back for which there is no room.
	w.at = day(3).Add(13 * time.Hour)
	db := w.enroll("db1", nil)
	w.at = day(5)
	_, err := w.store.DeleteHost(context.Background(), db.ID, w.at, event.Event{At: w.at, Kind: event.HostDeleted, Actor: "user:test", Host: db.ID})
	w.must(err)
	memory = Memory{}
	swept := 0
	err = w.assess.Sweep(context.Background(), []time.Time{day(6), day(4), day(3)}, func(time.Time, apiv1.Overview) error {
		swept++
		memory = Memory{Free: 1 << 20}
		return nil
	})
	if swept != 1 || !errors.Is(err, fault.NoRoom) {
		t.Errorf("%d were swept: %v", swept, err)
	}
	memory = Memory{Free: 1 << 30}
	w.must(ask(Past{At: day(3), Hindsight: true}))
	w.must(w.assess.Sweep(context.Background(), []time.Time{day(6), day(2)}, each))
	if w.assess.room.lent != 0 {
		t.Errorf("%d bytes are lent still", w.assess.room.lent)
	}
}

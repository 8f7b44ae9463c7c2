package event

import (
	"io"
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func drain(ch <-chan Change) []Change {
	var got []Change
	for len(ch) > 0 {
		got = append(got, <-ch)
	}
	return got
}

func TestASlowReaderIsToldToResyncAndHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	f := NewFollower(nil, slog.New(slog.NewTextHandler(io.Discard, nil)))
	slow, cancel := f.Subscribe(2)
	defer cancel()
	quick, cancelQuick := f.Subscribe(10)
	defer cancelQuick()
	for seq := int64(1); seq <= 5; seq++ {
		f.Tell(Change{Seq: seq, Kind: ChangeHost})
	}
	want := []Change{{Seq: 1, Kind: ChangeHost}, {Seq: 2, Kind: ChangeHost}, {Seq: 3, Kind: ChangeResync}}
	if d := cmp.Diff(want, drain(slow)); d != "" {
		t.Errorf("slow reader: %s", d)
	}
	if got := drain(quick); len(got) != 5 {
		t.Errorf("quick reader got %v, want all five", got)
	}
	f.Tell(Change{Seq: 6, Kind: ChangeHost})
	if d := cmp.Diff([]Change{{Seq: 6, Kind: ChangeHost}}, drain(slow)); d != "" {
		t.Errorf("after the resync was read: %s", d)
	}
}

func TestEveryChangeIsReadOrFollowedByAResync(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := NewFollower(nil, slog.New(slog.NewTextHandler(io.Discard, nil)))
		ch, cancel := f.Subscribe(rapid.IntRange(0, 4).Draw(t, "buffer"))
		defer cancel()
		missing := map[int64]bool{}
		read := func() {
			c := <-ch
			if c.Kind == ChangeResync {
				clear(missing) // the reader reads everything that was committed by now
			}
			delete(missing, c.Seq)
		}
		for seq := int64(1); seq <= 40; seq++ {
			f.Tell(Change{Seq: seq, Kind: ChangeHost})
			missing[seq] = true
			for range min(rapid.IntRange(0, 3).Draw(t, "reads"), len(ch)) {
				read()
			}
		}
		for len(ch) > 0 {
			read()
		}
		if len(missing) != 0 {
			t.Fatalf("never learned of %v", missing)
		}
	})
}

func TestSubscriptionsEndOnCancelAndOnStop(t *testing.T) {
	t.Parallel()
	f := NewFollower(nil, slog.New(slog.NewTextHandler(io.Discard, nil)))
	a, cancel := f.Subscribe(1)
	b, _ := f.Subscribe(1)
	cancel()
	cancel()
	f.Stop()
	f.Stop()
	late, cancelLate := f.Subscribe(1)
	defer cancelLate()
	for name, ch := range map[string]<-chan Change{"cancelled": a, "open at stop": b, "after stop": late} {
		if _, open := <-ch; open {
			t.Errorf("%s: still open", name)
		}
	}
	f.Tell(Change{Kind: ChangePresence})
}

package event

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

// kept is a log in memory.
type kept []Event

func (k kept) EventsAfter(_ context.Context, after int64, limit int) ([]Event, error) {
	var out []Event
	for _, e := range k {
		if e.Seq > after && len(out) < limit {
			out = append(out, e)
		}
	}
	return out, nil
}

func chained(n int) kept {
	var log kept
	before := ""
	for i := range n {
		e := Event{Seq: int64(i + 1), At: time.UnixMicro(int64(i) * 1_000_001), Kind: "k", Actor: "user:a", Text: fmt.Sprint("event ", i)}
		if i%3 == 0 {
			e.Data = map[string]string{"b": "2", "a": "<1>"}
		}
		e.Hash = Chain(before, e)
		before = e.Hash
		log = append(log, e)
	}
	return log
}

func TestVerifyFindsTheFirstEventThatDoesNotHold(t *testing.T) {
	t.Parallel()
	whole := chained(2*verifyPage + 7)
	for name, tc := range map[string]struct {
		change func(kept) kept
		broken int64
	}{
		"whole":                     {func(k kept) kept { return k }, 0},
		"empty":                     {func(kept) kept { return nil }, 0},
		"text changed":              {func(k kept) kept { k[1500].Text = "nothing happened"; return k }, 1501},
		"time moved by a µs":        {func(k kept) kept { k[3].At = k[3].At.Add(time.Microsecond); return k }, 4},
		"actor changed, hash anew":  {func(k kept) kept { k[9].Actor = "user:b"; k[9].Hash = Chain(k[8].Hash, k[9]); return k }, 11},
		"first dropped":             {func(k kept) kept { return k[1:] }, 2},
		"one dropped":               {func(k kept) kept { return slices.Delete(k, 1000, 1001) }, 1002},
		"one dropped, renumbered":   {func(k kept) kept { k = slices.Delete(k, 10, 11); return renumber(k, 10) }, 11},
		"one inserted, renumbered":  {func(k kept) kept { return renumber(slices.Insert(k, 10, Event{Kind: "k"}), 10) }, 11},
		"two swapped, renumbered":   {func(k kept) kept { k[20], k[21] = k[21], k[20]; return renumber(k, 20) }, 21},
		"the last's hash is no one": {func(k kept) kept { k[len(k)-1].Hash = ""; return k }, int64(len(whole))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := tc.change(slices.Clone(whole))
			v, err := Verify(t.Context(), log)
			if err != nil {
				t.Fatal(err)
			}
			if v.Broken != tc.broken || (v.Reason == "") != (tc.broken == 0) {
				t.Errorf("%+v, want broken at %d", v, tc.broken)
			}
			if tc.broken == 0 && v.Events != int64(len(log)) {
				t.Errorf("%d events of %d", v.Events, len(log))
			}
		})
	}
}

func renumber(k kept, from int) kept {
	for i := from; i < len(k); i++ {
		k[i].Seq = int64(i + 1)
	}
	return k
}

// cut is a log whose database goes away.
type cut struct{ kept }

func (c cut) EventsAfter(ctx context.Context, after int64, limit int) ([]Event, error) {
	if after > 0 {
		return nil, errors.New("gone")
	}
	return c.kept.EventsAfter(ctx, after, limit)
}

func TestVerifyDoesNotCallAnUnreadableLogBroken(t *testing.T) {
	t.Parallel()
	if v, err := Verify(t.Context(), cut{chained(verifyPage + 1)}); err == nil || v.Broken != 0 {
		t.Errorf("%+v, %v", v, err)
	}
}

// The hash of an event never changes between versions: logs of years must verify.
func TestChainIsFixed(t *testing.T) {
	t.Parallel()
	e := Event{Seq: 2, At: time.UnixMicro(1_700_000_000_000_001), Kind: "host.approved", Actor: "user:admin", Host: "host_1", Text: "Zürich <web1> \u2028",
		Data: map[string]string{"b": "2", "a": "1"}}
	const want = "49b45065e01fe6ed2ed19c7dce8906a88a2ebbb057fad0c042e4a15161725e14"
	if got := Chain("ab", e); got != want {
		t.Errorf("%s", got)
	}
}

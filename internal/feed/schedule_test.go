package feed

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/staunch-dev/staunch/internal/advisory"
)

func TestNextDueIsTheIntervalGiveOrTakeATenth(t *testing.T) {
	t.Parallel()
	different := false
	rapid.Check(t, func(t *rapid.T) {
		now := time.UnixMicro(rapid.Int64Range(0, 1<<52).Draw(t, "now"))
		interval := time.Duration(rapid.Int64Range(int64(time.Second), int64(24*time.Hour)).Draw(t, "interval"))
		name := rapid.String().Draw(t, "name")
		got := nextDue(name, now, interval)
		if wait := got.Sub(now); wait < interval-interval/10 || wait > interval+interval/10 {
			t.Fatalf("%v for an interval of %v", wait, interval)
		}
		if !got.Equal(nextDue(name, now, interval)) {
			t.Fatal("not the same for the same")
		}
		different = different || !got.Equal(nextDue(name+"x", now, interval))
	})
	if !different {
		t.Error("every name is due at the same time")
	}
}

func TestRetriesBackOffToFourHoursAndBeginAgainAfterSuccess(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	state := advisory.FeedState{}
	var waits []time.Duration
	for range 12 {
		due := retryDue(state, now)
		waits = append(waits, due.Sub(now))
		state = advisory.FeedState{Error: "down", AttemptedAt: now, NextDue: due}
		now = due
	}
	for i, wait := range waits {
		if want := min(retryFirst<<i, retryLast); wait != want {
			t.Errorf("attempt %d waits %v, want %v", i+1, wait, want)
		}
	}
	state.Error, state.SHA256 = "", "1:of what it gave"
	if wait := retryDue(state, now).Sub(now); wait != retryFirst {
		t.Errorf("after a success: %v", wait)
	}
}

package agent

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

var t0 = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func day() life { return life{t0, t0.Add(24 * time.Hour)} }

func TestNext(t *testing.T) {
	t.Parallel()
	at := t0.Add
	busy := func(edit func(*progress)) progress {
		p := progress{life: day(), checkinAt: at(10 * time.Minute), refreshAt: at(6 * time.Hour)}
		edit(&p)
		return p
	}
	for name, c := range map[string]struct {
		p     progress
		now   time.Duration
		want  step
		until time.Duration
	}{
		"first_of_all_checks_in":          {progress{life: day(), refreshAt: at(time.Hour)}, 0, stepCheckin, 0},
		"idle_polls_a_minute":             {busy(func(*progress) {}), 0, stepWait, time.Minute},
		"poll_ends_at_the_checkin":        {busy(func(*progress) {}), 9*time.Minute + 30*time.Second, stepWait, 10 * time.Minute},
		"checkin_when_due":                {busy(func(*progress) {}), 10 * time.Minute, stepCheckin, 10 * time.Minute},
		"refresh_when_due":                {busy(func(p *progress) { p.refreshAt = at(time.Minute) }), time.Minute, stepRefresh, time.Minute},
		"one_refresh_at_a_time":           {busy(func(p *progress) { p.refreshAt, p.refreshes = t0, true }), 0, stepWait, time.Minute},
		"renews_at_half_life":             {busy(func(*progress) {}), 12 * time.Hour, stepRenew, 12 * time.Hour},
		"renews_before_anything_else":     {progress{life: day()}, 13 * time.Hour, stepRenew, 13 * time.Hour},
		"renews_for_30_days":              {busy(func(*progress) {}), 30 * 24 * time.Hour, stepRenew, 30 * 24 * time.Hour},
		"then_it_is_lost":                 {busy(func(*progress) {}), 31*24*time.Hour + time.Second, stepLost, 31*24*time.Hour + time.Second},
		"stays_away_after_a_failure":      {busy(func(p *progress) { p.retryAt = at(time.Hour) }), 15 * time.Minute, stepSleep, time.Hour},
		"also_from_renewal":               {busy(func(p *progress) { p.retryAt = at(20 * time.Hour) }), 13 * time.Hour, stepSleep, 20 * time.Hour},
		"a_moving_change_is_left_to_rest": {busy(func(p *progress) { p.changed, p.moved = t0, at(4*time.Second) }), 6 * time.Second, stepWait, time.Minute + 6*time.Second},
		"a_rested_change_is_collected":    {busy(func(p *progress) { p.changed, p.moved = t0, at(4*time.Second) }), 9 * time.Second, stepCheckin, 9 * time.Second},
		"an_endless_change_is_collected":  {busy(func(p *progress) { p.changed, p.moved = t0, at(2*time.Minute) }), 2 * time.Minute, stepCheckin, 2 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, until := next(c.p, at(c.now))
			if got != c.want || !until.Equal(at(c.until)) {
				t.Errorf("%s until %s, want %s until %s", got, until.Sub(t0), c.want, c.until)
			}
		})
	}
}

// Whatever the state, the loop neither spins nor sleeps past what is due: a wait ends in the future and within a poll.
func TestWaitsAreShortAndNeverInThePast(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		instant := func(name string) time.Time {
			if rapid.Bool().Draw(t, name+" is zero") {
				return time.Time{}
			}
			return t0.Add(time.Duration(rapid.Int64Range(-1e14, 1e14).Draw(t, name)))
		}
		p := progress{life: day(), retryAt: instant("retry"), checkinAt: instant("checkin"), refreshAt: instant("refresh"), refreshes: rapid.Bool().Draw(t, "refreshes"), changed: instant("changed"), moved: instant("moved")}
		now := t0.Add(time.Duration(rapid.Int64Range(0, 4e14).Draw(t, "now")))
		do, until := next(p, now)
		switch {
		case until.Before(now):
			t.Fatalf("%s until %s, which is over at %s", do, until, now)
		case (do == stepWait || do == stepSleep) && !until.After(now):
			t.Fatalf("%s for no time: the loop would spin", do)
		case do == stepWait && until.Sub(now) > pollFor:
			t.Fatalf("a poll of %s", until.Sub(now))
		case do == stepCheckin && !now.Before(p.life.renewAt()):
			t.Fatal("checks in though the certificate is to be renewed")
		}
	})
}

func TestBackoffGrowsAndIsBounded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n, share := rapid.IntRange(1, 1<<40).Draw(t, "failures"), rapid.Float64Range(0, 0.999).Draw(t, "share")
		d := backoff(n, share)
		if d < firstBackoff/2 || d > maxBackoff*3/2 {
			t.Fatalf("backoff(%d) = %s", n, d)
		}
		if more := backoff(n+1, share); more < d {
			t.Fatalf("backoff(%d) = %s, then %s", n, d, more)
		}
	})
}

func TestCheckinAfterKeepsWithinReason(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		seconds, share := rapid.Int().Draw(t, "seconds"), rapid.Float64Range(0, 0.999).Draw(t, "share")
		if d := checkinAfter(seconds, share); d < 4*time.Second || d > nextAtMost*11/10 {
			t.Fatalf("checkinAfter(%d) = %s", seconds, d)
		}
	})
}

package agent

import (
	"time"
)

// Times of the loop.
const (
	pollFor      = time.Minute     // one long poll
	settle       = 5 * time.Second // a change is collected when nothing has moved for so long
	settleAtMost = 2 * time.Minute // or when it has gone on for so long: an upgrade of many packages
	vitalsEvery  = time.Hour       // moving values alone are sent so often
	firstBackoff = 2 * time.Second
	maxBackoff   = 5 * time.Minute
	pendingEvery = 20 * time.Second // a host that awaits approval asks so often
	nextDefault  = 15 * time.Minute // when the server does not say
	nextAtMost   = 24 * time.Hour
)

// progress is what the loop knows of itself; next decides from it and the time alone.
type progress struct {
	life      life
	failures  int       // in a row
	retryAt   time.Time // after a failure, or while pending: nothing before
	checkinAt time.Time // the next check-in that is due by time; zero: now
	refreshAt time.Time // the next refresh of package lists
	refreshes bool      // one runs
	changed   time.Time // first sight of a change on the host that is not collected yet; zero: none
	moved     time.Time // last sight of one
}

// step is what to do now.
type step string

const (
	stepLost    step = "lost"    // the certificate is beyond renewal
	stepSleep   step = "sleep"   // until the given time
	stepRenew   step = "renew"   // get the next certificate
	stepRefresh step = "refresh" // start a refresh of package lists, beside everything else
	stepCheckin step = "checkin" // collect and check in
	stepWait    step = "wait"    // long poll until the given time at most
)

// next decides what to do now, and for sleep and wait until when.
func next(p progress, now time.Time) (step, time.Time) {
	switch {
	case p.life.lost(now):
		return stepLost, now
	case now.Before(p.retryAt):
		return stepSleep, p.retryAt
	case !now.Before(p.life.renewAt()):
		return stepRenew, now
	case !now.Before(p.refreshAt) && !p.refreshes:
		return stepRefresh, now
	case !now.Before(p.checkinAt), settled(p, now):
		return stepCheckin, now
	}
	until := earliest(now.Add(pollFor), p.checkinAt, p.life.renewAt())
	if !p.refreshes {
		until = earliest(until, p.refreshAt)
	}
	return stepWait, until
}

// settled reports that a change on the host is over, or has gone on long enough.
func settled(p progress, now time.Time) bool {
	return !p.changed.IsZero() && (now.Sub(p.moved) >= settle || now.Sub(p.changed) >= settleAtMost)
}

func earliest(first time.Time, others ...time.Time) time.Time {
	for _, t := range others {
		if t.Before(first) {
			first = t
		}
	}
	return first
}

// backoff is how long to stay away after so many failures in a row. share, in [0,1), spreads a fleet whose server went away at once.
func backoff(failures int, share float64) time.Duration {
	d := maxBackoff
	if shift := failures - 1; shift < 8 {
		d = min(maxBackoff, firstBackoff<<max(shift, 0))
	}
	return d/2 + time.Duration(share*float64(d))
}

// checkinAfter is when to come back, as the server wishes and within reason, ± a tenth.
func checkinAfter(seconds int, share float64) time.Duration {
	d := time.Duration(seconds) * time.Second
	if seconds <= 0 || seconds > int(nextAtMost/time.Second) {
		d = nextDefault
	}
	d = max(d, 5*time.Second)
	return d*9/10 + time.Duration(share*float64(d)/5)
}

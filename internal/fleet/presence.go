package fleet

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	// maxWaits bounds the open long polls of one host. More than one is a poll whose connection died unseen, or a clone.
	maxWaits = 4
	// maxNudges bounds the kinds of work that wait for one host; there are fewer kinds than that.
	maxNudges = 8
)

// Presence knows which hosts have a long poll open, and carries nudges to them. It is memory only: a nudge says "look", never
// what is true, so losing one loses time and nothing else. What it holds is bounded by the hosts that are, or just were, there.
type Presence struct {
	grace time.Duration

	mu       sync.Mutex
	hosts    map[string]*attendance
	onChange []func(hostID string)
}

// attendance is one host that waits, that did within the grace, or for which a nudge waits.
type attendance struct {
	waits  []chan struct{} // oldest first; each has room for one wake-up
	nudges []string
	until  time.Time   // online until then when nobody waits; zero when it was never here
	timer  *time.Timer // forgets it; nil while somebody waits
}

// NewPresence makes an empty Presence. A host stays online for grace after its last long poll ended, which hides the moment
// between two polls; a nudge for a host that is not here is kept as long.
func NewPresence(grace time.Duration) *Presence {
	return &Presence{grace: grace, hosts: map[string]*attendance{}}
}

// OnChange adds f to what is called, outside any lock, after a host came or went. Call it before the first Wait.
func (p *Presence) OnChange(f func(hostID string)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.onChange = append(p.onChange, f)
}

// Wait blocks until a nudge for the host comes and gives its kind, at once when one is there already. It gives false when ctx
// ends, or when the host has opened too many waits after this one. The newest wait of a host is the one that is woken: older ones
// are probably of connections that died.
func (p *Presence) Wait(ctx context.Context, hostID string) (kind string, ok bool) {
	wake := make(chan struct{}, 1)
	p.arrive(hostID, wake)
	defer p.leave(hostID, wake)
	for {
		select {
		case <-ctx.Done():
			return "", false
		case _, open := <-wake:
			if !open {
				return "", false
			}
			if kind, ok := p.takeNudge(hostID); ok {
				return kind, true
			}
		}
	}
}

// Nudge tells the host to do a kind of work. The same kind is not kept twice.
func (p *Presence) Nudge(hostID, kind string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.hosts[hostID]
	if a == nil {
		a = &attendance{}
		p.hosts[hostID] = a
		p.forgetLater(hostID, a)
	}
	if !slices.Contains(a.nudges, kind) && len(a.nudges) < maxNudges {
		a.nudges = append(a.nudges, kind)
	}
	a.wakeNewest()
}

// Online reports whether the host's long poll is open at now, or was within the grace before it.
func (p *Presence) Online(hostID string, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.hosts[hostID]
	return a != nil && (len(a.waits) > 0 || now.Before(a.until))
}

// EachOnline calls f with every host that is online at now, in no order. f must not call Presence.
func (p *Presence) EachOnline(now time.Time, f func(hostID string)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, a := range p.hosts {
		if len(a.waits) > 0 || now.Before(a.until) {
			f(id)
		}
	}
}

// arrive adds a wait and wakes it when work is there already.
func (p *Presence) arrive(hostID string, wake chan struct{}) {
	p.mu.Lock()
	a := p.hosts[hostID]
	if a == nil {
		a = &attendance{}
		p.hosts[hostID] = a
	}
	came := !a.present()
	if a.timer != nil {
		a.timer.Stop()
		a.timer = nil
	}
	if len(a.waits) == maxWaits {
		close(a.waits[0])
		a.waits = slices.Delete(a.waits, 0, 1)
	}
	a.waits = append(a.waits, wake)
	a.wakeNewest()
	p.mu.Unlock()
	p.changed(hostID, came)
}

// leave removes a wait; a nudge that it did not take wakes the next.
func (p *Presence) leave(hostID string, wake chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.hosts[hostID]
	if a == nil {
		return // pushed out by newer ones, which have gone too
	}
	i := slices.Index(a.waits, wake)
	if i < 0 {
		return // pushed out by newer ones
	}
	a.waits = slices.Delete(a.waits, i, i+1)
	a.wakeNewest()
	if len(a.waits) == 0 {
		a.until = time.Now().Add(p.grace)
		p.forgetLater(hostID, a)
	}
}

// takeNudge gives the oldest nudge; false when another wait of the host was quicker.
func (p *Presence) takeNudge(hostID string) (string, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.hosts[hostID]
	if a == nil || len(a.nudges) == 0 {
		return "", false
	}
	kind := a.nudges[0]
	a.nudges = slices.Delete(a.nudges, 0, 1)
	return kind, true
}

// forgetLater removes the host after the grace, unless it waits again before. Called with the lock held.
func (p *Presence) forgetLater(hostID string, a *attendance) {
	var timer *time.Timer
	timer = time.AfterFunc(p.grace, func() {
		p.mu.Lock()
		gone := p.hosts[hostID] == a && a.timer == timer // else it fired while the host came back
		if gone {
			delete(p.hosts, hostID)
		}
		was := gone && a.present()
		p.mu.Unlock()
		p.changed(hostID, was)
	})
	a.timer = timer
}

// changed calls the listeners when there is something to tell.
func (p *Presence) changed(hostID string, did bool) {
	if !did {
		return
	}
	p.mu.Lock()
	listeners := slices.Clone(p.onChange)
	p.mu.Unlock()
	for _, f := range listeners {
		f(hostID)
	}
}

// present reports whether the host is here, or was within the grace: its entry would be gone otherwise.
func (a *attendance) present() bool { return len(a.waits) > 0 || !a.until.IsZero() }

// wakeNewest wakes the newest wait when there is a nudge for it.
func (a *attendance) wakeNewest() {
	if len(a.waits) == 0 || len(a.nudges) == 0 {
		return
	}
	select {
	case a.waits[len(a.waits)-1] <- struct{}{}:
	default: // woken already
	}
}

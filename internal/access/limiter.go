package access

import (
	"net/netip"
	"sync"
	"time"
)

// Limiter allows each key a burst and then one more every so often (a leaky bucket: one time per key). Its memory is bounded: when it
// knows too many keys at once, the ones beyond share a single bucket, so a flood of addresses cannot fill memory nor get round the limit.
type Limiter struct {
	burst int
	every time.Duration
	keys  int

	mu   sync.Mutex
	busy map[string]time.Time // key to when its bucket is empty again; a key that is not here has an empty bucket
}

// overflow is the bucket that keys share when there are too many; no real key is empty.
const overflow = ""

// NewLimiter allows burst at once and one more per every, for at most keys keys apart.
func NewLimiter(burst int, every time.Duration, keys int) *Limiter {
	return &Limiter{burst: burst, every: every, keys: keys, busy: map[string]time.Time{}}
}

// Allow takes one from key's bucket at now, or says false and takes nothing.
func (l *Limiter) Allow(key string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.busy[key]; !known && len(l.busy) >= l.keys {
		l.sweep(now)
		if len(l.busy) >= l.keys {
			key = overflow
		}
	}
	next, ok := take(l.busy[key], now, l.burst, l.every)
	if ok {
		l.busy[key] = next
	}
	return ok
}

// take decides: a bucket that is empty again at emptyAt has room for one more while it holds less than burst.
func take(emptyAt, now time.Time, burst int, every time.Duration) (time.Time, bool) {
	if emptyAt.Before(now) {
		emptyAt = now
	}
	if emptyAt.Sub(now) > time.Duration(burst-1)*every {
		return emptyAt, false
	}
	return emptyAt.Add(every), true
}

func (l *Limiter) sweep(now time.Time) {
	for key, emptyAt := range l.busy {
		if !emptyAt.After(now) {
			delete(l.busy, key)
		}
	}
}

// AddressKey is what one address counts as: itself, or its /64 with IPv6, of which one customer has at least one.
func AddressKey(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return "unknown"
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is6() {
		if p, err := ip.Prefix(64); err == nil {
			return p.String()
		}
	}
	return ip.String()
}

package fleet

import (
	"sync"
	"time"
)

// limiter allows each key so many times in a period, and all keys together so many (zero: any number). Its memory is that of one
// period, so a flood of new keys needs a total.
type limiter struct {
	every       time.Duration
	each, total int

	mu    sync.Mutex
	since time.Time
	seen  map[string]int
	all   int
}

func (l *limiter) allow(key string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen == nil || now.Sub(l.since) >= l.every {
		l.since, l.seen, l.all = now, map[string]int{}, 0
	}
	if l.seen[key] >= l.each || l.total > 0 && l.all >= l.total {
		return false
	}
	l.seen[key]++
	l.all++
	return true
}

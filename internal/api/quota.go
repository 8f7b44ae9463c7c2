package api

import (
	"sync"
	"time"

	"github.com/staunch-dev/staunch/internal/access"
	"github.com/staunch-dev/staunch/internal/fault"
)

// Quotas of the agent channel. A busy agent makes some ten requests a minute (a check-in, five sections, two polls); one that is
// broken or taken over must not cost the others anything.
const (
	hostBurst    = 120
	hostEvery    = 500 * time.Millisecond
	hostAtOnce   = 8
	enrollBurst  = 200 // a rack behind one address comes up at once
	enrollEvery  = 500 * time.Millisecond
	mostKeys     = 100_000
	decodeAtOnce = 4 // section bodies in memory at the same time, each up to 16 MiB and its decoded form
)

// quota bounds what one host, and one address without a good certificate, may ask.
type quota struct {
	hosts, enroll *access.Limiter
	decode        chan struct{}

	mu     sync.Mutex
	flight map[string]int // requests of a host that are being served
}

func newQuota() *quota {
	return &quota{
		hosts:  access.NewLimiter(hostBurst, hostEvery, mostKeys),
		enroll: access.NewLimiter(enrollBurst, enrollEvery, mostKeys),
		decode: make(chan struct{}, decodeAtOnce),
		flight: map[string]int{},
	}
}

// enter admits one request of a host; leave must be called when it is over.
func (q *quota) enter(hostID string, now time.Time) (leave func(), err error) {
	if !q.hosts.Allow(hostID, now) {
		return nil, fault.New(fault.TooMany, "this host asks too often: slow down")
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.flight[hostID] >= hostAtOnce {
		return nil, fault.New(fault.TooMany, "this host has too many requests open at once")
	}
	q.flight[hostID]++
	return func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if q.flight[hostID]--; q.flight[hostID] <= 0 {
			delete(q.flight, hostID)
		}
	}, nil
}

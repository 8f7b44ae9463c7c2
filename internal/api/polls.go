package api

import (
	"context"
	"sync"
)

// polls is the one long poll of each host: a newer one ends the older, whose connection is probably dead, and revoking a host ends it.
type polls struct {
	mu   sync.Mutex
	open map[string]*poll
}

type poll struct{ cancel context.CancelFunc }

func newPolls() *polls { return &polls{open: map[string]*poll{}} }

// join gives the context of a host's new poll; leave must be called when it is over.
func (p *polls) join(ctx context.Context, hostID string) (polling context.Context, leave func()) {
	polling, cancel := context.WithCancel(ctx)
	mine := &poll{cancel}
	p.mu.Lock()
	defer p.mu.Unlock()
	if old := p.open[hostID]; old != nil {
		old.cancel()
	}
	p.open[hostID] = mine
	return polling, func() {
		cancel()
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.open[hostID] == mine {
			delete(p.open, hostID)
		}
	}
}

// end ends the poll that a host has open, if any.
func (p *polls) end(hostID string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if old := p.open[hostID]; old != nil {
		old.cancel()
	}
}

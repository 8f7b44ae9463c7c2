package cli

import (
	"context"
	"slices"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/client"
)

const (
	followAtLeast = 3 * time.Second        // how old what is shown may get when the live view says nothing, or is gone
	followAtMost  = 150 * time.Millisecond // between two looks, however much happens
	followRetry   = 2 * time.Second
)

// follower says when to look again.
type follower struct {
	told chan struct{}
	stop context.CancelFunc
	done chan struct{}
}

// follow watches the live view for changes of these kinds until Stop or the end of ctx. A server that goes away and comes back is
// followed on.
func follow(ctx context.Context, o *client.Operator, kinds ...string) *follower {
	ctx, cancel := context.WithCancel(ctx)
	f := &follower{told: make(chan struct{}, 1), stop: cancel, done: make(chan struct{})}
	go func() {
		defer close(f.done)
		for ctx.Err() == nil {
			_ = o.Live(ctx, func(m apiv1.LiveMessage) error { // whatever ends it, next looks anyway
				if m.Kind == "resync" || slices.Contains(kinds, m.Kind) {
					select {
					case f.told <- struct{}{}:
					default:
					}
				}
				return nil
			})
			_ = pause(ctx, followRetry)
		}
	}()
	return f
}

// Stop ends following.
func (f *follower) Stop() {
	f.stop()
	<-f.done
}

// next waits until it is worth looking again; the error is that of ctx.
func (f *follower) next(ctx context.Context) error {
	if err := pause(ctx, followAtMost); err != nil {
		return err
	}
	late := time.NewTimer(followAtLeast)
	defer late.Stop()
	select {
	case <-f.told:
	case <-late.C:
	case <-ctx.Done():
	}
	return ctx.Err()
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
	return ctx.Err()
}

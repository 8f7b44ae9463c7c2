package assess

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/staunch-dev/staunch/internal/fault"
)

// slowly loads an index when it is told to, or ends with its context.
type slowly struct {
	began int
	ready chan struct{}
}

func (l *slowly) load(ctx context.Context, _ Past) (*index, error) {
	l.began++
	select {
	case <-l.ready:
		return &index{}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// askFor asks as Service.answering does, and gives how long it waited and what became of it.
func askFor(ctx context.Context, ps *pasts, past Past, load func(context.Context, Past) (*index, error)) (*pastIndex, error) {
	for {
		p, mine := ps.get(past, 0, time.Now(), load)
		var err error
		select {
		case <-p.done:
		case <-ctx.Done():
			err = ctx.Err()
		}
		if mine {
			ps.leave(p, ctx.Err())
		}
		if err != nil || mine {
			return p, errors.Join(err, p.failed())
		}
	}
}

// failed is its error once it is there.
func (p *pastIndex) failed() error {
	select {
	case <-p.done:
		return p.err
	default:
		return nil
	}
}

func TestWhoAsksAboutOneTimeSharesOneLoad(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var ps pasts
		l := &slowly{ready: make(chan struct{})}
		past := Past{At: time.Now().Add(-time.Hour)}
		got := make(chan *pastIndex, 10)
		for range 10 {
			go func() {
				p, err := askFor(t.Context(), &ps, past, l.load)
				if err != nil {
					t.Error(err)
				}
				got <- p
			}()
		}
		gone, cancel := context.WithCancel(t.Context()) // one who goes takes nothing from the others
		go func() { _, _ = askFor(gone, &ps, past, l.load) }()
		synctest.Wait()
		cancel()
		time.Sleep(5 * time.Minute)
		close(l.ready)
		first := <-got
		for range 9 {
			if p := <-got; p != first {
				t.Error("not the same index")
			}
		}
		if l.began != 1 {
			t.Errorf("%d were loaded", l.began)
		}
		// It is forgotten when nobody asks for a while: it is large.
		if n := ps.keeping(); n != 1 {
			t.Errorf("%d are kept", n)
		}
		time.Sleep(pastsFor + time.Second)
		synctest.Wait()
		if n := ps.keeping(); n != 0 {
			t.Errorf("%d are kept still", n)
		}
	})
}

// A load that nobody waits for ends: soon when they went, later when they were told to ask again; who does in time finds it going on.
func TestALoadThatNobodyWantsEnds(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		limit time.Duration // of the one who asks; 0: he goes after a second
		again time.Duration // after which he asks again; 0: never
		ended time.Duration // when the load ends, from its beginning; 0: it does not
	}{
		"the client goes":                              {0, 0, time.Second + goneGrace},
		"the client's time is up":                      {30 * time.Second, 0, 30*time.Second + toldGrace},
		"the client's time is up, and it asks again":   {30 * time.Second, 30*time.Second + toldGrace - time.Second, 0},
		"the client goes, and another asks right away": {0, 2 * time.Second, 0},
		"the client goes, and another asks too late":   {0, 20 * time.Second, time.Second + goneGrace},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var ps pasts
				began := time.Now()
				l := &slowly{ready: make(chan struct{})}
				past := Past{At: began.Add(-time.Hour)}
				ctx, cancel := context.WithCancel(t.Context())
				if tc.limit > 0 {
					ctx, cancel = context.WithTimeout(t.Context(), tc.limit)
				}
				defer cancel()
				go func() { _, _ = askFor(ctx, &ps, past, l.load) }()
				synctest.Wait()
				ps.mu.Lock()
				p := ps.loading
				ps.mu.Unlock()
				if tc.limit == 0 {
					time.Sleep(time.Second)
					cancel()
				}
				if tc.again > 0 {
					time.Sleep(tc.again - time.Since(began))
					patient, stop := context.WithCancel(t.Context())
					defer stop()
					go func() { _, _ = askFor(patient, &ps, past, l.load) }()
				}
				time.Sleep(5 * time.Minute)
				synctest.Wait()
				switch err := p.failed(); {
				case tc.ended == 0 && (err != nil || ps.loading != p):
					t.Errorf("it was ended: %v", err)
				case tc.ended > 0 && !errors.Is(err, context.Canceled):
					t.Errorf("it goes on: %v", err)
				}
				close(l.ready)
			})
		})
	}
	t.Run("its beginning and end", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var ps pasts
			began := time.Now()
			l := &slowly{ready: make(chan struct{})}
			if _, err := askFor(t.Context(), &ps, Past{At: began.Add(-time.Hour)}, l.load); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != pastsLoading {
				t.Errorf("a load that never ends: %v after %s", err, time.Since(began))
			}
		})
	})
}

// A sweep and the questions of people are loaded in turn, and who waits for too long is told so.
func TestASweepWaitsForItsTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var ps pasts
		l := &slowly{ready: make(chan struct{})}
		at := time.Now().Add(-time.Hour)
		done, err := ps.turn(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = askFor(t.Context(), &ps, Past{At: at}, l.load) }()
		synctest.Wait()
		if l.began != 0 {
			t.Error("both are loaded at a time")
		}
		done()
		synctest.Wait()
		if l.began != 1 {
			t.Error("its turn does not come")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := ps.turn(ctx, at); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("%v", err)
		}
		close(l.ready)
		synctest.Wait()
		if done, err = ps.turn(t.Context(), at); err != nil {
			t.Error(err)
		}
		done()
		time.Sleep(pastsFor)
	})
}

// keeping counts what is kept.
func (ps *pasts) keeping() int {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return len(ps.kept)
}

package fleet

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// wait starts a Wait and gives where its answer will be; kind is "-" for ok=false.
func wait(ctx context.Context, p *Presence, host string) <-chan string {
	out := make(chan string, 1)
	go func() {
		if kind, ok := p.Wait(ctx, host); ok {
			out <- kind
		} else {
			out <- "-"
		}
	}()
	return out
}

func TestNudgeWakesAWaitingHost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := NewPresence(time.Minute)
		got := wait(t.Context(), p, "h")
		synctest.Wait()
		start := time.Now()
		p.Nudge("other", "refresh")
		p.Nudge("h", "collect")
		if kind := <-got; kind != "collect" || !time.Now().Equal(start) {
			t.Errorf("got %q after %v", kind, time.Since(start))
		}
	})
}

func TestNudgeWaitsForTheHost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := NewPresence(time.Minute)
		for range 3 {
			p.Nudge("h", "refresh")
		}
		p.Nudge("h", "collect")
		if kind, ok := p.Wait(t.Context(), "h"); kind != "refresh" || !ok {
			t.Errorf("first %q, %v", kind, ok)
		}
		if kind, ok := p.Wait(t.Context(), "h"); kind != "collect" || !ok {
			t.Errorf("second %q, %v", kind, ok)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if kind, ok := p.Wait(ctx, "h"); ok {
			t.Errorf("a third, %q, though the same kind is not kept twice", kind)
		}
	})
}

func TestOnlineWhileWaitingAndForTheGraceAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := NewPresence(time.Minute)
		var mu sync.Mutex
		var changes []bool
		p.OnChange(func(host string) {
			mu.Lock()
			defer mu.Unlock()
			changes = append(changes, p.Online(host, time.Now()))
		})
		online := func(want bool, when string) {
			t.Helper()
			synctest.Wait()
			if p.Online("h", time.Now()) != want {
				t.Errorf("%s: online is %v", when, !want)
			}
		}
		online(false, "before")
		for range 3 { // polls with a gap shorter than the grace
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			got := wait(ctx, p, "h")
			online(true, "waiting")
			time.Sleep(time.Hour)
			if kind := <-got; kind != "-" {
				t.Errorf("nothing was to do, got %q", kind)
			}
			cancel()
			time.Sleep(59 * time.Second)
			online(true, "in the grace")
		}
		time.Sleep(time.Second)
		online(false, "after the grace")
		mu.Lock()
		defer mu.Unlock()
		if !slices.Equal(changes, []bool{true, false}) {
			t.Errorf("told of %v, want one coming and one going", changes)
		}
		if len(p.hosts) != 0 {
			t.Errorf("remembers %d hosts that are gone", len(p.hosts))
		}
	})
}

func TestNewestWaitIsWoken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := NewPresence(time.Minute)
		ctx, cancel := context.WithCancel(t.Context())
		dead := wait(ctx, p, "h")
		synctest.Wait()
		alive := wait(t.Context(), p, "h")
		synctest.Wait()
		p.Nudge("h", "collect")
		if kind := <-alive; kind != "collect" {
			t.Errorf("the newest got %q", kind)
		}
		cancel()
		if kind := <-dead; kind != "-" {
			t.Errorf("the older got %q", kind)
		}
	})
}

func TestOneHostHasFewWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := NewPresence(time.Minute)
		ctx, cancel := context.WithCancel(t.Context())
		first := wait(ctx, p, "h")
		synctest.Wait()
		var rest []<-chan string
		for range maxWaits {
			rest = append(rest, wait(ctx, p, "h"))
			synctest.Wait()
		}
		if kind := <-first; kind != "-" {
			t.Errorf("the oldest got %q", kind)
		}
		for i, r := range rest {
			select {
			case kind := <-r:
				t.Errorf("wait %d of the newest %d ended with %q", i, maxWaits, kind)
			default:
			}
		}
		cancel()
		for _, r := range rest {
			<-r
		}
	})
}

func TestNudgeOfAnAbsentHostIsForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := NewPresence(time.Minute)
		p.OnChange(func(string) { t.Error("a nudge is no presence") })
		for i := range 1000 {
			p.Nudge(string(rune('a'+i)), "collect")
		}
		if p.Online("a", time.Now()) {
			t.Error("online by being nudged")
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(p.hosts) != 0 {
			t.Errorf("remembers %d hosts", len(p.hosts))
		}
	})
}

package event_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/store/storetest"
)

func next(t *testing.T, ch <-chan event.Change) event.Change {
	t.Helper()
	select {
	case c, open := <-ch:
		if !open {
			t.Fatal("the subscription is closed")
		}
		return c
	case <-time.After(30 * time.Second):
		t.Fatal("nothing came")
	}
	return event.Change{}
}

func TestFollowersSeeEveryCommitInOrder(t *testing.T) {
	t.Parallel()
	cfg := storetest.SQLite(t)
	ours, theirs := storetest.Reopen(t, cfg), storetest.Reopen(t, cfg) // two processes on one database
	appendTo := func(s event.Store) {
		if _, err := s.AppendEvent(context.Background(), event.Event{At: time.Unix(1, 0), Kind: event.ServerStarted, Actor: "server"}); err != nil {
			t.Fatal(err)
		}
	}
	appendTo(ours) // before Start: not told
	f := event.NewFollower(ours, slog.New(slog.DiscardHandler))
	ch, cancel := f.Subscribe(100)
	defer cancel()
	if err := f.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer f.Stop()
	before, err := ours.Seq(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range []event.Store{ours, theirs, ours} {
		appendTo(s)
		if c := next(t, ch); c.Seq != before+int64(i)+1 || c.Kind != event.ChangeEvent {
			t.Fatalf("change %d is %+v, want seq %d", i, c, before+int64(i)+1)
		}
	}
	f.Tell(event.Change{Kind: event.ChangePresence, Ref: "h"})
	if c := next(t, ch); c.Kind != event.ChangePresence || c.Ref != "h" {
		t.Errorf("%+v", c)
	}
	f.Stop()
	if _, open := <-ch; open {
		t.Error("open after Stop")
	}
}

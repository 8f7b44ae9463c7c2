package api

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/access"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fleet"
)

// viewer reads the live view of a bundle's server.
type viewer struct {
	t      *testing.T
	lines  *bufio.Scanner
	cancel context.CancelFunc
	resp   *http.Response
}

func (b *bundle) watch(t *testing.T, server *httptest.Server, token, query, last string) *viewer {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", server.URL+"/api/v1/live"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	resp, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = resp.Body.Close() })
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatal(resp.Status, resp.Header)
	}
	return &viewer{t: t, lines: bufio.NewScanner(resp.Body), cancel: cancel, resp: resp}
}

// next is the next message.
func (v *viewer) next() apiv1.LiveMessage {
	v.t.Helper()
	var id string
	for v.lines.Scan() {
		if text, ok := strings.CutPrefix(v.lines.Text(), "id: "); ok {
			id = text
		}
		if data, ok := strings.CutPrefix(v.lines.Text(), "data: "); ok {
			var m apiv1.LiveMessage
			if err := json.Unmarshal([]byte(data), &m); err != nil || fmt.Sprint(m.Seq) != id {
				v.t.Fatalf("id %s, %s, %v", id, data, err)
			}
			return m
		}
	}
	v.t.Fatal("the stream ended")
	return apiv1.LiveMessage{}
}

func TestLiveTellsChangesAndResumes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	server := httptest.NewServer(b.handler)
	t.Cleanup(server.Close)
	token := b.token(t, access.Viewer)
	first := b.watch(t, server, token, "", "")
	start := first.next()
	if start.Kind != "resync" {
		t.Fatalf("first %+v", start)
	}
	create := func() {
		t.Helper()
		if _, _, err := b.fleet.CreateToken(t.Context(), "user:x", fleet.CreateToken{}, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	create()
	var live []apiv1.LiveMessage
	for len(live) == 0 || live[len(live)-1].Kind != event.ChangeEvent { // the event of a write is its last change
		live = append(live, first.next())
	}
	b.follow.Tell(event.Change{Kind: event.ChangePresence, Ref: "host_1"})
	if got := first.next(); got.Kind != event.ChangePresence || got.Ref != "host_1" || got.Seq != live[len(live)-1].Seq {
		t.Errorf("presence %+v", got)
	}
	// A second viewer that has seen what the first began with gets the same changes; so does one that reconnects.
	for name, v := range map[string]*viewer{
		"after":         b.watch(t, server, token, fmt.Sprintf("?after=%d", start.Seq), ""),
		"last event id": b.watch(t, server, token, "", fmt.Sprint(start.Seq)),
	} {
		if start.Seq == 0 {
			break // nothing to resume from
		}
		var again []apiv1.LiveMessage
		for range live {
			again = append(again, v.next())
		}
		if diff := cmp.Diff(live, again); diff != "" {
			t.Errorf("%s: -live +again:\n%s", name, diff)
		}
	}
	// Ids that are no seq of this server, and ones of the future, resync.
	for _, last := range []string{"abc", "999999", "-1"} {
		if got := b.watch(t, server, token, "", last).next(); got.Kind != "resync" {
			t.Errorf("Last-Event-ID %q: %+v", last, got)
		}
	}
	b.api.Stop()
	for first.lines.Scan() { // ends: the test would hang otherwise
	}
}

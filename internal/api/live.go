package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
)

const (
	heartbeat    = 15 * time.Second // below the idle timeouts of proxies; also how soon a revoked session loses its view
	liveWrite    = 10 * time.Second // a reader that takes longer for one message is cut off
	liveBuffer   = 256
	liveReplay   = 1000 // changes; more than that is a resync
	retryMillis  = 3000
	maxLiveViews = 500
)

type liveInput struct {
	LastEventID string `header:"Last-Event-ID" maxLength:"20" doc:"Sent by browsers when they reconnect: the last seq seen"`
	After       int64  `query:"after" minimum:"0" doc:"Changes after this seq; as Last-Event-ID, for the first connection"`
}

type streamOutput struct {
	Body func(huma.Context)
}

func (a *API) liveOperation(api huma.API) {
	op := operation("live", http.MethodGet, "/api/v1/live", tagEvents, needViewer, "What changes, as server-sent events",
		about("Each message's data is a LiveMessage: ask again for what you show of that kind. A comment comes every 15 seconds. Without Last-Event-ID or after, the first message is a resync."),
		lasting(0), errorsToo(http.StatusServiceUnavailable))
	op.Responses = map[string]*huma.Response{"200": {
		Description: "A stream of LiveMessage",
		Content: map[string]*huma.MediaType{"text/event-stream": {
			Schema: a.doc.Components.Schemas.Schema(reflect.TypeFor[apiv1.LiveMessage](), true, ""),
		}},
	}}
	views := make(chan struct{}, maxLiveViews)
	register(api, op, func(ctx context.Context, in *liveInput) (*streamOutput, error) {
		after, resume := in.After, in.After > 0
		if in.LastEventID != "" {
			seq, err := strconv.ParseInt(in.LastEventID, 10, 64)
			after, resume = seq, err == nil && seq >= 0
		}
		select {
		case views <- struct{}{}:
		default:
			return nil, fault.New(fault.Unavailable, "too many live views are open")
		}
		return &streamOutput{Body: func(hctx huma.Context) {
			defer func() { <-views }()
			a.live(hctx, after, resume)
		}}, nil
	})
}

// live subscribes before it looks at the past, so that no change falls between the two; what comes twice is dropped by seq.
func (a *API) live(hctx huma.Context, after int64, resume bool) {
	ctx, cancel := context.WithCancel(hctx.Context())
	defer cancel()
	defer context.AfterFunc(a.stopping, cancel)()
	changes, unsubscribe := a.Follower.Subscribe(liveBuffer)
	defer unsubscribe()

	r, w := humago.Unwrap(hctx)
	s := &liveStream{w: w, control: http.NewResponseController(w)}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would hold messages back
	w.WriteHeader(http.StatusOK)
	if !s.text(fmt.Sprintf("retry: %d\n\n", retryMillis)) || !a.past(ctx, s, after, resume) {
		return
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-beat.C:
			if _, err := a.identify(ctx, r); err != nil || !s.text(": alive\n\n") {
				return
			}
		case c, open := <-changes:
			if !open || !s.change(c) {
				return
			}
		}
	}
}

// past sends the changes after the last one that the reader has, or a resync when it has none or they are too many.
func (a *API) past(ctx context.Context, s *liveStream, after int64, resume bool) bool {
	seq, err := a.Events.Seq(ctx)
	if err != nil {
		return false
	}
	if !resume || after > seq || seq-after > liveReplay {
		return s.change(event.Change{Seq: seq, Kind: event.ChangeResync})
	}
	missed, err := a.Events.ChangesAfter(ctx, after, liveReplay)
	if err != nil {
		return false
	}
	if len(missed) > 0 && missed[0].Seq != after+1 { // older ones were pruned
		return s.change(event.Change{Seq: seq, Kind: event.ChangeResync})
	}
	s.last = after
	for _, c := range missed {
		if !s.change(c) {
			return false
		}
	}
	return true
}

// liveStream writes messages; its methods say false when the reader has gone.
type liveStream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	last    int64
}

func (s *liveStream) change(c event.Change) bool {
	if c.Seq > 0 && c.Seq <= s.last && c.Kind != event.ChangeResync {
		return true // sent already
	}
	s.last = max(s.last, c.Seq)
	data, err := json.Marshal(apiv1.LiveMessage{Seq: s.last, Kind: c.Kind, Ref: c.Ref})
	if err != nil {
		return false
	}
	return s.text(fmt.Sprintf("id: %d\ndata: %s\n\n", s.last, data))
}

func (s *liveStream) text(text string) bool {
	_ = s.control.SetWriteDeadline(time.Now().Add(liveWrite))
	if _, err := s.w.Write([]byte(text)); err != nil {
		return false
	}
	if err := s.control.Flush(); err != nil {
		return false
	}
	// HTTP/2 resets a stream whose deadline passes, even while nothing is written: between messages there is none.
	return s.control.SetWriteDeadline(time.Time{}) == nil
}

package api

import (
	"context"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
)

type eventsInput struct {
	Host   string `query:"host" maxLength:"64" doc:"Only events about this host id"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Cursor string `query:"cursor" maxLength:"40" doc:"next of the page before"`
}

func (a *API) eventOperations(api huma.API) {
	register(api, operation("list-events", http.MethodGet, "/api/v1/events", tagEvents, needViewer, "What happened, newest first"), a.listEvents)
}

func (a *API) listEvents(ctx context.Context, in *eventsInput) (*answer[apiv1.EventPage], error) {
	var before int64
	if in.Cursor != "" {
		var err error
		if before, err = strconv.ParseInt(in.Cursor, 10, 64); err != nil || before < 1 {
			return nil, fault.New(fault.Invalid, "cursor %q is not one that this list gave", in.Cursor)
		}
	}
	events, err := a.Events.Events(ctx, in.Host, before, in.Limit)
	if err != nil {
		return nil, err
	}
	page := apiv1.EventPage{Items: make([]apiv1.Event, 0, len(events))}
	for _, e := range events {
		data := e.Data
		if data == nil {
			data = map[string]string{}
		}
		page.Items = append(page.Items, apiv1.Event{Seq: e.Seq, At: e.At.UTC(), Kind: e.Kind, Actor: e.Actor, Host: e.Host, Text: e.Text, Data: data})
	}
	if len(events) >= in.Limit {
		page.Next = strconv.FormatInt(events[len(events)-1].Seq, 10)
	}
	return reply(page, nil)
}

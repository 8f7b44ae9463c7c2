package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/assess"
)

// FindingsInput is what lists of findings take beside what every list takes.
type FindingsInput struct {
	ListInput
	Priority string `query:"priority" enum:"urgent,high,normal,low,lowest" doc:"Only findings of this priority"`
	Source   string `query:"source" maxLength:"256" doc:"Only findings of this source package"`
}

type vulnInput struct {
	FindingsInput
	ID string `path:"id" maxLength:"128" doc:"CVE or advisory id"`
}

func (a *API) findingsQuery(ctx context.Context, in FindingsInput) (assess.Query, error) {
	q, err := a.query(ctx, in.ListInput)
	q.Priority, q.Source = in.Priority, in.Source
	return q, err
}

func (a *API) assessOperations(api huma.API) {
	register(api, operation("get-overview", http.MethodGet, "/api/v1/overview", tagAssess, needViewer, "The front page: counts over the hosts that a selector names", tooLarge), a.overview)
	register(api, operation("list-updates", http.MethodGet, "/api/v1/updates", tagAssess, needViewer, "Updates across the fleet", tooLarge), func(ctx context.Context, in *ListInput) (*answer[apiv1.FleetUpdatePage], error) {
		q, err := a.query(ctx, *in)
		if err != nil {
			return nil, err
		}
		return reply(a.Assess.Updates(ctx, q))
	})
	register(api, operation("list-findings", http.MethodGet, "/api/v1/findings", tagAssess, needViewer, "Findings across the fleet", tooLarge), func(ctx context.Context, in *FindingsInput) (*answer[apiv1.FindingPage], error) {
		q, err := a.findingsQuery(ctx, *in)
		if err != nil {
			return nil, err
		}
		return reply(a.Assess.Findings(ctx, q))
	})
	register(api, operation("list-vulnerabilities", http.MethodGet, "/api/v1/vulnerabilities", tagAssess, needViewer, "Vulnerabilities and how far each reaches", tooLarge), func(ctx context.Context, in *FindingsInput) (*answer[apiv1.VulnPage], error) {
		q, err := a.findingsQuery(ctx, *in)
		if err != nil {
			return nil, err
		}
		return reply(a.Assess.Vulnerabilities(ctx, q))
	})
	register(api, operation("get-vulnerability", http.MethodGet, "/api/v1/vulnerabilities/{id}", tagAssess, needViewer, "One vulnerability, with a page of its findings", tooLarge,
		errorsToo(http.StatusNotFound)), func(ctx context.Context, in *vulnInput) (*answer[apiv1.VulnDetail], error) {
		q, err := a.findingsQuery(ctx, in.FindingsInput)
		if err != nil {
			return nil, err
		}
		return reply(a.Assess.Vulnerability(ctx, in.ID, q))
	})
}

func (a *API) overview(ctx context.Context, in *struct {
	Selector string `query:"selector" maxLength:"2000"`
	MinSeq   int64  `query:"min_seq" minimum:"0"`
	PastInput
}) (*answer[apiv1.Overview], error) {
	q, err := a.query(ctx, ListInput{Selector: in.Selector, MinSeq: in.MinSeq, Limit: 100, PastInput: in.PastInput})
	if err != nil {
		return nil, err
	}
	o, err := a.Assess.Overview(ctx, q)
	if err != nil {
		return nil, err
	}
	o.Feeds, err = a.Feed.Status(ctx)
	if o.Feeds == nil {
		o.Feeds = []apiv1.FeedStatus{}
	}
	return reply(o, err)
}

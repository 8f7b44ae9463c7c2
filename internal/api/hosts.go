package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/assess"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/fleet"
)

// ListInput is what every list takes. Exported, as are the other inputs that are embedded: huma sees no others.
type ListInput struct {
	Selector string `query:"selector" maxLength:"2000" doc:"As env=prod,role in (web,api),!retired; host.name, host.os, host.arch and host.state can be asked for too"`
	Q        string `query:"q" maxLength:"200" doc:"Text to look for"`
	Sort     string `query:"sort" maxLength:"64" doc:"Column to sort by"`
	Desc     bool   `query:"desc" doc:"Sort the other way round"`
	Limit    int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Cursor   string `query:"cursor" maxLength:"1000" doc:"next of the page before"`
	MinSeq   int64  `query:"min_seq" minimum:"0" doc:"Answer from a state that includes this change"`
	PastInput
}

// PastInput asks about a time in the past.
type PastInput struct {
	AsOf      time.Time `query:"as_of" doc:"The hosts and what they had at this time, judged with what was known then"`
	Hindsight bool      `query:"hindsight" doc:"With as_of: judged with what is known today"`
}

// Resolve refuses a time that was given and is none: it would be taken for now, and what is now must never be read as what was then.
func (p *PastInput) Resolve(ctx huma.Context) []error {
	asked := ctx.URL()
	if asked.Query().Has("as_of") && p.AsOf.IsZero() {
		return []error{&huma.ErrorDetail{Location: "query.as_of", Message: "is no time that anything is known of: give one as 2026-07-01T12:00:00Z"}}
	}
	return nil
}

// past is in microseconds, as everything is stored.
func (p PastInput) past() assess.Past {
	return assess.Past{At: p.AsOf.Truncate(time.Microsecond), Hindsight: p.Hindsight}
}

// maxWait bounds how long a question waits for the change that it must see: a report's own limit is minutes, and a change that never comes
// would hold a place for all of them.
const maxWait = 20 * time.Second

// query waits until the index includes MinSeq, at most maxWait.
func (a *API) query(ctx context.Context, in ListInput) (assess.Query, error) {
	sel, err := fleet.ParseSelector(in.Selector)
	if err != nil {
		return assess.Query{}, err
	}
	if in.MinSeq > 0 {
		waiting, cancel := context.WithTimeout(ctx, maxWait)
		defer cancel()
		if err := a.Assess.WaitSeq(waiting, in.MinSeq); err != nil {
			return assess.Query{}, fault.Wrap(err, fault.Unavailable, "the server has not reached change %d", in.MinSeq)
		}
	}
	return assess.Query{Selector: sel, Search: in.Q, Sort: in.Sort, Desc: in.Desc, Limit: in.Limit, Cursor: in.Cursor, Past: in.past()}, nil
}

// HostInput names a host.
type HostInput struct {
	Host string `path:"host" maxLength:"253" doc:"Id or name"`
}

type hostFindingsInput struct {
	HostInput
	FindingsInput
}

type hostStateInput struct {
	ListInput
	State string `query:"state" enum:"pending,approved,revoked" doc:"Only hosts in this state"`
}

type historyInput struct {
	HostInput
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Cursor string `query:"cursor" maxLength:"40" doc:"next of the page before"`
}

func (a *API) hostOperations(api huma.API) {
	nf := errorsToo(http.StatusNotFound, http.StatusConflict)
	no := status(http.StatusNoContent)
	register(api, operation("list-hosts", http.MethodGet, "/api/v1/hosts", tagFleet, needViewer, "Hosts", tooLarge), func(ctx context.Context, in *hostStateInput) (*answer[apiv1.HostPage], error) {
		q, err := a.query(ctx, in.ListInput)
		if err != nil {
			return nil, err
		}
		q.State = in.State
		return reply(a.Assess.Hosts(ctx, q))
	})
	register(api, operation("get-host", http.MethodGet, "/api/v1/hosts/{host}", tagFleet, needViewer, "One host: facts, hardware, repositories, vitals", nf), a.getHost)
	register(api, operation("delete-host", http.MethodDelete, "/api/v1/hosts/{host}", tagFleet, needOperator, "Remove a host from the fleet; its history stays", no, nf), a.onHost(a.deleteHost))
	register(api, operation("approve-host", http.MethodPost, "/api/v1/hosts/{host}/approve", tagFleet, needOperator, "Let a pending host take part", no, nf), a.onHost(a.approveHost))
	register(api, operation("revoke-host", http.MethodPost, "/api/v1/hosts/{host}/revoke", tagFleet, needOperator, "Refuse a host's certificates from now on", no, nf), a.onHost(a.revokeHost))
	register(api, operation("refresh-host", http.MethodPost, "/api/v1/hosts/{host}/refresh", tagFleet, needOperator, "Ask a host to refresh its package lists and check in",
		about("202: the host has been told, or will be when it next asks."), status(http.StatusAccepted), nf), a.onHost(a.refreshHost))
	register(api, operation("set-host-labels", http.MethodPut, "/api/v1/hosts/{host}/labels", tagFleet, needOperator, "Replace a host's labels", no, nf), a.setLabels)
	register(api, operation("list-host-packages", http.MethodGet, "/api/v1/hosts/{host}/packages", tagFleet, needViewer, "What is installed on a host", nf), func(ctx context.Context, in *HostInput) (*answer[apiv1.HostPackages], error) {
		h, err := a.Fleet.Host(ctx, in.Host)
		if err != nil {
			return nil, err
		}
		return reply(a.Inventory.PackagesOf(ctx, h.ID))
	})
	register(api, operation("list-host-updates", http.MethodGet, "/api/v1/hosts/{host}/updates", tagFleet, needViewer, "What the host's own package manager would do now", nf), func(ctx context.Context, in *HostInput) (*answer[apiv1.HostUpdates], error) {
		h, err := a.Fleet.Host(ctx, in.Host)
		if err != nil {
			return nil, err
		}
		return reply(a.Inventory.UpdatesOf(ctx, h.ID))
	})
	register(api, operation("list-host-findings", http.MethodGet, "/api/v1/hosts/{host}/findings", tagAssess, needViewer, "What is wrong on a host", tooLarge, nf), func(ctx context.Context, in *hostFindingsInput) (*answer[apiv1.FindingPage], error) {
		host := in.Host
		if in.AsOf.IsZero() { // the past knows its own hosts
			h, err := a.Fleet.Host(ctx, host)
			if err != nil {
				return nil, err
			}
			host = h.ID
		}
		q, err := a.findingsQuery(ctx, in.FindingsInput)
		if err != nil {
			return nil, err
		}
		return reply(a.Assess.HostFindings(ctx, host, q))
	})
	register(api, operation("list-host-history", http.MethodGet, "/api/v1/hosts/{host}/history", tagFleet, needViewer, "What happened to a host, newest first", nf), a.history)
}

func (a *API) getHost(ctx context.Context, in *HostInput) (*answer[apiv1.HostDetail], error) {
	h, err := a.Fleet.Host(ctx, in.Host)
	if err != nil {
		return nil, err
	}
	row, err := a.Assess.Host(ctx, h.ID)
	if err != nil {
		return nil, err
	}
	d := apiv1.HostDetail{Host: row, EnrolledBy: h.TokenID, ApprovedAt: optional(h.ApprovedAt), ApprovedBy: h.ApprovedBy, Repositories: []apiv1.Repository{}, Since: map[string]time.Time{}}
	facts, hardware, repos, vitals, vitalsAt, since, err := a.Inventory.Detail(ctx, h.ID)
	if err != nil {
		return nil, err
	}
	d.Facts, d.Hardware, d.Vitals, d.VitalsAt = facts, hardware, vitals, optional(vitalsAt)
	if repos != nil {
		d.Repositories = repos
	}
	if since != nil {
		d.Since = since
	}
	cert, err := a.Certs.NewestCertificate(ctx, h.ID)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return nil, err
	}
	d.CertExpires = optional(cert.NotAfter)
	return reply(d, nil)
}

// onHost resolves an id or a name, then does something to the one host it names.
func (a *API) onHost(do func(ctx context.Context, actor string, h fleet.Host) error) func(context.Context, *HostInput) (*struct{}, error) {
	return func(ctx context.Context, in *HostInput) (*struct{}, error) {
		h, err := a.Fleet.Host(ctx, in.Host)
		if err != nil {
			return nil, err
		}
		return nil, do(ctx, callerOf(ctx).actor(), h)
	}
}

// deleteHost also ends the long poll the host has open.
func (a *API) deleteHost(ctx context.Context, actor string, h fleet.Host) error {
	if err := a.Fleet.Delete(ctx, actor, h.ID, a.Now()); err != nil {
		return err
	}
	a.polls.end(h.ID)
	return nil
}

// approveHost also nudges: a pending agent asks again only now and then.
func (a *API) approveHost(ctx context.Context, actor string, h fleet.Host) error {
	if err := a.Fleet.Approve(ctx, actor, h.ID, a.Now()); err != nil {
		return err
	}
	a.Presence.Nudge(h.ID, apiv1.WorkCollect)
	return nil
}

// revokeHost also ends the long poll the host has open.
func (a *API) revokeHost(ctx context.Context, actor string, h fleet.Host) error {
	if err := a.Fleet.Revoke(ctx, actor, h.ID, a.Now()); err != nil {
		return err
	}
	a.polls.end(h.ID)
	return nil
}

func (a *API) refreshHost(_ context.Context, _ string, h fleet.Host) error {
	if h.State != fleet.Approved {
		return fault.New(fault.Conflict, "host %q is %s", h.Name, h.State)
	}
	a.Presence.Nudge(h.ID, apiv1.WorkRefresh)
	return nil
}

func (a *API) setLabels(ctx context.Context, in *struct {
	HostInput
	Body apiv1.SetLabels
}) (*struct{}, error) {
	h, err := a.Fleet.Host(ctx, in.Host)
	if err != nil {
		return nil, err
	}
	return nil, a.Fleet.SetLabels(ctx, callerOf(ctx).actor(), h.ID, fleet.Labels(in.Body.Labels), a.Now())
}

func (a *API) history(ctx context.Context, in *historyInput) (*answer[apiv1.HistoryPage], error) {
	h, err := a.Fleet.Host(ctx, in.Host)
	if err != nil {
		return nil, err
	}
	var before time.Time
	if in.Cursor != "" {
		micro, err := strconv.ParseInt(in.Cursor, 10, 64)
		if err != nil {
			return nil, fault.New(fault.Invalid, "cursor %q is not one that this list gave", in.Cursor)
		}
		before = time.UnixMicro(micro)
	}
	entries, err := a.Inventory.History(ctx, h.ID, before, in.Limit)
	if err != nil {
		return nil, err
	}
	page := apiv1.HistoryPage{Items: entries}
	if page.Items == nil {
		page.Items = []apiv1.HistoryEntry{}
	}
	if len(entries) >= in.Limit {
		page.Next = strconv.FormatInt(entries[len(entries)-1].At.UnixMicro(), 10)
	}
	return reply(page, nil)
}

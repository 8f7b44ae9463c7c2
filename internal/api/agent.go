package api

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/fleet"
)

// Ids of agent operations that the log treats apart: they come every few minutes from every host.
const (
	opCheckin    = "agent-checkin"
	opPutSection = "agent-put-section"
)

type sectionInput struct {
	Section  string `path:"section" enum:"facts,packages,repositories,updates,hardware"`
	Digest   string `query:"digest" required:"true" pattern:"^[0-9a-f]{64}$" doc:"sha256 of the body before compression, lower-case hex"`
	Encoding string `header:"Content-Encoding" enum:"zstd,identity" doc:"zstd, or absent"`
	body     io.Reader
}

// Resolve takes the body as a stream, so that it can be refused before it is all there.
func (in *sectionInput) Resolve(ctx huma.Context) []error {
	in.body = ctx.BodyReader()
	return nil
}

// workInput: a minute and a half is below the idle timeouts of common proxies and NAT tables.
type workInput struct {
	Wait int `query:"wait" minimum:"0" maximum:"90" default:"60" doc:"Seconds"`
}

type workOutput struct {
	Status int
	Body   *apiv1.Work
}

func (a *API) agentOperations(api huma.API) {
	register(api, operation("agent-enroll", http.MethodPost, apiv1.PathEnroll, tagAgent, needToken, "Become a host, with an enroll-token", errorsToo(http.StatusUnauthorized)), a.enroll)
	register(api, operation("agent-renew", http.MethodPost, apiv1.PathRenew, tagAgent, needCert, "Get the next certificate",
		about("A certificate that expired at most 30 days ago still reaches this operation, and no other.")), a.renew)
	register(api, operation(opCheckin, http.MethodPost, apiv1.PathCheckin, tagAgent, needHost, "Say what the host has, by digest"), a.checkin)
	register(api, operation(opPutSection, http.MethodPut, apiv1.PathSections+"{section}", tagAgent, needHost, "Give a section that the server lacks",
		lasting(2*time.Minute), stream("JSON of the section, as it was digested", apiv1.MaxSectionBytes, "application/octet-stream"),
		errorsToo(http.StatusRequestEntityTooLarge)), a.putSection)
	register(api, operation("agent-work", http.MethodGet, apiv1.PathWork, tagAgent, needHost, "Wait for work",
		about("204 when none came up. The poll is also the host's presence."), lasting(0), maybeEmpty("200", "Work", "204", "No work came up")), a.work)
}

// maybeEmpty documents an operation that has two ways to succeed.
func maybeEmpty(code, text, emptyCode, emptyText string) func(*huma.Operation) {
	return func(op *huma.Operation) {
		op.Responses = map[string]*huma.Response{code: {Description: text}, emptyCode: {Description: emptyText}}
	}
}

func (a *API) enroll(ctx context.Context, in *struct{ Body apiv1.EnrollRequest }) (*answer[apiv1.EnrollResponse], error) {
	if in.Body.Protocol > apiv1.ProtocolVersion+2 {
		return nil, fault.New(fault.Invalid, "the agent speaks protocol %d, this server up to %d: update the server first", in.Body.Protocol, apiv1.ProtocolVersion+2)
	}
	done, err := a.Fleet.Enroll(ctx, fleet.EnrollRequest{
		Token: in.Body.Token, CSR: in.Body.CSR, Hostname: in.Body.Hostname, MachineID: in.Body.MachineID,
		AgentVersion: in.Body.AgentVersion, RemoteAddr: remoteOf(ctx),
	}, a.Now())
	if err != nil {
		return nil, err
	}
	recordOf(ctx).actor = "host:" + done.Host.ID
	return reply(apiv1.EnrollResponse{HostID: done.Host.ID, State: string(done.Host.State), Certificate: string(done.CertPEM), CA: string(a.CA.CAPEM()), PlanKey: a.PlanKey}, nil)
}

func (a *API) renew(ctx context.Context, in *struct{ Body apiv1.RenewRequest }) (*answer[apiv1.RenewResponse], error) {
	cert, err := a.Fleet.Renew(ctx, hostOf(ctx), in.Body.CSR, a.Now())
	return reply(apiv1.RenewResponse{Certificate: string(cert), CA: string(a.CA.CAPEM())}, err)
}

func (a *API) checkin(ctx context.Context, in *struct{ Body apiv1.Checkin }) (*answer[apiv1.CheckinAnswer], error) {
	if a.Meters != nil {
		a.Meters.CheckIn()
	}
	return reply(a.Inventory.Checkin(ctx, hostOf(ctx).ID, in.Body))
}

func (a *API) putSection(ctx context.Context, in *sectionInput) (*answer[apiv1.SectionAnswer], error) {
	select {
	case a.quota.decode <- struct{}{}:
		defer func() { <-a.quota.decode }()
	case <-ctx.Done():
		return nil, fault.New(fault.Unavailable, "the server is busy with other hosts: try again")
	}
	body, err := readSection(in.body, in.Encoding, apiv1.MaxSectionBytes)
	if err != nil {
		return nil, err
	}
	return reply(a.Inventory.PutSection(ctx, hostOf(ctx).ID, in.Section, in.Digest, body))
}

// work blocks until there is some, the wait is over, the agent goes away or the server stops.
func (a *API) work(ctx context.Context, in *workInput) (*workOutput, error) {
	hostID := hostOf(ctx).ID
	a.Inventory.Seen(hostID)
	waiting, cancel := context.WithTimeout(ctx, time.Duration(in.Wait)*time.Second)
	defer cancel()
	defer context.AfterFunc(a.stopping, cancel)()
	waiting, leave := a.polls.join(waiting, hostID)
	defer leave()
	w, ok, err := a.nextWork(ctx, waiting, hostID)
	if err != nil {
		return nil, err
	}
	if !ok {
		return &workOutput{Status: http.StatusNoContent}, nil
	}
	return &workOutput{Status: http.StatusOK, Body: &w}, nil
}

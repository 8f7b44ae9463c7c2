package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// Largest answers: a question names up to 5,000 packages; an offer holds a plan and a lock of up to 10 MiB together, in base 64.
const (
	maxQuestion = 4 << 20
	maxOffer    = 16 << 20
)

// Simulation is the question behind a piece of work. fault.NotFound: it is no longer asked, or was never asked of us.
func (a *Agent) Simulation(ctx context.Context, id string) (apiv1.SimulateRequest, error) {
	var req apiv1.SimulateRequest
	body, err := a.get(ctx, apiv1.PathSimulations+url.PathEscape(id), maxQuestion)
	if err == nil {
		err = a.decode(body, &req)
	}
	return req, err
}

// AnswerSimulation gives the answer. The server takes the first; fault.Conflict: the plan is settled.
func (a *Agent) AnswerSimulation(ctx context.Context, id string, answer apiv1.SimulateAnswer) error {
	return a.call(ctx, apiv1.PathSimulations+url.PathEscape(id), answer, nil)
}

// Offer is everything a run consists of, and the bytes it came as.
func (a *Agent) Offer(ctx context.Context, runID string) (offer apiv1.RunOffer, raw []byte, err error) {
	raw, err = a.get(ctx, apiv1.PathRuns+url.PathEscape(runID), maxOffer)
	if err == nil {
		err = a.decode(raw, &offer)
	}
	return offer, raw, err
}

// AcceptRun takes an offer; doing it again is no error. fault.Conflict: it is no longer offered at this epoch.
func (a *Agent) AcceptRun(ctx context.Context, runID string, epoch int64) error {
	return a.call(ctx, apiv1.PathRuns+url.PathEscape(runID)+"/accept", apiv1.AcceptRun{Epoch: epoch}, nil)
}

// ReportRun delivers reports, which must follow what the server has; those it has already it passes over. fault.Conflict: there is a gap.
func (a *Agent) ReportRun(ctx context.Context, runID string, reports apiv1.RunReports) (apiv1.RunAck, error) {
	var ack apiv1.RunAck
	err := a.call(ctx, apiv1.PathRuns+url.PathEscape(runID)+"/reports", reports, &ack)
	return ack, err
}

func (a *Agent) get(ctx context.Context, path string, limit int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, uploadTimeout)
	defer cancel()
	req, err := a.request(ctx, http.MethodGet, path, nil)
	if err != nil {
		return nil, err
	}
	_, body, err := a.fetch(ctx, req, limit)
	return body, err
}

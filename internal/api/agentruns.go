package api

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/id"
)

// Largest bodies: an answer names up to 20,000 changes; a batch of reports carries log lines.
const (
	maxAnswer  = 16 << 20
	maxReports = 4 << 20
)

// SimulationInput names a question to a host.
type SimulationInput struct {
	ID string `path:"simulation" maxLength:"64"`
}

func (a *API) agentRunOperations(api huma.API) {
	nf := errorsToo(http.StatusNotFound, http.StatusConflict)
	no := status(http.StatusNoContent)
	large := errorsToo(http.StatusRequestEntityTooLarge)
	sims, runs := apiv1.PathSimulations+"{simulation}", apiv1.PathRuns+"{run}"
	register(api, operation("agent-get-simulation", http.MethodGet, sims, tagAgent, needHost, "What the host is asked to simulate", nf),
		func(ctx context.Context, in *SimulationInput) (*answer[apiv1.SimulateRequest], error) {
			return reply(a.Plans.Simulation(ctx, hostOf(ctx).ID, in.ID))
		})
	register(api, operation("agent-answer-simulation", http.MethodPost, sims, tagAgent, needHost, "What the host's package manager would do",
		about("The first answer counts; another changes nothing."), no, nf, large, upTo(maxAnswer)),
		func(ctx context.Context, in *struct {
			SimulationInput
			Body apiv1.SimulateAnswer
		}) (*struct{}, error) {
			return nil, a.Plans.Answer(ctx, hostOf(ctx).ID, in.ID, in.Body)
		})
	register(api, operation("agent-get-run", http.MethodGet, runs, tagAgent, needHost, "Everything that a run consists of", nf),
		func(ctx context.Context, in *RunInput) (*answer[apiv1.RunOffer], error) {
			return reply(a.Runs.Offer(ctx, hostOf(ctx).ID, in.Run))
		})
	register(api, operation("agent-accept-run", http.MethodPost, runs+"/accept", tagAgent, needHost, "Take an offer; taking it again is no error", no, nf),
		func(ctx context.Context, in *struct {
			RunInput
			Body apiv1.AcceptRun
		}) (*struct{}, error) {
			return nil, a.Runs.Accept(ctx, hostOf(ctx).ID, in.Run, in.Body.Epoch)
		})
	register(api, operation("agent-report-run", http.MethodPost, runs+"/reports", tagAgent, needHost, "What a run did",
		about("Reports that are durable already are passed over; one that does not follow the last is refused."), nf, large, upTo(maxReports)),
		func(ctx context.Context, in *struct {
			RunInput
			Body apiv1.RunReports
		}) (*answer[apiv1.RunAck], error) {
			return reply(a.Runs.Report(ctx, hostOf(ctx).ID, in.Run, in.Body))
		})
}

// nextWork waits for work until waiting, which is the poll's part of ctx, ends. What is in the store is told before anything is waited for, so that no lost nudge loses a
// run or a question; nudges of these kinds only mean "look".
func (a *API) nextWork(ctx, waiting context.Context, hostID string) (apiv1.Work, bool, error) {
	for {
		w, again, err := a.assigned(ctx, hostID)
		if err != nil || w.ID != "" {
			return w, err == nil, err
		}
		kind, ok, over := a.await(waiting, hostID, again)
		switch {
		case over:
			return apiv1.Work{}, false, nil
		case ok && kind != apiv1.WorkRun && kind != apiv1.WorkSimulate:
			return apiv1.Work{ID: id.New("work", a.Now()), Kind: kind}, true, nil
		}
	}
}

// await waits for a nudge, at most until it is time to look again (0: no limit); over says that the poll has ended.
func (a *API) await(poll context.Context, hostID string, again time.Duration) (kind string, ok, over bool) {
	waiting, cancel := poll, context.CancelFunc(func() {})
	if again > 0 {
		waiting, cancel = context.WithTimeout(poll, again)
	}
	defer cancel()
	kind, ok = a.Presence.Wait(waiting, hostID)
	return kind, ok, !ok && (poll.Err() != nil || waiting.Err() == nil) // without an error it was pushed out by newer polls
}

// assigned is the run or question that waits for a host and that it was not told just now; again says when to look again at what it was.
func (a *API) assigned(ctx context.Context, hostID string) (w apiv1.Work, again time.Duration, err error) {
	for _, from := range []struct {
		kind string
		look func(context.Context, string) (string, error)
	}{{apiv1.WorkRun, a.Runs.Work}, {apiv1.WorkSimulate, a.Plans.Work}} {
		found, err := from.look(ctx, hostID)
		if err != nil {
			return w, 0, err
		}
		if found == "" {
			continue
		}
		wait := a.told.tell(hostID, found, a.Now())
		if wait == 0 {
			return apiv1.Work{ID: found, Kind: from.kind}, 0, nil
		}
		if again == 0 || wait < again {
			again = wait
		}
	}
	return w, again, nil
}

// reminders keep a host that does not act on its work from being told of it without pause: the same work is told again after a while,
// for it may have been lost on the way. Losing them only costs a repetition.
type reminders struct {
	mu   sync.Mutex
	last map[string]reminder // by work id
}

type reminder struct {
	host string
	at   time.Time
}

const (
	remindAfter  = 5 * time.Second
	mostReminded = 10_000
)

func newReminders() *reminders { return &reminders{last: map[string]reminder{}} }

// tell says how long to wait before a host is told of its work; 0 means now, which is noted.
func (r *reminders) tell(hostID, workID string, now time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if told, ok := r.last[workID]; ok && told.host == hostID {
		if wait := remindAfter - now.Sub(told.at); wait > 0 && wait <= remindAfter {
			return wait
		}
	}
	if len(r.last) >= mostReminded {
		clear(r.last)
	}
	r.last[workID] = reminder{hostID, now}
	return 0
}

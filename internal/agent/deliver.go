package agent

import (
	"context"
	"errors"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
)

// deliver gives the server what is in the outbox, in order, again and again until it has it; then the run is over and forgotten. A server
// that is away, or has another opinion, costs a line in the log when that begins.
func (r *openRun) deliver(ctx context.Context) {
	acked, failures := int64(0), 0
	for {
		count, ended, byRoot, _ := r.box.state()
		if ended && acked == count {
			_ = r.persist(ctx, r.rec.RunID, func() error { return r.over(byRoot) })
			return
		}
		if acked == count {
			select {
			case <-ctx.Done():
				return
			case <-r.box.grew:
				continue
			}
		}
		ack, err := r.post(ctx, acked)
		switch {
		case errors.Is(err, errKilled) || ctx.Err() != nil:
			return
		case err == nil && ack > acked:
			if failures > 0 {
				r.Log.Info("the server takes reports again", "run", r.rec.RunID)
			}
			acked, failures = min(ack, count), 0
		default:
			if fault.KindOf(err) == fault.Conflict {
				acked = 0 // it has less than we thought: a server that was restored
			}
			if failures++; failures == 1 {
				r.Log.Warn("reports of a run cannot be delivered; they are kept", "run", r.rec.RunID, "error", err)
			}
		}
		pause := r.Gather
		if failures > 0 {
			pause = r.Pause(failures)
		}
		if !sleep(ctx, pause) {
			return
		}
	}
}

// post sends the batch after a report and gives up to which everything is on the server.
func (r *openRun) post(ctx context.Context, after int64) (int64, error) {
	reports, err := r.box.batch(after)
	if err != nil {
		return 0, err
	}
	if err := r.disk.at("post"); err != nil {
		return 0, err
	}
	ack, err := r.Channel.ReportRun(ctx, r.rec.RunID, apiv1.RunReports{Epoch: r.rec.Epoch, Reports: reports})
	if err != nil {
		return 0, err
	}
	return ack.Acked, r.disk.at("posted")
}

// over ends a run whose outcome the server has.
func (r *openRun) over(byRoot bool) error {
	if byRoot {
		if err := r.spool.ack(r.rec.RunID); err != nil {
			return err
		}
	}
	if err := r.forget(r.rec.RunID); err != nil {
		return err
	}
	r.Log.Info("run is over and the server has its outcome", "run", r.rec.RunID)
	select {
	case r.ended <- struct{}{}:
	default:
	}
	return nil
}

package api

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/assess"
	"github.com/staunch-dev/staunch/internal/fault"
)

// patient is an index that never gets there, and notes until when it was waited for.
type patient struct {
	Assess
	until time.Time
}

func (p *patient) WaitSeq(ctx context.Context, _ int64) error {
	p.until, _ = ctx.Deadline()
	return fault.New(fault.Unavailable, "not yet")
}

// A report may take minutes; waiting for a change that never comes may not.
func TestAChangeIsWaitedForOnlySoLong(t *testing.T) {
	t.Parallel()
	p := &patient{}
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	q, err := New(Deps{Assess: p}).query(ctx, ListInput{MinSeq: 1 << 62})
	if !errors.Is(err, fault.Unavailable) || q.Limit != (assess.Query{}).Limit {
		t.Errorf("%v", err)
	}
	if left := time.Until(p.until); left > maxWait || left < 0 {
		t.Errorf("waited for %s", left)
	}
}

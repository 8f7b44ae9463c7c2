//go:build linux && e2e

package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/test/lab"
)

// Counters of /metrics: every writing transaction of the store but batches of last-seen times, those batches, and check-ins.
const (
	metricWrites     = "staunch_store_writes_total"
	metricSeenWrites = "staunch_store_seen_writes_total"
	metricCheckins   = "staunch_checkins_total"
)

// unchangedCheckins makes every agent check in again while nothing has changed on its host. Of all that, the server may write
// nothing but when it last saw them.
func unchangedCheckins(t *testing.T, s *server, hosts []*lab.Host) {
	t.Helper()
	start := time.Now()
	before := settled(t, s)
	seq := get[apiv1.Overview](t, s, "/api/v1/overview").Seq
	for _, h := range hosts {
		s.post(t, "/api/v1/hosts/"+h.Name+"/refresh")
	}
	eventually(t, 2*time.Minute, "every agent has checked in again", func() error {
		if n := s.counters(t)[metricCheckins] - before[metricCheckins]; n < float64(len(hosts)) {
			return fmt.Errorf("%.0f of %d", n, len(hosts))
		}
		return nil
	})
	after := settled(t, s)
	t.Logf("%.0f unchanged check-ins: %.0f writes, and %.0f batches of last-seen times", after[metricCheckins]-before[metricCheckins],
		after[metricWrites]-before[metricWrites], after[metricSeenWrites]-before[metricSeenWrites])
	own := time.Since(start)/time.Minute + 1 // this test's own token: when it was last used is written once a minute
	if n := after[metricWrites] - before[metricWrites]; n > float64(own) {
		t.Errorf("unchanged check-ins cost %.0f writes, want none beside %d of this test's own", n, own)
	}
	if now := get[apiv1.Overview](t, s, "/api/v1/overview").Seq; now != seq {
		t.Errorf("unchanged check-ins appended changes: seq went from %d to %d", seq, now)
	}
}

func (s *server) counters(t *testing.T) map[string]float64 {
	t.Helper()
	out := s.metrics(t, "staunch_")
	for _, name := range []string{metricWrites, metricSeenWrites, metricCheckins} {
		if _, ok := out[name]; !ok {
			t.Fatalf("/metrics does not have %s", name)
		}
	}
	return out
}

// settled waits until a whole batch of last-seen times has passed without a check-in, and returns the counters then.
func settled(t *testing.T, s *server) map[string]float64 {
	t.Helper()
	var last map[string]float64
	eventually(t, time.Minute, "the agents are quiet", func() error {
		if last == nil {
			last = s.counters(t)
		}
		<-time.After(6 * time.Second) // a batch is written every 5 s
		now := s.counters(t)
		quiet := now[metricCheckins] == last[metricCheckins] && now[metricWrites] == last[metricWrites]
		last = now
		if !quiet {
			return fmt.Errorf("still checking in")
		}
		return nil
	})
	return last
}

package api

import (
	"testing"
	"time"
)

func TestWorkIsToldAgainOnlyAfterAWhile(t *testing.T) {
	t.Parallel()
	r, now := newReminders(), time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		host, work string
		after      time.Duration
		want       time.Duration
	}{
		"the same at once":            {"a", "run_1", 0, remindAfter},
		"the same a little later":     {"a", "run_1", time.Second, remindAfter - time.Second},
		"other work":                  {"a", "run_2", 0, 0},
		"the same work, another host": {"b", "run_1", 0, 0}, // a question that was put to another
		"the same after a while":      {"a", "run_1", remindAfter, 0},
		"after the clock went back":   {"a", "run_1", -time.Hour, 0},
	} {
		r = newReminders()
		if wait := r.tell("a", "run_1", now); wait != 0 {
			t.Fatalf("the first time: wait %s", wait)
		}
		if wait := r.tell(tc.host, tc.work, now.Add(tc.after)); wait != tc.want {
			t.Errorf("%s: wait %s, want %s", name, wait, tc.want)
		}
	}
	for range 3 * mostReminded {
		r.tell("a", time.Now().String(), now)
	}
	if len(r.last) > mostReminded {
		t.Errorf("%d reminders are kept", len(r.last))
	}
}

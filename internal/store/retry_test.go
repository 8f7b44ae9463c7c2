package store_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/staunch-dev/staunch/internal/store"
	"github.com/staunch-dev/staunch/internal/store/storetest"
)

// Two transactions that lock two rows in opposite order: PostgreSQL ends one of them, which must then be run again.
func TestDeadlockIsRunAgain(t *testing.T) {
	t.Parallel()
	s := storetest.Reopen(t, storetest.Postgres(t))
	var both, done sync.WaitGroup
	both.Add(2)
	var runs atomic.Int32
	for _, order := range [][2]string{{"package", "host"}, {"host", "package"}} {
		done.Go(func() {
			var met sync.Once
			err := store.TakeBoth(t.Context(), s, order, func() {
				runs.Add(1)
				met.Do(func() { both.Done(); both.Wait() }) // the first time, go on only when each has its first row
			})
			if err != nil {
				t.Errorf("%v: %v", order, err)
			}
		})
	}
	done.Wait()
	if n := runs.Load(); n < 3 { // two would do without a deadlock; one that is run again may meet the other's lock once more
		t.Errorf("%d runs, want at least 3: was there a deadlock?", n)
	}
}

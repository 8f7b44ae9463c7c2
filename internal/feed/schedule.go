package feed

import (
	"hash/fnv"
	"strconv"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
)

// Retries begin at a minute and double to four hours: a source that is down is asked rarely, one that hiccuped soon.
const (
	retryFirst = time.Minute
	retryLast  = 4 * time.Hour
)

// nextDue is when to look again after an answer: the interval, give or take a tenth, so that many servers, and many feeds of one, do
// not ask at the same second. The same name and time give the same answer.
func nextDue(name string, now time.Time, interval time.Duration) time.Time {
	h := fnv.New64a()
	h.Write([]byte(name + strconv.FormatInt(now.UnixMicro(), 10))) //nolint:errcheck,gosec // a hash takes every write
	tenth := int64(interval / 10)
	if tenth <= 0 {
		return now.Add(interval)
	}
	return now.Add(interval - time.Duration(tenth) + time.Duration(int64(h.Sum64()%uint64(2*tenth+1))))
}

// retryDue is when to look again after a failure, or for what was not there: twice what was waited before it, when that followed one too.
func retryDue(before advisory.FeedState, now time.Time) time.Time {
	wait := retryFirst
	if !before.AttemptedAt.IsZero() && (before.Error != "" || absent(before)) {
		wait = min(max(2*before.NextDue.Sub(before.AttemptedAt), retryFirst), retryLast)
	}
	return now.Add(wait)
}

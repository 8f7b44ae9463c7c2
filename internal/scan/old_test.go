package scan

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// What is old is said with its age: "not known to be exploited" by a list of two years ago is no comfort. One's own lists do not age.
func TestOldFeedsAreNamed(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	at := func(name string, days int) apiv1.FeedStatus {
		asOf := now.AddDate(0, 0, -days)
		return apiv1.FeedStatus{Name: name, Records: 1, AsOf: &asOf}
	}
	for name, tc := range map[string]struct {
		feeds []apiv1.FeedStatus
		want  []string
	}{
		"none":           {nil, nil},
		"fresh":          {[]apiv1.FeedStatus{at("kev", 0), at("epss", 30)}, nil},
		"old":            {[]apiv1.FeedStatus{at("kev", 31), at("epss", 1), at("ssvc", 758)}, []string{"old, so that what became known since does not count here: kev (31 days), ssvc (758 days)"}},
		"one's own":      {[]apiv1.FeedStatus{at("override", 400), at("vex", 400), at("eol", 400), at("distro-info", 400)}, nil},
		"of no date":     {[]apiv1.FeedStatus{{Name: "kev", Records: 1}}, nil},
		"of the future":  {[]apiv1.FeedStatus{at("kev", -5)}, nil},
		"not there":      {[]apiv1.FeedStatus{{Name: "kev", Error: "none"}}, []string{"not in the folder of feeds, so that what they would say is missing here: kev"}},
		"old and absent": {[]apiv1.FeedStatus{at("epss", 40), {Name: "kev", Error: "none"}}, []string{"old, so that what became known since does not count here: epss (40 days)", "not in the folder of feeds, so that what they would say is missing here: kev"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if d := cmp.Diff(tc.want, warningsOfFeeds(tc.feeds, now)); d != "" {
				t.Error(d)
			}
		})
	}
}

package cli

import (
	"strings"
	"testing"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// A table of a large fleet fits into a terminal with every heading whole; what is not known is an empty cell of the CSV.
func TestMetricsFitATerminal(t *testing.T) {
	t.Parallel()
	in := 99.9
	rows := []apiv1.MetricsRow{
		{Priority: "lowest", Opened: 20180, Fixed: 1000, Open: 20180, TimeToPatch: &apiv1.Spread{Median: 12.25, P90: 100.5}, ExposureDays: 123456.78, Due: 999, PercentInTime: &in},
		{Priority: "urgent"},
	}
	text := tableOf(rows, metricsColumns()).render(80, false)
	for line := range strings.Lines(text) {
		if columns(strings.TrimSuffix(line, "\n")) > 80 || strings.Contains(line, "…") {
			t.Errorf("does not fit: %q", line)
		}
	}
	sheet := cells(rows, metricsColumns(), inCSV)
	if got := strings.Join(sheet[0], ","); got != "priority,opened,fixed,open,median_days,p90_days,exposure_days,due,in_time" {
		t.Errorf("heading %q", got)
	}
	if got := strings.Join(sheet[2], ","); got != "urgent,0,0,0,,,0,0," {
		t.Errorf("nothing known is %q", got)
	}
}

// What is open is said beside what was fixed: the time of fixes alone flatters.
func TestMetricsSayHowOldWhatIsOpenIs(t *testing.T) {
	t.Parallel()
	m := apiv1.Metrics{Hosts: 1, Coverage: apiv1.Coverage{HostDays: 0.04}, Rows: []apiv1.MetricsRow{
		{Priority: "urgent", OpenAge: &apiv1.Spread{Median: 1, P90: 2}}, {Priority: "all", OpenAge: &apiv1.Spread{Median: 3.5, P90: 40}}}}
	text := metricsPairs(m).render(80)
	for _, want := range []string{"coverage       - of 0.04 host days", "time to patch  none was fixed\n", "open age       median 3.5 days, 90 % within 40 days\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestPagesTakeNoNegativeLimit(t *testing.T) {
	t.Parallel()
	_, _, err := pages(-1, func(string, int) ([]int, string, error) { return []int{1}, "", nil })
	if err == nil || !strings.Contains(err.Error(), "--limit -1") {
		t.Errorf("%v, want an error that names the flag", err)
	}
}

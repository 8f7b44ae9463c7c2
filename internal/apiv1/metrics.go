package apiv1

import "time"

// Metrics are figures of a period: how long patching took, how much was exposed, how much of the fleet was seen, and how much was in
// time. docs/metrics.md has each formula.
type Metrics struct {
	From     time.Time    `json:"from"`
	To       time.Time    `json:"to"`
	Selector string       `json:"selector" doc:"Empty means every host"`
	Hosts    int          `json:"hosts"`
	Coverage Coverage     `json:"coverage"`
	Clock    []ClockRule  `json:"clock" doc:"The time in which a finding is to be fixed; worst priority first"`
	Rows     []MetricsRow `json:"rows" doc:"One for each priority, worst first, and one named all"`
}

// Coverage says how much of the fleet the other figures are about.
type Coverage struct {
	Assessed    int      `json:"assessed" doc:"Hosts that had an inventory in the period and of which some feed speaks"`
	NotAssessed int      `json:"not_assessed"`
	HostDays    float64  `json:"host_days" doc:"Days of the period since each host was enrolled, of all hosts"`
	Covered     float64  `json:"covered_host_days" doc:"Of these: with an inventory, on hosts that are assessed, until they fell silent"`
	Percent     *float64 `json:"percent,omitempty" doc:"Covered of host days; absent when there are none"`
}

// ClockRule is how long a finding of a priority may stay open.
type ClockRule struct {
	Priority string  `json:"priority"`
	Days     float64 `json:"days"`
}

// MetricsRow is the figures of one priority. Durations are in days. Each finding counts once for each host.
type MetricsRow struct {
	Priority      string   `json:"priority" enum:"urgent,high,normal,low,lowest,all"`
	Opened        int      `json:"opened" doc:"Began to count in the period"`
	Fixed         int      `json:"fixed" doc:"Ended in the period"`
	Open          int      `json:"open" doc:"Open at the end of the period"`
	TimeToPatch   *Spread  `json:"time_to_patch,omitempty" doc:"Of those fixed in the period; absent when none was"`
	OpenAge       *Spread  `json:"open_age,omitempty" doc:"Of those open at its end; absent when none was"`
	ExposureDays  float64  `json:"exposure_days" doc:"Days of the period in which findings were open, summed"`
	Due           int      `json:"due" doc:"Had to be fixed by a date in the period"`
	InTime        int      `json:"in_time" doc:"Of these: were fixed by then"`
	PercentInTime *float64 `json:"percent_in_time,omitempty" doc:"Absent when none was due"`
}

// Spread describes durations in days.
type Spread struct {
	Median  float64 `json:"median"`
	P90     float64 `json:"p90" doc:"Nine of ten took at most so long"`
	Mean    float64 `json:"mean"`
	Longest float64 `json:"longest"`
}

// DailyTotal is the fleet at the end of a day (UTC), judged with what was known then. Once a day is over it never changes.
type DailyTotal struct {
	Day          string        `json:"day" doc:"As 2026-11-20"`
	Hosts        int           `json:"hosts"`
	NotAssessed  int           `json:"not_assessed"`
	Findings     FindingCounts `json:"findings" doc:"Distinct vulnerabilities"`
	HostsByWorst FindingCounts `json:"hosts_by_worst" doc:"Hosts by the priority of their worst finding; total counts hosts with none too"`
}

// Trend is daily totals of the whole fleet, oldest first.
type Trend struct {
	Items   []DailyTotal `json:"items"`
	Missing int          `json:"missing" doc:"Days in between that are not counted yet: it is done in the background, newest first"`
}

package report

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/assess"
	"github.com/staunch-dev/staunch/internal/fault"
)

// Period is from From until before To.
type Period struct{ From, To time.Time }

// overlap is how long a stretch of time lies inside the period; a zero end is not over.
func (p Period) overlap(from, to time.Time) time.Duration {
	if to.IsZero() || to.After(p.To) {
		to = p.To
	}
	if from.Before(p.From) {
		from = p.From
	}
	return max(0, to.Sub(from))
}

func (p Period) holds(at time.Time) bool { return !at.Before(p.From) && at.Before(p.To) }

// Clock is how long a finding of a priority may stay open. A priority that is not in it is never due.
type Clock map[string]time.Duration

// DefaultClock: urgent and high are the 15 and 30 days that CISA's Binding Operational Directive 19-02 gives for critical and high
// vulnerabilities; for the rest, which it leaves open, a quarter and half a year.
func DefaultClock() Clock {
	const day = 24 * time.Hour
	return Clock{apiv1.PriorityUrgent: 15 * day, apiv1.PriorityHigh: 30 * day, apiv1.PriorityNormal: 90 * day, apiv1.PriorityLow: 180 * day}
}

// ParseClock reads urgent=15d,high=30d: days for the priorities that are to have a date; empty text is the default clock. fault.Invalid
// says what is wrong.
func ParseClock(text string) (Clock, error) {
	if text == "" {
		return DefaultClock(), nil
	}
	c := Clock{}
	for rule := range strings.SplitSeq(text, ",") {
		priority, within, ok := strings.Cut(strings.TrimSpace(rule), "=")
		n, err := strconv.Atoi(strings.TrimSuffix(within, "d"))
		switch {
		case !ok || err != nil || n < 1 || n > 3650:
			return nil, fault.New(fault.Invalid, "the clock's rule %q is not PRIORITY=DAYS, as urgent=15d, from 1 to 3650 days", rule)
		case assess.Rank(priority) > assess.Rank(apiv1.PriorityLowest):
			return nil, fault.New(fault.Invalid, "the clock's rule %q names none of the priorities urgent, high, normal, low, lowest", rule)
		case c[priority] != 0:
			return nil, fault.New(fault.Invalid, "the clock has two rules for %s", priority)
		}
		c[priority] = time.Duration(n) * 24 * time.Hour
	}
	return c, nil
}

// rules are the clock for people, worst first.
func (c Clock) rules() []apiv1.ClockRule {
	out := []apiv1.ClockRule{}
	for priority, within := range c {
		out = append(out, apiv1.ClockRule{Priority: priority, Days: days(within)})
	}
	slices.SortFunc(out, func(a, b apiv1.ClockRule) int { return cmp.Compare(assess.Rank(a.Priority), assess.Rank(b.Priority)) })
	return out
}

// Measure makes the figures of a period out of exposures, one after the other: a fleet has more than fit at once. docs/metrics.md has
// the formulas.
type Measure struct {
	period Period
	clock  Clock
	rows   map[string]*measured
}

// measured is one priority so far.
type measured struct {
	opened, fixed, open, due, inTime int
	took, ages                       []time.Duration
	exposed                          float64 // days: the sum of a fleet does not fit a Duration
}

// all is the row that counts every priority.
const all = "all"

// NewMeasure begins with nothing.
func NewMeasure(period Period, clock Clock) *Measure {
	return &Measure{period, clock, map[string]*measured{}}
}

// Add takes in one exposure. What began after the period, or was over before it, counts only where it was due in it.
func (m *Measure) Add(e Exposure) {
	for _, name := range []string{e.Priority, all} {
		if m.rows[name] == nil {
			m.rows[name] = &measured{}
		}
		m.rows[name].add(e, m.period, m.clock)
	}
}

func (r *measured) add(e Exposure, p Period, clock Clock) {
	if p.holds(e.Since) {
		r.opened++
	}
	ended := !e.Until.IsZero()
	if ended && p.holds(e.Until) {
		r.fixed++
		r.took = append(r.took, e.Until.Sub(e.Since))
	}
	if e.Since.Before(p.To) && (!ended || !e.Until.Before(p.To)) {
		r.open++
		r.ages = append(r.ages, p.To.Sub(e.Since))
	}
	r.exposed += p.overlap(e.Since, e.Until).Hours() / 24
	within, ticks := clock[e.Priority]
	if due := e.Since.Add(within); ticks && p.holds(due) {
		r.due++
		if ended && !e.Until.After(due) {
			r.inTime++
		}
	}
}

// Rows are the figures, worst priority first and all of them last.
func (m *Measure) Rows() []apiv1.MetricsRow {
	out := []apiv1.MetricsRow{}
	for _, name := range []string{apiv1.PriorityUrgent, apiv1.PriorityHigh, apiv1.PriorityNormal, apiv1.PriorityLow, apiv1.PriorityLowest, all} {
		r := m.rows[name]
		if r == nil {
			r = &measured{}
		}
		out = append(out, apiv1.MetricsRow{Priority: name, Opened: r.opened, Fixed: r.fixed, Open: r.open, TimeToPatch: spread(r.took), OpenAge: spread(r.ages),
			ExposureDays: rounded(r.exposed), Due: r.due, InTime: r.inTime, PercentInTime: percent(float64(r.inTime), float64(r.due))})
	}
	return out
}

// spread describes durations; nil when there are none. Quantiles are by nearest rank, so each is a duration that happened.
func spread(of []time.Duration) *apiv1.Spread {
	if len(of) == 0 {
		return nil
	}
	slices.Sort(of)
	total := 0.0 // in days: a million exposures of ten years do not fit a Duration
	for _, d := range of {
		total += d.Hours() / 24
	}
	rank := func(q float64) float64 { return days(of[int(math.Ceil(q*float64(len(of))))-1]) }
	return &apiv1.Spread{Median: rank(0.5), P90: rank(0.9), Mean: rounded(total / float64(len(of))), Longest: days(of[len(of)-1])}
}

func days(d time.Duration) float64 { return rounded(d.Hours() / 24) }

// rounded to a hundredth of a day: a quarter of an hour.
func rounded(x float64) float64 { return math.Round(x*100) / 100 }

// percent of a whole, to a tenth; nil of nothing.
func percent(part, whole float64) *float64 {
	if whole == 0 {
		return nil
	}
	p := math.Round(part/whole*1000) / 10
	if p == 100 && part < whole {
		p = 99.9 // not all is never shown as all
	}
	return &p
}

// silentFor is after how long without a word a host is taken not to have been seen since: agents check in every few minutes, and
// what is switched off for a night was there.
const silentFor = 24 * time.Hour

// cover takes in one host that was enrolled before the period ended: its days since then, and those of which there is an inventory that was
// assessed. Time is summed as time: of fractions of days a sum may miss the whole by its last digit.
func cover(c *apiv1.Coverage, p Period, row apiv1.Host, intervals []Interval, now time.Time) {
	c.HostDays += p.overlap(row.EnrolledAt, time.Time{}).Hours() / 24
	if seen := row.LastSeen; seen != nil && now.Sub(*seen) > silentFor && seen.Before(p.To) {
		p.To = *seen
	}
	var covered time.Duration
	for _, i := range intervals {
		covered += p.overlap(later(i.From, row.EnrolledAt), i.To)
	}
	if covered == 0 || !row.Findings.Assessed {
		c.NotAssessed++
		return
	}
	c.Assessed++
	c.Covered += covered.Hours() / 24
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

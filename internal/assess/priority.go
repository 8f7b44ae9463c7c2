package assess

import (
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
)

// Every number here has its reason in docs/priority.md.
const (
	epssLikely  = 0.5  // more likely than not to be exploited within 30 days
	epssRaised  = 0.1  // where FIRST's own figures show most of what is exploited, at a fraction of the work
	epssQuiet   = 0.01 // below it a score says that exploitation is not expected
	quietAfter  = 30   // days: the span that EPSS speaks of; what is younger has not been looked at
	hoursPerDay = 24
)

// inputs are what a priority is made of. The zero value of each is "nobody says".
type inputs struct {
	rating      level // of the severity; unrated is normal
	exposure    string
	criticality string
	fix         fixState
	status      advisory.Status
	untold      bool
	days        int // since it was published; negative: not known
	epss        *advisory.EPSS
	ssvc        *advisory.SSVC
	kev         *advisory.KEV
	ransomware  bool
	part        Part
}

type fixState uint8

const (
	fixUnsaid fixState = iota
	fixKnown
	fixNone
)

func inputsOf(c Case, now time.Time) inputs {
	in := inputs{
		rating: normal, exposure: c.Standing.Place.Exposure, criticality: c.Standing.Place.Criticality, fix: fixNone, status: c.Hit.status,
		untold: c.Hit.says == saysUntold, days: -1, epss: c.Threat.EPSS, ssvc: c.Threat.SSVC, kev: c.Threat.KEV, part: c.Standing.Role.Part,
	}
	if c.Hit.rating != nil {
		in.rating = c.Hit.rating.level
	}
	if c.Hit.fixOn(c.Standing) != nil {
		in.fix = fixKnown
	}
	if published, _ := c.Hit.published(); !published.IsZero() && !now.IsZero() {
		in.days = max(0, daysBetween(published, now))
	}
	in.ransomware = in.kev != nil && in.kev.Ransomware
	return in
}

// daysBetween counts midnights (UTC), so that a verdict holds for a whole day.
func daysBetween(from, to time.Time) int {
	day := func(t time.Time) time.Time { return t.UTC().Truncate(hoursPerDay * time.Hour) }
	return int(day(to).Sub(day(from)).Hours()) / hoursPerDay
}

// published is when the vulnerability came out, as far as the advisories that decide and that fix say, and the feed of the one that does.
func (h Hit) published() (at time.Time, feed string) {
	at, feed = h.Advisory.Published, h.Advisory.Feed
	for _, f := range []*fix{h.fix, h.paid} {
		if f != nil && !f.advisory.Published.IsZero() && (at.IsZero() || f.advisory.Published.Before(at)) {
			at, feed = f.advisory.Published, f.advisory.Feed
		}
	}
	return at, feed
}

// level is the priority. What speaks of exploitation gives a floor; the rest adds and takes single steps, between low and high. Each step is
// monotone, so nothing that gets worse makes a priority better.
func (in inputs) level() level {
	l := max(in.weighed(), in.threatened())
	switch in.part {
	case NotLoaded:
		return lowest
	case NotRunning:
		return min(l, low)
	}
	if in.status == advisory.StatusUnimportant {
		if in.exploited() {
			return low
		}
		return lowest
	}
	return l
}

// weighed is the severity, with what makes it matter more or less here.
func (in inputs) weighed() level {
	l := in.rating
	switch in.criticality {
	case CriticalityHigh:
		l++
	case CriticalityLow:
		l--
	}
	if in.exposure == ExposureIsolated {
		l--
	}
	if in.fix == fixNone {
		l--
	}
	if in.minor() {
		l--
	}
	if in.quiet() {
		l--
	}
	return min(max(l, low), high)
}

// minor: the distribution has looked and found that it can wait, or nobody says yet that it is affected.
func (in inputs) minor() bool {
	return in.untold || in.status == advisory.StatusNoDSA || in.status == advisory.StatusUndetermined
}

// quiet: both EPSS and SSVC have looked and see no exploitation, and there was time for some.
func (in inputs) quiet() bool {
	return in.epss != nil && in.epss.Score < epssQuiet && in.ssvc != nil && in.ssvc.Exploitation == "none" &&
		in.days >= quietAfter && in.exposure != ExposureInternet && !in.exploited()
}

func (in inputs) exploited() bool {
	return in.kev != nil || in.ransomware || in.ssvc != nil && in.ssvc.Exploitation == "active"
}

// threatened is what signs of exploitation ask for at least.
func (in inputs) threatened() level {
	floor := lowest
	if in.exploited() {
		floor = urgent
	}
	if in.epss != nil {
		switch {
		case in.epss.Score >= epssLikely:
			floor = max(floor, min(max(high, in.rating+1), urgent))
		case in.epss.Score >= epssRaised:
			floor = max(floor, high)
		}
	}
	if in.exposure == ExposureInternet && in.ssvc != nil {
		automatable, total := in.ssvc.Automatable == "yes", in.ssvc.Impact == "total"
		switch {
		case automatable && total:
			floor = urgent
		case automatable, total, in.ssvc.Exploitation == "poc":
			floor = max(floor, high)
		}
	}
	if in.exposure == ExposureIsolated && !in.ransomware && floor > lowest {
		floor--
	}
	return floor
}

package assess

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
)

const (
	notStated     = "not stated"
	streamUnknown = "module stream not known"
)

// input is one input of a priority: how it is taken into account, and what there is to say of it.
type input struct {
	apiv1.Reason
	take func(into *inputs)
}

// inputsNamed are the inputs of a case in the order in which they are told.
func inputsNamed(c Case, now time.Time) []input {
	all := inputsOf(c, now)
	return []input{
		{severityReason(c.Hit), func(in *inputs) { in.rating = all.rating }},
		{labelReason("exposure", LabelExposure, all.exposure), func(in *inputs) { in.exposure = all.exposure }},
		{labelReason("criticality", LabelCriticality, all.criticality), func(in *inputs) { in.criticality = all.criticality }},
		{fixReason(c), func(in *inputs) { in.fix = all.fix }},
		{ageReason(c.Hit, all.days), func(in *inputs) { in.days = all.days }},
		{ssvcReason(c.Threat.SSVC), func(in *inputs) { in.ssvc = all.ssvc }},
		{epssReason(c.Threat), func(in *inputs) { in.epss = all.epss }},
		{kevReason(c.Threat.KEV, c.KEVDate), func(in *inputs) { in.kev = all.kev }},
		{ransomwareReason(c.Threat.KEV), func(in *inputs) { in.ransomware = all.ransomware }},
		{statusReason(c), func(in *inputs) { in.status, in.untold, in.part = all.status, all.untold, all.part }},
	}
}

// Reasons are the inputs of a case's priority, each with what it did when it was taken into account after those before it: the effects add
// up to the verdict.
func Reasons(c Case, now time.Time) []apiv1.Reason {
	in := inputs{rating: normal, days: -1}
	named := inputsNamed(c, now)
	out := make([]apiv1.Reason, 0, len(named))
	for i, one := range named {
		before := in.level()
		one.take(&in)
		one.Effect = effect(before, in.level(), i == 0)
		out = append(out, one.Reason)
	}
	return out
}

func effect(before, after level, first bool) string {
	switch {
	case first:
		return "starts at " + after.priority()
	case after > before:
		return fmt.Sprintf("raises %s to %s", before.priority(), after.priority())
	case after < before:
		return fmt.Sprintf("lowers %s to %s", before.priority(), after.priority())
	}
	return "none"
}

func severityReason(h Hit) apiv1.Reason {
	r := apiv1.Reason{Input: "severity", Value: "no severity given", Source: h.Advisory.Feed, Date: day(cmpTime(h.Advisory.Modified, h.Advisory.Published))}
	if h.rating == nil {
		return r
	}
	r.Value, r.Source = h.rating.text, h.rating.feed
	if h.rating.score >= 0 {
		r.Value = fmt.Sprintf("%.1f (%s)", h.rating.score, h.rating.text)
	}
	if h.rating.feed != h.Advisory.Feed {
		r.Date = ""
	}
	return r
}

func labelReason(name, label, value string) apiv1.Reason {
	return apiv1.Reason{Input: name, Value: cmp.Or(value, notStated), Source: "label " + label}
}

func fixReason(c Case) apiv1.Reason {
	f := c.Hit.fixOn(c.Standing)
	if f == nil {
		return apiv1.Reason{Input: "fix", Value: "none known", Source: c.Hit.Advisory.Feed}
	}
	value := f.text
	if f.entitlement != "" {
		value += " (" + f.opener() + ")"
	}
	return apiv1.Reason{Input: "fix", Value: value, Source: f.advisory.Feed, Date: day(cmpTime(f.advisory.Published, f.advisory.Modified))}
}

func ageReason(h Hit, days int) apiv1.Reason {
	at, feed := h.published()
	r := apiv1.Reason{Input: "age", Value: "not known", Source: feed, Date: day(at)}
	if days >= 0 {
		r.Value = plural(days, "day", "days")
	}
	return r
}

func ssvcReason(s *advisory.SSVC) apiv1.Reason {
	r := apiv1.Reason{Input: "ssvc", Value: "no decision known", Source: "ssvc"}
	if s != nil {
		r.Value = fmt.Sprintf("exploitation %s, automatable %s, impact %s", s.Exploitation, s.Automatable, s.Impact)
		r.Date = s.At
	}
	return r
}

func epssReason(t advisory.Threat) apiv1.Reason {
	if t.EPSS == nil {
		return apiv1.Reason{Input: "epss", Value: "no score known", Source: "epss"}
	}
	return apiv1.Reason{Input: "epss", Value: fmt.Sprintf("%.3f", t.EPSS.Score), Source: "epss", Date: t.EPSSDate}
}

// kevReason tells what is not in the catalogue from a catalogue that is not here, which says nothing.
func kevReason(k *advisory.KEV, catalogue string) apiv1.Reason {
	switch {
	case k != nil:
		return apiv1.Reason{Input: "kev", Value: "known to be exploited", Source: "kev", Date: k.Added}
	case catalogue != "":
		return apiv1.Reason{Input: "kev", Value: "not listed", Source: "kev", Date: catalogue}
	}
	return apiv1.Reason{Input: "kev", Value: "not known: the catalogue is not here", Source: "kev"}
}

func ransomwareReason(k *advisory.KEV) apiv1.Reason {
	if k == nil || !k.Ransomware {
		return apiv1.Reason{Input: "ransomware", Value: "no use known", Source: "kev"}
	}
	return apiv1.Reason{Input: "ransomware", Value: "used", Source: "kev", Date: k.Added}
}

// statusReason is what the source says beside its versions, or what the host does with the code, which counts before.
func statusReason(c Case) apiv1.Reason {
	r := apiv1.Reason{Input: "status", Value: string(c.Hit.status), Source: c.Hit.Advisory.Feed, Date: day(c.Hit.Advisory.Modified)}
	switch {
	case c.Standing.Role.Part != Plain:
		r.Value, r.Source, r.Date = string(c.Standing.Role.Part), "inventory", ""
	case c.Hit.says == saysUntold:
		r.Value = streamUnknown
	case r.Value == "":
		r.Value = "affected"
	}
	return r
}

// because tells a priority in a sentence: first what made it as high as it is, then what holds it down.
func because(c Case, v Verdict, now time.Time) string {
	switch c.Standing.Role.Part {
	case NotLoaded:
		return "Priority lowest: no image of this kernel is installed, only headers or tools built from its source, so nothing runs the vulnerable code" + kevAside(c, now) + "."
	case NotRunning:
		return fmt.Sprintf("Priority %s: this kernel is installed, and another one runs%s.", v.Priority, kevAside(c, now))
	}
	severity := "the advisory gives no severity"
	if c.Hit.rating != nil {
		severity = c.Hit.rating.words()
	}
	parts := []string{severity}
	for _, r := range Reasons(c, now)[1:] {
		if r.Effect != "none" {
			parts = append(parts, told(r))
		}
	}
	if k := c.Threat.KEV; k != nil {
		parts = append(parts[:0], append([]string{fmt.Sprintf("known to be exploited, in CISA's KEV catalogue since %s%s", k.Added, kevMore(k))}, withoutKEV(parts)...)...)
	}
	return fmt.Sprintf("Priority %s: %s.", v.Priority, strings.Join(parts, "; "))
}

func withoutKEV(parts []string) []string {
	var out []string
	for _, p := range parts {
		if !strings.HasPrefix(p, "in KEV") {
			out = append(out, p)
		}
	}
	return out
}

// told is a reason that had an effect, in words.
func told(r apiv1.Reason) string {
	date := ""
	if r.Date != "" {
		date = " of " + r.Date
	}
	what := r.Input + " " + r.Value
	switch r.Input {
	case "exposure", "criticality":
		what = "host's " + r.Input + " is " + r.Value
		date = ""
	case "fix":
		what, date = "fix "+r.Value, ""
	case "age":
		what, date = "published "+r.Value+" ago", ""
	case "epss":
		what = "EPSS " + r.Value
	case "ssvc":
		what = "SSVC " + r.Value
	case "kev":
		what = "in KEV"
	case "status":
		what, date = "its source says "+strings.ReplaceAll(r.Value, "_", " "), ""
		if r.Value == streamUnknown {
			what = "that the module's stream is not known"
		}
	}
	return fmt.Sprintf("%s%s %s it", what, date, strings.Fields(r.Effect)[0])
}

// kevAside mentions known exploitation where it does not count, and what the priority would be on this host if the code ran.
func kevAside(c Case, now time.Time) string {
	k := c.Threat.KEV
	if k == nil {
		return ""
	}
	c.Standing.Role.Part = Plain
	return fmt.Sprintf(" (it is in CISA's KEV catalogue since %s, which would make it %s where it runs)", k.Added, inputsOf(c, now).level().priority())
}

func kevMore(k *advisory.KEV) string {
	var more string
	if k.Due != "" {
		more += ", due there " + k.Due
	}
	if k.Ransomware {
		more += ", used by ransomware"
	}
	return more
}

func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}

func cmpTime(first, second time.Time) time.Time {
	if first.IsZero() {
		return second
	}
	return first
}

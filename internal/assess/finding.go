package assess

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
)

func sortedStrings(s []string) []string {
	slices.Sort(s)
	return s
}

// finding puts a case into its wire shape, without a host.
func finding(c Case, v Verdict, on Installed, feedAsOf, now time.Time) apiv1.Finding {
	f := brief(c, v, on, feedAsOf)
	f.Reasons, f.Explanation = Reasons(c, now), Explain(c, v, on, feedAsOf, now)
	return f
}

// brief is finding without reasons and explanation, which take longer than everything else.
func brief(c Case, v Verdict, on Installed, feedAsOf time.Time) apiv1.Finding {
	f := apiv1.Finding{
		Vulnerability: c.Vulnerability, Advisory: c.Hit.Advisory.ID, Source: c.Subject.Source, Packages: names(on.Packages),
		Installed: c.Subject.Version, Fixed: c.Hit.Fixed(c.Standing), Status: v.Status, Priority: v.Priority, Severity: c.Hit.Severity(),
		KEV: wireKEV(c.Threat.KEV), EPSS: wireEPSS(c.Threat), SSVC: wireSSVC(c.Threat.SSVC), SourceStatus: string(c.Hit.status), SourceNote: c.Hit.note,
		Stream: c.Hit.stream, Entitlement: c.Hit.Entitlement(c.Standing), Reasons: []apiv1.Reason{}, Ecosystem: c.Subject.Ecosystem, Feed: c.Hit.Advisory.Feed,
	}
	if len(f.Packages) > 0 {
		f.Package = f.Packages[0]
	}
	if !feedAsOf.IsZero() {
		f.FeedAsOf = &feedAsOf
	}
	return f
}

// Severity is as the source that rates it first gives it; empty: nobody does.
func (h Hit) Severity() string {
	if h.rating == nil {
		return ""
	}
	return h.rating.text
}

func wireKEV(k *advisory.KEV) *apiv1.KEV {
	if k == nil {
		return nil
	}
	return &apiv1.KEV{Added: k.Added, Due: k.Due, Ransomware: k.Ransomware, Name: k.Name}
}

func wireEPSS(t advisory.Threat) *apiv1.EPSS {
	if t.EPSS == nil {
		return nil
	}
	return &apiv1.EPSS{Score: t.EPSS.Score, AsOf: t.EPSSDate}
}

func wireSSVC(s *advisory.SSVC) *apiv1.SSVC {
	if s == nil {
		return nil
	}
	return &apiv1.SSVC{Exploitation: s.Exploitation, Automatable: s.Automatable, Impact: s.Impact, At: s.At}
}

// compareNames orders CVE ids by year and number, other names after none and by text: CVE-2024-9 is before CVE-2024-10.
func compareNames(a, b string) int {
	return cmp.Or(strings.Compare(nameKey(a), nameKey(b)), strings.Compare(a, b))
}

// nameKey pads the runs of digits in a name, so that text order is number order.
func nameKey(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); {
		j := i
		for j < len(name) && name[j] >= '0' && name[j] <= '9' {
			j++
		}
		if j == i {
			b.WriteByte(name[i])
			i++
			continue
		}
		b.WriteString(strings.Repeat("0", max(0, 12-(j-i))))
		b.WriteString(name[i:j])
		i = j
	}
	return b.String()
}

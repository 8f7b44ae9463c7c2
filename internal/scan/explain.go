package scan

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/assess"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/inventory"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// Explanation is what --explain prints of one vulnerability: everything that the feeds say of it for this host, and what came of it.
type Explanation struct {
	Vulnerability string           `json:"vulnerability"`
	Ecosystem     string           `json:"ecosystem"`
	Assessment    apiv1.Assessment `json:"assessment"`
	Answer        string           `json:"answer"` // one sentence
	Findings      []apiv1.Finding  `json:"findings"`
	Sources       []Source         `json:"sources"`
	KEV           *apiv1.KEV       `json:"kev,omitempty"`
	EPSS          *apiv1.EPSS      `json:"epss,omitempty"`
	SSVC          *apiv1.SSVC      `json:"ssvc,omitempty"`
}

// Source is what one advisory says of one package.
type Source struct {
	Feed      string   `json:"feed"`
	Advisory  string   `json:"advisory"`
	Ecosystem string   `json:"ecosystem"`
	Package   string   `json:"package"` // as the advisory names it
	Says      []string `json:"says"`    // each entry in words
	Installed []string `json:"installed"`
	Verdict   string   `json:"verdict"`
}

// explain prints one.
func explain(w io.Writer, s *session, set settings) error {
	e, err := s.explain(set.explain)
	if err != nil {
		return err
	}
	b := bufio.NewWriter(w)
	if set.format == "json" {
		err = asJSON(b, e)
	} else {
		_, err = b.WriteString(e.text())
	}
	if err == nil {
		err = b.Flush()
	}
	if err != nil {
		return fault.Wrap(err, fault.Internal, "writing the explanation")
	}
	return nil
}

func (s *session) explain(id string) (Explanation, error) {
	e := Explanation{Vulnerability: id, Ecosystem: s.out.Ecosystem, Assessment: s.out.Assessment, Findings: []apiv1.Finding{}, Sources: []Source{}}
	for _, f := range slices.Concat(s.out.Findings, s.left) {
		if f.Vulnerability == id || f.Advisory == id {
			e.Findings = append(e.Findings, f)
		}
	}
	if s.out.Assessment.Status != assessed {
		e.Answer = "Not assessed: " + s.out.Assessment.Reason + "."
		return e, nil
	}
	t, err := s.knowledge.Threat(id)
	if err != nil {
		return e, unusable(err)
	}
	e.threat(t)
	subjects := subjectsOf(s.installed)
	err = s.knowledge.Each(func(ecosystem, pkg string, about []advisory.Advisory) error {
		for i := range about {
			if a := &about[i]; a.ID == id || slices.Contains(a.CVEs, id) || slices.Contains(a.Aliases, id) {
				e.Sources = append(e.Sources, sourceSays(a, ecosystem, pkg, subjects[[2]string{ecosystem, pkg}]))
			}
		}
		return nil
	})
	if err == nil {
		err = s.knowledge.Whole()
	}
	if err != nil {
		return e, unusable(err)
	}
	slices.SortFunc(e.Sources, func(a, b Source) int {
		return cmp.Or(cmp.Compare(len(b.Installed), len(a.Installed)), cmp.Compare(a.Ecosystem, b.Ecosystem), cmp.Compare(a.Package, b.Package), cmp.Compare(a.Feed, b.Feed), cmp.Compare(a.Advisory, b.Advisory))
	})
	e.Answer = e.answer(s.host)
	return e, nil
}

func (e *Explanation) threat(t advisory.Threat) {
	if t.KEV != nil {
		e.KEV = &apiv1.KEV{Added: t.KEV.Added, Due: t.KEV.Due, Ransomware: t.KEV.Ransomware, Name: t.KEV.Name}
	}
	if t.EPSS != nil {
		e.EPSS = &apiv1.EPSS{Score: t.EPSS.Score, AsOf: t.EPSSDate}
	}
	if t.SSVC != nil {
		e.SSVC = &apiv1.SSVC{Exploitation: t.SSVC.Exploitation, Automatable: t.SSVC.Automatable, Impact: t.SSVC.Impact, At: t.SSVC.At}
	}
}

// subjectsOf are what is installed, by each name under which advisories speak of it.
func subjectsOf(installed []inventory.Package) map[[2]string][]assess.Subject {
	subjects := map[[2]string][]assess.Subject{}
	for _, p := range installed {
		one := assess.SubjectOf(p)
		for _, name := range one.Names() {
			k := [2]string{one.Ecosystem, name}
			if !slices.Contains(subjects[k], one) {
				subjects[k] = append(subjects[k], one)
			}
		}
	}
	return subjects
}

// answer is the whole in one sentence.
func (e *Explanation) answer(on assess.HostState) string {
	installed := slices.ContainsFunc(e.Sources, func(s Source) bool { return len(s.Installed) > 0 })
	switch {
	case len(e.Findings) > 0:
		return fmt.Sprintf("%s is found here %s.", e.Vulnerability, times(len(e.Findings)))
	case len(e.Sources) == 0:
		return fmt.Sprintf("No advisory in these feeds names %s for %s: it does not concern this release, or nobody has looked at it yet.", e.Vulnerability, e.Ecosystem)
	case !installed:
		var names []string
		for _, s := range e.Sources {
			names = append(names, s.Package)
		}
		slices.Sort(names)
		return fmt.Sprintf("%s is not found here: what it concerns is not installed (%s).", e.Vulnerability, few(slices.Compact(names)))
	}
	if slices.ContainsFunc(on.Livepatches, func(l apiv1.Livepatch) bool { return slices.Contains(l.CVEs, e.Vulnerability) }) {
		return fmt.Sprintf("%s is not found here: it is patched in the memory of the kernel that runs.", e.Vulnerability)
	}
	return fmt.Sprintf("%s is not found here: no installed version is affected, by the source that counts most.", e.Vulnerability)
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// sourceSays puts one advisory's entries on one package into words, and says what they mean for what is installed.
func sourceSays(a *advisory.Advisory, ecosystem, pkg string, installed []assess.Subject) Source {
	s := Source{Feed: a.Feed, Advisory: a.ID, Ecosystem: ecosystem, Package: pkg, Says: []string{}, Installed: []string{}}
	for i := range a.Affected {
		s.Says = append(s.Says, entryText(&a.Affected[i]))
	}
	var verdicts []string
	for _, one := range installed {
		s.Installed = append(s.Installed, one.Version)
		verdicts = append(verdicts, verdictOn(a, one))
	}
	slices.Sort(s.Installed)
	slices.Sort(verdicts)
	s.Verdict = strings.Join(slices.Compact(verdicts), "; ")
	if len(installed) == 0 {
		s.Verdict = "not installed"
	}
	return s
}

// verdictOn is what one advisory alone says of one installed version.
func verdictOn(a *advisory.Advisory, s assess.Subject) string {
	switch {
	case !a.Withdrawn.IsZero():
		return "withdrawn on " + inventory.Instant(a.Withdrawn) + ": it counts for nothing"
	case s.Foreign:
		return s.Version + " comes from another origin, of which this source does not speak"
	case s.Unordered():
		return s.Version + " is no version of this ecosystem, and cannot be compared"
	}
	p := inventory.Package{Ecosystem: s.Ecosystem, Name: s.Name, Version: s.Version, Source: s.Source, SourceVersion: s.Version, Stream: s.Stream}
	hits := assess.Match(p, []advisory.Advisory{*a})
	if len(hits) == 0 {
		return s.Version + ": it does not speak of this version"
	}
	for vulnerability, hit := range assess.Settle(hits) {
		switch assess.Judge(assess.Case{Vulnerability: vulnerability, Subject: s, Hit: hit}, time.Time{}).Status {
		case apiv1.StatusUndetermined:
			return s.Version + ": its source has not determined that yet"
		case apiv1.StatusUntold:
			return s.Version + ": built in a module, and it does not say of which stream"
		}
		return s.Version + ": affected"
	}
	scheme, _ := vercmp.ForEcosystem(s.Ecosystem)
	for i := range a.Affected {
		for _, r := range a.Affected[i].Ranges {
			if order, err := vercmp.Compare(scheme, s.Version, r.Fixed); r.Fixed != "" && err == nil && order >= 0 {
				return s.Version + ": has the fix of " + r.Fixed
			}
		}
	}
	return s.Version + ": not affected"
}

func entryText(a *advisory.Affected) string {
	var parts []string
	for _, r := range a.Ranges {
		text := "all versions"
		switch {
		case r.Fixed != "":
			text = "below " + r.Fixed
		case r.Last != "":
			text = "up to " + r.Last
		}
		if r.Introduced != "" && r.Introduced != "0" {
			text = "from " + r.Introduced + " on, " + text
		}
		parts = append(parts, text)
	}
	if len(a.Versions) > 0 {
		parts = append(parts, "exactly "+few(a.Versions))
	}
	if len(parts) == 0 {
		parts = []string{"all versions"}
	}
	text := strings.Join(parts, " or ")
	if a.Status != advisory.StatusOpen {
		text += ": " + strings.ReplaceAll(string(a.Status), "_", " ")
	}
	for _, more := range [][2]string{{"stream", a.Stream}, {"needs", a.Entitlement}, {"severity", a.Severity}, {"note:", a.Note}} {
		if more[1] != "" {
			text += ", " + more[0] + " " + more[1]
		}
	}
	return text
}

// text is an explanation for people.
func (e *Explanation) text() string {
	var b strings.Builder
	paragraph(&b, visible(e.Answer))
	for _, f := range e.Findings {
		b.WriteString("\n")
		paragraph(&b, visible(fmt.Sprintf("%s (%s %s): %s, priority %s", f.Package, f.Source, f.Installed, f.Status, f.Priority)))
		paragraph(&b, "  "+visible(f.Explanation))
		for _, r := range f.Reasons {
			line := fmt.Sprintf("- %s %s, by %s", r.Input, r.Value, r.Source)
			if r.Date != "" {
				line += " of " + r.Date
			}
			effect := r.Effect
			if effect == "none" {
				effect = "no effect"
			}
			paragraph(&b, visible(line+": "+effect))
		}
		if f.Fixed != "" {
			paragraph(&b, visible("Fixed in "+f.Fixed+"."))
		}
	}
	if len(e.Sources) > 0 {
		b.WriteString("\nWhat each source says:\n")
	}
	const most = 40
	for i, s := range e.Sources {
		if i == most {
			fmt.Fprintf(&b, "and %d more (-o json lists each)\n", len(e.Sources)-most)
			break
		}
		paragraph(&b, visible(fmt.Sprintf("- %s %s on %s of %s: %s => %s", s.Feed, s.Advisory, s.Package, s.Ecosystem, strings.Join(s.Says, "; "), s.Verdict)))
	}
	e.threatText(&b)
	return b.String()
}

func (e *Explanation) threatText(b *strings.Builder) {
	if e.KEV != nil {
		paragraph(b, visible(fmt.Sprintf("Known to be exploited: in CISA's KEV catalogue since %s, due there %s.", e.KEV.Added, cmp.Or(e.KEV.Due, "on no date"))))
	}
	if e.EPSS != nil {
		paragraph(b, visible(fmt.Sprintf("EPSS %.3f as of %s.", e.EPSS.Score, cmp.Or(e.EPSS.AsOf, "an unknown day"))))
	}
	if e.SSVC != nil {
		paragraph(b, visible(fmt.Sprintf("SSVC: exploitation %s, automatable %s, technical impact %s.", e.SSVC.Exploitation, e.SSVC.Automatable, e.SSVC.Impact)))
	}
}

package scan

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/assess"
	"github.com/staunch-dev/staunch/internal/fault"
)

// exitMatched is the exit code when --fail-on matches.
const exitMatched = 6

// Matched is that findings fall under --fail-on: the scan is done, and its result is printed.
type Matched struct {
	Count int
	Words string
}

// Error says how many.
func (m *Matched) Error() string {
	fall := "fall"
	if m.Count == 1 {
		fall = "falls"
	}
	return fmt.Sprintf("%s %s under --fail-on %s", plural(m.Count, "finding"), fall, m.Words)
}

// ExitCode is 6.
func (m *Matched) ExitCode() int { return exitMatched }

// failOn are conditions of which one is enough.
type failOn []func(apiv1.Finding) bool

const failOnWords = "urgent, high, normal, low (priority, or worse), lowest (everything), critical, medium (severity, or worse; high and low are both), " +
	"kev, ransomware, fixable, epss>=0.5"

// parseFailOn reads --fail-on.
func parseFailOn(text string) (failOn, error) {
	if text == "" {
		return nil, nil
	}
	var all failOn
	for word := range strings.SplitSeq(strings.ToLower(text), ",") {
		word = strings.TrimSpace(word)
		one, err := condition(word)
		if err != nil {
			return nil, err
		}
		if word != apiv1.PriorityLowest {
			one = runs(one)
		}
		all = append(all, one)
	}
	return all, nil
}

// runs leaves out findings of code that cannot run: headers of a kernel that is not there would fail every pipeline for ever.
func runs(is func(apiv1.Finding) bool) func(apiv1.Finding) bool {
	return func(f apiv1.Finding) bool { return !idle(f) && is(f) }
}

func condition(word string) (func(apiv1.Finding) bool, error) {
	priority := func(f apiv1.Finding) bool { return assess.Rank(f.Priority) <= assess.Rank(word) }
	rated := func(f apiv1.Finding) bool { return severityOf(f.Severity).atLeast(word) }
	switch word {
	case apiv1.PriorityUrgent, apiv1.PriorityNormal, apiv1.PriorityLowest:
		return priority, nil
	case severityCritical, severityMedium:
		return rated, nil
	case severityHigh, severityLow: // also words of priority
		return func(f apiv1.Finding) bool { return priority(f) || rated(f) }, nil
	case "kev":
		return func(f apiv1.Finding) bool { return f.KEV != nil }, nil
	case "ransomware":
		return func(f apiv1.Finding) bool { return f.KEV != nil && f.KEV.Ransomware }, nil
	case "fixable":
		return func(f apiv1.Finding) bool { return f.Fixed != "" }, nil
	}
	if number, ok := strings.CutPrefix(word, "epss>="); ok {
		least, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || !(least >= 0 && least <= 1) {
			return nil, fault.New(fault.Invalid, "--fail-on %q: an EPSS score is a number from 0 to 1, as epss>=0.5", word)
		}
		return func(f apiv1.Finding) bool { return f.EPSS != nil && f.EPSS.Score >= least }, nil
	}
	return nil, fault.New(fault.Invalid, "--fail-on %q is none of: %s", word, failOnWords)
}

// check gives *Matched when a finding falls under one of them.
func (all failOn) check(findings []apiv1.Finding, words string) error {
	n := 0
	for _, f := range findings {
		for _, is := range all {
			if is(f) {
				n++
				break
			}
		}
	}
	if n == 0 {
		return nil
	}
	return &Matched{Count: n, Words: words}
}

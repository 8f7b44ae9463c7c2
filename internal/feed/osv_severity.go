package feed

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// severity is the one text that the record gives for how bad it is: a CVSS vector before a word, version 3 before 4 before 2 because it
// is the one that most records have and that compares across them; then the words where databases put them.
func (r *osvRecord) severity(bucket string) string {
	scores := r.Severity
	for i := range r.Affected {
		if bucketOf(r.Affected[i].Package.Ecosystem) == bucket {
			scores = append(scores[:len(scores):len(scores)], r.Affected[i].Severity...)
		}
	}
	for _, kind := range []string{"CVSS_V3", "CVSS_V4", "CVSS_V2"} {
		for _, s := range scores {
			if s.Type == kind && s.Score != "" {
				return shownSeverity(s.Score)
			}
		}
	}
	for _, s := range scores {
		if s.Score != "" {
			return shownSeverity(s.Score) // a vendor's own words, as type Ubuntu
		}
	}
	if word := severityIn(r.Specific); word != "" {
		return word
	}
	for i := range r.Affected {
		if a := &r.Affected[i]; bucketOf(a.Package.Ecosystem) == bucket {
			if word := severityIn(a.EcosystemSpecific); word != "" {
				return word
			}
			if word := severityIn(a.DatabaseSpecific); word != "" {
				return word
			}
		}
	}
	if r.isMalicious() {
		return malicious
	}
	return r.summaryWord(bucket)
}

// severityIn finds a word in a free-form object: "severity", or Debian's "urgency" when it says something.
func severityIn(object json.RawMessage) string {
	var fields struct {
		Severity any `json:"severity"`
		Urgency  any `json:"urgency"`
	}
	if len(object) == 0 || json.Unmarshal(object, &fields) != nil {
		return ""
	}
	if word, ok := fields.Severity.(string); ok && word != "" {
		return shownSeverity(word)
	}
	if word, ok := fields.Urgency.(string); ok && word != "not yet assigned" && word != "end-of-life" {
		return shownSeverity(word)
	}
	return ""
}

// summaryWord is the rating with which the errata of the RPM family begin their summary: "Important: kernel security update".
func (r *osvRecord) summaryWord(bucket string) string {
	if scheme, _ := vercmp.ForEcosystem(bucket); scheme != vercmp.RPM {
		return ""
	}
	word, _, ok := strings.Cut(r.Summary, ": ")
	if !ok || !slices.Contains([]string{"Critical", "Important", "Moderate", "Low"}, word) {
		return ""
	}
	return word
}

func shownSeverity(s string) string { return intake.Cut(intake.Shown(s), maxSeverity) }

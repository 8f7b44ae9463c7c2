package scan

import (
	"strings"

	"github.com/staunch-dev/staunch/internal/assess"
)

// Severity bands, as CVSS names them.
const (
	severityNone     = "none"
	severityLow      = "low"
	severityMedium   = "medium"
	severityHigh     = "high"
	severityCritical = "critical"
	severityUnknown  = "unknown"
)

// severity is what an advisory's severity text says: a band, and the score where the text is a CVSS vector.
type severity struct {
	band   string
	score  float64
	scored bool
	method string // CVSSv2, CVSSv3, CVSSv31, CVSSv4, other: CycloneDX's words
}

// severityOf reads a CVSS vector or a word of a distribution. Bands of scores are those of CVSS 3.1, section 5, and CVSS 4.0, section 6.
func severityOf(text string) severity {
	if score, ok := assess.Score(text); ok {
		s := severity{score: score, scored: true, method: "CVSSv2"} // whose vectors have no prefix
		switch {
		case strings.HasPrefix(text, "CVSS:3.1/"):
			s.method = "CVSSv31"
		case strings.HasPrefix(text, "CVSS:3.0/"):
			s.method = "CVSSv3"
		case strings.HasPrefix(text, "CVSS:4.0/"):
			s.method = "CVSSv4"
		}
		switch {
		case score >= 9:
			s.band = severityCritical
		case score >= 7:
			s.band = severityHigh
		case score >= 4:
			s.band = severityMedium
		case score > 0:
			s.band = severityLow
		default:
			s.band = severityNone
		}
		return s
	}
	word := severityUnknown
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "critical":
		word = severityCritical
	case "important", "high":
		word = severityHigh
	case "moderate", "medium":
		word = severityMedium
	case "low", "minor", "negligible", "unimportant":
		word = severityLow
	case "none":
		word = severityNone
	}
	return severity{band: word, method: "other"}
}

// atLeast says whether a band is as bad as least; an unknown one never is.
func (s severity) atLeast(least string) bool {
	order := map[string]int{severityLow: 1, severityMedium: 2, severityHigh: 3, severityCritical: 4}
	return order[s.band] >= order[least]
}

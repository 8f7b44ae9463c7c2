package microsoft

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// document is what we use of a month's.
type document struct {
	Tracking struct {
		Initial string `json:"InitialReleaseDate"`
		Current string `json:"CurrentReleaseDate"`
	} `json:"DocumentTracking"`
	Tree struct {
		Names []struct {
			ID   string `json:"ProductID"`
			Name string `json:"Value"`
		} `json:"FullProductName"`
	} `json:"ProductTree"`
	Vulnerabilities []json.RawMessage `json:"Vulnerability"` // each on its own: a bad one is left out alone
}

type value struct {
	Value string `json:"Value"`
}

// vulnerability is what we use of one.
type vulnerability struct {
	CVE     string `json:"CVE"`
	Title   value  `json:"Title"`
	Threats []struct {
		Description value    `json:"Description"`
		Products    []string `json:"ProductID"`
		Type        int      `json:"Type"`
	} `json:"Threats"`
	Scores []struct {
		Base     float64  `json:"BaseScore"`
		Vector   string   `json:"Vector"`
		Products []string `json:"ProductID"`
	} `json:"CVSSScoreSets"`
	Remediations []remediation `json:"Remediations"`
	Revisions    []struct {
		Date string `json:"Date"`
	} `json:"RevisionHistory"`
}

type remediation struct {
	Description value    `json:"Description"` // the number of the KB article
	Supersedes  string   `json:"Supercedence"`
	Products    []string `json:"ProductID"`
	Type        int      `json:"Type"`
	SubType     string   `json:"SubType"`
	Restart     value    `json:"RestartRequired"`
	Build       string   `json:"FixedBuild"`
}

// Types of CVRF's enumerations.
const (
	threatSeverity = 3
	vendorFix      = 2
)

// kbOf is the name of an update as KB5031361; empty: the text is no article's number.
func kbOf(text string) string {
	number := strings.TrimPrefix(strings.TrimSpace(text), "KB")
	if len(number) < 6 || len(number) > 8 || !intake.AllDigits(number) {
		return ""
	}
	return "KB" + number
}

// kbsOf are the updates in a list as "5030214, 5029928"; what is no number names no update.
func kbsOf(text string) []string {
	var all []string
	for _, part := range strings.FieldsFunc(intake.Cut(text, 1<<10), func(r rune) bool { return r == ',' || r == ';' || r == ' ' }) {
		if kb := kbOf(part); kb != "" {
			all = append(all, kb)
		}
	}
	return all
}

// build is the version from which a remediation's products are in order. Internet Explorer's cumulative updates count versions of their own
// (1.001) beside those of the Windows that they are for.
func (r remediation) build() (string, error) {
	switch {
	case strings.Contains(r.SubType, "IE Cumulative"):
		return "", fmt.Errorf("an update of Internet Explorer is not told by Windows' version")
	case r.Build == "":
		return "", fmt.Errorf("it does not name the build with the fix")
	}
	return r.Build, vercmp.Valid(vercmp.Windows, r.Build)
}

// timeOf reads the times of documents, which have no zone and are in UTC; zero: not one.
func timeOf(text string) time.Time {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC()
		}
	}
	return time.Time{}
}

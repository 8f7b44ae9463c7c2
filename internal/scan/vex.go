package scan

import (
	"strconv"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// What is used of CycloneDX 1.6.
type bom struct {
	Schema          string             `json:"$schema"`
	Format          string             `json:"bomFormat"`
	SpecVersion     string             `json:"specVersion"`
	Version         int                `json:"version"`
	Metadata        bomMetadata        `json:"metadata"`
	Components      []bomComponent     `json:"components"`
	Vulnerabilities []bomVulnerability `json:"vulnerabilities"`
}

type bomMetadata struct {
	Timestamp string `json:"timestamp"`
	Tools     struct {
		Components []bomComponent `json:"components"`
	} `json:"tools"`
	Component  bomComponent  `json:"component"`
	Properties []bomProperty `json:"properties,omitempty"`
}

type bomComponent struct {
	Type    string `json:"type"`
	Ref     string `json:"bom-ref,omitempty"`
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	PURL    string `json:"purl,omitempty"`
}

type bomProperty struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type bomSource struct {
	Name string `json:"name"`
	URL  string `json:"url,omitempty"`
}

type bomRating struct {
	Source   bomSource `json:"source"`
	Score    *float64  `json:"score,omitempty"`
	Severity string    `json:"severity,omitempty"`
	Method   string    `json:"method"`
	Vector   string    `json:"vector,omitempty"`
}

type bomVulnerability struct {
	Ref            string        `json:"bom-ref"`
	ID             string        `json:"id"`
	Source         bomSource     `json:"source"`
	Ratings        []bomRating   `json:"ratings"`
	Description    string        `json:"description,omitempty"`
	Recommendation string        `json:"recommendation,omitempty"`
	Advisories     []bomAdvisory `json:"advisories,omitempty"`
	Analysis       bomAnalysis   `json:"analysis"`
	Affects        []bomAffects  `json:"affects"`
	Properties     []bomProperty `json:"properties"`
}

type bomAdvisory struct {
	Title string `json:"title"`
	URL   string `json:"url"`
}

type bomAnalysis struct {
	State         string   `json:"state"`
	Justification string   `json:"justification,omitempty"`
	Response      []string `json:"response,omitempty"`
	Detail        string   `json:"detail"`
}

type bomAffects struct {
	Ref      string       `json:"ref"`
	Versions []bomVersion `json:"versions"`
}

type bomVersion struct {
	Version string `json:"version"`
	Status  string `json:"status"`
}

// vex is a scan as a CycloneDX document: the packages that findings name, and what is said of each.
func vex(s *session, version string) bom {
	b := bom{
		Schema: "http://cyclonedx.org/schema/bom-1.6.schema.json", Format: "CycloneDX", SpecVersion: "1.6", Version: 1,
		Components: []bomComponent{}, Vulnerabilities: []bomVulnerability{},
	}
	b.Metadata.Timestamp = s.now.UTC().Format(time.RFC3339)
	b.Metadata.Tools.Components = []bomComponent{{Type: "application", Name: "staunch", Version: version}}
	b.Metadata.Component = bomComponent{Type: "operating-system", Ref: "root", Name: visible(or(s.out.OS.ID, "unknown")), Version: visible(s.out.OS.VersionID)}
	b.Metadata.Properties = []bomProperty{{"staunch:assessment", visible(s.out.Assessment.Status)}}
	if s.out.Assessment.Reason != "" {
		b.Metadata.Properties = append(b.Metadata.Properties, bomProperty{"staunch:assessment:reason", visible(s.out.Assessment.Reason)})
	}
	for _, w := range s.out.Warnings {
		b.Metadata.Properties = append(b.Metadata.Properties, bomProperty{"staunch:warning", visible(w)})
	}
	places, seen := installationsOf(s), map[string]bool{}
	for i, f := range s.out.Findings {
		v := vexOf(f)
		v.Ref = "finding-" + strconv.Itoa(i+1) // a kernel may be there in two versions, with all else the same
		for _, p := range places.of(f) {
			ref := purl(p, s.out.OS)
			if !seen[ref] {
				seen[ref] = true
				b.Components = append(b.Components, bomComponent{Type: "library", Ref: ref, Name: visible(p.Name), Version: visible(p.Version), PURL: ref})
			}
			status := "affected"
			if v.Analysis.State == "not_affected" {
				status = "unaffected"
			}
			v.Affects = append(v.Affects, bomAffects{Ref: ref, Versions: []bomVersion{{visible(p.Version), status}}})
		}
		b.Vulnerabilities = append(b.Vulnerabilities, v)
	}
	return b
}

func or(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

func vexOf(f apiv1.Finding) bomVulnerability {
	v := bomVulnerability{
		ID: visible(f.Vulnerability), Source: sourceOf(f.Vulnerability), Ratings: []bomRating{}, Affects: []bomAffects{},
		Analysis:   analysisOf(f),
		Properties: []bomProperty{{"staunch:priority", f.Priority}, {"staunch:status", f.Status}, {"staunch:source", visible(f.Source)}, {"staunch:feed", visible(f.Feed)}, {"staunch:advisory", visible(f.Advisory)}},
	}
	if f.Severity != "" {
		s := severityOf(f.Severity)
		r := bomRating{Source: bomSource{Name: visible(raterOf(f))}, Severity: s.band, Method: s.method}
		if s.scored {
			r.Score, r.Vector = &s.score, visible(f.Severity)
		}
		v.Ratings = append(v.Ratings, r)
	}
	if f.EPSS != nil {
		v.Ratings = append(v.Ratings, bomRating{Source: bomSource{Name: "EPSS", URL: "https://www.first.org/epss/"}, Score: &f.EPSS.Score, Method: "other"})
	}
	if f.KEV != nil {
		v.Properties = append(v.Properties, bomProperty{"staunch:kev:added", visible(f.KEV.Added)})
	}
	if f.Fixed != "" {
		v.Recommendation = visible("Update " + f.Source + " to " + f.Fixed + " or later.")
	}
	if f.Advisory != f.Vulnerability {
		v.Advisories = []bomAdvisory{{Title: visible(f.Advisory), URL: "https://osv.dev/vulnerability/" + escaped(f.Advisory)}}
	}
	return v
}

// raterOf is the feed that gives the severity, which need not be the one that decides.
func raterOf(f apiv1.Finding) string {
	for _, r := range f.Reasons {
		if r.Input == "severity" {
			return r.Source
		}
	}
	return f.Feed
}

func sourceOf(vulnerability string) bomSource {
	if strings.HasPrefix(vulnerability, "CVE-") {
		return bomSource{Name: "CVE", URL: helpOf(vulnerability)}
	}
	return bomSource{Name: "OSV", URL: helpOf(vulnerability)}
}

// analysisOf puts a status into the words of CycloneDX (impactAnalysisState, impactAnalysisJustification). exploitable is its word for
// affected; nobody has tried.
func analysisOf(f apiv1.Finding) bomAnalysis {
	a := bomAnalysis{State: "exploitable", Detail: visible(f.Explanation)}
	switch f.Status {
	case apiv1.StatusNotLoaded, apiv1.StatusNotRunning:
		a.State, a.Justification = "not_affected", "code_not_reachable"
	case apiv1.StatusUnimportant:
		a.State = "not_affected"
	case apiv1.StatusUndetermined:
		a.State = "in_triage"
	case apiv1.StatusWontFix, apiv1.StatusEndOfLife:
		a.Response = []string{"will_not_fix"}
	}
	if f.Fixed != "" {
		a.Response = append(a.Response, "update")
	}
	return a
}

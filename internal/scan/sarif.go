package scan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// What is used of SARIF 2.1.0 (OASIS, errata 01).
type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool struct {
		Driver sarifDriver `json:"driver"`
	} `json:"tool"`
	Invocations []sarifInvocation `json:"invocations"`
	Results     []sarifResult     `json:"results"`
	ColumnKind  string            `json:"columnKind"`
}

type sarifDriver struct {
	Name           string      `json:"name"`
	Version        string      `json:"version,omitempty"`
	InformationURI string      `json:"informationUri"`
	Rules          []sarifRule `json:"rules"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifRule struct {
	ID         string         `json:"id"`
	Short      sarifText      `json:"shortDescription"`
	HelpURI    string         `json:"helpUri,omitempty"`
	Properties map[string]any `json:"properties"`
}

type sarifResult struct {
	RuleID       string            `json:"ruleId"`
	RuleIndex    int               `json:"ruleIndex"`
	Level        string            `json:"level"`
	Message      sarifText         `json:"message"`
	Locations    []sarifLocation   `json:"locations"`
	Fingerprints map[string]string `json:"partialFingerprints"`
	Properties   map[string]any    `json:"properties"`
}

type sarifLocation struct {
	Physical struct {
		Artifact struct {
			URI string `json:"uri"`
		} `json:"artifactLocation"`
	} `json:"physicalLocation"`
	Logical []sarifLogical `json:"logicalLocations"`
}

type sarifLogical struct {
	Name string `json:"name"`
	Full string `json:"fullyQualifiedName"`
	Kind string `json:"kind"`
}

type sarifInvocation struct {
	Successful    bool                `json:"executionSuccessful"`
	Notifications []sarifNotification `json:"toolExecutionNotifications,omitempty"`
}

type sarifNotification struct {
	Level   string    `json:"level"`
	Message sarifText `json:"message"`
}

const project = "https://github.com/staunch-dev/staunch"

// sarif is a scan as a SARIF log: a rule for each vulnerability, a result for each finding.
func sarif(s *session, version string) sarifLog {
	run := sarifRun{Results: []sarifResult{}, ColumnKind: "unicodeCodePoints"}
	run.Tool.Driver = sarifDriver{Name: "staunch", Version: version, InformationURI: project, Rules: []sarifRule{}}
	invocation := sarifInvocation{Successful: s.out.Assessment.Status == assessed}
	if !invocation.Successful {
		invocation.Notifications = append(invocation.Notifications, sarifNotification{"error", sarifText{visible("not assessed: " + s.out.Assessment.Reason)}})
	}
	for _, w := range s.out.Warnings {
		invocation.Notifications = append(invocation.Notifications, sarifNotification{"warning", sarifText{visible(w)}})
	}
	run.Invocations = []sarifInvocation{invocation}
	rules, prints, places := map[string]int{}, map[string]int{}, installationsOf(s)
	for _, f := range s.out.Findings {
		i, ok := rules[f.Vulnerability]
		if !ok {
			i = len(run.Tool.Driver.Rules)
			rules[f.Vulnerability] = i
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRuleOf(f))
		}
		r := sarifResultOf(f, i, places)
		mark := fingerprint(f)
		if prints[mark]++; prints[mark] > 1 { // of another version of the same package, as of a kernel
			mark = fmt.Sprintf("%s:%d", mark, prints[mark])
		}
		r.Fingerprints = map[string]string{"staunchFinding/v1": mark}
		run.Results = append(run.Results, r)
	}
	return sarifLog{Schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}}
}

func sarifRuleOf(f apiv1.Finding) sarifRule {
	tags := []string{"security", "vulnerability"}
	if f.KEV != nil {
		tags = append(tags, "kev")
	}
	r := sarifRule{ID: visible(f.Vulnerability), Short: sarifText{visible(f.Vulnerability + " in " + f.Source)}, HelpURI: helpOf(f.Vulnerability), Properties: map[string]any{"tags": tags}}
	if severity := severityOf(f.Severity); severity.scored {
		r.Properties["security-severity"] = fmt.Sprintf("%.1f", severity.score)
	}
	return r
}

func sarifResultOf(f apiv1.Finding, rule int, places installations) sarifResult {
	level := map[string]string{
		apiv1.PriorityUrgent: "error", apiv1.PriorityHigh: "error", apiv1.PriorityNormal: "warning", apiv1.PriorityLow: "note", apiv1.PriorityLowest: "note",
	}[f.Priority]
	r := sarifResult{
		RuleID: visible(f.Vulnerability), RuleIndex: rule, Level: level, Message: sarifText{visible(f.Explanation)},
		Properties: map[string]any{"priority": f.Priority, "status": f.Status, "installed": visible(f.Installed), "advisory": visible(f.Advisory)},
	}
	if f.Fixed != "" {
		r.Properties["fixed"] = visible(f.Fixed)
	}
	location := sarifLocation{Logical: []sarifLogical{}}
	location.Physical.Artifact.URI = databaseOf(f.Ecosystem)
	for _, p := range places.of(f) {
		location.Logical = append(location.Logical, sarifLogical{Name: visible(p.Name), Full: purl(p, places.os), Kind: "package"})
	}
	r.Locations = []sarifLocation{location}
	return r
}

// fingerprint stays the same until the finding is gone: it holds no version, so that an update that does not fix it is no news.
func fingerprint(f apiv1.Finding) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{f.Vulnerability, f.Ecosystem, f.Source, f.Package}, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// databaseOf is the file below the root that says a package is installed.
func databaseOf(ecosystem string) string {
	switch purlType(before(ecosystem)) {
	case "deb":
		return "var/lib/dpkg/status"
	case "rpm":
		return "var/lib/rpm"
	case "apk":
		return "lib/apk/db/installed"
	case "alpm":
		return "var/lib/pacman/local"
	}
	return "."
}

func before(ecosystem string) string {
	name, _, _ := strings.Cut(ecosystem, ":")
	return name
}

// helpOf is where people read about a vulnerability.
func helpOf(vulnerability string) string {
	switch {
	case strings.HasPrefix(vulnerability, "CVE-"):
		return "https://www.cve.org/CVERecord?id=" + escaped(vulnerability)
	case vulnerability != "":
		return "https://osv.dev/vulnerability/" + escaped(vulnerability)
	}
	return ""
}

package vex

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// cycloneDX is what we use of a CycloneDX document with vulnerabilities, 1.4 and later.
type cycloneDX struct {
	Metadata struct {
		Timestamp time.Time `json:"timestamp"`
	} `json:"metadata"`
	Components      []cdxComponent `json:"components"`
	Vulnerabilities []struct {
		ID         string `json:"id"`
		References []struct {
			ID string `json:"id"`
		} `json:"references"`
		Updated  time.Time `json:"updated"`
		Analysis struct {
			State         string    `json:"state"`
			Justification string    `json:"justification"`
			Detail        string    `json:"detail"`
			LastUpdated   time.Time `json:"lastUpdated"`
		} `json:"analysis"`
		Affects []struct {
			Ref      string `json:"ref"`
			Versions []struct {
				Version string `json:"version"`
				Range   string `json:"range"`
				Status  string `json:"status"`
			} `json:"versions"`
		} `json:"affects"`
	} `json:"vulnerabilities"`
}

type cdxComponent struct {
	Ref        string         `json:"bom-ref"`
	PURL       string         `json:"purl"`
	Components []cdxComponent `json:"components"`
}

// cdxStates are the states of an analysis and what they mean.
var cdxStates = map[string]string{
	"resolved": fixed, "resolved_with_pedigree": fixed, "exploitable": affected, "in_triage": unclear, "false_positive": notAffected, "not_affected": notAffected,
}

func parseCycloneDX(raw []byte, s *intake.Survey) (document, error) {
	var in cycloneDX
	if err := json.Unmarshal(raw, &in); err != nil {
		return document{}, intake.Damaged("not CycloneDX: %v", err)
	}
	components := map[string]string{}
	cdxWalk(in.Components, components)
	d := document{at: in.Metadata.Timestamp.UTC()}
	for i, v := range in.Vulnerabilities {
		where := v.ID
		if where == "" {
			where = fmt.Sprintf("vulnerability %d", i+1)
		}
		status, known := cdxStates[v.Analysis.State]
		if !known {
			s.Skip(where, fmt.Sprintf("the state %q of its analysis is not known", intake.Shown(v.Analysis.State)))
			continue
		}
		st := statement{vulnerability: v.ID, status: status, note: joined(v.Analysis.State, v.Analysis.Justification, v.Analysis.Detail), at: latest(latest(v.Updated, v.Analysis.LastUpdated), d.at)}
		for _, r := range v.References {
			st.aliases = append(st.aliases, r.ID)
		}
		if len(v.Affects) == 0 {
			s.Skip(where, "it names no product")
		}
		for _, a := range v.Affects {
			if st.purl = cdxTarget(a.Ref, components); st.purl == "" {
				s.Skip(where, fmt.Sprintf("the component %q has no package URL here", intake.Shown(a.Ref)))
				continue
			}
			if len(a.Versions) > 0 { // vers ranges, and statuses by version that may differ from the analysis
				s.Skip(where, fmt.Sprintf("versions beside that of %q are not understood", intake.Shown(st.purl)))
				continue
			}
			d.statements = append(d.statements, st)
		}
	}
	return d, nil
}

// cdxTarget finds the package URL of what a vulnerability affects: a component of the document, itself a package URL, or a link to a
// component of another document (urn:cdx:serial/version#ref) whose reference is a package URL.
func cdxTarget(ref string, components map[string]string) string {
	if purl := components[ref]; purl != "" {
		return purl
	}
	if strings.HasPrefix(ref, "urn:cdx:") {
		_, fragment, _ := strings.Cut(ref, "#")
		if plain, err := url.PathUnescape(fragment); err == nil && !strings.HasPrefix(fragment, "pkg:") {
			fragment = plain
		}
		ref = fragment
		if purl := components[ref]; purl != "" {
			return purl
		}
	}
	if strings.HasPrefix(ref, "pkg:") {
		return ref
	}
	return ""
}

// cdxWalk finds the package URLs of components and of their parts.
func cdxWalk(all []cdxComponent, components map[string]string) {
	for _, c := range all {
		if c.Ref != "" {
			components[c.Ref] = c.PURL
		}
		cdxWalk(c.Components, components)
	}
}

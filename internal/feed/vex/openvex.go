package vex

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// openVEX is what we use of OpenVEX 0.2.0, and of its first form, where vulnerabilities and products were plain texts.
type openVEX struct {
	Timestamp   time.Time `json:"timestamp"`
	LastUpdated time.Time `json:"last_updated"`
	Statements  []struct {
		Vulnerability openVulnerability `json:"vulnerability"`
		Products      []openProduct     `json:"products"`
		Status        string            `json:"status"`
		Justification string            `json:"justification"`
		Impact        string            `json:"impact_statement"`
		Action        string            `json:"action_statement"`
		Notes         string            `json:"status_notes"`
		Timestamp     time.Time         `json:"timestamp"`
		LastUpdated   time.Time         `json:"last_updated"`
	} `json:"statements"`
}

type openVulnerability struct {
	Name    string   `json:"name"`
	ID      string   `json:"@id"`
	Aliases []string `json:"aliases"`
}

// UnmarshalJSON takes "CVE-2026-0001" and {"name":"CVE-2026-0001"}.
func (v *openVulnerability) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '"' {
		return json.Unmarshal(raw, &v.Name)
	}
	type plain openVulnerability
	return json.Unmarshal(raw, (*plain)(v))
}

type openProduct struct {
	ID          string `json:"@id"`
	Identifiers struct {
		PURL string `json:"purl"`
	} `json:"identifiers"`
	Subcomponents []json.RawMessage `json:"subcomponents"`
}

// UnmarshalJSON takes "pkg:…" and {"@id":"pkg:…"}.
func (p *openProduct) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '"' {
		return json.Unmarshal(raw, &p.ID)
	}
	type plain openProduct
	return json.Unmarshal(raw, (*plain)(p))
}

func parseOpenVEX(raw []byte, s *intake.Survey) (document, error) {
	var in openVEX
	if err := json.Unmarshal(raw, &in); err != nil {
		return document{}, intake.Damaged("not OpenVEX: %v", err)
	}
	d := document{at: latest(in.Timestamp, in.LastUpdated), empty: in.Statements != nil && len(in.Statements) == 0}
	for i, st := range in.Statements {
		where := fmt.Sprintf("statement %d", i+1)
		if st.Status != notAffected && st.Status != affected && st.Status != fixed && st.Status != unclear {
			s.Skip(where, fmt.Sprintf("the status %q is not known", intake.Shown(st.Status)))
			continue
		}
		if len(st.Products) == 0 {
			s.Skip(where, "it names no product")
		}
		at := latest(st.Timestamp, st.LastUpdated)
		if at.IsZero() {
			at = d.at
		}
		for _, p := range st.Products {
			purl := p.ID
			if p.Identifiers.PURL != "" {
				purl = p.Identifiers.PURL
			}
			if len(p.Subcomponents) > 0 {
				s.Skip(where, fmt.Sprintf("it is about a part of %q, not about a package of hosts", intake.Shown(purl)))
				continue
			}
			name := st.Vulnerability.Name
			if name == "" {
				name = st.Vulnerability.ID
			}
			d.statements = append(d.statements, statement{
				vulnerability: name, aliases: st.Vulnerability.Aliases, purl: purl, status: st.Status, at: at,
				note: joined(st.Justification, st.Impact, st.Notes, st.Action),
			})
		}
	}
	return d, nil
}

// latest is the later of two times, in UTC.
func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b.UTC()
	}
	return a.UTC()
}

// joined puts the texts that are there behind one another.
func joined(texts ...string) string {
	all := ""
	for _, text := range texts {
		if all != "" && text != "" {
			all += ": "
		}
		all += text
	}
	return all
}

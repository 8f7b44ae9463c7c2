package redhat

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// document is what we use of a CSAF 2.0 document.
type document struct {
	Document struct {
		Category string `json:"category"`
		Title    string `json:"title"`
		Severity struct {
			Text string `json:"text"`
		} `json:"aggregate_severity"`
		Notes    []note `json:"notes"`
		Tracking struct {
			ID        string    `json:"id"`
			Status    string    `json:"status"`
			Modified  time.Time `json:"current_release_date"`
			Published time.Time `json:"initial_release_date"`
		} `json:"tracking"`
	} `json:"document"`
	Tree struct {
		Branches      []branch       `json:"branches"`
		Relationships []relationship `json:"relationships"`
	} `json:"product_tree"`
	Vulnerabilities []vulnerability `json:"vulnerabilities"`
}

type note struct {
	Category string `json:"category"`
	Text     string `json:"text"`
}

type branch struct {
	Branches []branch `json:"branches"`
	Product  struct {
		ID     string `json:"product_id"`
		Helper struct {
			CPE  string `json:"cpe"`
			PURL string `json:"purl"`
		} `json:"product_identification_helper"`
	} `json:"product"`
}

// relationship makes a product of two others: a package of a release, a package of a module, a module of a release.
type relationship struct {
	Product struct {
		ID string `json:"product_id"`
	} `json:"full_product_name"`
	Reference string `json:"product_reference"`
	RelatesTo string `json:"relates_to_product_reference"`
}

type vulnerability struct {
	CVE    string `json:"cve"`
	Notes  []note `json:"notes"`
	Status struct {
		Fixed              []string `json:"fixed"`
		KnownAffected      []string `json:"known_affected"`
		KnownNotAffected   []string `json:"known_not_affected"`
		UnderInvestigation []string `json:"under_investigation"`
	} `json:"product_status"`
	Remediations []struct {
		Category string   `json:"category"`
		Details  string   `json:"details"`
		Products []string `json:"product_ids"`
	} `json:"remediations"`
	Scores []struct {
		V3 struct {
			Vector string  `json:"vectorString"`
			Base   float64 `json:"baseScore"`
		} `json:"cvss_v3"`
	} `json:"scores"`
	Threats []struct {
		Category string   `json:"category"`
		Details  string   `json:"details"`
		Products []string `json:"product_ids"`
	} `json:"threats"`
}

// deletedStatus is not of CSAF: Red Hat marks documents so before they go.
const deletedStatus = "deleted"

// parse reads one document of a category.
func parse(raw []byte, category string) (*document, error) {
	var d document
	if err := json.Unmarshal(raw, &d); err != nil {
		return nil, fmt.Errorf("not a CSAF document: %w", err)
	}
	if err := intake.CheckID(d.Document.Tracking.ID); err != nil {
		return nil, err
	}
	switch {
	case d.Document.Category != category:
		return nil, fmt.Errorf("its category is %q, not %s", intake.Shown(d.Document.Category), category)
	case d.Document.Tracking.Modified.IsZero():
		return nil, errors.New("it has no current release date")
	}
	return &d, nil
}

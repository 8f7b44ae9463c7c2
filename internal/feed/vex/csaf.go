package vex

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// csaf is what we use of a CSAF 2.0 document.
type csaf struct {
	Document struct {
		Tracking struct {
			Current time.Time `json:"current_release_date"`
		} `json:"tracking"`
	} `json:"document"`
	Tree struct {
		Branches      []csafBranch  `json:"branches"`
		Names         []csafProduct `json:"full_product_names"`
		Relationships []struct {
			Name csafProduct `json:"full_product_name"`
		} `json:"relationships"`
	} `json:"product_tree"`
	Vulnerabilities []struct {
		CVE string `json:"cve"`
		IDs []struct {
			Text string `json:"text"`
		} `json:"ids"`
		Status map[string][]string `json:"product_status"`
		Flags  []struct {
			Label    string   `json:"label"`
			Products []string `json:"product_ids"`
		} `json:"flags"`
		Threats []struct {
			Category string   `json:"category"`
			Details  string   `json:"details"`
			Products []string `json:"product_ids"`
		} `json:"threats"`
	} `json:"vulnerabilities"`
}

type csafBranch struct {
	Branches []csafBranch `json:"branches"`
	Product  *csafProduct `json:"product"`
}

type csafProduct struct {
	ID     string `json:"product_id"`
	Helper struct {
		PURL string `json:"purl"`
	} `json:"product_identification_helper"`
}

// csafWords are the groups of product_status and what they mean, the worse after the better: a product in two groups is what the later says.
// What is recommended says nothing of a product.
var csafWords = []struct{ group, status string }{
	{"known_not_affected", notAffected},
	{"fixed", fixed}, {"first_fixed", fixed},
	{"under_investigation", unclear},
	{"known_affected", affected}, {"first_affected", affected}, {"last_affected", affected},
}

func parseCSAF(raw []byte, s *intake.Survey) (document, error) {
	var in csaf
	if err := json.Unmarshal(raw, &in); err != nil {
		return document{}, intake.Damaged("not CSAF: %v", err)
	}
	products := map[string]string{} // package URL by product id; empty: it has none
	for _, p := range in.Tree.Names {
		products[p.ID] = p.Helper.PURL
	}
	csafWalk(in.Tree.Branches, products)
	parts := map[string]bool{}
	for _, r := range in.Tree.Relationships {
		parts[r.Name.ID] = true
	}
	d := document{at: in.Document.Tracking.Current.UTC()}
	for i, v := range in.Vulnerabilities {
		id, aliases := v.CVE, []string{}
		for _, other := range v.IDs {
			if id == "" {
				id = other.Text
			}
			aliases = append(aliases, other.Text)
		}
		if id == "" {
			s.Skip(fmt.Sprintf("vulnerability %d", i+1), "it has no id")
			continue
		}
		notes := map[string]string{}
		for _, f := range v.Flags {
			for _, p := range f.Products {
				notes[p] = intake.Cut(joined(notes[p], f.Label), maxNote)
			}
		}
		for _, t := range v.Threats {
			for _, p := range t.Products {
				if t.Category == "impact" {
					notes[p] = intake.Cut(joined(notes[p], t.Details), maxNote)
				}
			}
		}
		for _, word := range csafWords {
			for _, p := range v.Status[word.group] {
				purl := products[p]
				switch {
				case parts[p]: // a component inside a product need not be as the package of that name on a host
					s.Skip(p, "it is a part of another product, not a package of hosts")
				case purl == "":
					s.Skip(p, "the product has no package URL")
				default:
					d.statements = append(d.statements, statement{vulnerability: id, aliases: aliases, purl: purl, status: word.status, note: notes[p], at: d.at})
				}
			}
		}
	}
	return d, nil
}

// csafWalk finds the products of a tree. The decoder has bounded its depth.
func csafWalk(branches []csafBranch, products map[string]string) {
	for _, b := range branches {
		if b.Product != nil {
			products[b.Product.ID] = b.Product.Helper.PURL
		}
		csafWalk(b.Branches, products)
	}
}

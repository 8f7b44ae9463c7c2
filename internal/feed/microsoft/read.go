package microsoft

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// Bounds. A month has some 150 vulnerabilities of some 50 products each.
const (
	maxDocument = 256 << 20
	maxName     = 200
)

// ReadCVRF reads a month's document, plain or packed, or a zip of several. It gives an advisory for each CVE, which is about products as
// Windows:11923 and their builds, and one for each update (KB5031361), which is about nothing but what it supersedes. A CVE of several months
// is told as the latest document tells it, product by product.
func ReadCVRF(ctx context.Context, f intake.File, o intake.Options, to intake.Sink) (intake.Survey, error) {
	r := &reader{options: o, cves: map[string]*entry{}, updates: map[string]map[string]bool{}}
	magic := make([]byte, 4)
	var err error
	if _, bad := f.ReadAt(magic, 0); bad == nil && bytes.Equal(magic, []byte("PK\x03\x04")) {
		err = r.archive(ctx, f)
	} else {
		err = r.file(f)
	}
	switch {
	case err != nil:
		return r.survey, err
	case len(r.cves) == 0:
		return r.survey, intake.Damaged("it holds no vulnerability that can be used")
	}
	return r.survey, r.give(ctx, to)
}

// entry is what is known of one CVE: by product, as of the document that tells it.
type entry struct {
	advisory advisory.Advisory
	at       time.Time
	products map[string]told
}

type told struct {
	advisory.Affected
	at time.Time
}

type reader struct {
	options intake.Options
	survey  intake.Survey
	cves    map[string]*entry
	updates map[string]map[string]bool // by update, those that it supersedes
	entries int64                      // what is kept of all months: vulnerabilities, products of each, updates and what each supersedes
}

func (r *reader) archive(ctx context.Context, f intake.File) error {
	a, err := intake.OpenArchive(f, f.Size, r.options.Limits)
	if err != nil {
		return err
	}
	return a.Entries(func(e intake.Entry) error {
		if err := ctx.Err(); err != nil || !strings.HasSuffix(e.Name, ".json") {
			return err
		}
		raw, err := a.Read(e)
		if errors.Is(err, intake.ErrRecord) {
			r.survey.Skip(e.Name, err.Error())
			return nil
		}
		if err != nil {
			return err
		}
		var d document
		if err := json.Unmarshal(raw, &d); err != nil {
			r.survey.Skip(e.Name, fmt.Sprintf("not a CVRF document: %v", err))
			return nil
		}
		return r.document(&d)
	})
}

func (r *reader) file(f intake.File) error {
	limits := r.options.Limits.OrDefault()
	limits.MaxTotal = min(limits.MaxTotal, maxDocument)
	plain, err := intake.Unpack(f.Reader(), limits)
	if err != nil {
		return err
	}
	raw, err := io.ReadAll(plain)
	if errors.Is(err, intake.ErrTooLong) {
		return err
	}
	var d document
	if err = cmp.Or(err, json.Unmarshal(raw, &d)); err != nil {
		return intake.Damaged("not a CVRF document: %v", err)
	}
	return r.document(&d)
}

func (r *reader) document(d *document) error {
	names := map[string]string{}
	for _, p := range d.Tree.Names {
		if p.ID != "" && len(p.ID) <= 32 && intake.AllDigits(strings.ReplaceAll(p.ID, "-", "")) && p.Name != "" {
			names[p.ID] = intake.Cut(intake.Shown(p.Name), maxName)
		}
	}
	if at := timeOf(d.Tracking.Current); at.After(r.survey.Newest) {
		r.survey.Newest = at
	}
	for i, raw := range d.Vulnerabilities {
		var v vulnerability
		if err := json.Unmarshal(raw, &v); err != nil {
			r.survey.Skip(fmt.Sprintf("vulnerability %d", i+1), fmt.Sprintf("not one: %v", err))
			continue
		}
		if !intake.IsCVE(v.CVE) {
			r.survey.Left++ // ADV… are advice without an update
			continue
		}
		r.vulnerability(v, names, d)
		if most := r.options.Limits.OrDefault().MaxRecords; r.entries > most {
			return fmt.Errorf("%w: it speaks of more than %d vulnerabilities, products and updates", intake.ErrTooLong, most)
		}
	}
	return nil
}

// vulnerability takes what one says of its products. Where several updates fix a product, the highest build counts: one with a lower build may
// lack what another brings.
func (r *reader) vulnerability(v vulnerability, names map[string]string, d *document) {
	fixes := map[string]remediation{}
	for _, fix := range v.Remediations {
		kb := kbOf(fix.Description.Value)
		if fix.Type != vendorFix || kb == "" {
			continue
		}
		if r.updates[kb] == nil {
			r.updates[kb] = map[string]bool{}
			r.entries++
		}
		for _, old := range kbsOf(fix.Supersedes) {
			if old != kb && !r.updates[kb][old] {
				r.updates[kb][old] = true
				r.entries++
			}
		}
		if _, err := fix.build(); err != nil {
			r.survey.Name(v.CVE+" "+kb, err.Error())
			continue
		}
		for _, product := range fix.Products {
			old, known := fixes[product]
			if n, _ := vercmp.Compare(vercmp.Windows, fix.Build, old.Build); !known || n > 0 {
				fixes[product] = fix
			}
		}
	}
	if len(fixes) == 0 {
		r.survey.Skip(v.CVE, "no update of it names a build")
		return
	}
	e, at := r.cves[v.CVE], timeOf(d.Tracking.Initial)
	if e == nil {
		e = &entry{advisory.Advisory{Feed: r.options.Feed, ID: v.CVE, CVEs: []string{v.CVE}, Published: at}, at, map[string]told{}}
		r.cves[v.CVE] = e
		r.entries++
	}
	if at.Before(e.advisory.Published) {
		e.advisory.Published = at
	}
	if !at.Before(e.at) {
		e.advisory.Summary, e.at = intake.Shown(v.Title.Value), at
	}
	for _, revision := range v.Revisions {
		if at := timeOf(revision.Date); at.After(e.advisory.Modified) {
			e.advisory.Modified = at
		}
	}
	severities := v.severities()
	for _, product := range slices.Sorted(maps.Keys(fixes)) {
		fix := fixes[product]
		name, known := names[product]
		if !known {
			r.survey.Name(v.CVE, fmt.Sprintf("the product %q is not in the document's list", intake.Shown(product)))
		}
		if ecosystem := "Windows:" + product; known && r.options.Wants(ecosystem) && !at.Before(e.products[product].at) {
			r.entries++
			e.products[product] = told{advisory.Affected{
				Ecosystem: ecosystem, Package: name, Ranges: []advisory.Range{{Introduced: "0", Fixed: fix.Build}},
				Severity: severities[product], Note: noteOf(fix),
			}, at}
		}
	}
}

func noteOf(fix remediation) string {
	note := kbOf(fix.Description.Value)
	if strings.EqualFold(fix.Restart.Value, "yes") {
		note += ", needs a restart"
	}
	return note
}

// severities are by product: the vector with the highest score, else Microsoft's word.
func (v vulnerability) severities() map[string]string {
	all, best := map[string]string{}, map[string]float64{}
	for _, t := range v.Threats {
		for _, product := range t.Products {
			if word := strings.ToLower(t.Description.Value); t.Type == threatSeverity && slices.Contains([]string{"critical", "important", "moderate", "low"}, word) {
				all[product] = word
			}
		}
	}
	for _, s := range v.Scores {
		for _, product := range s.Products {
			if strings.HasPrefix(s.Vector, "CVSS:") && len(s.Vector) <= maxName && s.Base > best[product] {
				all[product], best[product] = intake.Shown(s.Vector), s.Base
			}
		}
	}
	return all
}

// give gives the CVEs, then the updates, each in order.
func (r *reader) give(ctx context.Context, to intake.Sink) error {
	ecosystems := map[string]bool{}
	for _, cve := range slices.Sorted(maps.Keys(r.cves)) {
		e := r.cves[cve]
		for _, product := range slices.Sorted(maps.Keys(e.products)) {
			e.advisory.Affected = append(e.advisory.Affected, e.products[product].Affected)
			ecosystems["Windows:"+product] = true
		}
		if len(e.products) == 0 {
			r.survey.Left++
			continue
		}
		r.survey.Records++
		if err := cmp.Or(ctx.Err(), to.GiveAdvisory(e.advisory)); err != nil {
			return err
		}
	}
	for _, kb := range slices.Sorted(maps.Keys(r.updates)) {
		r.survey.Records++
		a := advisory.Advisory{Feed: r.options.Feed, ID: kb, Supersedes: slices.Sorted(maps.Keys(r.updates[kb])), Affected: []advisory.Affected{}}
		if err := cmp.Or(ctx.Err(), to.GiveAdvisory(a)); err != nil {
			return err
		}
	}
	r.survey.Ecosystems = slices.Sorted(maps.Keys(ecosystems))
	return nil
}

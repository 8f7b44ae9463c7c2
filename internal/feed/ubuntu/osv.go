package ubuntu

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// Bounds of one record's parts; a kernel record has some hundred entries.
const (
	maxID       = 128
	maxName     = 256
	maxAliases  = 1_000
	maxAffected = 50_000
	maxSummary  = 1 << 10
	maxDetails  = 4 << 10
	maxNote     = 256
	maxSeverity = 256

	maxOSV = 64 << 20 // bytes of one record's text; the kernel's have a few million
)

// record is what we use of an OSV record of Canonical's.
type record struct {
	ID        string     `json:"id"`
	Modified  time.Time  `json:"modified"`
	Published time.Time  `json:"published"`
	Withdrawn time.Time  `json:"withdrawn"`
	Aliases   []string   `json:"aliases"`
	Upstream  []string   `json:"upstream"`
	Summary   string     `json:"summary"`
	Details   string     `json:"details"`
	Severity  []severity `json:"severity"`
	Affected  []affected `json:"affected"`
}

type severity struct {
	Type  string `json:"type"`
	Score string `json:"score"`
}

type affected struct {
	Package struct {
		Ecosystem string `json:"ecosystem"`
		Name      string `json:"name"`
		Purl      string `json:"purl"`
	} `json:"package"`
	Severity []severity `json:"severity"`
	Ranges   []struct {
		Type   string  `json:"type"`
		Events []event `json:"events"`
	} `json:"ranges"`
	Versions []string `json:"versions"`
	Specific struct {
		Availability string `json:"availability"`
	} `json:"ecosystem_specific"`
	Database struct {
		CVEs struct {
			CVEs []struct {
				Severity []severity `json:"severity"`
			} `json:"cves"`
		} `json:"cves_map"`
	} `json:"database_specific"`
}

// ReadOSV reads Canonical's OSV records: osv-all.tar.xz, a zip of them, or one. One advisory for each record, UBUNTU-CVE-… or USN-…; a
// vulnerability and the notices that fix it are all given. Livepatch notices, LSN-…, are counted as left out: what they say of packages the
// other two say, and whether a livepatch is loaded is the host's to tell. An entry without a fixed version is not fixed yet, or never will be: VEX says
// which. An affected entry's Severity is Ubuntu's own priority.
func ReadOSV(ctx context.Context, f intake.File, o intake.Options, to intake.Sink) (intake.Survey, error) {
	var s intake.Survey
	limits := roomy(o.Limits, maxOSV)
	ids, ecosystems := intake.NewSeen(), map[string]bool{}
	err := documents(ctx, f, limits, &s, func(body io.Reader) error {
		var r record
		if err := decode(body, &r); err != nil {
			return unreadable(err)
		}
		a, wrong, err := r.advisory(o)
		if err == nil && !ids.Add(a.ID) {
			err = fmt.Errorf("%s is there twice", a.ID)
		}
		if err != nil {
			return fmt.Errorf("%w: %w", intake.ErrRecord, err)
		}
		for _, w := range wrong {
			s.Name(a.ID, w.Error())
		}
		for i := range r.Affected {
			if p, ok := ofEcosystem(r.Affected[i].Package.Ecosystem); ok {
				ecosystems[p.ecosystem] = true
			}
		}
		if len(a.Affected) == 0 && a.Withdrawn.IsZero() || strings.HasPrefix(a.ID, "LSN-") {
			s.Left++
			return nil
		}
		s.Records++
		if a.Modified.After(s.Newest) {
			s.Newest = a.Modified
		}
		return to.GiveAdvisory(a)
	})
	s.Ecosystems = sorted(ecosystems)
	return s, err
}

// decode reads the one JSON value of a document.
func decode(body io.Reader, to any) error {
	d := json.NewDecoder(body)
	if err := d.Decode(to); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows its JSON value")
	}
	return nil
}

func sorted(set map[string]bool) []string {
	names := make([]string, 0, len(set))
	for name := range set {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// advisory reduces a record. Entries that cannot be used are named as long as one can; an advisory without an entry has none that is
// wanted.
func (r *record) advisory(o intake.Options) (a advisory.Advisory, wrong []error, err error) {
	if err := r.check(); err != nil {
		return a, nil, err
	}
	a = advisory.Advisory{
		Feed:      o.Feed,
		ID:        r.ID,
		CVEs:      r.cves(),
		Aliases:   intake.Sorted(r.Aliases),
		Summary:   intake.Cut(strings.ToValidUTF8(r.Summary, "\uFFFD"), maxSummary),
		Details:   intake.Cut(strings.ToValidUTF8(r.Details, "\uFFFD"), maxDetails),
		Severity:  best(r.Severity),
		Published: r.Published.UTC(),
		Modified:  r.Modified.UTC(),
		Withdrawn: r.Withdrawn.UTC(),
	}
	m := newMerged()
	usable := false
	for i := range r.Affected {
		in := &r.Affected[i]
		entry, err := in.reduce(priority(r.Severity))
		if err != nil && len(wrong) < intake.MaxProblems {
			wrong = append(wrong, fmt.Errorf("%s in %s: %w", intake.Shown(in.Package.Name), intake.Shown(in.Package.Ecosystem), err))
		}
		if len(entry.Ranges)+len(entry.Versions) == 0 {
			continue
		}
		usable = true
		if o.Wants(entry.Ecosystem) {
			m.add(entry)
		}
	}
	a.Affected = m.sorted()
	if intake.IsNotice(a.CVEs, a.Summary) {
		for i := range a.Affected {
			a.Affected[i].Status = advisory.StatusNotice
		}
	}
	if len(wrong) > 0 && !usable && a.Withdrawn.IsZero() {
		return a, nil, wrong[0]
	}
	return a, wrong, nil
}

func (r *record) check() error {
	switch {
	case !intake.Fit(r.ID, maxID):
		return fmt.Errorf("its id is empty, longer than %d bytes or not printable", maxID)
	case r.Modified.IsZero():
		return errors.New("it has no modified time")
	case len(r.Aliases)+len(r.Upstream) > maxAliases:
		return fmt.Errorf("it has more than %d aliases", maxAliases)
	case len(r.Affected) > maxAffected:
		return fmt.Errorf("it has more than %d entries", maxAffected)
	}
	for _, alias := range slices.Concat(r.Aliases, r.Upstream) {
		if !intake.Fit(alias, maxID) {
			return fmt.Errorf("an alias is empty, longer than %d bytes or not printable", maxID)
		}
	}
	return nil
}

func (r *record) cves() []string {
	var ids []string
	for _, name := range slices.Concat([]string{r.ID}, r.Aliases, r.Upstream) {
		if id := intake.CVEIn(name); id != "" {
			ids = append(ids, id)
		}
	}
	return intake.Sorted(ids)
}

// best is a CVSS vector where there is one, 3 before 4 as everywhere here; else Ubuntu's priority.
func best(scores []severity) string {
	for _, kind := range []string{"CVSS_V3", "CVSS_V4"} {
		for _, s := range scores {
			if s.Type == kind && s.Score != "" {
				return intake.Cut(intake.Shown(s.Score), maxSeverity)
			}
		}
	}
	return priority(scores)
}

// priorities are Ubuntu's, least first.
var priorities = []string{"negligible", "low", "medium", "high", "critical"}

// priority is the highest of Ubuntu's priorities among scores; empty when none is given.
func priority(scores []severity) string {
	highest := -1
	for _, s := range scores {
		if s.Type == "Ubuntu" {
			highest = max(highest, slices.Index(priorities, strings.ToLower(s.Score)))
		}
	}
	if highest < 0 {
		return ""
	}
	return priorities[highest]
}

// priority of an entry: its own, or the highest of the vulnerabilities that a notice lists under it, or the record's.
func (in *affected) priority(ofRecord string) string {
	var listed []severity
	for _, cve := range in.Database.CVEs.CVEs {
		listed = append(listed, cve.Severity...)
	}
	return cmp.Or(priority(in.Severity), priority(listed), ofRecord)
}

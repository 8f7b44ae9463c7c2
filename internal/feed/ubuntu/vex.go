package ubuntu

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

const (
	maxVEX      = 256 << 20 // bytes of one document's text; little of it is kept at a time
	maxField    = 1 << 20   // bytes of one of its values, a product or a text
	maxProducts = 100_000   // sources of one statement
)

// ReadVEX reads Canonical's OpenVEX documents: vex-all.tar.xz, a zip of them, or one. One advisory for each document, called CVE-2024-1234
// or USN-1234-1 (of which the CVEs are other names); its entries are of source packages, binary ones only repeat them.
//
// In the document of a CVE a purl names the version that the archive has at the time, not the one that brought the fix. So "fixed" becomes "not affected from
// that version on", and says nothing of older ones; "affected" holds up to that version. OSV has the versions that fixed.
func ReadVEX(ctx context.Context, f intake.File, o intake.Options, to intake.Sink) (intake.Survey, error) {
	var s intake.Survey
	limits := roomy(o.Limits, maxVEX)
	ids, ecosystems, strange := intake.NewSeen(), map[string]bool{}, map[string]bool{}
	err := documents(ctx, f, limits, &s, func(body io.Reader) error {
		v := vex{Records: intake.NewRecords(body, intake.Limits{MaxRecord: maxField}), options: o, ecosystems: ecosystems, strange: strange}
		if err := v.read(); err != nil {
			if errors.Is(err, intake.ErrTooLong) { // one value of this document; the archive's own limit shows at its next member
				err = fmt.Errorf("%w: %w", intake.ErrRecord, err)
			}
			return unreadable(err)
		}
		all := v.advisories()
		for _, w := range v.wrong {
			s.Name(v.id, w)
		}
		if v.modified.After(s.Newest) {
			s.Newest = v.modified
		}
		for _, a := range all {
			switch {
			case len(a.Affected) == 0:
				s.Left++
				continue
			case !ids.Add(a.ID):
				s.Skip(a.ID, "it is there twice")
				continue
			}
			s.Records++
			if err := to.GiveAdvisory(a); err != nil {
				return err
			}
		}
		return nil
	})
	s.Ecosystems = sorted(ecosystems)
	return s, err
}

// vex is one document being read.
type vex struct {
	*intake.Records
	options    intake.Options
	ecosystems map[string]bool
	strange    map[string]bool // distros that we do not know, each named once for the whole file

	id         string
	modified   time.Time
	statements []statement
	wrong      []string
}

type statement struct {
	vulnerability struct {
		Name        string   `json:"name"`
		Description string   `json:"description"`
		Aliases     []string `json:"aliases"` // addresses; in a notice its CVEs
	}
	timestamp, status, justification, impact, action, notes string

	sources []purl
}

func (v *vex) read() error {
	if err := v.fields(); err != nil {
		return err
	}
	if _, err := v.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows its JSON value")
	}
	if v.id = path.Base(v.id); !intake.Fit(v.id, maxID) || v.id == "." || v.id == "/" {
		return errors.New("its @id is missing, too long or not printable")
	}
	return nil
}

// fields reads a document's, and those of the metadata object in which some documents keep them.
func (v *vex) fields() error {
	return intake.EachField(v.Decoder, func(name string) error {
		v.Next()
		switch name {
		case "metadata":
			return v.fields()
		case "@id":
			return v.Decode(&v.id)
		case "timestamp":
			var at string
			err := v.Decode(&at)
			v.modified = instant(at)
			return err
		case "statements":
			return intake.EachElement(v.Decoder, func(int) error { return v.statement() })
		}
		return v.Pass()
	})
}

// statement reads one; its products may be thousands, of which the sources are kept.
func (v *vex) statement() error {
	const most = 10_000
	if len(v.statements) >= most {
		return fmt.Errorf("it has more than %d statements", most)
	}
	var s statement
	texts := map[string]*string{
		"timestamp": &s.timestamp, "status": &s.status, "justification": &s.justification, "impact_statement": &s.impact,
		"action_statement": &s.action, "status_notes": &s.notes,
	}
	err := intake.EachField(v.Decoder, func(name string) error {
		v.Next()
		switch {
		case name == "vulnerability":
			return v.Decode(&s.vulnerability)
		case name == "products":
			return intake.EachElement(v.Decoder, func(int) error { return v.product(&s) })
		case texts[name] != nil:
			return v.Decode(texts[name])
		}
		return v.Pass()
	})
	if err != nil {
		return err
	}
	if !intake.Fit(s.vulnerability.Name, maxID) || strings.Contains(s.vulnerability.Name, "/") {
		return errors.New("a statement's vulnerability has no name")
	}
	v.statements = append(v.statements, s)
	return nil
}

func (v *vex) product(s *statement) error {
	v.Next()
	var product struct {
		ID string `json:"@id"`
	}
	if err := v.Decode(&product); err != nil {
		return err
	}
	p, ok := parsePurl(product.ID)
	switch {
	case !ok || !intake.Fit(p.name, maxName):
		v.name("a product is no purl of an Ubuntu package: " + intake.Shown(product.ID))
	case p.arch != "source":
	case len(s.sources) >= maxProducts:
		return fmt.Errorf("a statement has more than %d sources", maxProducts)
	default:
		s.sources = append(s.sources, p)
	}
	return nil
}

func (v *vex) name(problem string) {
	const few = 10 // a document of nothing but such would fill the survey
	if len(v.wrong) < few {
		v.wrong = append(v.wrong, problem)
	}
}

// instant reads a time as the documents have it: with or without a zone, or a day alone. Zero: none that is known.
func instant(s string) time.Time {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05 MST", time.DateOnly} {
		if at, err := time.Parse(layout, s); err == nil {
			return at.UTC()
		}
	}
	return time.Time{}
}

// advisories makes one of each vulnerability that the document speaks of, in its order.
func (v *vex) advisories() []advisory.Advisory {
	var all []advisory.Advisory
	at, entries := map[string]int{}, []*merged{}
	for i := range v.statements {
		s := &v.statements[i]
		name := s.vulnerability.Name
		n, ok := at[name]
		if !ok {
			n = len(all)
			at[name] = n
			a := advisory.Advisory{
				Feed: v.options.Feed, ID: v.id, Published: instant(s.timestamp), Modified: v.modified,
				Details: intake.Cut(strings.ToValidUTF8(s.vulnerability.Description, "\uFFFD"), maxDetails),
			}
			if name != v.id {
				a.ID += "/" + name
			}
			a.CVEs = s.cves()
			all, entries = append(all, a), append(entries, newMerged())
		}
		for _, p := range s.sources {
			if entry, ok := v.entry(s, p); ok {
				entries[n].add(entry)
			}
		}
	}
	for n := range all {
		all[n].Affected = assessed(entries[n].sorted())
	}
	return all
}

// assessed leaves out that a release is no longer supported where its ESM archive says of the same package that it is not affected: the
// one says that nobody looks there any more, the other what somebody found in what was built of the same source.
func assessed(entries []advisory.Affected) []advisory.Affected {
	unaffected := map[[2]string]bool{}
	for i := range entries {
		e := &entries[i]
		if e.Status == advisory.StatusNotAffected && len(e.Ranges) == 0 && strings.HasPrefix(e.Entitlement, "esm-") {
			unaffected[[2]string{e.Ecosystem, e.Package}] = true
		}
	}
	return slices.DeleteFunc(entries, func(e advisory.Affected) bool {
		return e.Status == advisory.StatusEndOfLife && e.Entitlement == "" && unaffected[[2]string{e.Ecosystem, e.Package}]
	})
}

func (s *statement) cves() []string {
	var ids []string
	for _, name := range append([]string{s.vulnerability.Name}, s.vulnerability.Aliases...) {
		if intake.IsCVE(name) {
			ids = append(ids, name)
		}
	}
	return intake.Sorted(ids)
}

// entry is what a statement says of one source; false: nothing that is wanted or can be used.
func (v *vex) entry(s *statement, p purl) (advisory.Affected, bool) {
	where, ok := ofDistro(p.distro)
	if !ok {
		const few = 100
		if !v.strange[p.distro] && len(v.strange) < few {
			v.strange[p.distro] = true
			v.name(fmt.Sprintf("%q is no release that is known", intake.Shown(p.distro)))
		}
		return advisory.Affected{}, false
	}
	v.ecosystems[where.ecosystem] = true
	if !v.options.Wants(where.ecosystem) {
		return advisory.Affected{}, false
	}
	if err := vercmp.Valid(vercmp.Deb, p.version); err != nil {
		v.name(err.Error())
		return advisory.Affected{}, false
	}
	a := advisory.Affected{
		Ecosystem: where.ecosystem, Package: p.name, Stream: where.streamOf(p.name), Entitlement: where.entitlement, Severity: s.priority(),
		Note: intake.Cut(intake.Shown(s.note()), maxNote),
	}
	switch s.status {
	case "not_affected":
		if s.absent() {
			return a, false
		}
		a.Status = advisory.StatusNotAffected
	case "fixed":
		a.Status, a.Ranges = advisory.StatusNotAffected, []advisory.Range{{Introduced: p.version}}
	case "affected", "under_investigation":
		a.Status, a.Ranges = s.stand(), []advisory.Range{{Introduced: "0", Last: p.version}}
	default:
		v.name(fmt.Sprintf("status %q is not known", intake.Shown(s.status)))
		return a, false
	}
	return a, true
}

// absent: the team's way to say that the archive of a release does not have the package. That is no word on whether the package is
// affected, for a host that has it all the same.
func (s *statement) absent() bool {
	return s.justification == "component_not_present" && strings.Contains(s.impact, "does not exist in the archive")
}

// ownWords is where a document's own words begin after the sentence that stands for the team's state.
const ownWords = "CVE Notes / justification: "

// stand reads the team's own state from the sentences that stand for them in the documents, as Canonical's page on VEX lists them:
// needed, ignored (decided not to fix, or no longer supported), deferred, needs-triage.
func (s *statement) stand() advisory.Status {
	text, _, _ := strings.Cut(cmp.Or(s.action, s.notes), ownWords)
	switch {
	case strings.Contains(text, "is no longer supported"), strings.Contains(text, "end of life"):
		return advisory.StatusEndOfLife
	case strings.Contains(text, "decided to not fix it"):
		return advisory.StatusIgnored
	case strings.Contains(text, "deferred"):
		return advisory.StatusDeferred
	case s.status == "affected":
		return advisory.StatusOpen
	}
	return advisory.StatusUndetermined
}

// note is what the team says besides; of a justification that ends a formula, the justification.
func (s *statement) note() string {
	text := cmp.Or(s.impact, s.action, s.notes, s.justification)
	if _, own, ok := strings.Cut(text, ownWords); ok {
		return own
	}
	return text
}

var classified = regexp.MustCompile(`classified this CVE as of (\w+) priority`)

// priority is Ubuntu's, which the notes of some statements tell.
func (s *statement) priority() string {
	m := classified.FindStringSubmatch(s.notes + " " + s.action + " " + s.impact)
	if m == nil {
		return ""
	}
	return priority([]severity{{Type: "Ubuntu", Score: m[1]}})
}

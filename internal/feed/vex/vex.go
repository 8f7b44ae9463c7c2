package vex

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
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// Bounds of one document: Ubuntu's longest of one vulnerability has 40,000 products.
const (
	maxDocument   = 64 << 20
	maxStatements = 500_000 // products of all statements
)

// The words that statements of all three formats are brought to.
const (
	notAffected = "not_affected"
	affected    = "affected"
	fixed       = "fixed"
	unclear     = "under_investigation"
)

// statement says what one product is of one vulnerability.
type statement struct {
	vulnerability string
	aliases       []string
	purl          string // of the product
	status        string
	note          string
	at            time.Time
}

// document is what the three formats are read into.
type document struct {
	statements []statement
	at         time.Time
	empty      bool // its list of statements is there, and has none
}

// ReadVEX reads one VEX document of the user's: OpenVEX, CSAF or CycloneDX, as JSON, told apart by content. Products are package URLs; what
// they are of a vulnerability is given as one advisory for each vulnerability id, by id. A product that cannot be placed in a release is named
// and skipped. A product with a version is that version only; except that fixed, in a distribution's release, means from that version on.
// Of several statements about the same, the last counts. An OpenVEX document with an empty list of statements is sound: it takes back what
// was said before.
func ReadVEX(ctx context.Context, f intake.File, o intake.Options, to intake.Sink) (intake.Survey, error) {
	var s intake.Survey
	limits := o.Limits.OrDefault()
	limits.MaxTotal = min(limits.MaxTotal, maxDocument)
	plain, err := intake.Unpack(f.Reader(), limits)
	if err != nil {
		return s, err
	}
	raw, err := io.ReadAll(plain)
	if errors.Is(err, intake.ErrTooLong) {
		return s, err
	}
	if err != nil {
		return s, intake.Damaged("it is cut off or broken: %v", err)
	}
	d, err := parse(raw, &s)
	if err != nil {
		return s, err
	}
	if len(d.statements) > maxStatements {
		return s, fmt.Errorf("%w: it speaks of more than %d products", intake.ErrTooLong, maxStatements)
	}
	s.Newest = d.at
	byID := gather(d.statements, &s)
	if len(byID) == 0 && !d.empty {
		return s, intake.Damaged("it holds no statement that can be used%s", first(s.Problems))
	}
	for id, a := range byID {
		a.Feed = o.Feed
		byID[id] = a
	}
	return s, giveAll(ctx, byID, &s, to)
}

// first shows the first problem, since a document is short.
func first(problems []advisory.Problem) string {
	if len(problems) == 0 {
		return ""
	}
	return fmt.Sprintf(": %s: %s", problems[0].Record, problems[0].Reason)
}

func parse(raw []byte, s *intake.Survey) (document, error) {
	var kind struct {
		Context         json.RawMessage `json:"@context"`
		Statements      json.RawMessage `json:"statements"`
		Format          string          `json:"bomFormat"`
		Document        json.RawMessage `json:"document"`
		Vulnerabilities json.RawMessage `json:"vulnerabilities"`
	}
	if err := json.Unmarshal(raw, &kind); err != nil {
		return document{}, intake.Damaged("not a VEX document: %v", err)
	}
	switch {
	case kind.Format == "CycloneDX":
		return parseCycloneDX(raw, s)
	case len(kind.Document) > 0 && len(kind.Vulnerabilities) > 0:
		return parseCSAF(raw, s)
	case len(kind.Statements) > 0 && strings.Contains(string(kind.Context), "openvex"):
		return parseOpenVEX(raw, s)
	}
	return document{}, intake.Damaged("not a VEX document: neither OpenVEX, nor CSAF, nor CycloneDX with vulnerabilities")
}

// said is what statements say of one package of one release: by version, "" for every version.
type said map[string]statement

// subject is of what a statement is.
type subject struct{ vulnerability, ecosystem, pkg, stream string }

// gather makes advisories of statements, by vulnerability. A later statement about the same takes the place of an earlier one.
func gather(all []statement, s *intake.Survey) map[string]advisory.Advisory {
	slices.SortStableFunc(all, func(a, b statement) int { return a.at.Compare(b.at) })
	bySubject := map[subject]said{}
	aliases := map[string][]string{}
	skipped := map[string]bool{}
	for _, st := range all {
		if !sound(st.vulnerability, maxID) {
			s.Skip(st.purl, fmt.Sprintf("%q is not the id of a vulnerability", intake.Shown(st.vulnerability)))
			continue
		}
		p, err := placeOf(st.purl)
		if err == nil && st.status == fixed && p.version == "" {
			err = errors.New("it is said to be fixed, but not in which version")
		}
		if err != nil {
			if name := st.purl + "\n" + err.Error(); !skipped[name] {
				skipped[name] = true
				s.Skip(st.purl, err.Error())
			}
			continue
		}
		key := subject{st.vulnerability, p.ecosystem, p.pkg, p.stream}
		if bySubject[key] == nil {
			bySubject[key] = said{}
		}
		bySubject[key][p.version] = st
		aliases[st.vulnerability] = append(aliases[st.vulnerability], st.aliases...)
	}
	subjects := make([]subject, 0, len(bySubject))
	for key := range bySubject {
		subjects = append(subjects, key)
	}
	slices.SortFunc(subjects, func(a, b subject) int {
		return cmp.Or(strings.Compare(a.vulnerability, b.vulnerability), strings.Compare(a.ecosystem, b.ecosystem), strings.Compare(a.pkg, b.pkg), strings.Compare(a.stream, b.stream))
	})
	byID := map[string]advisory.Advisory{}
	for _, key := range subjects {
		a, known := byID[key.vulnerability]
		if !known {
			a = newAdvisory(key.vulnerability, aliases[key.vulnerability])
		}
		a.Affected = append(a.Affected, entries(key, bySubject[key], s)...)
		for _, st := range bySubject[key] {
			if st.at.After(a.Modified) {
				a.Modified = st.at
			}
		}
		byID[key.vulnerability] = a
	}
	return byID
}

// newAdvisory names a vulnerability: by CVE where it is one, or has one for an alias.
func newAdvisory(id string, aliases []string) advisory.Advisory {
	a := advisory.Advisory{ID: id}
	for _, alias := range append([]string{id}, aliases...) {
		if intake.IsCVE(alias) {
			a.CVEs = append(a.CVEs, alias)
		} else if alias != id && sound(alias, maxID) && !strings.Contains(alias, "://") {
			a.Aliases = append(a.Aliases, alias)
		}
	}
	a.CVEs, a.Aliases = intake.Sorted(a.CVEs), intake.Sorted(a.Aliases)
	return a
}

// entries are what is said of one package: one for each status and note.
func entries(key subject, what said, s *intake.Survey) []advisory.Affected {
	if reason := superfluous(key.ecosystem, what); reason != "" {
		s.Name(what[""].purl, key.vulnerability+": "+reason)
		delete(what, "")
	}
	versions := make([]string, 0, len(what))
	for version := range what {
		versions = append(versions, version)
	}
	slices.Sort(versions)
	all := []advisory.Affected{}
	for _, version := range versions {
		st := what[version]
		e := advisory.Affected{Ecosystem: key.ecosystem, Package: key.pkg, Stream: key.stream, Note: noteOf(st.note), Status: statusOf(st.status)}
		switch {
		case st.status == fixed && released(key.ecosystem):
			e.Ranges = []advisory.Range{{Introduced: "0", Fixed: lowest(key.ecosystem, what)}}
		case st.status == fixed: // a language's packages are fixed on several branches: what is above one fix may be below another's
			e.Versions, e.Status, e.Note = []string{version}, advisory.StatusNotAffected, noteOf("fixed: "+st.note)
		case version != "":
			e.Versions = []string{version}
		case st.status == affected:
			e.Ranges = []advisory.Range{{Introduced: "0"}}
		}
		same := slices.IndexFunc(all, func(o advisory.Affected) bool {
			return o.Status == e.Status && o.Note == e.Note && (len(o.Versions) > 0 && len(e.Versions) > 0 || len(o.Ranges) > 0 && slices.Equal(o.Ranges, e.Ranges))
		})
		if same >= 0 {
			all[same].Versions = append(all[same].Versions, e.Versions...)
			continue
		}
		all = append(all, e)
	}
	return all
}

// superfluous says why what is said of every version does not count beside what is said of some; empty: it does.
func superfluous(ecosystem string, what said) string {
	blanket, ok := what[""]
	if !ok {
		return ""
	}
	for version, st := range what {
		switch {
		case version == "":
		case blanket.status == notAffected && st.status != notAffected:
			return "said to be affected in no version, and yet in some: the former does not count"
		case blanket.status == affected && st.status == fixed && released(ecosystem):
			return "said to be affected in every version, and yet fixed in one: the latter counts"
		}
	}
	return ""
}

func statusOf(status string) advisory.Status {
	switch status {
	case notAffected:
		return advisory.StatusNotAffected
	case unclear:
		return advisory.StatusUndetermined
	}
	return advisory.StatusOpen
}

// released: a release of a distribution has one branch of each package.
func released(ecosystem string) bool {
	scheme, _ := vercmp.ForEcosystem(ecosystem)
	return slices.Contains([]vercmp.Scheme{vercmp.Deb, vercmp.RPM, vercmp.APK, vercmp.Pacman}, scheme)
}

// lowest is the lowest version that is said to be fixed; versions have been found valid.
func lowest(ecosystem string, what said) string {
	scheme, _ := vercmp.ForEcosystem(ecosystem)
	low := ""
	for version, st := range what {
		if st.status != fixed {
			continue
		}
		if n, err := vercmp.Compare(scheme, version, low); low == "" || err == nil && (n < 0 || n == 0 && version < low) {
			low = version
		}
	}
	return low
}

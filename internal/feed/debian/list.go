package debian

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// Bounds of one advisory; the kernel's name some hundred CVEs.
const (
	maxLine    = 1 << 20
	maxCVEs    = 10_000
	maxEntries = 1_000
	maxSummary = 1 << 10
)

var (
	// [21 Nov 2026] DSA-1234-1 pkg - security update
	headLine = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^\[(\d{1,2} [A-Z][a-z]{2} \d{4})\] ([A-Z]{2,5}-\d[0-9-]*)\s*(.*)$`)
	})
	// [bookworm] - pkg 1.2-3 (note), [bookworm] - pkg <not-affected> (note)
	releaseLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\[([a-z]+)\] - (\S+)\s+(\S+)\s*(?:\((.*)\))?`) })
)

// markers stand where a fixed version would. What they say holds for every version in the release.
var markers = map[string]advisory.Status{
	"<not-affected>": advisory.StatusNotAffected,
	"<end-of-life>":  advisory.StatusEndOfLife,
	"<unfixed>":      advisory.StatusOpen,
	"<removed>":      advisory.StatusOpen, // from the archive; who still has it has the vulnerability
	"<no-dsa>":       advisory.StatusNoDSA,
	"<postponed>":    advisory.StatusPostponed,
	"<ignored>":      advisory.StatusIgnored,
	"<undetermined>": advisory.StatusUndetermined,
}

// ReadList reads a list of advisories as DSA/list and DLA/list are, which may be packed: one advisory for each head line, called
// DSA-1234-1, with an entry for each release and source it names. A regression update, DSA-1234-2, is an advisory of its own; where
// it names no CVE it is a notice. Head lines without an entry (notices, ends of support) are counted as left out. The list names fixes: a vulnerability
// that it does not name may be there, unfixed.
func ReadList(ctx context.Context, f intake.File, o intake.Options, to intake.Sink) (intake.Survey, error) {
	s := intake.Survey{FixesOnly: true}
	plain, err := intake.Unpack(f.Reader(), o.Limits)
	if err != nil {
		return s, err
	}
	l := list{options: o, to: to, survey: &s, seen: newSeen(), ids: intake.NewSeen()}
	in := bufio.NewScanner(plain)
	in.Buffer(make([]byte, 0, 64<<10), maxLine)
	for n := 1; in.Scan(); n++ {
		if err := cmp.Or(ctx.Err(), l.line(n, in.Text())); err != nil {
			return s, err
		}
	}
	switch err := in.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return s, intake.Damaged("a line has more than %d bytes", maxLine)
	case errors.Is(err, intake.ErrTooLong):
		return s, err
	case err != nil:
		return s, intake.Damaged("it cannot be read to its end: %v", err)
	}
	err = l.end()
	s.Ecosystems = l.seen.ecosystems()
	if err == nil && s.Records+s.Skipped+s.Left == 0 {
		err = intake.Damaged("it holds no advisory")
	}
	return s, err
}

type list struct {
	options intake.Options
	to      intake.Sink
	survey  *intake.Survey
	seen    seen
	ids     intake.Seen

	open  bool // an advisory is being read
	cves  bool // inside braces
	wrong error
	a     advisory.Advisory
}

// line takes one line; the error is the sink's.
func (l *list) line(n int, text string) error {
	body := strings.TrimSpace(text)
	switch {
	case body == "":
		return nil
	case text[0] != ' ' && text[0] != '\t':
		if err := l.end(); err != nil {
			return err
		}
		l.head(n, body)
	case !l.open:
		// belongs to a head line that could not be read, and was named there
	case l.cves && body[0] == '[': // what is said of a release must not be taken for CVEs
		l.survey.Name(l.a.ID, "its list of CVEs has no end")
		l.cves = false
		l.release(body)
	case l.cves || body[0] == '{':
		l.braces(body)
	case body[0] == '[':
		l.release(body)
	}
	// What else there is, NOTE: and the like, is for people.
	return nil
}

func (l *list) head(n int, body string) {
	m := headLine().FindStringSubmatch(body)
	if m == nil || len(m[2]) > maxID {
		l.survey.Skip(fmt.Sprintf("line %d", n), "it is no head line of an advisory: "+intake.Shown(body))
		return
	}
	l.open, l.cves, l.wrong = true, false, nil
	l.a = advisory.Advisory{Feed: l.options.Feed, ID: m[2], Summary: intake.Cut(strings.ToValidUTF8(m[3], "\uFFFD"), maxSummary)}
	day, err := time.Parse("2 Jan 2006", m[1])
	if err != nil {
		l.survey.Name(l.a.ID, fmt.Sprintf("%q is no date", m[1]))
		return
	}
	l.a.Published = day
	if day.After(l.survey.Newest) {
		l.survey.Newest = day
	}
}

// braces takes {CVE-2026-0001 CVE-2026-0002}.
func (l *list) braces(body string) {
	inside, _, closed := strings.Cut(strings.TrimPrefix(body, "{"), "}")
	l.cves = !closed
	for id := range strings.FieldsSeq(inside) {
		switch {
		case !intake.IsCVE(id):
			l.survey.Name(l.a.ID, fmt.Sprintf("%q is no CVE id", intake.Shown(id)))
		case len(l.a.CVEs) >= maxCVEs:
			l.wrong = cmp.Or(l.wrong, fmt.Errorf("it names more than %d CVEs", maxCVEs))
		default:
			l.a.CVEs = append(l.a.CVEs, id)
		}
	}
}

// release takes what is said of one source in one release.
func (l *list) release(body string) {
	m := releaseLine().FindStringSubmatch(body)
	if m == nil {
		l.survey.Name(l.a.ID, "a line cannot be read: "+intake.Shown(body))
		return
	}
	name, strange := l.seen.release(m[1])
	if strange {
		l.survey.Name(l.a.ID, m[1]+" is no release that is known")
	}
	if name == "" || !l.options.Wants(name) || m[3] == "<itp>" { // to be packaged some day
		return
	}
	a := advisory.Affected{Ecosystem: name, Package: m[2], Note: intake.Cut(intake.Shown(m[4]), maxNote)}
	status, marked := markers[m[3]]
	switch {
	case !intake.Fit(m[2], maxName):
		l.survey.Name(l.a.ID, "a source's name is too long or not printable")
		return
	case len(l.a.Affected) >= maxEntries:
		l.wrong = cmp.Or(l.wrong, fmt.Errorf("it has more than %d entries", maxEntries))
		return
	case status == advisory.StatusNotAffected:
		a.Status = status
	case marked:
		a.Status, a.Ranges = status, []advisory.Range{{Introduced: "0"}}
	default:
		if err := vercmp.Valid(vercmp.Deb, m[3]); err != nil {
			l.survey.Name(l.a.ID, fmt.Sprintf("%s: %v", m[1], err))
			return
		}
		a.Ranges = []advisory.Range{{Introduced: "0", Fixed: m[3]}}
	}
	l.a.Affected = append(l.a.Affected, a)
}

// end gives the advisory that was being read.
func (l *list) end() error {
	if !l.open {
		return nil
	}
	l.open = false
	switch {
	case l.wrong != nil:
		l.survey.Skip(l.a.ID, l.wrong.Error())
		return nil
	case len(l.a.Affected) == 0:
		l.survey.Left++
		return nil
	case !l.ids.Add(l.a.ID):
		l.survey.Skip(l.a.ID, "it is listed twice")
		return nil
	}
	l.a.CVEs = intake.Sorted(l.a.CVEs)
	if intake.IsNotice(l.a.CVEs, l.a.Summary) {
		for i := range l.a.Affected {
			l.a.Affected[i].Status = cmp.Or(l.a.Affected[i].Status, advisory.StatusNotice)
		}
	}
	slices.SortStableFunc(l.a.Affected, func(a, b advisory.Affected) int {
		return cmp.Or(cmp.Compare(a.Ecosystem, b.Ecosystem), cmp.Compare(a.Package, b.Package))
	})
	l.survey.Records++
	return l.to.GiveAdvisory(l.a)
}

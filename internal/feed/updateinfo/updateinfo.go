package updateinfo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// update is what we use of one erratum.
type update struct {
	Type        string `xml:"type,attr"`
	ID          string `xml:"id"`
	Title       string `xml:"title"`
	Severity    string `xml:"severity"`
	Description string `xml:"description"`
	Issued      date   `xml:"issued"`
	Updated     date   `xml:"updated"`
	References  []struct {
		Type  string `xml:"type,attr"`
		ID    string `xml:"id,attr"`
		Title string `xml:"title,attr"`
	} `xml:"references>reference"`
	Collections []collection `xml:"pkglist>collection"`
}

type date struct {
	Date string `xml:"date,attr"`
}

type collection struct {
	Module struct {
		Name   string `xml:"name,attr"`
		Stream string `xml:"stream,attr"`
	} `xml:"module"`
	Packages []build `xml:"package"`
}

type build struct {
	Name    string `xml:"name,attr"`
	Epoch   string `xml:"epoch,attr"`
	Version string `xml:"version,attr"`
	Release string `xml:"release,attr"`
	Arch    string `xml:"arch,attr"`
}

// Read gives the adapter for the updateinfo.xml, plain or packed, of a release's repository: the file does not name its release. Each
// erratum for security is an advisory; one of another type is left out unless it names a CVE.
func Read(ecosystem string) intake.Adapter {
	return func(ctx context.Context, f intake.File, o intake.Options, to intake.Sink) (intake.Survey, error) {
		p := pass{ecosystem: ecosystem, o: o, to: to, seen: intake.NewSeen(), s: intake.Survey{FixesOnly: true, Newest: f.Modified}}
		plain, err := intake.Unpack(f.Reader(), o.Limits)
		if err != nil {
			return p.s, err
		}
		if err := intake.EachXML(ctx, plain, o.Limits, "updates", "update", p.one); err != nil {
			return p.s, err
		}
		if p.s.Records == 0 && p.s.Skipped > 0 {
			return p.s, intake.Damaged("it holds no erratum that can be read")
		}
		p.s.Ecosystems = []string{ecosystem} // a repository without an erratum speaks for its release too
		return p.s, nil
	}
}

// pass is one reading of a file.
type pass struct {
	ecosystem string
	o         intake.Options
	to        intake.Sink
	s         intake.Survey
	seen      intake.Seen
}

func (p *pass) one(u *update) error {
	a, left, err := p.reduce(u)
	switch {
	case err != nil:
		p.s.Skip(u.ID, err.Error())
		return nil
	case left:
		p.s.Left++
		return nil
	case !p.seen.Add(a.ID):
		p.s.Skip(a.ID, "a second erratum with this id")
		return nil
	}
	p.s.Records++
	if a.Modified.After(p.s.Newest) {
		p.s.Newest = a.Modified
	}
	return p.to.GiveAdvisory(a)
}

// reduce makes an advisory of an erratum; left: it is not for security, or its release is not wanted.
func (p *pass) reduce(u *update) (a advisory.Advisory, left bool, err error) {
	a = advisory.Advisory{
		Feed: p.o.Feed, ID: strings.TrimSpace(u.ID),
		Summary:   intake.Cut(strings.TrimSpace(strings.ToValidUTF8(u.Title, "\uFFFD")), intake.MaxSummary),
		Details:   intake.Cut(strings.TrimSpace(strings.ToValidUTF8(u.Description, "\uFFFD")), intake.MaxDetails),
		Severity:  word(u.Severity),
		Published: moment(u.Issued.Date), Modified: moment(u.Updated.Date),
	}
	if a.Modified.IsZero() {
		a.Modified = a.Published
	}
	if err := intake.CheckID(a.ID); err != nil {
		return a, false, err
	}
	for _, r := range u.References {
		if !strings.EqualFold(r.Type, "cve") {
			continue
		}
		if intake.IsCVE(r.ID) {
			a.CVEs = append(a.CVEs, r.ID)
		} else if intake.IsCVE(r.Title) {
			a.CVEs = append(a.CVEs, r.Title)
		}
	}
	a.CVEs = intake.Sorted(a.CVEs)
	if u.Type != "security" && len(a.CVEs) == 0 || !p.o.Wants(p.ecosystem) {
		return a, true, nil
	}
	a.Affected, err = p.packages(a.ID, u.Collections)
	return a, false, err
}

// packages are what is below the erratum's builds. One that cannot be used is named, as long as another can.
func (p *pass) packages(id string, collections []collection) ([]advisory.Affected, error) {
	var out []advisory.Affected
	wrong := errors.New("it names no package")
	for i := range collections {
		stream, err := streamOf(&collections[i])
		if err != nil {
			return nil, err
		}
		for j := range collections[i].Packages {
			b := &collections[i].Packages[j]
			if b.Arch == "src" || b.Arch == "nosrc" || isDebug(b.Name) {
				continue
			}
			fixed, err := b.fixed()
			if err != nil {
				wrong = fmt.Errorf("%w: %s", err, intake.Shown(b.Name))
				p.s.Name(id, wrong.Error())
				continue
			}
			out = append(out, advisory.Affected{Ecosystem: p.ecosystem, Package: b.Name, Stream: stream, Ranges: []advisory.Range{{Introduced: "0", Fixed: fixed}}})
		}
	}
	if len(out) == 0 {
		return nil, wrong
	}
	if out = intake.Merged(out); len(out) > intake.MaxAffected {
		return nil, fmt.Errorf("it has more than %d affected entries", intake.MaxAffected)
	}
	return out, nil
}

// streamOf is the module's stream that a collection is of; empty: of none.
func streamOf(c *collection) (string, error) {
	if c.Module.Name == "" {
		return "", nil
	}
	stream := c.Module.Name + ":" + c.Module.Stream
	if c.Module.Stream == "" || !intake.Fit(stream, intake.MaxID) {
		return "", fmt.Errorf("its module stream is empty, not printable or longer than %d bytes", intake.MaxID)
	}
	return stream, nil
}

// fixed is a build's EVR.
func (b *build) fixed() (string, error) {
	if b.Version == "" || b.Release == "" {
		return "", errors.New("a package has no version or no release")
	}
	evr := b.Version + "-" + b.Release
	if b.Epoch != "" && b.Epoch != "0" {
		evr = b.Epoch + ":" + evr
	}
	return evr, intake.CheckFixed(b.Name, evr)
}

// isDebug: packages that hold symbols and sources only, which nothing runs.
func isDebug(name string) bool {
	return strings.HasSuffix(name, "-debuginfo") || strings.HasSuffix(name, "-debugsource") || strings.Contains(name, "-debuginfo-")
}

// word is a rating; "None" is what some generators write for none.
func word(s string) string {
	s = intake.Cut(intake.Shown(strings.TrimSpace(s)), intake.MaxWord)
	if slices.Contains([]string{"none", "n/a"}, strings.ToLower(s)) {
		return ""
	}
	return s
}

// moment reads a date as the generators write it: with or without a time, or seconds since 1970 (SUSE).
func moment(s string) time.Time {
	s = strings.TrimSpace(s)
	for _, layout := range []string{time.DateTime, "2006-01-02 15:04", time.DateOnly, time.RFC3339, time.DateTime + " UTC"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	if seconds, err := strconv.ParseInt(s, 10, 64); err == nil && seconds > 0 && seconds < 1<<33 {
		return time.Unix(seconds, 0).UTC()
	}
	return time.Time{}
}

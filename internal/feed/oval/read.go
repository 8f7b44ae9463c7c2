package oval

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// Read reads a file of OVAL definitions, plain or packed, giving an advisory for each definition that says something of a wanted release.
func (d Dialect) Read(ctx context.Context, f intake.File, o intake.Options, to intake.Sink) (intake.Survey, error) {
	p := pass{dialect: d, o: o, to: to, seen: intake.NewSeen(), ecosystems: map[string]bool{}}
	limits := o.Limits.OrDefault()
	plain, err := intake.Unpack(f.Reader(), limits)
	if err != nil {
		return p.s, err
	}
	in := &meter{r: plain, limit: limits.MaxRecord, left: limits.MaxRecord}
	if err := p.definitions(ctx, xml.NewDecoder(in), in); err != nil {
		return p.s, err
	}
	if _, err := io.Copy(io.Discard, plain); err != nil { // tests, objects and states, and the checksum of a packed file
		return p.s, outer(err)
	}
	for name := range p.ecosystems {
		p.s.Ecosystems = append(p.s.Ecosystems, name)
	}
	slices.Sort(p.s.Ecosystems)
	if p.s.Records == 0 && p.s.Left == 0 {
		return p.s, intake.Damaged("it holds no definition that can be read")
	}
	return p.s, nil
}

// pass is one reading of a file.
type pass struct {
	dialect    Dialect
	o          intake.Options
	to         intake.Sink
	s          intake.Survey
	seen       intake.Seen
	ecosystems map[string]bool
}

// definitions reads to the end of the definitions. Their order is the file's.
func (p *pass) definitions(ctx context.Context, d *xml.Decoder, in *meter) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		in.left = in.limit
		token, err := d.Token()
		if err != nil {
			return outer(err)
		}
		switch t := token.(type) {
		case xml.EndElement:
			if t.Name.Local == "definitions" {
				return nil
			}
		case xml.StartElement:
			if t.Name.Local != "definition" {
				continue
			}
			var def Definition
			if err := d.DecodeElement(&def, &t); err != nil {
				return outer(err)
			}
			if err := p.one(&def); err != nil {
				return err
			}
		}
	}
}

// outer says what an error of reading is: a limit passed, or damage.
func outer(err error) error {
	if errors.Is(err, intake.ErrTooLong) || errors.Is(err, intake.ErrRecord) {
		return err
	}
	return intake.Damaged("not OVAL definitions: %v", err)
}

// one gives a definition's advisory.
func (p *pass) one(d *Definition) error {
	a, err := p.dialect.advisory(d, p.o)
	switch {
	case err != nil:
		p.s.Skip(d.ID, err.Error())
		return nil
	case a.ID == "" || len(a.Affected) == 0:
		p.s.Left++
		return nil
	case !p.seen.Add(a.ID):
		p.s.Skip(d.ID, "a second definition of "+a.ID)
		return nil
	}
	p.s.Records++
	for i := range a.Affected {
		p.ecosystems[a.Affected[i].Ecosystem] = true
	}
	if a.Modified.After(p.s.Newest) {
		p.s.Newest = a.Modified
	}
	return p.to.GiveAdvisory(a)
}

// advisory reduces a definition.
func (d Dialect) advisory(def *Definition, o intake.Options) (advisory.Advisory, error) {
	a := advisory.Advisory{
		Feed: o.Feed, ID: d.ID(def),
		Summary:   intake.Cut(plainText(def.Title), intake.MaxSummary),
		Details:   intake.Cut(strings.TrimSpace(strings.ToValidUTF8(def.Text, "\uFFFD")), intake.MaxDetails),
		Severity:  intake.Cut(intake.Shown(strings.TrimSpace(def.Severity)), intake.MaxWord),
		Published: day(def.Issued.Date), Modified: day(def.Updated.Date),
	}
	if a.Modified.IsZero() {
		a.Modified = a.Published
	}
	if a.ID == "" {
		return a, nil
	}
	if err := intake.CheckID(a.ID); err != nil {
		return a, err
	}
	for _, cve := range def.CVEs {
		a.CVEs = append(a.CVEs, firstCVE(cve))
	}
	for _, r := range def.Refs {
		if r.Source == "CVE" {
			a.CVEs = append(a.CVEs, firstCVE(r.ID))
		}
	}
	a.CVEs = intake.Sorted(slices.DeleteFunc(a.CVEs, func(id string) bool { return id == "" }))
	said, err := d.reduce(&def.Criteria, where{})
	if err != nil {
		return a, err
	}
	said = slices.DeleteFunc(said, func(e advisory.Affected) bool { return !o.Wants(e.Ecosystem) })
	if a.Affected = intake.Merged(said); len(a.Affected) > intake.MaxAffected {
		return a, fmt.Errorf("it has more than %d affected entries", intake.MaxAffected)
	}
	return a, nil
}

// plainText is a text of several lines as one.
func plainText(s string) string {
	return strings.Join(strings.Fields(strings.ToValidUTF8(s, "\uFFFD")), " ")
}

// firstCVE is the CVE id in a text as "Mitre CVE-2021-1234" or "CVE-2021-1234 at SUSE"; empty when there is none.
func firstCVE(s string) string {
	for _, word := range strings.Fields(s) {
		if intake.IsCVE(word) {
			return word
		}
	}
	return ""
}

func day(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return time.Time{}
	}
	return t
}

// meter is ErrRecord when more than limit bytes are read without left being set again: a definition that does not end.
type meter struct {
	r           io.Reader
	limit, left int64
}

func (m *meter) Read(p []byte) (int, error) {
	if m.left <= 0 {
		return 0, fmt.Errorf("%w: a definition is longer than %d bytes", intake.ErrRecord, m.limit)
	}
	n, err := m.r.Read(p)
	m.left -= int64(n)
	return n, err
}

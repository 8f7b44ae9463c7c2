package redhat

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// maxDocument bounds one document. The kernel's VEX documents, the longest, have some 20 MB.
const maxDocument = 48 << 20

// maxArchive bounds all documents of an archive together: Red Hat's repeat themselves so much that they unpack to many times what OSV's do.
const maxArchive = 128 << 30

// ReadCSAF reads Red Hat's advisories: an archive as csaf_advisories_2025-02-15.tar.zst, or one document. Each erratum that fixes
// something in RHEL is an advisory.
func ReadCSAF(ctx context.Context, f intake.File, o intake.Options, to intake.Sink) (intake.Survey, error) {
	survey, err := read(ctx, f, o, to, func(raw []byte, o intake.Options) (record, error) {
		d, err := parse(raw, "csaf_security_advisory")
		if err != nil {
			return record{}, err
		}
		r, e := d.begin(o)
		r.a.Severity = r.word
		r.a.Details = text(d.Document.Notes, "general")
		for i := range d.Vulnerabilities {
			v := &d.Vulnerabilities[i]
			if !intake.IsCVE(v.CVE) {
				continue
			}
			r.a.CVEs = append(r.a.CVEs, v.CVE)
			e.fixed(v.Status.Fixed, v.impacts())
		}
		return r.end(e), nil
	})
	survey.FixesOnly = true
	return survey, err
}

// ReadVEX reads Red Hat's VEX documents, one per CVE: an archive as csaf_vex_2025-02-15.tar.zst, or one document. Each that speaks of
// RHEL is an advisory, named as its CVE.
func ReadVEX(ctx context.Context, f intake.File, o intake.Options, to intake.Sink) (intake.Survey, error) {
	return read(ctx, f, o, to, func(raw []byte, o intake.Options) (record, error) {
		d, err := parse(raw, "csaf_vex")
		if err != nil {
			return record{}, err
		}
		r, e := d.begin(o)
		r.a.Severity = r.word
		for i := range d.Vulnerabilities {
			v := &d.Vulnerabilities[i]
			if !intake.IsCVE(v.CVE) {
				continue
			}
			r.a.CVEs = append(r.a.CVEs, v.CVE)
			r.a.Details = text(v.Notes, "description")
			if vector := v.vector(); vector != "" {
				r.a.Severity = vector
			}
			e.vex(v)
		}
		return r.end(e), nil
	})
}

// vex takes everything that a VEX document says of one vulnerability.
func (e *entries) vex(v *vulnerability) {
	impact, plans := v.impacts(), v.plans()
	e.fixed(v.Status.Fixed, impact)
	e.status(v.Status.KnownAffected, impact, func(id string) (advisory.Status, string) { return plans[id].status, plans[id].words })
	e.status(v.Status.KnownNotAffected, nil, func(string) (advisory.Status, string) { return advisory.StatusNotAffected, "" })
	e.status(v.Status.UnderInvestigation, nil, func(string) (advisory.Status, string) { return advisory.StatusUndetermined, "" })
}

// record is a document made an advisory.
type record struct {
	a        advisory.Advisory
	word     string // Red Hat's rating of the whole
	left     bool   // it speaks of nothing that is wanted, or is about to go
	problems []advisory.Problem
}

func (d *document) begin(o intake.Options) (record, *entries) {
	t := &d.Document.Tracking
	word := intake.Cut(intake.Shown(d.Document.Severity.Text), intake.MaxWord)
	r := record{word: word, left: t.Status == deletedStatus, a: advisory.Advisory{
		Feed: o.Feed, ID: t.ID, Published: t.Published.UTC(), Modified: t.Modified.UTC(),
		Summary: intake.Cut(strings.ToValidUTF8(d.Document.Title, "\uFFFD"), intake.MaxSummary),
	}}
	return r, &entries{tree: d.tree(), wants: o.Wants, severity: word}
}

func (r record) end(e *entries) record {
	r.a.CVEs = intake.Sorted(r.a.CVEs)
	r.a.Affected = intake.Merged(e.all)
	r.problems = e.problems
	for i := range r.problems {
		r.problems[i].Record = r.a.ID
	}
	r.left = r.left || len(r.a.Affected) == 0 && len(r.problems) == 0
	return r
}

// read passes over the documents of a file.
func read(ctx context.Context, f intake.File, o intake.Options, to intake.Sink, reduce func([]byte, intake.Options) (record, error)) (intake.Survey, error) {
	p := pass{o: o, to: to, reduce: reduce, seen: intake.NewSeen(), ecosystems: map[string]bool{}}
	if o.Limits.MaxRecord == 0 {
		o.Limits.MaxRecord = maxDocument
	}
	if o.Limits.MaxTotal == 0 {
		o.Limits.MaxTotal = maxArchive
	}
	limits := o.Limits.OrDefault()
	plain, err := intake.Unpack(f.Reader(), limits)
	if err != nil {
		return p.s, err
	}
	in := bufio.NewReader(plain)
	if first, _ := in.Peek(1); len(first) == 1 && (first[0] == '{' || first[0] == ' ' || first[0] == '\n') {
		if err := p.one(f.Name, io.LimitReader(in, limits.MaxRecord+1), limits.MaxRecord); err != nil {
			return p.s, err
		}
		return p.end()
	}
	err = intake.Members(ctx, f.Reader(), limits, func(name string, _ int64, body io.Reader) error {
		if !strings.HasSuffix(name, ".json") {
			return nil // index.txt, changes.csv
		}
		return p.one(name, body, limits.MaxRecord)
	})
	if err != nil {
		return p.s, err
	}
	return p.end()
}

// pass is one reading of a file.
type pass struct {
	o          intake.Options
	to         intake.Sink
	reduce     func([]byte, intake.Options) (record, error)
	s          intake.Survey
	seen       intake.Seen
	ecosystems map[string]bool
	buffer     bytes.Buffer
}

// one reads a document; an error ends the pass.
func (p *pass) one(name string, body io.Reader, limit int64) error {
	p.buffer.Reset()
	switch n, err := p.buffer.ReadFrom(body); {
	case errors.Is(err, intake.ErrRecord) || err == nil && n > limit:
		p.buffer = bytes.Buffer{} // one giant must not stay for the rest of the pass
		p.s.Skip(name, fmt.Sprintf("longer than %d bytes", limit))
		return nil
	case errors.Is(err, intake.ErrTooLong):
		return err
	case err != nil:
		return intake.Damaged("it cannot be read: %v", err)
	}
	r, err := p.reduce(p.buffer.Bytes(), p.o)
	for _, problem := range r.problems {
		p.s.Name(problem.Record, problem.Reason)
	}
	switch {
	case err != nil:
		p.s.Skip(name, err.Error())
		return nil
	case r.left:
		p.s.Left++
		return nil
	case len(r.a.Affected) == 0:
		p.s.Skip(name, "none of its entries can be used")
		return nil
	case !p.seen.Add(r.a.ID):
		p.s.Skip(name, "a second document with the id "+r.a.ID)
		return nil
	}
	p.s.Records++
	for i := range r.a.Affected {
		p.ecosystems[r.a.Affected[i].Ecosystem] = true
	}
	if r.a.Modified.After(p.s.Newest) {
		p.s.Newest = r.a.Modified
	}
	return p.to.GiveAdvisory(r.a)
}

func (p *pass) end() (intake.Survey, error) {
	for name := range p.ecosystems {
		p.s.Ecosystems = append(p.s.Ecosystems, name)
	}
	slices.Sort(p.s.Ecosystems)
	if p.s.Records == 0 && p.s.Left == 0 {
		return p.s, intake.Damaged("it holds no document that can be read")
	}
	return p.s, nil
}

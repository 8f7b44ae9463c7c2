package alpine

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// maxYAML bounds a database written as YAML, which is held in memory whole at some thirty times its length. Alpine's largest has 0.6 MB.
const maxYAML = 4 << 20

// head is whose packages a database lists.
type head struct {
	Release    string `yaml:"distroversion"`
	Repository string `yaml:"reponame"`
	Prefix     string `yaml:"urlprefix"`
}

type pkg struct {
	Name  string              `json:"name" yaml:"name"`
	Fixes map[string][]string `json:"secfixes" yaml:"secfixes"` // by version
}

// listed is an element of the packages.
type listed struct {
	Package pkg `json:"pkg" yaml:"pkg"`
}

var alpineRelease = regexp.MustCompile(`^v\d{1,3}\.\d{1,3}$`)

// ecosystem is the name under which hosts and advisories meet: Alpine:v3.20, Alpine:edge, Wolfi, Chainguard.
func (h head) ecosystem() (string, error) {
	if alpineRelease.MatchString(h.Release) || h.Release == "edge" {
		return "Alpine:" + h.Release, nil
	}
	if u, err := url.Parse(h.Prefix); err == nil && h.Release == "" {
		switch u.Hostname() {
		case "packages.wolfi.dev":
			return "Wolfi", nil
		case "packages.cgr.dev":
			return "Chainguard", nil
		}
	}
	return "", intake.Damaged("it names neither a release of Alpine nor Wolfi or Chainguard: distroversion %q, urlprefix %q", intake.Shown(h.Release), intake.Shown(h.Prefix))
}

// Read reads a secdb file, JSON or YAML, packed or not: one advisory for each vulnerability of each source package, called
// CVE-2024-1234/source. It is authoritative for what is fixed only, which the survey says: a vulnerability that is not listed may be
// there, unfixed.
func Read(ctx context.Context, f intake.File, o intake.Options, to intake.Sink) (intake.Survey, error) {
	s := intake.Survey{FixesOnly: true, Newest: f.Modified}
	first, err := firstByte(f, o.Limits)
	if err != nil {
		return s, err
	}
	r := reader{options: o, to: to, survey: &s, ids: intake.NewSeen()}
	if first == '{' {
		err = r.json(ctx, f)
	} else {
		err = r.yaml(ctx, f)
	}
	switch {
	case r.stopped != nil || errors.Is(err, intake.ErrTooLong) || errors.Is(err, intake.ErrDamaged):
		return s, err
	case err != nil:
		return s, intake.Damaged("it is not a security database, or it is cut off: %v", err)
	case s.Records+s.Skipped+s.Left == 0:
		return s, intake.Damaged("it lists nothing")
	}
	return s, nil
}

// firstByte is the first that is not blank.
func firstByte(f intake.File, limits intake.Limits) (byte, error) {
	plain, err := intake.Unpack(f.Reader(), limits)
	if err != nil {
		return 0, err
	}
	in := bufio.NewReader(plain)
	for {
		b, err := in.ReadByte()
		switch {
		case errors.Is(err, intake.ErrTooLong):
			return 0, err
		case err != nil:
			return 0, intake.Damaged("it is empty or cannot be unpacked: %v", err)
		case b != ' ' && b != '\n' && b != '\r' && b != '\t':
			return b, nil
		}
	}
}

type reader struct {
	options   intake.Options
	to        intake.Sink
	survey    *intake.Survey
	ids       intake.Seen
	ecosystem string
	stopped   error // the caller's own: it ends the pass, and says nothing of the file
}

// begin takes whose packages follow; false: they are not wanted.
func (r *reader) begin(h head) (bool, error) {
	var err error
	if r.ecosystem, err = h.ecosystem(); err != nil {
		return false, err
	}
	r.survey.Ecosystems = []string{r.ecosystem}
	return r.options.Wants(r.ecosystem), nil
}

// json reads twice: the packages may stand before what says whose they are. One package at a time is in memory.
func (r *reader) json(ctx context.Context, f intake.File) error {
	var h head
	fields := map[string]*string{"distroversion": &h.Release, "reponame": &h.Repository, "urlprefix": &h.Prefix}
	err := r.fields(f, func(in *intake.Records, name string) error {
		if fields[name] == nil {
			return in.Pass()
		}
		return in.Decode(fields[name])
	})
	if err != nil {
		return err
	}
	wanted, err := r.begin(h)
	if err != nil {
		return err
	}
	return r.fields(f, func(in *intake.Records, name string) error {
		if name != "packages" {
			return in.Pass()
		}
		return intake.EachElement(in.Decoder, func(n int) error {
			in.Next()
			var raw json.RawMessage
			if err := in.Decode(&raw); err != nil {
				return err
			}
			return r.element(ctx, n, wanted, func(p *listed) error { return json.Unmarshal(raw, p) })
		})
	})
}

// fields calls fn at each field of the file's object.
func (r *reader) fields(f intake.File, fn func(in *intake.Records, name string) error) error {
	plain, err := intake.Unpack(f.Reader(), r.options.Limits)
	if err != nil {
		return err
	}
	in := intake.NewRecords(plain, r.options.Limits)
	if err := intake.EachField(in.Decoder, func(name string) error {
		in.Next()
		return fn(in, name)
	}); err != nil {
		return err
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows its object")
	}
	return nil
}

func (r *reader) yaml(ctx context.Context, f intake.File) error {
	plain, err := intake.Unpack(f.Reader(), r.options.Limits)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(plain, maxYAML+1))
	switch {
	case err != nil:
		return err
	case len(text) > maxYAML:
		return fmt.Errorf("%w: as YAML it may have %d bytes; take the JSON file", intake.ErrTooLong, maxYAML)
	}
	var whole yaml.Node
	if err := yaml.Unmarshal(text, &whole); err != nil {
		return err
	}
	if aliased(&whole) {
		return errors.New("it has YAML aliases, with which a small file can be made to read as an endless one")
	}
	var db struct {
		head     `yaml:",inline"`
		Packages []yaml.Node `yaml:"packages"`
	}
	if err := whole.Decode(&db); err != nil {
		return err
	}
	wanted, err := r.begin(db.head)
	if err != nil {
		return err
	}
	for i := range db.Packages {
		if err := r.element(ctx, i+1, wanted, func(p *listed) error { return db.Packages[i].Decode(p) }); err != nil {
			return err
		}
	}
	return nil
}

func aliased(n *yaml.Node) bool {
	return n.Kind == yaml.AliasNode || slices.ContainsFunc(n.Content, aliased)
}

// element gives the advisories of the nth package; one that cannot be read is named and skipped.
func (r *reader) element(ctx context.Context, n int, wanted bool, read func(p *listed) error) error {
	var p listed
	if err := read(&p); err != nil {
		r.survey.Skip(fmt.Sprintf("package %d", n), err.Error())
		return nil
	}
	return r.give(ctx, p.Package, wanted)
}

// give gives the advisories of one package.
func (r *reader) give(ctx context.Context, p pkg, wanted bool) error {
	if r.stopped = ctx.Err(); r.stopped != nil {
		return r.stopped
	}
	all, wrong := p.advisories()
	for _, w := range wrong {
		r.survey.Name(p.Name, w)
	}
	for _, a := range all {
		switch {
		case !wanted:
			r.survey.Left++
			continue
		case !r.ids.Add(a.ID):
			r.survey.Skip(a.ID, "it is listed twice")
			continue
		}
		a.Feed, a.Affected[0].Ecosystem = r.options.Feed, r.ecosystem
		r.survey.Records++
		if r.stopped = r.to.GiveAdvisory(a); r.stopped != nil {
			return r.stopped
		}
	}
	return nil
}

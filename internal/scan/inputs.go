package scan

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/assess"
	"github.com/staunch-dev/staunch/internal/collect"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/feed"
	"github.com/staunch-dev/staunch/internal/feed/changelog"
	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/inspect"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// readInput reads the release and the packages of whatever is scanned.
func (s *session) readInput(ctx context.Context, opts Options) error {
	named, err := distroNamed(opts.Distro)
	if err != nil {
		return err
	}
	look := inspect.Options{Languages: opts.Languages, Ecosystem: named.Ecosystem}
	var r inspect.Result
	switch {
	case opts.SBOM != "":
		r, err = readSBOM(opts.SBOM)
	case opts.Image != "":
		r, err = inspect.Image(ctx, opts.Image, look)
	default:
		r, err = readRoot(ctx, s.out.Root, look)
	}
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fault.Wrap(err, fault.Invalid, "%s", fault.Message(err))
	}
	s.out.OS = r.OS
	if own := r.OS.Ecosystem; named.Ecosystem != "" {
		if opts.SBOM == "" && opts.Image == "" {
			own = ownEcosystem(s.out.Root)
		}
		if own != "" && own != named.Ecosystem {
			s.warn("the root says it is %s; assessed as %s because of --distro", cmp.Or(r.OS.Name, r.OS.ID, own), named.Ecosystem)
		}
		s.out.OS = named
	}
	s.out.Ecosystem = feed.NormalEcosystem(s.out.OS.Ecosystem)
	if opts.SBOM == "" && opts.Image == "" {
		facts, err := collect.Conditions(ctx, s.out.Root, s.out.Ecosystem)
		if err != nil {
			return fault.Wrap(err, fault.Invalid, "%s", fault.Message(err))
		}
		s.host = assess.StateOf(&facts, nil)
	}
	s.out.Warnings = append(s.out.Warnings, r.Warnings...)
	s.out.Packages = len(r.Packages)
	packages := make([]apiv1.Package, 0, len(r.Packages))
	for _, p := range r.Packages {
		p.Ecosystem = feed.NormalEcosystem(cmp.Or(p.Ecosystem, s.out.Ecosystem))
		if opts.SBOM != "" && named.Ecosystem != "" && purlType(before(p.Ecosystem)) == purlType(before(named.Ecosystem)) {
			p.Ecosystem = s.out.Ecosystem // of an SBOM that does not say which release its packages are of
		}
		packages = append(packages, p.Package)
	}
	s.installed = inventory.Convert(apiv1.Packages{Ecosystem: s.out.Ecosystem, Packages: packages})
	return nil
}

// readRoot reads a root. One that has neither a release nor a package database is not what was meant.
func readRoot(ctx context.Context, root string, look inspect.Options) (inspect.Result, error) {
	if info, err := os.Stat(root); err != nil {
		return inspect.Result{}, fault.Wrap(err, fault.Invalid, "the root %q cannot be opened", root)
	} else if !info.IsDir() {
		return inspect.Result{}, fault.New(fault.Invalid, "the root %q is not a folder", root)
	}
	if look.Ecosystem == "" {
		if _, err := collect.ReadOS(root); err != nil && !look.Languages {
			return inspect.Result{}, fault.Wrap(err, fault.Invalid, "%s; name it with --distro, as --distro debian:12", fault.Message(err))
		}
	}
	r, err := inspect.Root(ctx, root, look)
	if err == nil && len(r.Packages) == 0 && !look.Languages {
		return r, fault.New(fault.Invalid, "the root %q has no package database", root)
	}
	return r, err
}

func readSBOM(path string) (inspect.Result, error) {
	f, err := os.Open(path) //nolint:gosec // the file that was named
	if err != nil {
		return inspect.Result{}, fault.Wrap(err, fault.Invalid, "the SBOM %q cannot be opened", path)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return inspect.Result{}, fault.New(fault.Invalid, "the SBOM %q is a folder", path)
	}
	r, err := inspect.SBOM(f)
	if err != nil {
		return r, fault.Wrap(err, fault.KindOf(err), "%q: %s", path, fault.Message(err))
	}
	return r, nil
}

func ownEcosystem(root string) string {
	own, err := collect.ReadOS(root)
	if err != nil {
		return ""
	}
	return own.Ecosystem
}

// distroNamed is what --distro says; the zero release when it says nothing.
func distroNamed(distro string) (apiv1.OSRelease, error) {
	if distro == "" {
		return apiv1.OSRelease{}, nil
	}
	id, version, _ := strings.Cut(strings.ToLower(distro), ":")
	named := apiv1.OSRelease{ID: id, VersionID: version, Name: distro, Ecosystem: collect.Ecosystem(id, version)}
	if named.Ecosystem == "" {
		return named, fault.New(fault.Invalid, "--distro %q is not known: give a name and a release, as debian:12 or ubuntu:24.04", distro)
	}
	return named, nil
}

// counts are the packages of each ecosystem, without those of which nobody publishes advisories.
func (s *session) counts() (of map[string]int, unpublished int) {
	of = map[string]int{}
	for i := range s.installed {
		switch e := s.installed[i].Ecosystem; e {
		case apiv1.EcosystemSnap, apiv1.EcosystemFlatpak:
			unpublished++
		case "":
		default:
			of[e]++
		}
	}
	return of, unpublished
}

// releases are the ecosystems that are asked for, sorted.
func (s *session) releases() []string {
	of, _ := s.counts()
	if s.out.Ecosystem != "" {
		of[s.out.Ecosystem]++
	}
	all := make([]string, 0, len(of))
	for e := range of {
		all = append(all, e)
	}
	slices.Sort(all)
	return all
}

// coverage says of which packages the feeds do not speak; the reason is why nothing is assessed at all, empty when something is.
func (s *session) coverage(feeds string) (warnings []string, reason string) {
	of, unpublished := s.counts()
	spoken := 0
	for _, e := range s.releases() {
		switch {
		case s.knowledge.Speaks(e):
			spoken++
		case e == s.out.Ecosystem:
			return nil, fmt.Sprintf("no advisory data for %s in %s: add its feed to the folder", e, feeds)
		default:
			warnings = append(warnings, fmt.Sprintf("not assessed: %s of %s, of which no feed in the folder speaks", plural(of[e], "package"), e))
		}
	}
	if unpublished > 0 {
		warnings = append(warnings, fmt.Sprintf("not assessed: snaps and flatpaks, %d of them, since nobody publishes advisories about them", unpublished))
	}
	if spoken == 0 {
		return nil, fmt.Sprintf("no advisory data for %s in %s: add their feeds to the folder", strings.Join(s.releases(), ", "), feeds)
	}
	return warnings, ""
}

// evidence is a library with what the changelogs of staged packages say besides.
type evidence struct {
	knowledge
	staged *advisory.List
}

// About implements advisory.Library.
func (e evidence) About(ecosystem, pkg string) ([]advisory.Advisory, error) {
	all, err := e.knowledge.About(ecosystem, pkg)
	if err != nil {
		return nil, err
	}
	more, err := e.staged.About(ecosystem, pkg)
	return slices.Concat(all, more), err
}

// AboutVersion implements advisory.Narrower: of a package with a staged update everything is asked for.
func (e evidence) AboutVersion(ecosystem, pkg, key string) ([]advisory.Advisory, error) {
	if more, err := e.staged.About(ecosystem, pkg); err != nil || len(more) > 0 {
		return e.About(ecosystem, pkg)
	}
	return e.knowledge.AboutVersion(ecosystem, pkg, key)
}

// readStaged reads the changelogs of packages that wait to be installed.
func (s *session) readStaged(ctx context.Context, dir string) (*advisory.List, error) {
	type key struct{ name, arch string }
	installed := map[key]inventory.Package{}
	for _, p := range s.installed {
		if p.Ecosystem == s.out.Ecosystem {
			installed[key{p.Name, p.Arch}] = p
		}
	}
	var found []advisory.Advisory
	survey, err := changelog.StagedDebs(ctx, dir, s.out.Ecosystem, intake.Limits{}, func(name, arch string) (string, string, bool) {
		p, ok := installed[key{name, arch}]
		return p.Source, p.SourceVersion, ok
	}, func(a advisory.Advisory) error {
		found = append(found, a)
		return nil
	})
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fault.Wrap(err, fault.Invalid, "the folder of staged packages %q cannot be read", dir)
	}
	at := s.now.UTC().Truncate(time.Second)
	status := apiv1.FeedStatus{
		Name: "changelog", Title: "Changelogs of staged packages", URL: dir, Records: survey.Records, Skipped: survey.Skipped, AsOf: &at,
		Problems: []apiv1.FeedProblem{}, Support: "supported",
	}
	for _, p := range survey.Problems {
		status.Problems = append(status.Problems, apiv1.FeedProblem(p))
	}
	s.out.Feeds = append(slices.Clone(s.out.Feeds), status)
	return advisory.NewList(found, nil, nil), nil
}

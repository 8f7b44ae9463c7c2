package scan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/assess"
	"github.com/staunch-dev/staunch/internal/collect"
	"github.com/staunch-dev/staunch/internal/compiled"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/feed"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// Options say what is scanned with which knowledge.
type Options struct {
	Root          string                       // a mounted root; empty: /
	Feeds         string                       // a folder laid out like a mirror of the feeds
	Distro        string                       // as debian:12: in place of the root's own os-release
	Cache         string                       // folder for compiled feeds; empty: none
	NoCache       bool                         // compile for this scan alone
	Brief         bool                         // findings without reasons and explanations: a table shows none
	IgnoreUnfixed bool                         // leave out findings without a fix
	Now           func() time.Time             // nil: time.Now
	Progress      func(what string, count int) // told what begins, and how much of it is done (0: just begun); may be nil
}

func (o Options) tell(what string, count int) {
	if o.Progress != nil {
		o.Progress(what, count)
	}
}

func (o Options) now() time.Time {
	if o.Now != nil {
		return o.Now()
	}
	return time.Now()
}

// Assessment words of apiv1.
const (
	assessed    = "assessed"
	notAssessed = "not assessed"
)

// Run scans. A root of which no feed in the folder speaks is no error: Assessment says "not assessed" and why. fault.Invalid: an option
// is missing or wrong, or the root or the folder cannot be read.
func Run(ctx context.Context, opts Options) (apiv1.Scan, error) {
	one, err := scan(ctx, opts)
	if err != nil {
		return apiv1.Scan{}, err
	}
	defer one.close()
	return one.out, nil
}

// session is one scan with what it was made of.
type session struct {
	out       apiv1.Scan
	installed []inventory.Package
	running   string // uname -r; empty where nothing runs
	knowledge knowledge
	now       time.Time
}

func (s *session) close() {
	if s.knowledge.Library != nil {
		_ = s.knowledge.Close()
	}
}

func (s *session) warn(format string, args ...any) {
	s.out.Warnings = append(s.out.Warnings, fmt.Sprintf(format, args...))
}

func scan(ctx context.Context, opts Options) (*session, error) {
	root := cmp.Or(opts.Root, "/")
	s := &session{now: opts.now(), out: apiv1.Scan{Root: root, Findings: []apiv1.Finding{}, Feeds: []apiv1.FeedStatus{}, Warnings: []string{}}}
	opts.tell("reading the packages of "+root, 0)
	if err := s.readRoot(root, opts.Distro); err != nil {
		return nil, err
	}
	if s.out.Ecosystem == "" {
		s.out.Assessment = apiv1.Assessment{Status: notAssessed, Reason: fmt.Sprintf("%s is no release that Staunch knows advisories for; if it is close to one, name that with --distro",
			cmp.Or(s.out.OS.Name, s.out.OS.ID, "this system"))}
		return s, nil
	}
	for again := false; ; again = true {
		err := s.assess(ctx, opts)
		if errors.Is(err, compiled.ErrDamaged) && s.knowledge.discard != nil && !again {
			s.knowledge.discard()
			s.close()
			continue
		}
		if err != nil {
			s.close()
			return nil, err
		}
		break
	}
	if opts.IgnoreUnfixed {
		s.ignoreUnfixed()
	}
	return s, nil
}

// readRoot reads the release and the packages of a root.
func (s *session) readRoot(root, distro string) error {
	release, err := releaseOf(root, distro, &s.out.Warnings)
	if err != nil {
		return err
	}
	s.out.OS, s.out.Ecosystem = release, feed.NormalEcosystem(release.Ecosystem)
	packages, broken, err := collect.ReadPackages(root, s.out.Ecosystem)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "%s", fault.Message(err))
	}
	for _, b := range broken {
		s.warn("package %s is %s", b.Name, b.State)
	}
	s.out.Packages = len(packages)
	s.installed = inventory.Convert(apiv1.Packages{Ecosystem: s.out.Ecosystem, Packages: packages})
	s.running = running(root)
	return nil
}

// releases are those of which packages are installed, sorted.
func (s *session) releases() []string {
	seen := map[string]bool{s.out.Ecosystem: true}
	for i := range s.installed {
		seen[s.installed[i].Ecosystem] = true
	}
	delete(seen, "")
	all := make([]string, 0, len(seen))
	for e := range seen {
		all = append(all, e)
	}
	slices.Sort(all)
	return all
}

// assess judges what is installed by what is known. compiled.ErrDamaged: the compiled feeds have changed since they were written.
func (s *session) assess(ctx context.Context, opts Options) error {
	var trouble []string
	var err error
	s.knowledge, err = know(ctx, opts, s.releases(), func(format string, args ...any) { trouble = append(trouble, fmt.Sprintf(format, args...)) })
	if err != nil {
		return err
	}
	meta := s.knowledge.Meta()
	s.out.Feeds = meta.Feeds
	if !s.knowledge.Speaks(s.out.Ecosystem) {
		s.out.Assessment = apiv1.Assessment{Status: notAssessed, Reason: fmt.Sprintf("no advisory data for %s in %s: add its feed to the folder", s.out.Ecosystem, opts.Feeds)}
		s.out.Warnings = append(s.out.Warnings, trouble...)
		return nil
	}
	opts.tell("judging: packages", len(s.installed))
	if err := s.judge(opts, meta); err != nil {
		return err
	}
	s.out.Warnings = append(append(s.out.Warnings, trouble...), warningsOfFeeds(meta.Feeds)...)
	return nil
}

func (s *session) judge(opts Options, meta compiled.Meta) error {
	asOf := map[string]time.Time{}
	for _, f := range meta.Feeds {
		if f.AsOf != nil {
			asOf[f.Name] = *f.AsOf
		}
	}
	judged, err := assess.JudgeAll(s.installed, assess.HostState{Running: s.running}, s.knowledge, s.now)
	if err != nil {
		return err
	}
	s.out.Assessment = apiv1.Assessment{Status: assessed}
	s.out.Count = judged.Count
	if opts.Brief {
		s.out.Findings = judged.Brief(asOf)
	} else {
		s.out.Findings = judged.Findings(asOf)
	}
	if len(judged.Foreign) > 0 {
		s.warn("not assessed: packages from other origins, of which the feed does not speak: %s", few(judged.Foreign))
	}
	if len(judged.Unordered) > 0 {
		s.warn("not assessed: packages whose version is none of the distribution's: %s", few(judged.Unordered))
	}
	if len(judged.Streamless) > 0 {
		s.warn("assessed in part: packages of modules whose stream is not known: %s", few(judged.Streamless))
	}
	return nil
}

// ignoreUnfixed leaves out what nothing can be done about yet, and says how much that was.
func (s *session) ignoreUnfixed() {
	before := len(s.out.Findings)
	s.out.Findings = slices.DeleteFunc(s.out.Findings, func(f apiv1.Finding) bool { return f.Fixed == "" })
	if left := before - len(s.out.Findings); left > 0 {
		s.warn("--ignore-unfixed leaves out %d findings of which no fix is known; they are vulnerable all the same", left)
	}
	worst := map[string]string{}
	for _, f := range s.out.Findings { // worst first
		if _, seen := worst[f.Vulnerability]; !seen {
			worst[f.Vulnerability] = f.Priority
		}
	}
	s.out.Count = countOf(worst)
}

func countOf(worst map[string]string) apiv1.FindingCounts {
	c := apiv1.FindingCounts{Assessed: true, Total: len(worst)}
	of := map[string]*int{
		apiv1.PriorityUrgent: &c.Urgent, apiv1.PriorityHigh: &c.High, apiv1.PriorityNormal: &c.Normal,
		apiv1.PriorityLow: &c.Low, apiv1.PriorityLowest: &c.Lowest,
	}
	for _, p := range worst {
		if n := of[p]; n != nil {
			*n++
		}
	}
	return c
}

// releaseOf is the root's os-release, or what --distro says in its place.
func releaseOf(root, distro string, warnings *[]string) (apiv1.OSRelease, error) {
	own, err := collect.ReadOS(root)
	if distro == "" {
		if err != nil {
			return own, fault.Wrap(err, fault.Invalid, "%s; name it with --distro, as --distro debian:12", fault.Message(err))
		}
		return own, nil
	}
	id, version, _ := strings.Cut(strings.ToLower(distro), ":")
	named := apiv1.OSRelease{ID: id, VersionID: version, Name: distro, Ecosystem: collect.Ecosystem(id, version)}
	if named.Ecosystem == "" {
		return named, fault.New(fault.Invalid, "--distro %q is not known: give a name and a release, as debian:12 or ubuntu:24.04", distro)
	}
	if err == nil && own.Ecosystem != named.Ecosystem {
		*warnings = append(*warnings, fmt.Sprintf("the root says it is %s; assessed as %s because of --distro", cmp.Or(own.Name, own.ID), named.Ecosystem))
	}
	return named, nil
}

// running is uname -r when the root is this machine's own; of a mounted root nothing runs.
func running(root string) string {
	if filepath.Clean(root) != "/" {
		return ""
	}
	text, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// few names at most ten.
func few(all []string) string {
	const most = 10
	if len(all) <= most {
		return strings.Join(all, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(all[:most], ", "), len(all)-most)
}

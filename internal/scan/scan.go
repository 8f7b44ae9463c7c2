package scan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/assess"
	"github.com/staunch-dev/staunch/internal/compiled"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// Options say what is scanned with which knowledge.
type Options struct {
	Root          string                       // a mounted root; empty: /
	SBOM          string                       // a CycloneDX or SPDX file in place of a root
	Image         string                       // a container image archive in place of a root
	Languages     bool                         // what language packages lie in the tree as well
	Changelogs    string                       // a folder of staged .debs, whose changelogs are evidence; empty: none
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
	host      assess.HostState // what runs and what is paid for; the zero one of an SBOM or an image
	knowledge knowledge
	now       time.Time
	left      []apiv1.Finding // out by --ignore-unfixed
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
	root := cmp.Or(opts.SBOM, opts.Image, opts.Root, "/")
	s := &session{now: opts.now(), out: apiv1.Scan{Root: root, Findings: []apiv1.Finding{}, Feeds: []apiv1.FeedStatus{}, Warnings: []string{}}}
	opts.tell("reading the packages of "+root, 0)
	if err := s.readInput(ctx, opts); err != nil {
		return nil, err
	}
	if len(s.releases()) == 0 {
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
			return nil, unusable(err)
		}
		break
	}
	if opts.IgnoreUnfixed {
		s.ignoreUnfixed()
	}
	return s, nil
}

// unusable says of compiled feeds that cannot be read to their end what happened to them: they were sound when they were written just now.
func unusable(err error) error {
	if errors.Is(err, compiled.ErrDamaged) {
		return fault.Wrap(err, fault.Invalid, "the file of compiled feeds was changed by another program while it was in use, or its disk cannot be read: "+
			"nothing but staunch may write to the folder of the cache; scan again, with --no-cache if that goes on (%v)", err)
	}
	return err
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
	left, reason := s.coverage(opts.Feeds)
	if reason != "" {
		s.out.Assessment = apiv1.Assessment{Status: notAssessed, Reason: reason}
		s.out.Warnings = append(s.out.Warnings, trouble...)
		return nil
	}
	trouble = append(trouble, left...)
	opts.tell("judging: packages", len(s.installed))
	if err := s.judge(ctx, opts); err != nil {
		return err
	}
	s.out.Warnings = append(append(s.out.Warnings, trouble...), warningsOfFeeds(meta.Feeds, opts.now())...)
	return nil
}

func (s *session) judge(ctx context.Context, opts Options) error {
	var library advisory.Library = s.knowledge
	if opts.Changelogs != "" {
		staged, err := s.readStaged(ctx, opts.Changelogs)
		if err != nil {
			return err
		}
		library = evidence{s.knowledge, staged}
	}
	asOf := map[string]time.Time{}
	for _, f := range s.out.Feeds {
		if f.AsOf != nil {
			asOf[f.Name] = *f.AsOf
		}
	}
	judged, err := assess.JudgeAll(s.installed, s.host, library, s.now)
	if err != nil {
		return err
	}
	if err := s.knowledge.Whole(); err != nil {
		return err
	}
	s.knowledge.Rest() // telling asks nothing more, and takes memory itself
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
	all := s.out.Findings
	s.out.Findings = make([]apiv1.Finding, 0, len(all))
	for _, f := range all {
		if f.Fixed == "" {
			s.left = append(s.left, f)
		} else {
			s.out.Findings = append(s.out.Findings, f)
		}
	}
	if left := len(s.left); left > 0 {
		s.warn("--ignore-unfixed leaves out %s of which no fix is known, and which are vulnerable all the same", plural(left, "finding"))
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

// few names at most ten.
func few(all []string) string {
	const most = 10
	if len(all) <= most {
		return strings.Join(all, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(all[:most], ", "), len(all)-most)
}

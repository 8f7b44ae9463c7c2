package scan

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/assess"
	"github.com/staunch-dev/staunch/internal/collect"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/feed"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// Options say what is scanned with which knowledge.
type Options struct {
	Root     string       // a mounted root; empty: /
	Feeds    string       // a folder laid out like a mirror of the feeds
	Distro   string       // as debian:12: in place of the root's own os-release
	Progress func(string) // told what begins; may be nil
}

// Assessment words of apiv1.
const (
	assessed    = "assessed"
	notAssessed = "not assessed"
)

// Run scans. A root of which no feed in the folder speaks is no error: Assessment says "not assessed" and why. fault.Invalid: an option
// is missing or wrong, or the root or the folder cannot be read.
func Run(ctx context.Context, opts Options) (apiv1.Scan, error) {
	if opts.Feeds == "" {
		return apiv1.Scan{}, fault.New(fault.Invalid, "no feeds: give --feeds DIR, a folder with osv/NAME/all.zip (as osv/Debian/all.zip) and "+
			"kev/known_exploited_vulnerabilities.json, laid out like their official sources")
	}
	tell := opts.Progress
	if tell == nil {
		tell = func(string) {}
	}
	root := cmp.Or(opts.Root, "/")
	out := apiv1.Scan{Root: root, Findings: []apiv1.Finding{}, Feeds: []apiv1.FeedStatus{}, Warnings: []string{}}
	tell("reading the packages of " + root)
	release, err := releaseOf(root, opts.Distro, &out.Warnings)
	if err != nil {
		return apiv1.Scan{}, err
	}
	out.OS, out.Ecosystem = release, feed.NormalEcosystem(release.Ecosystem)
	packages, broken, err := collect.ReadPackages(root, out.Ecosystem)
	if err != nil {
		return apiv1.Scan{}, fault.Wrap(err, fault.Invalid, "%s", fault.Message(err))
	}
	out.Packages = len(packages)
	for _, b := range broken {
		out.Warnings = append(out.Warnings, fmt.Sprintf("package %s is %s", b.Name, b.State))
	}
	if out.Ecosystem == "" {
		out.Assessment = apiv1.Assessment{Status: notAssessed, Reason: fmt.Sprintf("%s is no release that Staunch knows advisories for; if it is close to one, name that with --distro",
			cmp.Or(release.Name, release.ID, "this system"))}
		return out, nil
	}
	tell("reading the advisories for " + out.Ecosystem)
	knowledge, err := feed.ReadDir(ctx, opts.Feeds, []string{out.Ecosystem})
	if err != nil {
		return apiv1.Scan{}, fault.Wrap(err, fault.Invalid, "%s", fault.Message(err))
	}
	out.Feeds = append(out.Feeds, knowledge.Status...)
	if !slices.Contains(knowledge.Ecosystems, out.Ecosystem) {
		out.Assessment = apiv1.Assessment{Status: notAssessed, Reason: fmt.Sprintf("no advisory data for %s in %s: add its feed to the folder", out.Ecosystem, opts.Feeds)}
		return out, nil
	}
	tell("matching")
	if err := judge(&out, packages, knowledge, running(root)); err != nil {
		return apiv1.Scan{}, err
	}
	return out, nil
}

func judge(out *apiv1.Scan, packages []apiv1.Package, knowledge feed.Knowledge, running string) error {
	asOf := map[string]time.Time{}
	for _, f := range knowledge.Status {
		if f.AsOf != nil {
			asOf[f.Name] = *f.AsOf
		}
		if f.Error != "" {
			out.Warnings = append(out.Warnings, fmt.Sprintf("feed %s: %s", f.Name, f.Error))
		}
		if f.Skipped > 0 {
			out.Warnings = append(out.Warnings, fmt.Sprintf("feed %s: %d records could not be read", f.Name, f.Skipped))
		}
	}
	installed := inventory.Convert(apiv1.Packages{Ecosystem: out.Ecosystem, Packages: packages})
	library := advisory.NewList(knowledge.Advisories, knowledge.Overlays, knowledge.Lifecycles)
	judged, err := assess.JudgeAll(installed, assess.HostState{Running: running}, library, time.Now())
	if err != nil {
		return err
	}
	out.Assessment = apiv1.Assessment{Status: assessed}
	out.Findings, out.Count = judged.Findings(asOf), judged.Count
	if len(judged.Foreign) > 0 {
		out.Warnings = append(out.Warnings, fmt.Sprintf("not assessed: packages from other origins, of which the feed does not speak: %s", few(judged.Foreign)))
	}
	if len(judged.Unordered) > 0 {
		out.Warnings = append(out.Warnings, fmt.Sprintf("not assessed: packages whose version is none of the distribution's: %s", few(judged.Unordered)))
	}
	if len(judged.Streamless) > 0 {
		out.Warnings = append(out.Warnings, fmt.Sprintf("assessed in part: packages of modules whose stream is not known: %s", few(judged.Streamless)))
	}
	return nil
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

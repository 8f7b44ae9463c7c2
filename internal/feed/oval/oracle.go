package oval

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// ReadOracle reads Oracle's errata for Oracle Linux, com.oracle.elsa-all.xml.bz2, whole or by year. Each erratum is an advisory.
func ReadOracle(ctx context.Context, f intake.File, o intake.Options, to intake.Sink) (intake.Survey, error) {
	return Dialect{ID: elsa, Leaf: oracleLeaf, Tidy: lowestOfArchitectures}.Read(ctx, f, o, to)
}

// lowestOfArchitectures keeps, of ranges that end at builds of one upstream version, the one that ends first. Oracle names fixes for each
// architecture, and some were built there a little later than here: ELSA-2022-4803 fixes rsyslog in 57.0.1.el7_9.3 on x86_64 and in
// 57.0.4.el7_9.3 on aarch64. The source had the fix from the first of them on. Builds of other upstream versions are of other kernels (UEK).
func lowestOfArchitectures(ranges []advisory.Range) []advisory.Range {
	var out []advisory.Range
	for _, r := range ranges {
		same := slices.IndexFunc(out, func(o advisory.Range) bool {
			return o.Introduced == r.Introduced && upstream(o.Fixed) == upstream(r.Fixed)
		})
		if same < 0 {
			out = append(out, r)
			continue
		}
		if order, err := vercmp.Compare(vercmp.RPM, r.Fixed, out[same].Fixed); err == nil && order < 0 {
			out[same] = r
		}
	}
	return out
}

// upstream is epoch and version, without the release.
func upstream(v string) string {
	if i := strings.LastIndexByte(v, '-'); i >= 0 {
		v = v[:i]
	}
	return strings.TrimPrefix(v, "0:")
}

// elsa is the erratum's id. Bug fixes and enhancements (ELBA, ELEA) name themselves the same way.
func elsa(d *Definition) string {
	for _, r := range d.Refs {
		if strings.EqualFold(r.Source, "elsa") || strings.EqualFold(r.Source, "elba") || strings.EqualFold(r.Source, "elea") {
			return r.ID
		}
	}
	return ""
}

// What Oracle's criteria ask.
var (
	oracleRelease = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^Oracle Linux (\d{1,3}) is installed$`) })
	oracleArch    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^Oracle Linux arch is \w+$`) })
	oracleModule  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^Module ([\w.+-]+:[\w.+-]+) is enabled$`) })
	oracleEarlier = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(\S+) is earlier than (\S+)(?: .*)?$`) })
	oracleAlways  = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^\S+ is (?:signed with the Oracle Linux.* key|ksplice-based|fips patched)$`)
	})
)

func oracleLeaf(comment string) Leaf {
	if m := oracleRelease().FindStringSubmatch(comment); m != nil {
		return Leaf{Kind: Installed, Ecosystem: "Oracle Linux:" + m[1]}
	}
	if m := oracleModule().FindStringSubmatch(comment); m != nil {
		return Leaf{Kind: Enabled, Stream: m[1]}
	}
	if oracleArch().MatchString(comment) || oracleAlways().MatchString(comment) {
		return Leaf{Kind: Always}
	}
	m := oracleEarlier().FindStringSubmatch(comment)
	if m == nil {
		return Leaf{}
	}
	return oracleFixed(m[1], m[2])
}

// oracleFixed is a fixed version. Ksplice's and FIPS builds are packages of the same name beside the plain ones, with an epoch of their
// own that puts them above: 2:2.34-60.0.2.ksplice1.el9 of glibc, 10:3.6.16-4.0.1.el8_fips of gnutls. They fix no plain build, so their
// range begins where their epoch does. One with the plain epoch cannot be told from plain builds: nothing is said.
func oracleFixed(name, version string) Leaf {
	if version == "0" || version == "0:0" {
		return Leaf{Kind: Silent} // nothing is earlier
	}
	r := advisory.Range{Introduced: "0", Fixed: version}
	if strings.Contains(version, "ksplice") || strings.Contains(version, "fips") {
		epoch, _, ok := strings.Cut(version, ":")
		if !ok || strings.Trim(epoch, "0") == "" {
			return Leaf{Kind: Silent}
		}
		r.Introduced = epoch + ":0"
	}
	return Leaf{Kind: Says, Package: name, Range: r}
}

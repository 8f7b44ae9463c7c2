package assess

import (
	"cmp"
	"strings"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/inventory"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// says is what an advisory says of one version.
type says uint8

const (
	saysAffected     says = iota
	saysFixed             // the version has the fix, or a later one
	saysNotAffected       // it never had it
	saysUndetermined      // the source does not know yet
	saysUntold            // it names another build of a module, and nobody says of which stream
)

// Hit is what one advisory says of a subject, and after Settle, what all of them come to. It points into the compiled advisory, so it is
// small, and equal hits of one compiler are equal.
type Hit struct {
	Advisory *advisory.Advisory // the one that decides
	*said                       // its word beside the versions; never nil
	span     *span              // the range that the version falls into; nil: it is listed by itself, or all versions are meant
	fix      *fix               // needs nothing; nil: none is known
	paid     *fix               // needs an entitlement; nil: none is known
	rating   *rating            // nil: nobody rated it
	scheme   vercmp.Scheme
	trust    trust
	says     says
	near     bool // about builds for the very minor release
	exact    bool // the version is listed by itself
}

// speaks: it says yes or no.
func (h Hit) speaks() bool {
	return h.says == saysAffected || h.says == saysFixed || h.says == saysNotAffected
}

// Denies: it says that the version has the fix, or never had the vulnerability.
func (h Hit) Denies() bool { return h.says == saysFixed || h.says == saysNotAffected }

// Fixed is the first fixed version that a host may have; empty when none is known. One that needs an entitlement which the host lacks is
// given when there is no other: Entitlement says what it needs.
func (h Hit) Fixed(on Standing) string {
	if f := h.fixOn(on); f != nil {
		return f.text
	}
	return ""
}

// Entitlement is what the fix needs that Fixed gives; empty: nothing, or none is known. Where one of several opens it, it is the one that
// the host has, or all: "aus or tus".
func (h Hit) Entitlement(on Standing) string {
	f := h.fixOn(on)
	if f == nil {
		return ""
	}
	if one := on.opens(f.entitlement); one != "" {
		return one
	}
	return f.opener()
}

// FixedBy is the advisory that names the fix; nil when none is known.
func (h Hit) FixedBy(on Standing) *advisory.Advisory {
	if f := h.fixOn(on); f != nil {
		return f.advisory
	}
	return nil
}

// Reaches says whether a version of the subject has the fix.
func (h Hit) Reaches(v string, on Standing) bool {
	return h.fixOn(on).reached(h.scheme, newVersion(h.scheme, v))
}

// fixOn: what is paid for comes first, since it is made for this release.
func (h Hit) fixOn(on Standing) *fix {
	if h.paid != nil && (h.fix == nil || on.entitled(h.paid.entitlement)) {
		return h.paid
	}
	return h.fix
}

// Match gives what advisories say of a package, for Settle: those that are asked first come first, then by feed and id. An advisory that is
// withdrawn, of another release, or about something that is no vulnerability says nothing; nor does any of a package that is known not to
// come from the distribution, or whose version its ecosystem cannot order.
func Match(p inventory.Package, advisories []advisory.Advisory) []Hit {
	subject := SubjectOf(p)
	c, rules := newCompiler(), newRules()
	for i := range advisories {
		rules.add(c.compile(&advisories[i]))
	}
	return rules.match(subject)
}

func compareHits(a, b Hit) int {
	return cmp.Or(cmp.Compare(a.trust, b.trust), strings.Compare(a.Advisory.Feed, b.Advisory.Feed), strings.Compare(a.Advisory.ID, b.Advisory.ID))
}

// installed is a subject's version, made ready once for all rules of its name.
type installed struct {
	version
	component bool // asked by the name of its source
	modular   bool
	stream    string
	upstream  string
	track     string
	lines     lines
	line      string
}

func (s Subject) installed() installed {
	scheme, _ := vercmp.ForEcosystem(s.Ecosystem)
	in := installed{version: newVersion(scheme, s.Version)}
	if rocky(s.Ecosystem) && !strings.Contains(s.Version, ":") {
		in.text = anyEpoch + in.text
	}
	if scheme == vercmp.RPM {
		in.stream, in.upstream, in.track = moduleStream(s.Stream), upstream(s.Version), track(scheme, s.Version)
		in.modular = in.stream != "" || modular(s.Version)
		in.lines = linesOf(s)
		in.line = in.lines.of(s.Version)
	}
	return in
}

// match is what a rule says of an installed version; false: nothing. That it is affected counts before that it is not, unless a fix is
// installed that another entry of the same advisory names: for a minor release, or for those who pay.
func (r *rule) match(in installed) (Hit, bool) {
	h := Hit{Advisory: r.advisory, scheme: r.scheme, trust: trustOf(r.advisory.Feed)}
	spoke := false
	for i := range r.entries {
		e := &r.entries[i]
		says, span, exact, ok := r.entry(e, in)
		if !ok {
			continue
		}
		if e.rating != nil && (h.rating == nil || e.rating.level > h.rating.level) {
			h.rating = e.rating
		}
		if !spoke || says < h.says {
			h.says, h.said, h.span, h.exact, spoke = says, e.said, span, exact, true
		}
	}
	if !spoke {
		return Hit{}, false
	}
	switch {
	case in.component: // speaks of all versions
		return h, true
	case r.scheme == vercmp.RPM:
		r.erratum(&h, in)
	case h.says == saysAffected && r.otherwiseFixed(h.entitlement, in):
		h.says, h.span = saysFixed, nil
	}
	if h.says == saysAffected {
		r.offer(&h, in)
	}
	return h, true
}

// entry is what one entry says; ok is false when it says nothing of such a build.
func (r *rule) entry(e *entry, in installed) (what says, within *span, exact, ok bool) {
	what = saysAffected
	switch e.status {
	case advisory.StatusNotAffected:
		what = saysNotAffected
	case advisory.StatusUndetermined:
		what = saysUndetermined
	}
	switch {
	case in.component && len(e.spans)+len(e.versions) > 0:
		return what, nil, false, false // versions are of the binary package that has the source's name
	case len(e.spans)+len(e.versions) == 0:
		return what, nil, false, e.of(in)
	case r.scheme != vercmp.RPM && !e.of(in):
		return what, nil, false, false // a variant that is built apart, as Ubuntu's for FIPS
	}
	for _, v := range e.versions {
		if order, known := compare(r.scheme, in.version, *v); known && order == 0 {
			return what, nil, true, true
		}
	}
	outside, has, untold := false, false, false
	for i := range e.spans {
		s := &e.spans[i]
		switch {
		case !e.comparable(s, in):
			untold = untold || e.untold(s, in)
		case s.contains(r.scheme, in.version):
			return what, s, false, true
		case s.past(r.scheme, in.version):
			// the source knows of no fix, and does not say what is after the last version that it looked at
		default:
			outside = true
			has = has || s.fix.reached(r.scheme, in.version)
		}
	}
	switch {
	case what != saysAffected && !has:
		return what, nil, false, false // it names versions, and this is none of them
	case what == saysNotAffected:
		return what, nil, false, false
	case has:
		return saysFixed, nil, false, true
	case outside:
		return saysNotAffected, nil, false, true
	}
	return saysUntold, nil, false, untold
}

// of: an entry without versions speaks of builds of its stream, and one without a stream of builds of none.
func (e *entry) of(in installed) bool {
	return e.stream == in.stream && (e.stream != "" || !in.modular)
}

// comparable says whether a range is about builds whose versions follow each other: modular ones with those of the same stream, and the
// others among themselves. Where one side does not say its stream, only builds of the same upstream version are. Kernels follow each other
// in their line alone (linesOf).
func (e *entry) comparable(s *span, in installed) bool {
	isModular := e.stream != "" || s.fix != nil && modular(s.fix.text)
	switch {
	case in.lines != oneLine && s.fix != nil && in.lines.of(s.fix.text) != in.line:
		return false
	case isModular != in.modular:
		return false
	case !isModular:
		return true
	case e.stream != "" && in.stream != "":
		return e.stream == in.stream
	}
	return s.fix != nil && upstream(s.fix.text) == in.upstream
}

// untold: the range is of some stream, the source does not say of which, and the build may be of it.
func (e *entry) untold(s *span, in installed) bool {
	return in.modular && e.stream == "" && s.fix != nil && modular(s.fix.text)
}

// erratum settles several fixes in one advisory of the RPM family. They are builds that fix the same thing, for minor releases or for the
// platforms of a module. A build for the same minor release decides, and where there is none the version must have reached them all: what
// is above a fix for 9.2 and below the one for 9.4 may be of 9.3, where it is open.
func (r *rule) erratum(h *Hit, in installed) {
	var fixes, reached, same, sameReached int
	for i := range r.entries {
		e := &r.entries[i]
		for n := range e.spans {
			s := &e.spans[n]
			if s.fix == nil || e.status == advisory.StatusNotAffected || !e.comparable(s, in) {
				continue
			}
			past := s.fix.reached(r.scheme, in.version)
			fixes++
			reached += count(past)
			if s.fix.track == in.track {
				same++
				sameReached += count(past)
			}
		}
	}
	h.near = same > 0 && in.track != ""
	if !h.exact && fixes > 0 && (sameReached > 0 || same == 0 && reached == fixes) {
		h.says, h.span = saysFixed, nil
	}
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}

// otherwiseFixed: entries with another entitlement than the open one name a fix that is installed, and none of them is open.
func (r *rule) otherwiseFixed(open string, in installed) bool {
	fixed := map[string]bool{}
	for i := range r.entries {
		e := &r.entries[i]
		if e.entitlement == open {
			continue
		}
		switch says, _, _, ok := r.entry(e, in); {
		case !ok:
		case says == saysFixed:
			if _, known := fixed[e.entitlement]; !known {
				fixed[e.entitlement] = true
			}
		case says == saysAffected:
			fixed[e.entitlement] = false
		}
	}
	for _, has := range fixed {
		if has {
			return true
		}
	}
	return false
}

// offer notes the fixes that the advisory names and the version has not reached.
func (r *rule) offer(h *Hit, in installed) {
	for i := range r.entries {
		e := &r.entries[i]
		for n := range e.spans {
			s := &e.spans[n]
			if s.fix != nil && e.status != advisory.StatusNotAffected && e.comparable(s, in) && s.contains(r.scheme, in.version) {
				h.offer(s.fix, in.track)
				if h.span == nil {
					h.span = s
				}
			}
		}
	}
}

// offer takes a fix that the version has not reached: one for the same minor release before others, the lowest among those.
func (h *Hit) offer(f *fix, track string) {
	to := &h.fix
	if f.entitlement != "" {
		to = &h.paid
	}
	was := *to
	if was == nil || f.track == track && was.track != track || (f.track == track) == (was.track == track) && lower(h.scheme, f, was) {
		*to = f
	}
}

func lower(scheme vercmp.Scheme, a, b *fix) bool {
	order, ok := compare(scheme, *a.version, *b.version)
	return ok && order < 0
}

// past: the range has an end that no fix made, and v is after it.
func (s *span) past(scheme vercmp.Scheme, v version) bool {
	if s.fix != nil || s.last == nil {
		return false
	}
	order, ok := compare(scheme, v, *s.last)
	return ok && order > 0
}

// contains is introduced <= v < fix, or introduced <= v <= last. A bound that cannot be compared contains nothing.
func (s *span) contains(scheme vercmp.Scheme, v version) bool {
	within := func(bound *version, holds func(order int) bool) bool {
		if bound == nil {
			return true
		}
		order, ok := compare(scheme, v, *bound)
		return ok && holds(order)
	}
	if s.fix != nil && !within(s.fix.version, func(o int) bool { return o < 0 }) {
		return false
	}
	return within(s.introduced, func(o int) bool { return o >= 0 }) && within(s.last, func(o int) bool { return o <= 0 })
}

// vulnerabilities are the names under which an advisory's findings are listed: its CVE ids, or its own.
func vulnerabilities(a *advisory.Advisory) []string {
	if len(a.CVEs) > 0 {
		return a.CVEs
	}
	return []string{a.ID}
}

// rangeText is a range in words: "< 3.0.17-1~deb12u3".
func rangeText(r advisory.Range) string {
	var parts []string
	if r.Introduced != "" && r.Introduced != "0" {
		parts = append(parts, ">= "+r.Introduced)
	}
	switch {
	case r.Fixed != "":
		parts = append(parts, "< "+r.Fixed)
	case r.Last != "":
		parts = append(parts, "<= "+r.Last)
	}
	if len(parts) == 0 {
		return "all versions"
	}
	return strings.Join(parts, " and ")
}

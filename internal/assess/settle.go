package assess

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/vercmp"
)

// trust is how much a source's word counts beside another's on the same vulnerability of the same package; the lowest is asked first.
type trust uint8

// The order in which sources are asked. A distribution's tracker or VEX speaks of its packages as they are today; an advisory was right
// on the day it came out; a repository's updateinfo says what that repository ships; a changelog is one maintainer's sentence, and often
// the only current one.
const (
	trustOverride   trust = iota // the site's own list: a tracker can be wrong for ever
	trustVEX                     // the user's own VEX
	trustTracker                 // the distribution's tracker or VEX
	trustAdvisory                // its advisories, in whatever form
	trustUpdateinfo              // what a host's repositories say
	trustChangelog               // the changelog of a staged package
)

// trustOf is by the feed's name.
func trustOf(feed string) trust {
	switch feed {
	case "debian-tracker", "ubuntu/vex", "redhat/vex", "suse/vex":
		return trustTracker
	}
	family, _, _ := strings.Cut(feed, "/")
	switch family {
	case "override":
		return trustOverride
	case "vex":
		return trustVEX
	case "updateinfo":
		return trustUpdateinfo
	case "changelog":
		return trustChangelog
	}
	return trustAdvisory
}

// Settle gives, for each vulnerability among the hits of one subject (as Match gives them), the finding that they come to; none where
// those who are asked first among those who speak say that it is fixed or was never there.
//
// Of equals, a word about builds for the very minor release counts before others, and then one that says affected before one that does
// not. The fix is the first that anybody names, in the same order, one that needs nothing before one that needs an entitlement; and so is
// the severity. Who cannot tell decides nothing, and is heard when nobody else speaks.
func Settle(hits []Hit) map[string]Hit {
	settled := make(map[string]Hit, len(hits))
	for vulnerability, h := range settling(hits) {
		settled[vulnerability] = h
	}
	return settled
}

// settling gives what Settle does, one after the other by vulnerability.
func settling(hits []Hit) iter.Seq2[string, Hit] {
	type word struct {
		vulnerability string
		hit           int
	}
	said := make([]word, 0, len(hits))
	for i := range hits {
		for _, vulnerability := range vulnerabilities(hits[i].Advisory) {
			said = append(said, word{vulnerability, i})
		}
	}
	slices.SortFunc(said, func(a, b word) int {
		return cmp.Or(strings.Compare(a.vulnerability, b.vulnerability), cmp.Compare(a.hit, b.hit))
	})
	return func(yield func(string, Hit) bool) {
		var all []Hit
		for rest := said; len(rest) > 0; {
			vulnerability := rest[0].vulnerability
			for all = all[:0]; len(rest) > 0 && rest[0].vulnerability == vulnerability; rest = rest[1:] {
				all = append(all, hits[rest[0].hit])
			}
			if h, affected := settle(all); affected && !yield(vulnerability, h) {
				return
			}
		}
	}
}

// settle decides one vulnerability. hits are in the order in which they are asked.
func settle(hits []Hit) (Hit, bool) {
	var found Hit
	rest := hits
	for len(rest) > 0 && found.Advisory == nil {
		n := 1
		for n < len(rest) && rest[n].trust == rest[0].trust {
			n++
		}
		first, spoken := decide(rest[:n])
		if spoken && first.says != saysAffected {
			return Hit{}, false
		}
		found = first
		rest = rest[n:]
	}
	if found.Advisory == nil {
		found = hits[0] // nobody could tell
	}
	for _, h := range hits {
		found.complete(h)
	}
	return found, true
}

// decide asks equals; spoken is false, and the hit empty, when none of them says yes or no.
func decide(equals []Hit) (found Hit, spoken bool) {
	near := false
	for _, h := range equals {
		near = near || h.near && h.speaks()
	}
	for _, h := range equals {
		switch {
		case !h.speaks() || near && !h.near:
		case !spoken, h.says == saysAffected && (found.says != saysAffected || h.outdoes(found)):
			found, spoken = h, true
		}
	}
	return found, spoken
}

// outdoes: both say affected; one that knows a fix before one that does not, and then the higher fix, since it takes both to be rid of it.
func (h Hit) outdoes(other Hit) bool {
	mine, others := h.anyFix(), other.anyFix()
	if mine == nil || others == nil {
		return others == nil && mine != nil
	}
	order, ok := compare(h.scheme, *mine.version, *others.version)
	return ok && order > 0
}

func (h Hit) anyFix() *fix {
	if h.fix != nil {
		return h.fix
	}
	return h.paid
}

// complete takes over what another hit on the same vulnerability knows and this one does not.
func (h *Hit) complete(other Hit) {
	if other.says == saysAffected {
		if h.fix == nil {
			h.fix = other.fix
		}
		if h.paid == nil {
			h.paid = other.paid
		}
	}
	if h.rating == nil {
		h.rating = other.rating
	}
}

// reached says whether a version has a fix; never when none is known.
func (f *fix) reached(scheme vercmp.Scheme, v version) bool {
	if f == nil {
		return false
	}
	order, ok := compare(scheme, v, *f.version)
	return ok && order >= 0
}

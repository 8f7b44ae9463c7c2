package feed

import (
	"cmp"
	"context"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// A release is what a host calls itself, and a host may be taken over: its word alone makes the server ask nobody. The release must be one
// of a distribution that agents know, numbered as that numbers them, and not far beyond what is known of it; and of each distribution so
// many are asked for and no more, those first that a feed speaks of, then those of most hosts.
const (
	maxOfOne = 32 // Alpine, which has most, looks after 4 releases at a time, and has had 23 since v3.0
	ahead    = 10 // by how much a first number may pass the newest that is known: what is known may be years old
	maxGaps  = 50 // releases that are named as not assessed; the others are counted
)

// shapes are how distributions number their releases, as agents give them (internal/collect has the names).
var shapes = map[string]*regexp.Regexp{
	"AlmaLinux":    regexp.MustCompile(`^[1-9][0-9]?$`),
	"Alpine":       regexp.MustCompile(`^v[1-9]\.[0-9]{1,2}$`),
	"Amazon Linux": regexp.MustCompile(`^(2|20[2-9][0-9])$`),
	"Azure Linux":  regexp.MustCompile(`^[1-9][0-9]?$`),
	"Chainguard":   regexp.MustCompile(`^$`),
	"Debian":       regexp.MustCompile(`^[1-9][0-9]?$`),
	"Mageia":       regexp.MustCompile(`^[1-9][0-9]?$`),
	"Oracle Linux": regexp.MustCompile(`^[1-9][0-9]?$`),
	"Red Hat":      regexp.MustCompile(`^[1-9][0-9]?$`),
	"Rocky Linux":  regexp.MustCompile(`^[1-9][0-9]?$`),
	"SUSE":         regexp.MustCompile(`^[1-9][0-9](\.[0-9])?$`),
	"Ubuntu":       regexp.MustCompile(`^[1-9][0-9]?\.[0-9]{2}$`),
	"Wolfi":        regexp.MustCompile(`^$`),
	"openEuler":    regexp.MustCompile(`^[1-9][0-9]\.[0-9]{2}(-LTS(-SP[0-9])?)?$`),
	"openSUSE":     regexp.MustCompile(`^(Leap [1-9][0-9]\.[0-9]|Tumbleweed)$`),
}

// claims are the releases that hosts name, sorted out.
type claims struct {
	asked []string          // whose feeds are fetched, by name
	why   map[string]string // of the others, why none is
}

// sortOut decides on which releases feeds are fetched for. spoken are those that a feed has something of, newest the first number of the
// newest release that is known of a product, as endoflife.date names it.
func sortOut(named []apiv1.NameCount, spoken map[string]bool, newest map[string]int) claims {
	named = slices.Clone(named)
	for i := range named {
		named[i].Name = NormalEcosystem(named[i].Name)
	}
	slices.SortStableFunc(named, func(a, b apiv1.NameCount) int {
		return cmp.Or(-cmp.Compare(rank(spoken[a.Name]), rank(spoken[b.Name])), -cmp.Compare(a.Count, b.Count), strings.Compare(a.Name, b.Name))
	})
	c := claims{asked: []string{}, why: map[string]string{}}
	of := map[string]int{}
	for _, n := range named {
		bucket, release, _ := strings.Cut(n.Name, ":")
		switch shape := shapes[bucket]; {
		case slices.Contains(c.asked, n.Name):
		case !spoken[n.Name] && shape == nil:
			c.why[n.Name] = "no source that Staunch knows speaks of it"
		case !spoken[n.Name] && (!shape.MatchString(release) || beyond(n.Name, newest)):
			c.why[n.Name] = "no source knows a release of this name"
		case of[bucket] >= maxOfOne:
			c.why[n.Name] = "hosts name more than " + strconv.Itoa(maxOfOne) + " releases of " + bucket + ", of which those of most hosts are fetched"
		default:
			of[bucket]++
			c.asked = append(c.asked, n.Name)
		}
	}
	slices.Sort(c.asked)
	return c
}

func rank(is bool) int {
	if is {
		return 1
	}
	return 0
}

// beyond says whether a release is so far past the newest known one of its product that there can be none such.
func beyond(ecosystem string, newest map[string]int) bool {
	product, release := advisory.ProductOf(ecosystem)
	known := newest[product]
	return known > 0 && firstNumber(release) > known+ahead
}

// firstNumber is 12 of 12.5 and 0 where there is none.
func firstNumber(release string) int {
	digits := release[:len(release)-len(strings.TrimLeft(release, "0123456789"))]
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0
	}
	return n
}

// fleetReleases are what the fleet's hosts say they are, and what is known of that.
type fleetReleases struct {
	claims
	named  []apiv1.NameCount
	spoken map[string]bool // those that some feed speaks of: they can be assessed
}

func (s *Service) releases(ctx context.Context, states map[string]advisory.FeedState) (fleetReleases, error) {
	r := fleetReleases{spoken: spokenOf(states)}
	if s.cfg.Releases == nil {
		return r, nil
	}
	newest, err := s.newestReleases(ctx, states)
	if err != nil {
		return r, err
	}
	if r.named, err = s.cfg.Releases(ctx); err != nil {
		return r, err
	}
	r.claims = sortOut(r.named, r.spoken, newest)
	return r, nil
}

func spokenOf(states map[string]advisory.FeedState) map[string]bool {
	spoken := map[string]bool{}
	for _, state := range states {
		for _, e := range state.Ecosystems {
			spoken[e] = true
		}
	}
	return spoken
}

// newestReleases are the first numbers of each product's newest release, read again when a feed of lifecycles has changed.
func (s *Service) newestReleases(ctx context.Context, states map[string]advisory.FeedState) (map[string]int, error) {
	of := states["eol"].SHA256 + " " + states["distro-info"].SHA256
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.newest != nil && s.newestOf == of {
		return s.newest, nil
	}
	all, err := s.store.CurrentLifecycles(ctx)
	if err != nil {
		return nil, err
	}
	newest := map[string]int{}
	for _, l := range all {
		newest[l.Product] = max(newest[l.Product], firstNumber(l.Release))
	}
	s.newest, s.newestOf = newest, of
	return newest, nil
}

// gaps are the releases of hosts of which no feed speaks, those of most hosts first, and how many more there are.
func (r fleetReleases) gaps() (out []apiv1.ReleaseGap, more int) {
	hosts := map[string]int{}
	for _, n := range r.named {
		if release := NormalEcosystem(n.Name); !r.spoken[release] {
			hosts[release] += n.Count
		}
	}
	releases := slices.Collect(maps.Keys(hosts))
	slices.SortFunc(releases, func(a, b string) int { return cmp.Or(cmp.Compare(hosts[b], hosts[a]), strings.Compare(a, b)) })
	out = []apiv1.ReleaseGap{}
	for _, release := range releases[:min(maxGaps, len(releases))] {
		why := cmp.Or(r.why[release], "none of its feeds has data of it yet")
		out = append(out, apiv1.ReleaseGap{Release: intake.Shown(release), Hosts: hosts[release], Reason: why})
	}
	return out, len(releases) - len(out)
}

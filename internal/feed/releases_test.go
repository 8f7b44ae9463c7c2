package feed

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
)

// Hosts that are taken over may name any release. The server asks its source for what can be there, says the rest in one place, and what
// the honest hosts need is fetched all the same.
func TestReleasesThatHostsMakeUpCostNothing(t *testing.T) {
	t.Parallel()
	m := newMirror(t)
	m.answer(debianPath, serve(zipOf(t, debianRecord(1)), "one"))
	b := setup(t, m.URL)
	b.cfg.Without = nil
	made := []apiv1.NameCount{
		{Name: "Debian:12", Count: 500}, {Name: "Alpine:v3.20", Count: 20}, {Name: "Debian:99", Count: 1}, {Name: "Ubuntu:24.04/../../x", Count: 3}, {Name: "Alpine:v3.20%2f..", Count: 1},
		{Name: "npm", Count: 1}, {Name: "Maven:x", Count: 1}, {Name: "Arch Linux", Count: 7}, {Name: "../etc:1", Count: 1}, {Name: "SUSE:" + strings.Repeat("9", 60), Count: 1},
	}
	for i := range 100 {
		made = append(made, apiv1.NameCount{Name: fmt.Sprintf("Alpine:v9.%d", i), Count: 1}, apiv1.NameCount{Name: fmt.Sprintf("SUSE:%d", i), Count: 1}, apiv1.NameCount{Name: fmt.Sprintf("Debian:%d", i), Count: 1})
	}
	for i := range 100_000 {
		made = append(made, apiv1.NameCount{Name: fmt.Sprintf("Alpine:%d<script>", i), Count: 1})
	}
	b.cfg.Releases = func(context.Context) ([]apiv1.NameCount, error) { return made, nil }
	if _, err := b.UpdateDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	asked := map[string]bool{}
	plain := regexp.MustCompile(`^[/a-zA-Z0-9._% -]+$`)
	for _, r := range m.requests() {
		asked[r.URL.Path] = true
		if !plain.MatchString(r.RequestURI) || strings.Contains(r.RequestURI, "..") || len(r.RequestURI) > 80 {
			t.Errorf("asked for %q", r.RequestURI)
		}
	}
	if !asked[debianPath] || !asked["/alpine/v3.20/main.json"] || asked["/osv/npm/all.zip"] || asked["/osv/Maven/all.zip"] {
		t.Errorf("asked for Debian %v, Alpine 3.20 %v, npm %v", asked[debianPath], asked["/alpine/v3.20/main.json"], asked["/osv/npm/all.zip"])
	}
	all, err := b.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n := len(all.Items); n > len(registry())+2*maxOfOne || len(asked) > 2*len(all.Items) {
		t.Errorf("%d feeds, %d addresses", n, len(asked))
	}
	for _, f := range all.Items {
		if f.Name != "kev" && f.Error != "" && f.AsOf == nil && strings.HasPrefix(f.Name, "alpine/") {
			t.Errorf("a release that is not there is no failure: %+v", f)
		}
	}
	if len(all.NotAssessed) != maxGaps || len(all.NotAssessed)+all.More != len(made)-3 { // Debian:12 is assessed and named twice, and Debian:99 is named twice
		t.Errorf("%d named, %d more, of %d", len(all.NotAssessed), all.More, len(made))
	}
	if diff := cmp.Diff([]apiv1.ReleaseGap{
		{Release: "Alpine:v3.20", Hosts: 20, Reason: "none of its feeds has data of it yet"},
		{Release: "Arch Linux", Hosts: 7, Reason: "no source that Staunch knows speaks of it"},
		{Release: "Ubuntu:24.04/../../x", Hosts: 3, Reason: "no source knows a release of this name"},
	}, all.NotAssessed[:3]); diff != "" {
		t.Error(diff)
	}

	// Another hundred, while the first ones' hosts are gone: what was never there leaves nothing behind.
	made = []apiv1.NameCount{{Name: "Debian:12", Count: 500}}
	if all, err = b.List(t.Context()); err != nil || slices.ContainsFunc(all.Items, func(f apiv1.FeedStatus) bool { return strings.HasPrefix(f.Name, "alpine/") }) || len(all.NotAssessed) != 0 {
		t.Errorf("%v, %+v", err, all)
	}
}

func TestReleasesAreSortedOut(t *testing.T) {
	t.Parallel()
	there := []string{
		"AlmaLinux:8", "AlmaLinux:10", "Alpine:v3.9", "Alpine:v3.24", "Amazon Linux:2", "Amazon Linux:2023", "Azure Linux:3", "Chainguard", "Debian:9", "Debian:14", "Mageia:9",
		"Oracle Linux:9", "Red Hat:10", "Rocky Linux:9", "SUSE:12.5", "SUSE:15", "SUSE:15.7", "SUSE:16.0", "Ubuntu:24.04:LTS", "Ubuntu:26.10", "Wolfi", "openEuler:24.03-LTS-SP1", "openSUSE:Leap 15.6",
	}
	newest := map[string]int{"debian": 13, "ubuntu": 26, "alpine-linux": 3, "sles": 15, "rhel": 9}
	c := sortOut(named(there), nil, newest)
	for _, name := range there {
		if !slices.Contains(c.asked, NormalEcosystem(name)) {
			t.Errorf("%s is not asked for: %s", name, c.why[name])
		}
		bucket, _, _ := strings.Cut(name, ":")
		if shapes[bucket] == nil || !slices.ContainsFunc(sourcesFor([]string{name}), func(s source) bool { return s.buckets != nil }) {
			t.Errorf("%s has a shape and no source, or none", name)
		}
	}
	for _, name := range []string{"Debian:99", "Debian:24", "Debian:", "Debian:012", "Debian:12 ", "Debian", "Ubuntu:99.04", "Alpine:v3", "Alpine:edge", "Alpine:v3.200", "SUSE:Linux", "SUSE:26", "npm", "PyPI", "Fedora:43", "Red Hat:rhel_eus:9.2::appstream", "", ":", "Debian:12\n"} {
		if c := sortOut(named([]string{name}), nil, newest); len(c.asked) != 0 || c.why[NormalEcosystem(name)] == "" {
			t.Errorf("%q: %+v", name, c)
		}
	}
	// What a feed speaks of is there, whatever it is called; and what nothing is known of cannot be too new.
	if c := sortOut(named([]string{"Debian:99", "Ubuntu:99.04"}), map[string]bool{"Debian:99": true}, nil); !slices.Equal(c.asked, []string{"Debian:99", "Ubuntu:99.04"}) {
		t.Errorf("%+v", c)
	}
}

// However many releases hosts name, those of most hosts are asked for, and those first that a feed speaks of.
func TestWhoeverNamesManyReleasesTakesNobodysPlace(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		junk := rapid.SliceOfNDistinct(rapid.IntRange(0, 99), 0, 100, rapid.ID[int]).Draw(t, "junk")
		all := []apiv1.NameCount{{Name: "Alpine:v3.20", Count: 2}, {Name: "Alpine:v2.7", Count: 1}}
		for _, n := range junk {
			all = append(all, apiv1.NameCount{Name: fmt.Sprintf("Alpine:v1.%d", n), Count: 1})
		}
		all = rapid.Permutation(all).Draw(t, "order")
		c := sortOut(all, map[string]bool{"Alpine:v2.7": true}, nil)
		if !slices.Contains(c.asked, "Alpine:v3.20") || !slices.Contains(c.asked, "Alpine:v2.7") || len(c.asked) != min(len(all), maxOfOne) || len(c.asked)+len(c.why) != len(all) {
			t.Fatalf("%+v", c)
		}
	})
}

// What endoflife.date says bounds how far a release may be ahead, and it is read again when it has changed.
func TestALifecycleTellsWhatIsBeyondIt(t *testing.T) {
	t.Parallel()
	b := setup(t, t.TempDir(), "Debian:30")
	claimed := func() []string {
		states, err := b.states(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		r, err := b.releases(t.Context(), states)
		if err != nil {
			t.Fatal(err)
		}
		return r.asked
	}
	know := func(release, digest string) {
		in := advisory.Import{State: advisory.FeedState{Name: "eol", SHA256: digest, AttemptedAt: b.at(), NextDue: b.at().Add(time.Hour)}, At: b.at()}
		in.Lifecycles = func(yield func(advisory.Lifecycle) error) error {
			return yield(advisory.Lifecycle{Feed: "eol", Product: "debian", Release: release})
		}
		if _, err := b.store.ImportFeed(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	if got := claimed(); !slices.Equal(got, []string{"Debian:30"}) {
		t.Errorf("nothing is known: %v", got)
	}
	know("13", "1:a")
	if got := claimed(); len(got) != 0 {
		t.Errorf("13 is the newest: %v", got)
	}
	know("20", "1:b")
	if got := claimed(); !slices.Equal(got, []string{"Debian:30"}) {
		t.Errorf("20 is the newest: %v", got)
	}
}

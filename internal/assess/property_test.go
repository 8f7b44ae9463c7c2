package assess

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fleet"
	"github.com/staunch-dev/staunch/internal/inventory"
	"github.com/staunch-dev/staunch/internal/store"
)

// plain is what a random test has put into a world, kept the simplest way.
type plain struct {
	hosts      map[string]*plainHost // by id
	advisories []advisory.Advisory
	kev        []string
	ecosystems []string
}

type plainHost struct {
	id, name, kernel string
	ecosystem        string
	packages         []apiv1.Package
	old              []apiv1.OldCode
	reported         bool
	labels           fleet.Labels
}

// bruteForce lists every finding of every host as "vulnerability source version status priority packages", by host name.
func (p plain) bruteForce() map[string][]string {
	out := map[string][]string{}
	for _, h := range p.hosts {
		lines := []string{}
		packages := inventory.Convert(apiv1.Packages{Ecosystem: h.ecosystem, Packages: h.packages})
		state := HostState{Running: h.kernel, OldCode: h.old, Place: PlaceOf(h.labels)}
		setting := SettingOf(packages, state)
		seen := map[string]bool{}
		for _, one := range packages {
			var also []string
			for _, other := range packages {
				if SubjectOf(other) == SubjectOf(one) {
					also = append(also, other.Name)
				}
			}
			slices.Sort(also)
			lines = p.linesOf(lines, seen, one, setting.Standing(SubjectOf(one)), also, nil)
		}
		for _, old := range OldOf(packages, state) {
			at := slices.IndexFunc(packages, func(one inventory.Package) bool { return SubjectOf(one) == old.Now })
			lines = p.linesOf(lines, seen, old.Packages[0], setting.Loaded(old), names(old.Packages), Settle(Match(packages[at], p.advisories)))
		}
		slices.Sort(lines)
		out[h.name] = lines
	}
	return out
}

// linesOf adds what is wrong with one package in a standing. disk is what is wrong with the one on disk in the place of old code.
func (p plain) linesOf(lines []string, seen map[string]bool, one inventory.Package, standing Standing, also []string, disk map[string]Hit) []string {
	for vulnerability, hit := range Settle(Match(one, p.advisories)) {
		c := Case{Vulnerability: vulnerability, Subject: SubjectOf(one), Hit: hit, Standing: standing}
		if _, c.OnDisk = disk[vulnerability]; c.OnDisk && standing.Role.Part == OldCode {
			continue
		}
		if slices.Contains(p.kev, vulnerability) {
			c.Threat.KEV = &advisory.KEV{CVE: vulnerability}
		}
		v := Judge(c, time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC))
		line := fmt.Sprint(vulnerability, " ", c.Subject.Source, " ", c.Subject.Version, " ", v.Status, " ", v.Priority, " ", hit.Fixed(c.Standing), " ", slices.Compact(also))
		if v.IsFinding() && !seen[line] {
			seen[line] = true
			lines = append(lines, line)
		}
	}
	return lines
}

func lineOf(f apiv1.Finding) string {
	return fmt.Sprint(f.Vulnerability, " ", f.Source, " ", f.Installed, " ", f.Status, " ", f.Priority, " ", f.Fixed, " ", f.Packages)
}

// allFindings walks the fleet's findings page by page.
func allFindings(t *rapid.T, s *Service, q Query) (map[string][]string, apiv1.FindingPage) {
	out := map[string][]string{}
	total := 0
	for {
		page, err := s.Findings(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range page.Items {
			out[f.Host] = append(out[f.Host], lineOf(f))
			total++
		}
		if page.Next == "" {
			if total != page.Total {
				t.Fatalf("sorted by %q: %d findings on the pages, total says %d", q.Sort, total, page.Total)
			}
			return out, page
		}
		q.Cursor = page.Next
	}
}

func drawPackage(t *rapid.T) apiv1.Package {
	source := rapid.SampledFrom([]string{"openssl", "curl", "linux", "linux-signed-amd64"}).Draw(t, "source")
	version := rapid.SampledFrom([]string{"1.0-1", "1.1-1", "2.0-1~deb12u1", "not a version"}).Draw(t, "version")
	p := deb(source+"-bin", source, version)
	switch source {
	case "openssl":
		p.Name = rapid.SampledFrom([]string{"libssl3", "openssl"}).Draw(t, "binary")
		p.Origin = rapid.SampledFrom([]string{"", "Debian", "vendor"}).Draw(t, "origin")
	case "linux":
		p.Name = "linux-libc-dev"
	case "linux-signed-amd64":
		n := rapid.IntRange(0, 3).Draw(t, "image")
		p = deb(fmt.Sprintf("linux-image-1.%d-amd64", n), source, fmt.Sprintf("1.%d-1", n))
		p.SourceVersion = fmt.Sprintf("1.%d+1", n)
	}
	return p
}

func drawAdvisory(t *rapid.T, n int) advisory.Advisory {
	a := advisory.Advisory{Feed: "osv/Debian", ID: fmt.Sprintf("A-%d", n), Severity: rapid.SampledFrom([]string{"", "high", "low"}).Draw(t, "severity")}
	cves := []string{"CVE-2024-0001", "CVE-2024-0002", "CVE-2025-12345"}
	a.CVEs = cves[rapid.IntRange(0, 3).Draw(t, "first cve"):] // 3: none, so that the advisory's own id counts
	if rapid.IntRange(0, 5).Draw(t, "withdrawn") == 5 {
		a.Withdrawn = time.Unix(1, 0).UTC()
	}
	for _, name := range []string{"openssl", "curl", "linux"} {
		if rapid.IntRange(0, 3).Draw(t, "does not affect "+name) == 3 {
			continue
		}
		r := advisory.Range{Introduced: rapid.SampledFrom([]string{"0", "1.0-2"}).Draw(t, "introduced")}
		switch rapid.IntRange(0, 2).Draw(t, "end") {
		case 0:
			r.Fixed = rapid.SampledFrom([]string{"3", "1.2-1", "1.1-1"}).Draw(t, "fixed")
		case 1:
			r.Last = "1.1-1"
		}
		a.Affected = append(a.Affected, advisory.Affected{Ecosystem: rapid.SampledFrom([]string{"Debian:12", "Debian:12", "Debian:13"}).Draw(t, "release"), Package: name, Ranges: []advisory.Range{r}})
	}
	return a
}

// step does one thing to a world, a random one unless what says which, and notes it.
func step(t *rapid.T, w *world, p *plain, n int, what string) {
	ids := []string{}
	for id := range p.hosts {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int { return cmpText(p.hosts[a].name, p.hosts[b].name) })
	if what == "" {
		what = rapid.SampledFrom([]string{"enroll", "packages", "packages", "packages", "facts", "facts", "delete", "labels", "import", "import", "kev", "updates"}).Draw(t, "what")
	}
	if what == "enroll" && len(ids) >= 3 {
		what = "packages" // few hosts that share much: what one leaves behind shows in another
	}
	if len(ids) == 0 && what != "import" && what != "kev" {
		what = "enroll"
	}
	switch what {
	case "enroll":
		h := w.enroll(fmt.Sprintf("h%02d", n), nil)
		p.hosts[h.ID] = &plainHost{id: h.ID, name: h.Name}
		return
	case "import":
		p.advisories = nil
		for i := range 5 {
			if rapid.IntRange(0, 3).Draw(t, "absent") < 3 {
				p.advisories = append(p.advisories, drawAdvisory(t, i))
			}
		}
		p.ecosystems = []string{"Debian:12"}
		w.importFeed("osv/Debian", p.ecosystems, p.advisories...)
		return
	case "kev":
		p.kev = rapid.SliceOfDistinct(rapid.SampledFrom([]string{"CVE-2024-0001", "CVE-2025-12345", "CVE-1999-0001"}), rapid.ID).Draw(t, "kev")
		w.importKEV(p.kev...)
		return
	}
	h := p.hosts[rapid.SampledFrom(ids).Draw(t, "host")]
	switch what {
	case "packages":
		h.ecosystem = rapid.SampledFrom([]string{"Debian:12", "Debian:12", "Debian:13"}).Draw(t, "ecosystem")
		h.packages = rapid.SliceOfNDistinct(rapid.Custom(drawPackage), 0, 6, func(p apiv1.Package) string { return p.Name }).Draw(t, "packages")
		h.reported = true
		w.packages(h.id, h.ecosystem, h.packages...)
	case "facts":
		h.kernel = rapid.SampledFrom([]string{"1.0-amd64", "1.2-amd64", "9-other"}).Draw(t, "kernel")
		h.old = nil
		for _, one := range h.packages {
			if from := rapid.SampledFrom([]string{"", "1.0-1", "1.1-1"}).Draw(t, "old code"); from != "" && len(h.old) < 2 {
				h.old = append(h.old, apiv1.OldCode{Name: one.Name, Arch: one.Arch, From: from, Units: []string{"a.service"}})
			}
		}
		w.facts(h.id, h.kernel, h.old...)
	case "updates":
		w.put(h.id, apiv1.SectionUpdates, apiv1.Updates{Manager: "apt", Known: true, Updates: []apiv1.Update{{Name: "libssl3", Arch: "amd64", Action: "upgrade",
			To: rapid.SampledFrom([]string{"1.1-1", "3"}).Draw(t, "to"), State: "installable"}}})
	case "delete":
		_, err := w.store.DeleteHost(context.Background(), h.id, w.at, event.Event{At: w.at, Kind: event.HostDeleted, Actor: "user:test", Host: h.id})
		w.must(err)
		delete(p.hosts, h.id)
	case "labels":
		h.labels = fleet.Labels{"n": fmt.Sprint(n)}
		if exposure := rapid.SampledFrom([]string{"", ExposureInternet, ExposureIsolated}).Draw(t, "exposure"); exposure != "" {
			h.labels[LabelExposure] = exposure
		}
		_, err := w.store.SetHostLabels(context.Background(), h.id, h.labels, event.Event{At: w.at, Kind: event.HostLabels, Actor: "user:test", Host: h.id})
		w.must(err)
	}
}

func cmpText(a, b string) int {
	if a < b {
		return -1
	}
	return 1
}

func TestTheIndexAnswersAsGoingThroughEverythingWould(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		s, err := store.Open(context.Background(), store.Config{Path: filepath.Join(dir, fmt.Sprintf("%d.db", runs))})
		if err != nil {
			rt.Fatal(err)
		}
		defer func() { _ = s.Close(); _ = os.RemoveAll(filepath.Join(dir, fmt.Sprintf("%d.db", runs))) }()
		w := worldOn(t, s)
		w.start()
		defer w.stop()
		p := &plain{hosts: map[string]*plainHost{}}
		kinds := []string{"enroll", "enroll", "import", "packages", "packages"}
		for n := range rapid.IntRange(5, 25).Draw(rt, "steps") {
			what := ""
			if n < len(kinds) {
				what = kinds[n] // something to change must be there first
			}
			step(rt, w, p, n, what)
			if rapid.Bool().Draw(rt, "look") {
				compareAll(rt, w, p)
			}
		}
		compareAll(rt, w, p)
		// An index that is built anew from the store says the same.
		fresh := worldOn(t, s)
		fresh.start()
		defer fresh.stop()
		compareAll(rt, fresh, p)
	})
}

func compareAll(t *rapid.T, w *world, p *plain) {
	w.settle()
	w.assess.mu.RLock()
	odd := audit(w.assess.ix)
	w.assess.mu.RUnlock()
	if odd != "" {
		t.Fatalf("what is kept of who has what (-by the hosts' packages +kept):\n%s", odd)
	}
	want := p.bruteForce()
	for _, sort := range findingColumns() {
		got, page := allFindings(t, w.assess, Query{Sort: sort, Limit: 3, Desc: sort == "source"})
		for _, lines := range got {
			slices.Sort(lines)
		}
		if d := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreMapEntries(func(_ string, v []string) bool { return len(v) == 0 })); d != "" {
			t.Fatalf("fleet sorted by %q (-brute force +index):\n%s", sort, d)
		}
		if page.NotAssessed != p.notAssessed() {
			t.Fatalf("%d hosts not assessed, want %d", page.NotAssessed, p.notAssessed())
		}
	}
	for _, h := range p.hosts {
		page, err := w.assess.HostFindings(context.Background(), h.id, Query{Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		distinct := map[string]bool{}
		for _, f := range page.Items {
			got = append(got, lineOf(f))
			distinct[f.Vulnerability] = true
		}
		slices.Sort(got)
		if d := cmp.Diff(want[h.name], got, cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("host %s (-brute force +index):\n%s", h.name, d)
		}
		row, err := w.assess.Host(context.Background(), h.id)
		if err != nil {
			t.Fatal(err)
		}
		if row.Findings.Assessed && (row.Findings.Total != len(distinct) || page.Count.Total != len(distinct)) {
			t.Fatalf("host %s: the row counts %d and the page %d, of %d vulnerabilities", h.name, row.Findings.Total, page.Count.Total, len(distinct))
		}
	}
	compareVulnerabilities(t, w, want)
}

func compareVulnerabilities(t *rapid.T, w *world, want map[string][]string) {
	hosts := map[string]map[string]bool{}
	for host, lines := range want {
		for _, l := range lines {
			var v string
			_, _ = fmt.Sscan(l, &v)
			if hosts[v] == nil {
				hosts[v] = map[string]bool{}
			}
			hosts[v][host] = true
		}
	}
	got := map[string]int{}
	q := Query{Limit: 2}
	for {
		page, err := w.assess.Vulnerabilities(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range page.Items {
			got[v.ID] = v.Hosts
		}
		if q.Cursor = page.Next; page.Next == "" {
			break
		}
	}
	expect := map[string]int{}
	for v, on := range hosts {
		expect[v] = len(on)
		detail, err := w.assess.Vulnerability(context.Background(), v, Query{Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		on2 := map[string]bool{}
		for _, f := range detail.Hosts.Items {
			on2[f.Host] = true
		}
		if d := cmp.Diff(on, on2); d != "" || !detail.Known {
			t.Fatalf("%s: known %v, hosts %s", v, detail.Known, d)
		}
	}
	if d := cmp.Diff(expect, got); d != "" {
		t.Fatalf("vulnerabilities to hosts (-brute force +index):\n%s", d)
	}
}

func (p plain) notAssessed() int {
	n := 0
	for _, h := range p.hosts {
		ecosystem := h.ecosystem
		if len(h.packages) == 0 && h.kernel != "" {
			ecosystem = "Debian:12"
		} else if len(h.packages) == 0 {
			ecosystem = ""
		}
		if !h.reported || !slices.Contains(p.ecosystems, ecosystem) {
			n++
		}
	}
	return n
}

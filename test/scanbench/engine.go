package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime/debug"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/assess"
	"github.com/staunch-dev/staunch/internal/collect"
	"github.com/staunch-dev/staunch/internal/compiled"
	"github.com/staunch-dev/staunch/internal/feed"
	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/inventory"
)

const release = "Debian:12"

// engine measures what is between the compiled feeds and the findings, without the process around it.
func engine(f *figures, w world, dir string) error {
	path := filepath.Join(dir, "compiled")
	out, err := compiled.Create(path)
	if err != nil {
		return err
	}
	defer out.Abort()
	status, ecosystems, err := feed.Walk(context.Background(), w.feeds, []string{release}, intake.Sink{Advisory: out.Advisory, Overlay: out.Overlay, Lifecycle: out.Lifecycle})
	if err != nil {
		return err
	}
	if err := out.Finish(status, ecosystems); err != nil {
		return err
	}
	library, err := compiled.Open(path)
	if err != nil {
		return err
	}
	defer library.Close()
	asOf := map[string]time.Time{}
	for _, s := range library.Meta().Feeds {
		if s.AsOf != nil {
			asOf[s.Name] = *s.AsOf
		}
	}
	read, _, err := collect.ReadPackages(w.root, release)
	if err != nil {
		return err
	}
	host := inventory.Convert(apiv1.Packages{Ecosystem: release, Packages: read})
	now := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	debug.SetGCPercent(400) // as the program does
	var judging, telling []time.Duration
	findings := 0
	for range 40 {
		before := used()
		judged, err := assess.JudgeAll(host, assess.HostState{}, library, now)
		if err != nil {
			return err
		}
		judging = append(judging, used()-before)
		before = used()
		findings = len(judged.Findings(asOf))
		telling = append(telling, used()-before)
	}
	ms := func(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }
	one := median(judging)
	f.line(fmt.Sprintf("engine: %d packages, %d rows, %d findings, CPU", len(host), library.Meta().Advisories, findings), ms(one), "at most 4 ms", one <= 4*time.Millisecond)
	f.line("  telling all of them, with reasons and explanations", ms(median(telling)), "", true)

	const hosts = 4000
	fleet := hostsLike(host, hosts)
	before := used()
	assessor := assess.NewAssessor(library, now)
	total := 0
	for _, packages := range fleet {
		judged, err := assessor.JudgeAll(packages, assess.HostState{})
		if err != nil {
			return err
		}
		total += judged.Len()
	}
	rate := hosts / (used() - before).Seconds()
	f.line(fmt.Sprintf("distinct hosts in one process, %d findings each, per CPU-second", total/hosts), fmt.Sprintf("%.0f", rate), "at least 2000", rate >= 2000)
	return nil
}

// used is the user and system time of this process so far.
func used() time.Duration {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		panic(err) // it has no failure that could happen here
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// hostsLike makes hosts of which no two have the same packages: each lacks a tenth of them, and has each of the others at one of four
// versions, the first in 7 of 10 cases. Versions are shared, as they are in fleets; sets are not.
func hostsLike(host []inventory.Package, n int) [][]inventory.Package {
	random := rand.New(rand.NewPCG(7, 2026)) //nolint:gosec // the same each time
	versions := [4][]inventory.Package{host}
	for v := 1; v < len(versions); v++ {
		versions[v] = slices.Clone(host)
		for j := range versions[v] {
			versions[v][j].SourceVersion += fmt.Sprintf("+v%d", v)
			versions[v][j].Version += fmt.Sprintf("+v%d", v)
		}
	}
	fleet := make([][]inventory.Package, n)
	for i := range fleet {
		packages := make([]inventory.Package, 0, len(host))
		for j := range host {
			if random.IntN(10) > 0 {
				packages = append(packages, versions[max(0, random.IntN(10)-6)][j])
			}
		}
		fleet[i] = packages
	}
	return fleet
}

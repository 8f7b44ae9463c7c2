package apply

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/seal"
)

// queryFormat is what dpkg-query is asked for; parseQuery reads it.
const queryFormat = `${Package} ${Architecture} ${db:Status-Want} ${db:Status-Status} ${db:Status-Eflag} ${Version}\n`

// installed is one line of dpkg-query's answer.
type installed struct {
	Name, Arch, Version string
	Want, State, Flag   string
}

func (p installed) onDisk() bool { return p.State != "not-installed" && p.State != "config-files" }

func (p installed) broken() bool { return p.onDisk() && (p.State != "installed" || p.Flag != "ok") }

// says is the state in words: "installed 1.2-3", "half-configured 1.2-3", "half-installed reinstreq 1.2-3".
func (p installed) says() string {
	words := []string{p.State}
	if p.Flag != "ok" && p.Flag != "" {
		words = append(words, p.Flag)
	}
	return strings.Join(append(words, p.Version), " ")
}

// parseQuery reads dpkg-query's answer. Lines it does not understand are left out: a package that is missing from the truth is not at
// its target, so nothing is claimed for it.
func parseQuery(out []byte) []installed {
	var ps []installed
	for line := range bytes.Lines(out) {
		f := strings.Fields(string(line))
		if len(f) == 5 { // a package that was removed has no version
			f = append(f, "")
		}
		if len(f) != 6 {
			continue
		}
		ps = append(ps, installed{Name: f[0], Arch: f[1], Want: f[2], State: f[3], Flag: f[4], Version: f[5]})
	}
	return ps
}

// verdict is what the package database says about a lock.
type verdict struct {
	Target bool // every package is as the lock wants it, and properly installed
	Source bool // every package is as the lock found it, and properly installed
	Broken bool // some package of the host has unfinished business
}

// judge compares the database with a lock.
func judge(changes []seal.Change, db []installed) verdict {
	v := verdict{Target: true, Source: true, Broken: slices.ContainsFunc(db, installed.broken)}
	for _, c := range changes {
		p, there := find(db, c)
		is := func(version string) bool {
			if version == "" {
				return !there
			}
			return there && !p.broken() && p.Version == version
		}
		v.Target = v.Target && is(c.To)
		v.Source = v.Source && is(c.From)
	}
	return v
}

// find is the package of the database that a change is about. A package that goes from one architecture to all, or back, exists once.
func find(db []installed, c seal.Change) (installed, bool) {
	var other installed
	n := 0
	for _, p := range db {
		if p.Name != c.Name || !p.onDisk() {
			continue
		}
		if p.Arch == c.Arch {
			return p, true
		}
		if p.Arch == "all" || c.Arch == "all" {
			other, n = p, n+1
		}
	}
	return other, n == 1
}

// states are the packages of the lock as the database has them, in the lock's order.
func states(changes []seal.Change, db []installed) []apiv1.PackageState {
	out := make([]apiv1.PackageState, 0, len(changes))
	for _, c := range changes {
		s := apiv1.PackageState{Name: c.Name, Arch: c.Arch, State: "not installed"}
		if p, ok := find(db, c); ok {
			s.State = p.says()
		}
		out = append(out, s)
	}
	return out
}

// maxBroken is the wire's limit.
const maxBroken = 10_000

// unfinished are the packages of the whole host in an unfinished state.
func unfinished(db []installed) []apiv1.PackageState {
	out := []apiv1.PackageState{}
	for _, p := range db {
		if p.broken() && len(out) < maxBroken {
			out = append(out, apiv1.PackageState{Name: p.Name, Arch: p.Arch, State: p.says()})
		}
	}
	return out
}

// held are the packages of the lock that the administrator holds.
func held(changes []seal.Change, db []installed) []string {
	var out []string
	for _, c := range changes {
		if p, ok := find(db, c); ok && p.Want == "hold" {
			out = append(out, c.Name)
		}
	}
	return out
}

// reinstall are the changes whose package the database has at the planned version but says must be installed again: apt would take them
// for done.
func reinstall(changes []seal.Change, db []installed) []seal.Change {
	var out []seal.Change
	for _, c := range changes {
		if p, ok := find(db, c); ok && c.To != "" && p.Version == c.To && (p.Flag == "reinstreq" || p.State == "half-installed") {
			out = append(out, c)
		}
	}
	return out
}

// elsewhere are the packages outside the lock that changed between two looks: somebody else's doing, and worth saying.
func elsewhere(changes []seal.Change, before, after []installed) []string {
	key := func(p installed) string { return p.Name + ":" + p.Arch }
	was := map[string]string{}
	for _, p := range before {
		was[key(p)] = p.says()
	}
	ours := map[string]bool{}
	for _, c := range changes {
		ours[c.Name] = true
	}
	var out []string
	for _, p := range after {
		if !ours[p.Name] && was[key(p)] != p.says() {
			out = append(out, key(p)+" "+cmp.Or(was[key(p)], "unknown")+" → "+p.says())
		}
	}
	return out
}

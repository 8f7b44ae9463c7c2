package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
)

// Candidate is a host that a plan's selector names, with what decides its part: all of it as the host itself last said.
type Candidate struct {
	HostID   string
	HostName string
	Digests  map[string]string // of sections packages, updates and repositories
	Updates  apiv1.Updates
	// Fixes maps a binary package to the vulnerabilities that its pending update fixes on this host.
	Fixes map[string][]string
}

// simulatedSections are what an answer depends on: hosts that agree in all of them would answer alike.
var simulatedSections = []string{apiv1.SectionPackages, apiv1.SectionUpdates, apiv1.SectionRepositories}

// Validate checks a spec's globs, so that a typing error is not read as "nothing matches".
func (s Spec) Validate() error {
	for _, glob := range slices.Concat(s.Packages, s.Exclude) {
		if _, err := path.Match(glob, ""); err != nil || glob == "" {
			return fault.New(fault.Invalid, "%q is not a pattern of package names: use * and ?, as in linux-image-*", glob)
		}
	}
	if s.Reboot != "never" && s.Reboot != "if-required" {
		return fault.New(fault.Invalid, "reboot is %q: use never or if-required", s.Reboot)
	}
	return nil
}

// Choose is the updates of a candidate that a spec asks for: upgrades that the package manager would do now, by name.
func Choose(s Spec, c Candidate) []apiv1.SimulateEntry {
	var out []apiv1.SimulateEntry
	for _, u := range c.Updates.Updates {
		if u.Action != apiv1.ActionUpgrade || u.State != apiv1.UpdateInstallable || !s.wants(u, c.Fixes[u.Name]) {
			continue
		}
		out = append(out, apiv1.SimulateEntry{Name: u.Name, Arch: u.Arch, Version: u.To})
	}
	return out
}

func (s Spec) wants(u apiv1.Update, fixes []string) bool {
	switch {
	case s.Security && !u.Security:
		return false
	case len(s.Packages) > 0 && !matches(s.Packages, u.Name):
		return false
	case matches(s.Exclude, u.Name):
		return false
	case len(s.Fixes) > 0 && !slices.ContainsFunc(s.Fixes, func(v string) bool { return slices.Contains(fixes, v) }):
		return false
	}
	return true
}

func matches(globs []string, name string) bool {
	return slices.ContainsFunc(globs, func(glob string) bool {
		ok, err := path.Match(glob, name)
		return err == nil && ok
	})
}

// Draft says for every candidate whether it takes part, and which questions have to be asked: one for each distinct (packages, updates,
// repositories, chosen packages), put to the first host of those that share it. newID makes an id for each question.
func Draft(p Plan, candidates []Candidate, newID func() string) ([]Host, []Simulation, error) {
	hosts := make([]Host, 0, len(candidates))
	var sims []Simulation
	byKey := map[string]string{}
	for _, c := range candidates {
		h := Host{PlanID: p.ID, HostID: c.HostID, HostName: c.HostName, State: Waiting}
		chosen := Choose(p.Spec, c)
		switch {
		case !c.Updates.Known:
			h.State, h.Reason = NotSimulated, "its updates are not known: "+unknown(c.Updates.Problem)
		case len(chosen) == 0:
			h.State, h.Reason = Nothing, "nothing that was asked for is pending there"
		default:
			key := simulationKey(c, chosen)
			if byKey[key] == "" {
				request, err := json.Marshal(apiv1.SimulateRequest{Packages: chosen})
				if err != nil {
					return nil, nil, fmt.Errorf("encoding a simulation: %w", err)
				}
				byKey[key] = newID()
				sims = append(sims, Simulation{ID: byKey[key], PlanID: p.ID, Key: key, HostID: c.HostID, Request: request, AskedAt: p.CreatedAt, Attempts: 1, Fixes: goodFor(c)})
			}
			h.Simulation = byKey[key]
		}
		hosts = append(hosts, h)
	}
	return hosts, sims, nil
}

// mostFixes bounds the vulnerabilities that are kept with an update.
const mostFixes = 20

// goodFor keeps what a candidate's pending updates are good for: once they are installed nobody could say any more.
func goodFor(c Candidate) map[string]Fix {
	out := map[string]Fix{}
	for _, u := range c.Updates.Updates {
		fixes := c.Fixes[u.Name]
		if u.Action != apiv1.ActionUpgrade || (!u.Security && len(fixes) == 0) {
			continue
		}
		out[u.Name] = Fix{To: u.To, Security: u.Security, Fixes: fixes[:min(len(fixes), mostFixes)], Count: len(fixes)}
	}
	return out
}

func unknown(problem string) string {
	if problem == "" {
		return "it has not reported any yet"
	}
	return problem
}

// simulationKey joins what an answer depends on. The digests come first, so that an answer can be held against them (see stale).
func simulationKey(c Candidate, chosen []apiv1.SimulateEntry) string {
	var key []string
	for _, section := range simulatedSections {
		key = append(key, c.Digests[section])
	}
	h := sha256.New()
	for _, e := range chosen {
		fmt.Fprintf(h, "%s\x00%s\x00%s\n", e.Name, e.Arch, e.Version)
	}
	return strings.Join(append(key, hex.EncodeToString(h.Sum(nil))), " ")
}

// stale reports whether an answer was given from another inventory than the one the question was grouped by.
func stale(sim Simulation, a apiv1.SimulateAnswer) bool {
	for i, digest := range strings.Split(sim.Key, " ") { // not Fields: a section the host never sent has no digest
		if i < len(simulatedSections) && a.Sections[simulatedSections[i]] != digest {
			return true
		}
	}
	return false
}

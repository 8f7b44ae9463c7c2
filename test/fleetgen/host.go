package fleetgen

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fleet"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// Now is the time of a generated fleet.
func Now() time.Time { return time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC) }

// Host is a host's own row, by its number from 0.
func (f *Fleet) Host(n int) fleet.Host {
	r := f.rand(n, 2)
	set := f.Sets[f.SetOf(n)]
	labels := fleet.Labels{
		"env":         pick(r, "prod", "prod", "prod", "stage", "dev"),
		"role":        fmt.Sprintf("role%02d", set.Role),
		"site":        fmt.Sprintf("site%02d", n%25),
		"exposure":    pick(r, "internal", "internal", "internal", "internet", "isolated"),
		"criticality": pick(r, "medium", "medium", "high", "low"),
	}
	return fleet.Host{ID: fmt.Sprintf("host_%024d", n), Ordinal: int64(n) + 1, Name: HostName(n), MachineID: fmt.Sprintf("%032x", n), State: fleet.Approved,
		Labels: labels, TokenID: "et_fleet", AgentVersion: "1.4.0", EnrolledAt: Now().Add(-time.Duration(n%1000) * time.Hour), ApprovedAt: Now(), ApprovedBy: "token"}
}

// HostName of a host.
func HostName(n int) string { return fmt.Sprintf("srv%07d.example.org", n) }

func (f *Fleet) rand(n int, what uint64) *rand.Rand {
	return rand.New(rand.NewPCG(f.Config.Seed<<32|uint64(n), what)) //nolint:gosec // repeatable, not secret
}

func pick(r *rand.Rand, of ...string) string { return of[r.IntN(len(of))] }

// units of a host: as many as a small server has.
const units = 150

// Facts of a host. Every host's differ: its name and boot id are in them.
func (f *Fleet) Facts(n int) apiv1.Facts {
	r := f.rand(n, 3)
	set := f.Sets[f.SetOf(n)]
	rel := f.releases[set.Release]
	running := set.Kernels[1]
	if f.behind(n) {
		running = max(set.Kernels[0]-1, 0)
	}
	facts := apiv1.Facts{Hostname: HostName(n), Arch: "x86_64",
		OS:     apiv1.OSRelease{ID: rel.id, VersionID: rel.version, Name: rel.name, Ecosystem: rel.ecosystem},
		Kernel: apiv1.Kernel{Running: kernelRelease(running), Newest: kernelRelease(set.Kernels[0]), Installed: []string{kernelRelease(set.Kernels[0])}},
		BootID: fmt.Sprintf("%08x-0000-4000-8000-%012x", r.Uint32(), n), Reboot: apiv1.Reboot{Required: set.Kernels[0] != running, Packages: []string{}, Reasons: []string{}},
		Virtualization: "kvm", PackageManager: apiv1.PackageManager{Name: "apt", Version: "2.6.1", Broken: []apiv1.PackageState{}, Held: []string{}},
		Units: make([]apiv1.Unit, 0, units)}
	for u, name := range f.units {
		facts.Units = append(facts.Units, apiv1.Unit{Name: name, Enabled: "enabled", Failed: u == 7 && r.IntN(50) == 0})
	}
	return facts
}

// behind is every twentieth host: it has the packages of others, and has not been rebooted since its kernel was updated.
func (f *Fleet) behind(n int) bool { return f.rand(n, 4).IntN(20) == 0 }

// holds is every twentieth host too: its administrator holds a package that others with the same packages are offered.
func (f *Fleet) holds(n int) bool { return f.rand(n, 5).IntN(20) == 0 }

// UpdatesOf gives what a host is offered, with the section's digest.
func (f *Fleet) UpdatesOf(n int) (digest string, offered apiv1.Updates) {
	set := f.SetOf(n)
	offered = f.Updates(set)
	if !f.holds(n) || len(offered.Updates) == 0 {
		return Digest("updates", set), offered
	}
	one := &offered.Updates[0]
	one.State, one.Reason = apiv1.UpdateHeld, "held by the administrator"
	return Digest("updates held", set), offered
}

// Updates of a set: what a mirror of today would bring it. Where nothing is shared each host has a set of its own, and so updates.
func (f *Fleet) Updates(set int) apiv1.Updates {
	s := f.Sets[set]
	out := apiv1.Updates{Manager: "apt", Known: true, Updates: []apiv1.Update{}}
	if set%100 == 99 {
		return apiv1.Updates{Manager: "apt", Problem: "the lists cannot be read", Updates: []apiv1.Update{}}
	}
	for _, id := range s.IDs() {
		p := f.Packages[id-1]
		v := int(p.SourceVersion[len(p.SourceVersion)-1] - '0')
		if id%3 != 0 || v == versions || p.Source == "linux-signed-amd64" { // every third package has one pending at most
			continue
		}
		state, reason := apiv1.UpdateInstallable, ""
		if id%97 == 0 {
			state, reason = apiv1.UpdateHeld, "held by the administrator"
		}
		out.Updates = append(out.Updates, apiv1.Update{Name: p.Name, Arch: p.Arch, Action: apiv1.ActionUpgrade, From: p.Version, To: version(p.Source, versions-1),
			Archive: f.releases[s.Release].suite, Origin: "Debian", Security: id%2 == 0, State: state, Reason: reason})
		if len(out.Updates) == 40 {
			break
		}
	}
	return out
}

// Vitals of a host: fresh for all but one in fifty.
func (f *Fleet) Vitals(n int) apiv1.Vitals {
	refreshed := Now().Add(-time.Duration(n%300) * time.Minute)
	if n%50 == 0 {
		refreshed = Now().Add(-72 * time.Hour)
	}
	booted, valid := Now().Add(-time.Duration(n%90)*24*time.Hour), Now().Add(6*24*time.Hour)
	v := apiv1.Vitals{BootedAt: &booted, Load1: float64(n%40) / 10, MemAvailable: int64(n) << 20, RefreshedAt: &refreshed, RefreshTried: &refreshed, Lists: "system",
		Free: []apiv1.FreeSpace{{Mount: "/", Bytes: int64(n) << 12}, {Mount: "/var", Bytes: int64(n) << 14}}}
	for _, suite := range []string{"bookworm", "bookworm-updates", "bookworm-security"} {
		v.Metadata = append(v.Metadata, apiv1.MetadataTime{Repository: "http://mirror.example.org/debian " + suite, Released: &refreshed, FetchedAt: &refreshed, ValidUntil: &valid})
	}
	return v
}

// Seen is when a host was last heard of.
func (f *Fleet) Seen(n int) inventory.Seen {
	text, err := json.Marshal(f.Vitals(n))
	if err != nil {
		panic("fleetgen: vitals always encode: " + err.Error())
	}
	return inventory.Seen{HostID: f.Host(n).ID, At: Now().Add(-time.Duration(n%60) * time.Second), AgentVersion: "1.4.0", Vitals: text, VitalsAt: Now()}
}

// Digest stands for the sha256 of a section's body, which nothing here needs to be able to make again.
func Digest(parts ...any) string {
	sum := sha256.Sum256([]byte(fmt.Sprint(parts...)))
	return hex.EncodeToString(sum[:])
}

package assess

import (
	"encoding/json"
	"slices"
	"strings"
	"unique"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fleet"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// Standing is everything about a host that a verdict depends on, beside the subject and what is known of it: two hosts that have the
// same subject in the same standing have the same findings of it. It is small, comparable and meant as the key of a map.
type Standing struct {
	Role         Role   // of the subject there
	Place        Place  // of the host
	Entitlements string // active on the host: sorted, with commas between; only of releases that sell support
}

// entitled says whether a host may have what an entitlement opens, or one of several, with commas between; everybody may have what needs none.
func (s Standing) entitled(to string) bool { return to == "" || s.opens(to) != "" }

// opens gives the first of several entitlements that the host has; empty: none of them.
func (s Standing) opens(to string) string {
	if s.Entitlements == "" {
		return ""
	}
	for one := range strings.SplitSeq(to, ",") {
		for has := range strings.SplitSeq(s.Entitlements, ",") {
			if one != "" && (has == one || has == "pro" && strings.HasPrefix(one, "esm-")) {
				return one
			}
		}
	}
	return ""
}

// CVESet is a set of CVEs as one word: equal sets are equal, and a copy costs a pointer. The zero CVESet is empty.
type CVESet struct{ text unique.Handle[string] }

// NewCVESet makes a set.
func NewCVESet(cves []string) CVESet {
	if len(cves) == 0 {
		return CVESet{}
	}
	sorted := slices.Compact(slices.Sorted(slices.Values(cves)))
	return CVESet{unique.Make("\n" + strings.Join(sorted, "\n") + "\n")}
}

// Has says whether a CVE is in the set.
func (s CVESet) Has(cve string) bool {
	return s != (CVESet{}) && strings.Contains(s.text.Value(), "\n"+cve+"\n")
}

// HostState is what a host says of itself beside its packages, as far as findings depend on it. Zero: it says nothing.
type HostState struct {
	Said         bool   // it has sent facts at all
	Running      string // uname -r
	Livepatches  []apiv1.Livepatch
	OldCode      []apiv1.OldCode
	Entitlements []string
	Place        Place
}

// StateOf reads facts (nil: none yet) and labels.
func StateOf(facts *apiv1.Facts, labels fleet.Labels) HostState {
	s := HostState{Place: PlaceOf(labels)}
	if facts != nil {
		s.Said, s.Running, s.Livepatches, s.OldCode, s.Entitlements = true, facts.Kernel.Running, facts.Kernel.Livepatches, facts.OldCode, facts.Entitlements
	}
	return s
}

// text is a standing for sorting.
func (s Standing) text() string {
	patched := ""
	if s.Role.Livepatched != (CVESet{}) {
		patched = s.Role.Livepatched.text.Value()
	}
	return strings.Join([]string{string(s.Role.Part), s.Role.Newest, s.Place.Exposure, s.Place.Criticality, s.Entitlements, patched}, "\x00")
}

// Setting is what the standings of one host's subjects have in common.
type Setting struct {
	SettingKey
	kernels Kernels
}

// SettingKey tells settings apart among hosts with the same packages: those that have an equal one have the same findings.
type SettingKey struct {
	running      string
	place        Place
	entitlements string
	livepatched  CVESet
	old          oldCode
}

// oldCode is what a host says of old code, as one word like CVESet.
type oldCode struct{ text unique.Handle[string] }

func oldCodeOf(said []apiv1.OldCode) oldCode {
	if len(said) == 0 {
		return oldCode{}
	}
	text, err := json.Marshal(said)
	if err != nil {
		panic("assess: strings always encode: " + err.Error())
	}
	return oldCode{unique.Make(string(text))}
}

func (o oldCode) said() (out []apiv1.OldCode) {
	if o == (oldCode{}) {
		return nil
	}
	if err := json.Unmarshal([]byte(o.text.Value()), &out); err != nil {
		panic("assess: our own encoding: " + err.Error())
	}
	return out
}

// SettingOf makes a host's setting. Of its packages only kernel images count (IsImage); the others may be there or not.
func SettingOf(packages []inventory.Package, state HostState) Setting {
	var patched []string
	for _, l := range state.Livepatches {
		patched = append(patched, l.CVEs...)
	}
	entitlements := slices.Compact(slices.Sorted(slices.Values(state.Entitlements)))
	return Setting{
		SettingKey: SettingKey{running: state.Running, place: state.Place, entitlements: strings.Join(entitlements, ","), livepatched: NewCVESet(patched),
			old: oldCodeOf(state.OldCode)},
		kernels: KernelsOf(packages, state.Running),
	}
}

// Standing of a subject that is installed.
func (s Setting) Standing(of Subject) Standing {
	out := Standing{Role: s.kernels.Role(of), Place: s.place}
	if sells(of.Ecosystem) {
		out.Entitlements = s.entitlements
	}
	if out.Role.Part == Plain && kernelSource(of) {
		out.Role.Livepatched = s.livepatched
	}
	return out
}

// Loaded is the standing of a subject that is not on disk any more and still runs.
func (s Setting) Loaded(old Old) Standing {
	out := s.Standing(old.Subject)
	if old.Kernel {
		out.Role = Role{Newest: old.Now.Version, Livepatched: s.livepatched}
	} else {
		out.Role = Role{Part: OldCode, Newest: old.Now.Version}
	}
	return out
}

// sells: fixes that need an entitlement exist there.
func sells(ecosystem string) bool {
	distro, _, _ := strings.Cut(ecosystem, ":")
	return distro == "Ubuntu" || distro == "Red Hat" || distro == "SUSE"
}

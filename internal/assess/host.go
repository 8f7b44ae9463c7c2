package assess

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
	"unique"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// host is one host of the index, small: what hosts have in common they share.
type host struct {
	id, name     string
	ordinal      uint32
	place        uint8 // its number in the index; of hosts with a cohort
	state        word
	agent        word   // at enrollment
	repositories word   // digest
	labels       []word // "key=value", by key
	enrolledAt   int64
	facts        unique.Handle[facts]
	factsDigest  digest
	cohort       *cohort // nil: no inventory yet
	updates      *updates
	seen         seen
}

// word is a text that many hosts share. Equal words are equal; the zero word is empty.
type word struct{ handle unique.Handle[string] }

func wordOf(text string) word {
	if text == "" {
		return word{}
	}
	return word{unique.Make(text)}
}

func (w word) String() string {
	if w == (word{}) {
		return ""
	}
	return w.handle.Value()
}

// shared gives a text back in the one copy of it that everybody has.
func shared(text string) string { return wordOf(text).String() }

// digest is the first half of a section's: enough to see that a host's changed.
type digest [sha256.Size / 2]byte

func digestOf(text string) digest {
	whole, err := hex.DecodeString(text)
	if err != nil || len(whole) != sha256.Size {
		sum := sha256.Sum256([]byte(text)) // not one of ours; equal texts are still equal
		whole = sum[:]
	}
	return digest(whole[:sha256.Size/2])
}

// facts are the part of a host's facts that lists ask for: of its two hundred units only how many failed.
type facts struct {
	known                  bool // false: the host has not sent any yet
	osID, osVersion, os    string
	ecosystem              string
	arch, running, manager string
	reboot                 bool
	failed                 int
	entitlements           string // as in SettingKey
	livepatched            CVESet
	old                    oldCode
}

func factsOf(f *apiv1.Facts) facts {
	if f == nil {
		return facts{}
	}
	out := facts{known: true, osID: f.OS.ID, osVersion: f.OS.VersionID, os: f.OS.Name, ecosystem: f.OS.Ecosystem, arch: f.Arch, running: f.Kernel.Running,
		manager: f.PackageManager.Name, reboot: f.Reboot.Required}
	said := SettingOf(nil, StateOf(f, nil))
	out.entitlements, out.livepatched, out.old = said.entitlements, said.livepatched, said.old
	for _, u := range f.Units {
		if u.Failed {
			out.failed++
		}
	}
	return out
}

// readFacts is factsOf of facts as they are stored. Units are most of their text, and nearly every host's are well: they are looked
// into only where one may have failed.
func readFacts(text []byte) (facts, error) {
	var f struct {
		apiv1.Facts
		Units failedUnits `json:"units"` // in the place of the other
	}
	if err := json.Unmarshal(text, &f); err != nil {
		return facts{}, err
	}
	out := factsOf(&f.Facts)
	out.failed = int(f.Units)
	return out, nil
}

// failedUnits reads from a list of units how many failed.
type failedUnits int

// mayFail says whether the name of the field may be there: JSON may escape its letters, and their case is nothing to Go.
func mayFail(units []byte) bool {
	name := []byte("failed")
	if bytes.Contains(units, []byte(`\u`)) {
		return true
	}
	for i := range len(units) - len(name) + 1 {
		if c := units[i]; (c == 'f' || c == 'F') && bytes.EqualFold(units[i:i+len(name)], name) {
			return true
		}
	}
	return false
}

func (n *failedUnits) UnmarshalJSON(text []byte) error {
	*n = 0
	if len(text) > 0 && text[0] == '[' && !mayFail(text) {
		return nil
	}
	var units []struct{ Failed bool }
	if err := json.Unmarshal(text, &units); err != nil {
		return err
	}
	for _, u := range units {
		if u.Failed {
			*n++
		}
	}
	return nil
}

// setting is what decides, beside the packages and the place, what is found on a host.
func (f facts) setting() SettingKey {
	return SettingKey{running: f.running, entitlements: f.entitlements, livepatched: f.livepatched, old: f.old}
}

// release is the value of host.os: the distribution and its release, as debian:12.
func (f facts) release() string { return strings.TrimSuffix(f.osID+":"+f.osVersion, ":") }

// seen is the moving part of a host: what its list and the age of its package lists need of what it last said. Times are microseconds,
// 0: none.
type seen struct {
	at         int64
	vitalsAt   int64 // 0: none have come yet
	agent      word
	refreshed  int64
	validUntil int64 // the first instant at which one of its repositories' lists end
	repository word  // that repository
	problem    word  // why refreshing failed
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func instant(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

func seenOf(s inventory.Seen) (seen, error) {
	out := seen{at: micros(s.At), vitalsAt: micros(s.VitalsAt), agent: wordOf(s.AgentVersion)}
	vitals, err := inventory.ParseVitals(s.Vitals)
	if err != nil || vitals == nil {
		out.vitalsAt = 0
		return out, err
	}
	if out.vitalsAt == 0 {
		out.vitalsAt = 1 // they have come, whenever
	}
	out.problem = wordOf(vitals.RefreshError)
	if vitals.RefreshedAt != nil {
		out.refreshed = micros(*vitals.RefreshedAt)
	}
	for _, m := range vitals.Metadata {
		if m.ValidUntil != nil && (out.validUntil == 0 || micros(*m.ValidUntil) < out.validUntil) {
			out.validUntil, out.repository = micros(*m.ValidUntil), wordOf(m.Repository)
		}
	}
	return out, nil
}

func newHost(p portrait) *host {
	labels := make([]word, 0, len(p.host.Labels))
	for _, key := range slices.Sorted(maps.Keys(p.host.Labels)) {
		labels = append(labels, wordOf(key+"="+p.host.Labels[key]))
	}
	return &host{
		id: p.host.ID, name: p.host.Name, ordinal: uint32(p.host.Ordinal), //nolint:gosec // put has looked
		state: wordOf(string(p.host.State)), labels: labels, agent: wordOf(p.host.AgentVersion), repositories: wordOf(p.repositories),
		enrolledAt: micros(p.host.EnrolledAt), facts: unique.Make(p.facts), factsDigest: p.factsDigest, seen: p.seen,
	}
}

// eachLabel calls fn with every label, by key.
func (h *host) eachLabel(fn func(key, value string)) {
	for _, one := range h.labels {
		key, value, _ := strings.Cut(one.String(), "=") // no key has one
		fn(key, value)
	}
}

// metadata says how far the host's package lists can be trusted.
func (h *host) metadata(now time.Time) apiv1.MetadataState {
	f := h.facts.Value()
	var about *apiv1.Facts
	if f.known {
		about = &apiv1.Facts{PackageManager: apiv1.PackageManager{Name: f.manager}}
	}
	return inventory.MetadataState(h.seen.vitals(), about, now)
}

func (s seen) vitals() *apiv1.Vitals {
	if s.vitalsAt == 0 {
		return nil
	}
	out := &apiv1.Vitals{RefreshError: s.problem.String()}
	if s.refreshed != 0 {
		at := instant(s.refreshed)
		out.RefreshedAt = &at
	}
	if s.validUntil != 0 {
		until := instant(s.validUntil)
		out.Metadata = []apiv1.MetadataTime{{Repository: s.repository.String(), ValidUntil: &until}}
	}
	return out
}

// stale is metadata(now).Stale, in a few nanoseconds.
func (h *host) stale(now int64) bool {
	s := &h.seen
	return s.refreshed == 0 || now-s.refreshed > inventory.StaleAfter.Microseconds() || (s.validUntil != 0 && now > s.validUntil) || h.unmanaged()
}

// unmanaged: it has said that it has no package manager that the agent supports.
func (h *host) unmanaged() bool {
	f := h.facts.Value()
	return f.known && f.manager == ""
}

// ecosystem is the release whose advisories speak of the host.
func (h *host) ecosystem() string {
	if h.cohort != nil && h.cohort.set.ecosystem != "" {
		return h.cohort.set.ecosystem
	}
	return h.facts.Value().ecosystem
}

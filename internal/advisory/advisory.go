package advisory

import "time"

// Advisory is one record of a feed, reduced to what is used. Its JSON, with sorted contents, is what is stored and digested:
// a revision is kept when it changes.
type Advisory struct {
	Feed       string     `json:"-"`
	ID         string     `json:"id"`
	CVEs       []string   `json:"cves,omitempty"` // sorted; from aliases, upstream and the id itself
	Aliases    []string   `json:"aliases,omitempty"`
	Supersedes []string   `json:"supersedes,omitempty"` // Microsoft: updates that this one replaces
	Summary    string     `json:"summary,omitempty"`
	Details    string     `json:"details,omitempty"`  // at most 4 KiB
	Severity   string     `json:"severity,omitempty"` // as the record gives it: a CVSS vector or a word; the best one where it gives several
	Published  time.Time  `json:"published,omitzero"`
	Modified   time.Time  `json:"modified,omitzero"`
	Withdrawn  time.Time  `json:"withdrawn,omitzero"`
	Affected   []Affected `json:"affected"`
}

// Affected is what an advisory says of one package in one ecosystem release. Package is the source package where the ecosystem's records
// name sources (Debian, Ubuntu, Alpine, Rocky) and the binary one where they name binaries (the rest of the RPM family). An
// advisory may say several things of one package: of several streams, or with and without an entitlement.
type Affected struct {
	Ecosystem   string   `json:"ecosystem"` // normalised: Debian:12, Ubuntu:24.04, AlmaLinux:9
	Package     string   `json:"package"`
	Ranges      []Range  `json:"ranges,omitempty"`      // none: see Status
	Versions    []string `json:"versions,omitempty"`    // exact versions, beside the ranges
	Status      Status   `json:"status,omitempty"`      // of what the ranges name; without ranges and versions, of every version
	Note        string   `json:"note,omitempty"`        // the source's own words for the status, at most 256 bytes
	Stream      string   `json:"stream,omitempty"`      // module stream, as nodejs:20; empty: not modular, or the source does not say
	Entitlement string   `json:"entitlement,omitempty"` // what the fix needs: esm-infra, esm-apps, pro, eus, …; empty: nothing
	Until       string   `json:"until,omitempty"`       // last day on which this counts, YYYY-MM-DD; only of the user's own lists, and feed ends it
	Severity    string   `json:"severity,omitempty"`    // of this package here, where the source rates packages; else the advisory's counts
}

// Status is a source's own word on a package beside its ranges. The sources' words are kept apart, since they promise different things.
type Status string

// Statuses. Where a fixed version is named in a range, the status says how its source stands to what is below it.
const (
	StatusOpen          Status = ""              // affected; fixed where a range ends
	StatusNotAffected   Status = "not_affected"  // Debian <not-affected>, CSAF known_not_affected, OpenVEX not_affected
	StatusUndetermined  Status = "undetermined"  // Debian <undetermined>, CSAF and OpenVEX under_investigation, Ubuntu needs-triage
	StatusNoDSA         Status = "no_dsa"        // Debian: no advisory of its own; often fixed in a point release
	StatusPostponed     Status = "postponed"     // Debian: to be fixed along with the next advisory
	StatusIgnored       Status = "ignored"       // Debian, Ubuntu: will not be fixed in this release
	StatusDeferred      Status = "deferred"      // Red Hat, Ubuntu: fix deferred
	StatusWontFix       Status = "wont_fix"      // Red Hat: will not fix, out of support scope
	StatusUnimportant   Status = "unimportant"   // Debian: no security impact in practice
	StatusEndOfLife     Status = "end_of_life"   // nobody looks any more
	StatusFixedUpstream Status = "fix_elsewhere" // fixed in a newer release or stream only
	StatusNotice        Status = "notice"        // no vulnerability: an update that mends an update, or that nobody maintains a package any more
)

// Range is introduced <= v < fixed, or introduced <= v <= last. Introduced "0" is before everything; Fixed and Last empty: no end.
type Range struct {
	Introduced string `json:"introduced"`
	Fixed      string `json:"fixed,omitempty"`
	Last       string `json:"last,omitempty"`
}

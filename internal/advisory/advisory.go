package advisory

import "time"

// Advisory is one record of a feed, reduced to what is used. Its JSON, with sorted contents, is what is stored and digested:
// a revision is kept when it changes.
type Advisory struct {
	Feed      string     `json:"-"`
	ID        string     `json:"id"`
	CVEs      []string   `json:"cves,omitempty"` // sorted; from aliases, upstream and the id itself
	Aliases   []string   `json:"aliases,omitempty"`
	Summary   string     `json:"summary,omitempty"`
	Details   string     `json:"details,omitempty"`  // at most 4 KiB
	Severity  string     `json:"severity,omitempty"` // as the record gives it: a CVSS vector or a word
	Published time.Time  `json:"published,omitzero"`
	Modified  time.Time  `json:"modified,omitzero"`
	Withdrawn time.Time  `json:"withdrawn,omitzero"`
	Affected  []Affected `json:"affected"`
}

// Affected is one package in one ecosystem release. Package is the source package where the ecosystem's records name sources (Debian,
// Ubuntu, Alpine) and the binary one where they name binaries (the RPM family).
type Affected struct {
	Ecosystem string   `json:"ecosystem"` // normalised: Debian:12, Ubuntu:24.04, AlmaLinux:9
	Package   string   `json:"package"`
	Ranges    []Range  `json:"ranges,omitempty"`
	Versions  []string `json:"versions,omitempty"` // exact versions, beside the ranges
}

// Range is introduced <= v < fixed, or introduced <= v <= last. Introduced "0" is before everything; Fixed and Last empty: no end.
type Range struct {
	Introduced string `json:"introduced"`
	Fixed      string `json:"fixed,omitempty"`
	Last       string `json:"last,omitempty"`
}

// KEV is the overlay of CISA's catalogue for one CVE; its JSON is stored.
type KEV struct {
	CVE        string `json:"cve"`
	Added      string `json:"added"` // date
	Due        string `json:"due,omitempty"`
	Ransomware bool   `json:"ransomware,omitempty"`
	Name       string `json:"name,omitempty"`
}

package apiv1

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// ComplianceReport is what was wrong on which host from when to when, and what ended it: as the hosts' own inventories show it, judged
// with today's knowledge.
type ComplianceReport struct {
	AsOf        time.Time        `json:"as_of"`
	Server      string           `json:"server,omitempty" doc:"Version of the server that made it"`
	Selector    string           `json:"selector" doc:"Empty means every host"`
	Since       time.Time        `json:"since" doc:"Findings fixed before this are left out; open ones are all there"`
	Feeds       []FeedStatus     `json:"feeds" doc:"What was known, and how old that is"`
	Hosts       []ComplianceHost `json:"hosts" doc:"Hosts that are not assessed first, then by name"`
	NotAssessed int              `json:"not_assessed"`
	Open        int              `json:"open"`
	Fixed       int              `json:"fixed"`
	Outside     int              `json:"outside" doc:"Of the fixed ones: not by a rollout of this server"`
}

// ComplianceHost is one host of a report.
type ComplianceHost struct {
	HostID    string            `json:"host_id"`
	Host      string            `json:"host"`
	Labels    map[string]string `json:"labels"`
	OS        string            `json:"os"`
	State     string            `json:"state"`
	Assessed  bool              `json:"assessed" doc:"False: its empty lists say nothing"`
	Reason    string            `json:"reason,omitempty" doc:"Why it is not assessed"`
	LastSeen  *time.Time        `json:"last_seen,omitempty"`
	FirstSeen *time.Time        `json:"first_seen,omitempty" doc:"Its first inventory: nothing is known of the time before"`
	AsOf      *time.Time        `json:"as_of,omitempty" doc:"Since when its packages are as they are"`
	Metadata  MetadataState     `json:"metadata"`
	Open      []OpenFinding     `json:"open"`
	Fixed     []FixedFinding    `json:"fixed"`
}

// OpenFinding is a vulnerability that a host has now.
type OpenFinding struct {
	Vulnerability string    `json:"vulnerability"`
	Advisory      string    `json:"advisory"`
	Feed          string    `json:"feed"`
	Source        string    `json:"source"`
	Packages      []string  `json:"packages"`
	Installed     string    `json:"installed" doc:"Installed source version; several where several stand side by side"`
	FixedIn       string    `json:"fixed_in,omitempty" doc:"First fixed source version; empty when none is known"`
	Status        string    `json:"status"`
	Priority      string    `json:"priority" enum:"urgent,high,normal,low,lowest"`
	KEV           bool      `json:"kev"`
	Since         time.Time `json:"since"`
	SinceWhy      string    `json:"since_why" enum:"package seen,advisory published,advisory first known" doc:"Which of the two came later: the package here, or the knowledge"`
}

// Ways in which a finding was fixed.
const (
	FixedByRollout = "rollout"
	FixedOutside   = "outside"
)

// How far a fix has come.
const (
	FixInstalled = "installed" // on disk; processes still map the version before, or the host does not say
	FixLoaded    = "loaded"    // and nothing runs the version before any more
	FixVerified  = "verified"  // and a run of a rollout checked the host afterwards and was content
)

// FixedFinding is a vulnerability that a host had and, by its own inventory, has no more.
type FixedFinding struct {
	Vulnerability string     `json:"vulnerability"`
	Advisory      string     `json:"advisory"`
	Feed          string     `json:"feed"`
	Source        string     `json:"source"`
	Packages      []string   `json:"packages"`
	From          string     `json:"from" doc:"Source version that had it"`
	To            string     `json:"to,omitempty" doc:"Source version since then, and patched in memory where that is what fixed it; empty: the package is gone"`
	Priority      string     `json:"priority" enum:"urgent,high,normal,low,lowest"`
	KEV           bool       `json:"kev"`
	Since         time.Time  `json:"since"`
	SinceWhy      string     `json:"since_why" enum:"package seen,advisory published,advisory first known"`
	FixedAt       time.Time  `json:"fixed_at" doc:"The first inventory that shows it"`
	FixState      string     `json:"fix_state" enum:"installed,loaded,verified" doc:"How far the fix has come: on disk; loaded, as nothing runs the version before any more; verified by the run that brought it"`
	By            string     `json:"by" enum:"rollout,outside"`
	Rollout       string     `json:"rollout,omitempty"`
	Run           string     `json:"run,omitempty"`
	RunState      string     `json:"run_state,omitempty" doc:"A run may have failed after this package was done"`
	Plan          string     `json:"plan,omitempty"`
	ApprovedBy    []string   `json:"approved_by" doc:"Who approved the plan, and whose signatures it carries"`
	ApprovedAt    *time.Time `json:"approved_at,omitempty"`
}

// ContentNDJSON is the media type of the events export: one EventRecord a line, and {"seq":0} as the last line of a whole answer.
const ContentNDJSON = "application/x-ndjson"

// EventRecord is an event with everything that its place in the chain is made of; a line of the export.
type EventRecord struct {
	Seq   int64             `json:"seq"`
	At    int64             `json:"at_us" doc:"Microseconds since 1970, UTC: what the hash covers"`
	Kind  string            `json:"kind"`
	Actor string            `json:"actor"`
	Host  string            `json:"host"`
	Text  string            `json:"text"`
	Data  map[string]string `json:"data"`
	Hash  string            `json:"hash" doc:"sha256 over the hash before it and the other fields, lower-case hex"`
}

// Chain is the hash that e must have when it follows an event whose hash is before ("" for the first): sha256 over
// [before, seq, at_us, kind, actor, host, text, [{"K":key,"V":value}, … by key]] as Go's encoding/json writes it.
func (e EventRecord) Chain(before string) string {
	type pair struct{ K, V string }
	data := make([]pair, 0, len(e.Data))
	for _, k := range slices.Sorted(maps.Keys(e.Data)) {
		data = append(data, pair{k, e.Data[k]})
	}
	text, err := json.Marshal([]any{before, e.Seq, e.At, e.Kind, e.Actor, e.Host, e.Text, data})
	if err != nil {
		panic("apiv1: strings and numbers always encode: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// EventVerification is what the server found when it went through its own log.
type EventVerification struct {
	Whole  bool   `json:"whole"`
	Events int64  `json:"events" doc:"How many hold, from the first one on"`
	Seq    int64  `json:"seq" doc:"The last that holds"`
	Hash   string `json:"hash" doc:"Its hash: kept elsewhere, it shows later that nothing before it was rewritten"`
	Broken int64  `json:"broken,omitempty" doc:"The first that does not hold"`
	Reason string `json:"reason,omitempty"`
}

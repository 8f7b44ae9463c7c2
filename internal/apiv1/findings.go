package apiv1

import "time"

// Priorities of a finding here, worst first.
const (
	PriorityUrgent = "urgent" // known to be exploited
	PriorityHigh   = "high"
	PriorityNormal = "normal"
	PriorityLow    = "low"
	PriorityLowest = "lowest" // not loaded: nothing runs the vulnerable code
)

// Statuses of a finding.
const (
	StatusFixed         = "fix available"                               // a fixed version is known
	StatusNoFix         = "no fix yet"                                  // affected, and the advisory names no fixed version
	StatusNotLoaded     = "no kernel image installed: not loaded"       // kernel source through headers and tools alone
	StatusNotRunning    = "kernel installed but not running"            // an old or a not yet booted kernel image
	StatusRebootPending = "fixed on disk, the old kernel still runs"    // newest image fixed, running one not
	StatusOldCode       = "fixed on disk, the old code is still loaded" // a process still maps a file of the version before
	StatusEntitlement   = "fix needs a subscription"                    // a fixed version is known, and this host may not have it
	StatusPostponed     = "fix postponed by the distribution"           // Debian's no-dsa and postponed, deferred elsewhere; source_status says which
	StatusWontFix       = "no fix planned"                              // ignored, will not fix, out of support scope
	StatusUndetermined  = "under investigation"                         // the distribution does not know yet whether it is affected
	StatusUnimportant   = "no security impact, says the distribution"
	StatusEndOfLife     = "end of life: nobody fixes it"
	StatusUntold        = "cannot be told: the module stream is not known"
)

// Finding is one vulnerability of one source package on one host, with the binary packages it is installed through.
// staunch scan prints the same shape with the host fields empty.
type Finding struct {
	HostID        string     `json:"host_id,omitempty"`
	Host          string     `json:"host,omitempty"`
	Vulnerability string     `json:"vulnerability" doc:"The CVE id where there is one, else the advisory's id"`
	Advisory      string     `json:"advisory"`
	Source        string     `json:"source"`
	Package       string     `json:"package" doc:"The first of packages"`
	Packages      []string   `json:"packages"`
	Installed     string     `json:"installed" doc:"Installed source version"`
	Fixed         string     `json:"fixed,omitempty" doc:"First fixed source version; empty when none is known"`
	Status        string     `json:"status"`
	Priority      string     `json:"priority" enum:"urgent,high,normal,low,lowest"`
	Severity      string     `json:"severity,omitempty" doc:"As the advisory gives it"`
	KEV           *KEV       `json:"kev,omitempty"`
	EPSS          *EPSS      `json:"epss,omitempty"`
	SSVC          *SSVC      `json:"ssvc,omitempty"`
	SourceStatus  string     `json:"source_status,omitempty" doc:"The source's own word beside its ranges: no_dsa, postponed, ignored, unimportant, end_of_life, undetermined, deferred, wont_fix, …"`
	SourceNote    string     `json:"source_note,omitempty" doc:"The source's own reason for it"`
	Stream        string     `json:"stream,omitempty" doc:"Module stream, RPM family"`
	Entitlement   string     `json:"entitlement,omitempty" doc:"What the fix needs: esm-infra, esm-apps, eus, …"`
	Reasons       []Reason   `json:"reasons" doc:"Every input that the priority was made of, with its source and date"`
	Ecosystem     string     `json:"ecosystem"`
	Feed          string     `json:"feed"`
	FeedAsOf      *time.Time `json:"feed_as_of,omitempty"`
	Update        string     `json:"update,omitempty" doc:"The host's own package manager offers this binary version now"`
	Explanation   string     `json:"explanation"`
}

// KEV is the entry in CISA's catalogue of known exploited vulnerabilities.
type KEV struct {
	Added      string `json:"added" doc:"Date"`
	Due        string `json:"due,omitempty" doc:"CISA's own date for federal agencies"`
	Ransomware bool   `json:"ransomware"`
	Name       string `json:"name,omitempty"`
}

// EPSS is FIRST's probability that exploitation is seen in the next 30 days.
type EPSS struct {
	Score float64 `json:"score" doc:"0 to 1, to a thousandth"`
	AsOf  string  `json:"as_of,omitempty" doc:"Date of the scores"`
}

// SSVC is CISA's decision, as vulnrichment publishes it.
type SSVC struct {
	Exploitation string `json:"exploitation" doc:"none, poc or active"`
	Automatable  string `json:"automatable" doc:"yes or no"`
	Impact       string `json:"technical_impact" doc:"partial or total"`
	At           string `json:"at,omitempty" doc:"Date of the decision"`
}

// Reason is one input of a priority: what it said, who said so and when, and what it did.
type Reason struct {
	Input  string `json:"input" enum:"severity,epss,kev,ransomware,ssvc,exposure,criticality,fix,age,status"`
	Value  string `json:"value" doc:"As 9.8 (CVSS:3.1/…), 0.943, active, internet, 412 days"`
	Source string `json:"source" doc:"The feed, or the label, that said so"`
	Date   string `json:"date,omitempty" doc:"Of the value"`
	Effect string `json:"effect" doc:"As: raises high to urgent; none"`
}

// FindingPage is a page of findings.
type FindingPage struct {
	Items []Finding     `json:"items"`
	Total int           `json:"total"`
	Next  string        `json:"next,omitempty"`
	Count FindingCounts `json:"count"`
	// NotAssessed names hosts that match but about which nothing is known, so that a short list is not read as good news.
	NotAssessed int   `json:"not_assessed"`
	Seq         int64 `json:"seq"`
	Past        *Past `json:"past,omitempty" doc:"What time this is of; absent: now"`
}

// VulnRow is a vulnerability and how far it reaches in the fleet.
type VulnRow struct {
	ID        string     `json:"id"`
	Summary   string     `json:"summary,omitempty"`
	Priority  string     `json:"priority" doc:"The worst among its findings"`
	KEV       *KEV       `json:"kev,omitempty"`
	Hosts     int        `json:"hosts"`
	Sources   []string   `json:"sources"`
	Fixable   int        `json:"fixable" doc:"Hosts whose package manager offers a fix now"`
	Published *time.Time `json:"published,omitempty"`
}

// VulnPage is a page of vulnerabilities, worst first.
type VulnPage struct {
	Items       []VulnRow `json:"items"`
	Total       int       `json:"total"`
	Next        string    `json:"next,omitempty"`
	NotAssessed int       `json:"not_assessed"`
	Reason      string    `json:"reason,omitempty" doc:"Why the list says nothing: no host is selected, or none of them is assessed"`
	Seq         int64     `json:"seq"`
	Past        *Past     `json:"past,omitempty" doc:"What time this is of; absent: now"`
}

// VulnDetail is one vulnerability: what the advisories say, and which hosts have it.
type VulnDetail struct {
	ID         string        `json:"id"`
	Known      bool          `json:"known" doc:"False when no feed that was imported names it; then it says nothing about the hosts"`
	Summary    string        `json:"summary,omitempty"`
	Details    string        `json:"details,omitempty"`
	Names      []string      `json:"names" doc:"Where the id is an advisory's: the vulnerabilities that it names, under which its findings are listed"`
	KEV        *KEV          `json:"kev,omitempty" doc:"Of an advisory: the entry of what it names, one that ransomware uses before others, then the oldest"`
	Advisories []AdvisoryRef `json:"advisories"`
	Hosts      FindingPage   `json:"hosts"`
	ByPriority FindingCounts `json:"by_priority" doc:"Hosts, each once, by the worst priority that this has there"`
	Past       *Past         `json:"past,omitempty" doc:"What time this is of; absent: now"`
}

// AdvisoryRef is one advisory that names a vulnerability, with what it says is affected.
type AdvisoryRef struct {
	ID        string          `json:"id"`
	Feed      string          `json:"feed"`
	Published *time.Time      `json:"published,omitempty"`
	Modified  *time.Time      `json:"modified,omitempty"`
	Withdrawn *time.Time      `json:"withdrawn,omitempty"`
	Affected  []AffectedRange `json:"affected"`
}

// AffectedRange is one range of versions, in words: "< 3.0.17-1~deb12u3". Status and note are the source's own words beside it; a source
// that gives no versions speaks of "every version", or, with not_affected, of none.
type AffectedRange struct {
	Ecosystem string `json:"ecosystem"`
	Package   string `json:"package"`
	Range     string `json:"range" doc:"empty: of no version, as status not_affected says"`
	Fixed     string `json:"fixed,omitempty"`
	Status    string `json:"status,omitempty" doc:"The source's own word beside the range: not_affected, no_dsa, postponed, ignored, …; absent: affected"`
	Note      string `json:"note,omitempty" doc:"Its reason, where it gives one"`
}

// FleetUpdate is one update of the fleet: the same package to the same version, on how many hosts.
type FleetUpdate struct {
	Name     string      `json:"name"`
	Action   string      `json:"action"`
	From     []string    `json:"from"`
	To       string      `json:"to,omitempty"`
	Archive  string      `json:"archive,omitempty"`
	Origin   string      `json:"origin,omitempty"`
	Security bool        `json:"security"`
	Hosts    int         `json:"hosts"`
	States   []NameCount `json:"states" doc:"Hosts by state: installable, phased, held, kept-back"`
}

// FleetUpdatePage is a page of the fleet's updates; Unknown counts hosts whose package manager could not say.
type FleetUpdatePage struct {
	Items   []FleetUpdate `json:"items"`
	Total   int           `json:"total"`
	Next    string        `json:"next,omitempty"`
	Unknown int           `json:"unknown"`
	Reason  string        `json:"reason,omitempty" doc:"Why the list says nothing: no host is selected, or of none of them the updates are known"`
	Seq     int64         `json:"seq"`
	Past    *Past         `json:"past,omitempty" doc:"What time this is of; absent: now"`
}

// Assessment says whether findings mean anything.
type Assessment struct {
	Status string `json:"status" enum:"assessed,not assessed"`
	Reason string `json:"reason,omitempty"`
}

// Scan is what staunch scan -o json prints.
type Scan struct {
	Root       string        `json:"root"`
	OS         OSRelease     `json:"os"`
	Ecosystem  string        `json:"ecosystem"`
	Assessment Assessment    `json:"assessment"`
	Packages   int           `json:"packages"`
	Findings   []Finding     `json:"findings"`
	Count      FindingCounts `json:"count"`
	Feeds      []FeedStatus  `json:"feeds"`
	Warnings   []string      `json:"warnings"`
}

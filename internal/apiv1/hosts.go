package apiv1

import "time"

// Host is one row of the hosts list.
type Host struct {
	ID             string            `json:"id"`
	Name           string            `json:"name"`
	State          string            `json:"state" enum:"pending,approved,revoked"`
	Online         bool              `json:"online" doc:"Its long poll is open, or was within the last minute. Of the past nobody knows that: false"`
	LastSeen       *time.Time        `json:"last_seen,omitempty"`
	Labels         map[string]string `json:"labels"`
	OS             string            `json:"os" doc:"PRETTY_NAME; empty before the first facts"`
	Ecosystem      string            `json:"ecosystem,omitempty"`
	Arch           string            `json:"arch,omitempty"`
	Kernel         string            `json:"kernel,omitempty"`
	AgentVersion   string            `json:"agent_version,omitempty"`
	EnrolledAt     time.Time         `json:"enrolled_at"`
	Packages       int               `json:"packages"`
	Findings       FindingCounts     `json:"findings"`
	Updates        UpdateCounts      `json:"updates"`
	RebootRequired bool              `json:"reboot_required"`
	Metadata       MetadataState     `json:"metadata"`
	FailedUnits    int               `json:"failed_units"`
	Lifecycle      HostLifecycle     `json:"lifecycle"`
}

// HostLifecycle is how the release of a host is looked after by those who make it. Unknown: no source speaks of it, or no feed has been imported.
type HostLifecycle struct {
	Product           string `json:"product,omitempty" doc:"As endoflife.date names it: debian"`
	Release           string `json:"release,omitempty" doc:"12"`
	State             string `json:"state" enum:"supported,extended,ended,unknown"`
	Until             string `json:"until,omitempty" doc:"Last day of the state, YYYY-MM-DD; of an ended release the day on which it ended. Absent: not known"`
	Source            string `json:"source,omitempty" doc:"The feeds that say so: distro-info+eol"`
	EntitlementNeeded string `json:"entitlement_needed,omitempty" doc:"What extended support needs and the host does not report: esm-infra, els, ltss"`
}

// FindingCounts counts distinct vulnerabilities by priority. Assessed false means the counts say nothing; Reason says why.
type FindingCounts struct {
	Assessed bool   `json:"assessed"`
	Reason   string `json:"reason,omitempty"`
	Total    int    `json:"total"`
	Urgent   int    `json:"urgent"`
	High     int    `json:"high"`
	Normal   int    `json:"normal"`
	Low      int    `json:"low"`
	Lowest   int    `json:"lowest"`
}

// UpdateCounts counts updates by state. Known false means the package manager could not say; Problem says why.
type UpdateCounts struct {
	Known       bool   `json:"known"`
	Problem     string `json:"problem,omitempty"`
	Installable int    `json:"installable"`
	Security    int    `json:"security" doc:"Of the installable ones"`
	Phased      int    `json:"phased"`
	Held        int    `json:"held"`
	KeptBack    int    `json:"kept_back"`
}

// MetadataState says how far the host's package lists can be trusted.
type MetadataState struct {
	AsOf   *time.Time `json:"as_of,omitempty" doc:"Last refresh in which every readable repository answered"`
	Stale  bool       `json:"stale"`
	Reason string     `json:"reason,omitempty"`
}

// HostDetail is everything the host's page shows beside its lists.
type HostDetail struct {
	Host         Host                 `json:"host"`
	Facts        *Facts               `json:"facts,omitempty"`
	Hardware     *Hardware            `json:"hardware,omitempty"`
	Repositories []Repository         `json:"repositories"`
	Vitals       *Vitals              `json:"vitals,omitempty"`
	VitalsAt     *time.Time           `json:"vitals_at,omitempty"`
	Since        map[string]time.Time `json:"since" doc:"Section name to when its present contents were first seen"`
	EnrolledBy   string               `json:"enrolled_by,omitempty" doc:"Id of the enroll-token"`
	ApprovedAt   *time.Time           `json:"approved_at,omitempty"`
	ApprovedBy   string               `json:"approved_by,omitempty"`
	CertExpires  *time.Time           `json:"cert_expires,omitempty"`
}

// HostUpdates is the host's updates section as the host last reported it.
type HostUpdates struct {
	Updates
	AsOf     *time.Time    `json:"as_of,omitempty" doc:"When this answer was first reported"`
	Metadata MetadataState `json:"metadata"`
}

// HostPackages is what is installed on a host.
type HostPackages struct {
	Ecosystem string     `json:"ecosystem"`
	AsOf      *time.Time `json:"as_of,omitempty"`
	Packages  []Package  `json:"packages"`
}

// HistoryEntry is one thing that happened to a host.
type HistoryEntry struct {
	At      time.Time       `json:"at"`
	Kind    string          `json:"kind" doc:"packages, facts, updates, hardware, repositories, or an event's kind"`
	Text    string          `json:"text"`
	Actor   string          `json:"actor,omitempty"`
	Changes []PackageChange `json:"changes"`
}

// PackageChange is a package that came, went or changed version. From is empty when it came, To when it went.
type PackageChange struct {
	Name string `json:"name"`
	Arch string `json:"arch,omitempty"`
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
}

// Page of hosts; Total counts all that match, Next is empty on the last page.
type HostPage struct {
	Items []Host `json:"items"`
	Total int    `json:"total"`
	Next  string `json:"next,omitempty"`
	Seq   int64  `json:"seq" doc:"The change this answer includes"`
	Past  *Past  `json:"past,omitempty" doc:"What time this is of; absent: now"`
}

// HistoryPage is a page of a host's history, newest first.
type HistoryPage struct {
	Items []HistoryEntry `json:"items"`
	Next  string         `json:"next,omitempty"`
}

// SetLabels replaces a host's labels.
type SetLabels struct {
	Labels map[string]string `json:"labels"`
}

// Overview is the front page: counts over the hosts that a selector names.
type Overview struct {
	Hosts          int           `json:"hosts"`
	Online         int           `json:"online" doc:"Of the past nobody knows that: 0"`
	Pending        int           `json:"pending"`
	NotAssessed    int           `json:"not_assessed"`
	StaleMetadata  int           `json:"stale_metadata"`
	EndOfLife      int           `json:"end_of_life" doc:"Hosts whose release nobody looks after any more"`
	RebootRequired int           `json:"reboot_required"`
	FailedUnits    int           `json:"failed_units" doc:"Hosts with at least one"`
	WithSecurity   int           `json:"with_security" doc:"Hosts with an installable security update"`
	UpdatesUnknown int           `json:"updates_unknown"`
	Findings       FindingCounts `json:"findings" doc:"Distinct vulnerabilities"`
	HostsByWorst   FindingCounts `json:"hosts_by_worst" doc:"Hosts by the priority of their worst finding; total counts hosts with none too"`
	Releases       []NameCount   `json:"releases"`
	Feeds          []FeedStatus  `json:"feeds"`
	Top            []VulnRow     `json:"top" doc:"The ten worst vulnerabilities"`
	Seq            int64         `json:"seq"`
	Past           *Past         `json:"past,omitempty" doc:"What time this is of; absent: now"`
}

// NameCount is one bar of a chart.
type NameCount struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
}

// Whose knowledge an answer about the past is judged with.
const (
	KnowledgeThen  = "then"
	KnowledgeToday = "today"
)

// Past says that an answer is of a time in the past. Names, labels, approval and who was online have no history: they are today's, or left out.
type Past struct {
	AsOf      time.Time `json:"as_of" doc:"Which hosts there were, and what they had"`
	Knowledge string    `json:"knowledge" enum:"then,today" doc:"Judged with what was known then, or with hindsight"`
}

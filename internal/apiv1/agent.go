package apiv1

import "time"

// ProtocolVersion is sent by agents at enrollment; a server serves its own version and the two before and after it.
const ProtocolVersion = 1

// AgentALPN is the TLS application protocol that agents offer. It lets one address serve consoles and agents: a connection that
// negotiated it speaks HTTP/1.1, is asked for a client certificate, and reaches only the agent operations.
const AgentALPN = "staunch-agent/1"

// Paths of the agent channel, below the server's address.
const (
	PathEnroll   = "/agent/v1/enroll"
	PathRenew    = "/agent/v1/renew"
	PathCheckin  = "/agent/v1/checkin"
	PathSections = "/agent/v1/sections/" // + section name
	PathWork     = "/agent/v1/work"
)

// Host states.
const (
	HostPending  = "pending"  // enrolled, not yet approved: reads nothing, gets no work
	HostApproved = "approved" // takes part
	HostRevoked  = "revoked"  // its certificates are refused
)

// EnrollRequest is the first contact of an agent; the token in it is the only proof.
type EnrollRequest struct {
	_            struct{} `json:"-" additionalProperties:"true"`
	Token        string   `json:"token" maxLength:"512" doc:"Enroll-token as printed by staunch enroll-token create"`
	CSR          string   `json:"csr" maxLength:"16384" doc:"PEM certificate request; only its public key is used"`
	Hostname     string   `json:"hostname" maxLength:"253"`
	MachineID    string   `json:"machine_id,omitempty" maxLength:"64" doc:"Hash of /etc/machine-id; only to recognise clones and re-enrollment"`
	AgentVersion string   `json:"agent_version" maxLength:"64"`
	Protocol     int      `json:"protocol" minimum:"1"`
}

// EnrollResponse carries the host's identity. Certificate and CA are PEM.
type EnrollResponse struct {
	HostID      string `json:"host_id"`
	State       string `json:"state" enum:"pending,approved"`
	Certificate string `json:"certificate" doc:"PEM, 24 h"`
	CA          string `json:"ca" doc:"PEM of the server's CA"`
	PlanKey     string `json:"plan_key,omitempty" doc:"The server's plan key, one authorized_keys line; given here only, to be pinned"`
}

// RenewRequest asks for the next certificate over the current one, or over one that expired at most 30 days ago.
type RenewRequest struct {
	_   struct{} `json:"-" additionalProperties:"true"`
	CSR string   `json:"csr" maxLength:"16384"`
}

// RenewResponse is the next certificate; the old one works until the server has seen the new one.
type RenewResponse struct {
	Certificate string `json:"certificate"`
	CA          string `json:"ca"`
}

// Checkin says what the host has, by digest. Sections maps a section's name to the sha256, in lower-case hex, of its body's exact bytes.
type Checkin struct {
	_            struct{}          `json:"-" additionalProperties:"true"`
	AgentVersion string            `json:"agent_version" maxLength:"64"`
	Sections     map[string]string `json:"sections" maxProperties:"16"`
	Vitals       *Vitals           `json:"vitals,omitempty" doc:"Absent means unchanged since the last that was accepted"`
}

// CheckinAnswer names the sections whose bodies the server wants, and the change it answers from.
type CheckinAnswer struct {
	Lacks       []string `json:"lacks"`
	Seq         int64    `json:"seq"`
	NextSeconds int      `json:"next_seconds" doc:"When to check in again if nothing happens; the agent adds its own jitter"`
}

// SectionAnswer acknowledges a section body after it is durable.
type SectionAnswer struct {
	Seq     int64 `json:"seq"`
	Changed bool  `json:"changed" doc:"False when the server already had this body for this host"`
}

// Work kinds. A verb an agent does not know is answered by doing nothing and saying so in its log.
const (
	WorkCollect = "collect" // collect and check in now
	WorkRefresh = "refresh" // refresh package lists first, then collect and check in
)

// Work is the answer to the long poll; 204 means none came up while waiting.
type Work struct {
	ID   string `json:"id"`
	Kind string `json:"kind"`
}

// Vitals are the values that move by themselves. Only the last is kept; they are in no digest.
type Vitals struct {
	_            struct{}       `json:"-" additionalProperties:"true"`
	BootedAt     *time.Time     `json:"booted_at,omitempty"`
	Load1        float64        `json:"load1"`
	MemAvailable int64          `json:"mem_available" doc:"Bytes"`
	Free         []FreeSpace    `json:"free,omitempty" nullable:"true" maxItems:"64"`
	Metadata     []MetadataTime `json:"metadata,omitempty" nullable:"true" maxItems:"256"`
	Phasing      []Phasing      `json:"phasing,omitempty" nullable:"true" maxItems:"1000"`
	Lists        string         `json:"lists,omitempty" maxLength:"16" doc:"Whose package lists the updates come from: system or agent, whichever are fresher"`
	RefreshedAt  *time.Time     `json:"refreshed_at,omitempty" doc:"Last refresh of package lists in which every readable repository answered"`
	RefreshTried *time.Time     `json:"refresh_tried,omitempty"`
	RefreshError string         `json:"refresh_error,omitempty" maxLength:"2000"`
}

// FreeSpace is the free room of one mounted file system, in bytes.
type FreeSpace struct {
	Mount string `json:"mount" maxLength:"1024"`
	Bytes int64  `json:"bytes"`
}

// MetadataTime says how current one repository's lists are on the host.
type MetadataTime struct {
	Repository string     `json:"repository" maxLength:"1024" doc:"Repository.ID"`
	Released   *time.Time `json:"released,omitempty" doc:"Date in the repository's own signed index"`
	ValidUntil *time.Time `json:"valid_until,omitempty"`
	FetchedAt  *time.Time `json:"fetched_at,omitempty"`
	Error      string     `json:"error,omitempty" maxLength:"500"`
}

// Phasing is the share of machines a phased update is offered to; it is stored once for a package version, not per host.
type Phasing struct {
	Package string `json:"package" maxLength:"256"`
	Version string `json:"version" maxLength:"256"`
	Percent int    `json:"percent" minimum:"0" maximum:"100"`
}

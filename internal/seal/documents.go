package seal

import "time"

// Namespaces of SSHSIG signatures: a signature for one purpose is worthless for another.
const (
	NamespacePlan   = "staunch-plan"
	NamespaceGrant  = "staunch-grant"
	NamespaceBundle = "staunch-bundle" // the manifest of a bundle of feeds
)

// MaxPlanBytes bounds a plan, a lock and a spool entry.
const MaxPlanBytes = 10 << 20

// Plan is the one document of a rollout: the same bytes for every host. Signatures cover the bytes as they were made, never a re-encoding.
// Hosts are named by the Merkle root over their leaves, so that a host learns nothing about the others.
type Plan struct {
	Version       int       `json:"v"` // 1
	ID            string    `json:"id"`
	Kind          string    `json:"kind"` // patch
	CreatedAt     time.Time `json:"created_at"`
	CreatedBy     string    `json:"created_by"`
	NotBefore     time.Time `json:"not_before"`
	NotAfter      time.Time `json:"not_after"`  // no run starts after this
	HostsRoot     string    `json:"hosts_root"` // RFC 6962 root over Leaf of every host, in order of host id; lower-case hex
	Hosts         int       `json:"hosts"`
	Locks         []string  `json:"locks"`  // sha256 of every cohort's lock, sorted
	Reboot        string    `json:"reboot"` // never, if-required
	AllowRemovals bool      `json:"allow_removals"`
	AllowNew      bool      `json:"allow_new"`
}

// Lock is what one cohort of like hosts gets: exactly these versions, exactly these bytes, sorted by name and architecture.
type Lock struct {
	Version int      `json:"v"`       // 1
	Manager string   `json:"manager"` // apt
	Changes []Change `json:"changes"`
}

// Change is one package of a lock. SHA256 and Size are empty for a removal.
type Change struct {
	Name   string `json:"name"`
	Arch   string `json:"arch"`
	Action string `json:"action"` // upgrade, install, remove
	From   string `json:"from,omitempty"`
	To     string `json:"to,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
	Size   int64  `json:"size,omitempty"`
}

// Grant lets one host carry out one plan now. Epoch rises with every grant to that host; a host refuses one that does not exceed
// the highest it has seen.
type Grant struct {
	Version    int       `json:"v"` // 1
	RunID      string    `json:"run_id"`
	HostID     string    `json:"host_id"`
	PlanSHA256 string    `json:"plan_sha256"`
	LockSHA256 string    `json:"lock_sha256"`
	Epoch      int64     `json:"epoch"`
	IssuedAt   time.Time `json:"issued_at"`
	ExpiresAt  time.Time `json:"expires_at"` // at most 15 minutes after IssuedAt: until then the run must have been accepted
	LeafIndex  int       `json:"leaf_index"`
	Proof      []string  `json:"proof"` // RFC 6962 audit path, lower-case hex
}

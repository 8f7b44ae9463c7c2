package apiv1

import "time"

// Further work kinds of the long poll, whose payload the agent fetches by id.
const (
	WorkSimulate = "simulate" // GET PathSimulations+id, answer with POST to the same
	WorkRun      = "run"      // GET PathRuns+id
)

// Further paths of the agent channel.
const (
	PathSimulations = "/agent/v1/simulations/" // + simulation id
	PathRuns        = "/agent/v1/runs/"        // + run id, /accept, /reports
)

// SimulateRequest asks the host's own package manager what it would do for exactly these packages. Nothing is changed.
type SimulateRequest struct {
	ID       string          `json:"id"`
	Packages []SimulateEntry `json:"packages" maxItems:"5000"`
}

// SimulateEntry names one package to bring to one version.
type SimulateEntry struct {
	Name    string `json:"name" maxLength:"256"`
	Arch    string `json:"arch" maxLength:"32"`
	Version string `json:"version" maxLength:"256"`
}

// SimulateAnswer is what it would do: every change, with the bytes it would fetch.
type SimulateAnswer struct {
	_        struct{}          `json:"-" additionalProperties:"true"`
	Known    bool              `json:"known" doc:"False when the package manager could not say; problem says why"`
	Problem  string            `json:"problem,omitempty" maxLength:"4000"`
	Changes  []LockChange      `json:"changes" maxItems:"20000"`
	Sections map[string]string `json:"sections" maxProperties:"16" doc:"Digests of the inventory this was answered from: packages, updates, repositories"`
	Reboot   bool              `json:"reboot"`
	Able     bool              `json:"able" doc:"The root half is installed, so a run could be carried out"`
	Unable   string            `json:"unable,omitempty" maxLength:"500"`
}

// RunOffer is everything a run consists of. The byte fields are exact signed bytes, never re-encoded.
type RunOffer struct {
	RunID          string   `json:"run_id"`
	Plan           []byte   `json:"plan"`
	PlanSignatures []string `json:"plan_signatures" doc:"Armored SSHSIG, namespace staunch-plan"`
	Lock           []byte   `json:"lock"`
	Grant          []byte   `json:"grant"`
	GrantSignature string   `json:"grant_signature" doc:"Armored SSHSIG by the server's plan key, namespace staunch-grant"`
}

// AcceptRun says that the agent took the offer; until it is acknowledged the agent does nothing that changes the host.
type AcceptRun struct {
	_     struct{} `json:"-" additionalProperties:"true"`
	Epoch int64    `json:"epoch"`
}

// RunReports delivers what a run did. Each report is identified by (run, epoch, seq): delivered twice, it counts once.
type RunReports struct {
	_       struct{}    `json:"-" additionalProperties:"true"`
	Epoch   int64       `json:"epoch"`
	Reports []RunReport `json:"reports" maxItems:"1000"`
}

// RunReport is one entry of the agent's outbox for a run.
type RunReport struct {
	_       struct{}    `json:"-" additionalProperties:"true"`
	Seq     int64       `json:"seq" minimum:"1"`
	At      time.Time   `json:"at" doc:"The host's clock; the server orders by seq"`
	Step    *RunStep    `json:"step,omitempty"`
	Lines   []string    `json:"lines,omitempty" nullable:"true" maxItems:"1000"`
	Outcome *RunOutcome `json:"outcome,omitempty"`
}

// RunAck says up to which report everything is durable on the server. The outcome is kept on the host until it is covered.
type RunAck struct {
	Acked int64 `json:"acked"`
}

// RunOutcome is how a run ended on the host: what the package database says after the fact.
type RunOutcome struct {
	_         struct{}       `json:"-" additionalProperties:"true"`
	Result    string         `json:"result" enum:"succeeded,failed,plan_stale,refused"`
	Class     string         `json:"class,omitempty" maxLength:"64" doc:"Of a failure: refused, stale, download, disk, lock, package, broken_pm, restart, reboot, internal"`
	Reason    string         `json:"reason,omitempty" maxLength:"4000"`
	Installed []PackageState `json:"installed" maxItems:"20000" doc:"Every package of the lock: name, arch, and state with version, as installed 1.2-3 or half-configured 1.2-3"`
	Broken    []PackageState `json:"broken" maxItems:"10000" doc:"Packages in an unfinished state after the run"`
	Restarted []string       `json:"restarted" maxItems:"1000"`
	Stale     []string       `json:"stale" maxItems:"1000" doc:"Units that still run replaced files, and why they were left"`
	Reboot    Reboot         `json:"reboot"`
	Conffiles []string       `json:"conffiles" maxItems:"1000" doc:"Configuration files that were kept, whose new version lies beside them"`
	CPU       float64        `json:"cpu,omitempty" doc:"Seconds of the agent's own CPU, without the package manager"`
}

// EnrollTrust is given at enrollment and pinned: what the host's root half will believe.
type EnrollTrust struct {
	PlanKey string `json:"plan_key" doc:"The server's plan key, one authorized_keys line"`
}

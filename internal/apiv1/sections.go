package apiv1

// Section names. A section's body is the JSON of the type named; its digest is the sha256 of those bytes, so an agent must
// encode equal contents to equal bytes: everything is sorted, and nothing in a section moves by itself.
const (
	SectionPackages     = "packages"     // Packages
	SectionUpdates      = "updates"      // Updates
	SectionFacts        = "facts"        // Facts
	SectionHardware     = "hardware"     // Hardware
	SectionRepositories = "repositories" // Repositories
)

// SectionNames lists every section in the order in which an agent sends them: facts first, since the release decides how packages are read.
func SectionNames() []string {
	return []string{SectionFacts, SectionPackages, SectionRepositories, SectionUpdates, SectionHardware}
}

// MaxSectionBytes bounds a section body, uncompressed. The largest real one seen, 5,000 packages, is 0.7 MB.
const MaxSectionBytes = 16 << 20

// Packages is what the package database says is on disk, sorted by name, architecture, version.
type Packages struct {
	_         struct{}  `json:"-" additionalProperties:"true"`
	Ecosystem string    `json:"ecosystem" maxLength:"64" doc:"OSV name with release, as Debian:12; empty when the release is not known"`
	Packages  []Package `json:"packages" maxItems:"100000"`
}

// Package is one installed binary package.
type Package struct {
	_             struct{} `json:"-" additionalProperties:"true"`
	Name          string   `json:"name" minLength:"1" maxLength:"256"`
	Arch          string   `json:"arch" maxLength:"32"`
	Version       string   `json:"version" minLength:"1" maxLength:"256"`
	Source        string   `json:"source,omitempty" maxLength:"256" doc:"Source package; absent when it equals name"`
	SourceVersion string   `json:"source_version,omitempty" maxLength:"256" doc:"Absent when it equals version"`
	Stream        string   `json:"stream,omitempty" maxLength:"128" doc:"Module stream, RPM family"`
	Origin        string   `json:"origin,omitempty" maxLength:"128" doc:"Origin of the repository that carries this version; absent when it cannot be known"`
	Ecosystem     string   `json:"ecosystem,omitempty" maxLength:"64" doc:"Where it is not the section's: Snap, Flatpak, or a language's as PyPI"`
}

// Ecosystems of what is installed beside the distribution's packages and of which nobody publishes advisories: inventory, not assessed.
const (
	EcosystemSnap    = "Snap"
	EcosystemFlatpak = "Flatpak"
)

// Update states.
const (
	UpdateInstallable = "installable" // the package manager would do it now
	UpdatePhased      = "phased"      // newer, but this host is not in the phased share yet
	UpdateHeld        = "held"        // the administrator holds the package
	UpdateKeptBack    = "kept-back"   // newer, but the package manager would not take it; the reason says why
)

// Update actions.
const (
	ActionUpgrade = "upgrade"
	ActionInstall = "install" // a new package that an upgrade needs
	ActionRemove  = "remove"  // a package that an upgrade removes
)

// Updates is what the host's own package manager would do now, sorted by name and architecture.
type Updates struct {
	_       struct{} `json:"-" additionalProperties:"true"`
	Manager string   `json:"manager" maxLength:"32" doc:"apt, dnf, …; empty when none is supported"`
	Known   bool     `json:"known" doc:"False when the package manager could not say; then problem says why and updates is empty"`
	Problem string   `json:"problem,omitempty" maxLength:"4000"`
	Updates []Update `json:"updates" maxItems:"20000"`
}

// Update is one change the package manager would make, or would make but for a hold, a phase or a conflict.
type Update struct {
	_        struct{} `json:"-" additionalProperties:"true"`
	Name     string   `json:"name" minLength:"1" maxLength:"256"`
	Arch     string   `json:"arch" maxLength:"32"`
	Action   string   `json:"action" enum:"upgrade,install,remove"`
	From     string   `json:"from,omitempty" maxLength:"256"`
	To       string   `json:"to,omitempty" maxLength:"256"`
	Archive  string   `json:"archive,omitempty" maxLength:"128" doc:"Suite, as bookworm-security or oldstable-security"`
	Origin   string   `json:"origin,omitempty" maxLength:"128"`
	Security bool     `json:"security"`
	State    string   `json:"state" enum:"installable,phased,held,kept-back"`
	Reason   string   `json:"reason,omitempty" maxLength:"1000" doc:"Why it is not installable"`
}

// Facts are the host's software facts that are not packages. Boot id, never uptime; unit files and failures, never processes.
type Facts struct {
	_              struct{}       `json:"-" additionalProperties:"true"`
	Hostname       string         `json:"hostname" maxLength:"253"`
	Arch           string         `json:"arch" maxLength:"32"`
	OS             OSRelease      `json:"os"`
	Kernel         Kernel         `json:"kernel"`
	BootID         string         `json:"boot_id,omitempty" maxLength:"64"`
	Reboot         Reboot         `json:"reboot"`
	Virtualization string         `json:"virtualization,omitempty" maxLength:"64" doc:"kvm, docker, systemd-nspawn, …; none on bare metal; empty when unknown"`
	PackageManager PackageManager `json:"package_manager"`
	Units          []Unit         `json:"units" maxItems:"20000"`
	OldCode        []OldCode      `json:"old_code,omitzero" nullable:"true" maxItems:"10000" doc:"Packages of which running processes still map replaced files; sorted. Absent when not all processes could be looked at: neither the agent is root nor its looking half answered"`
	Entitlements   []string       `json:"entitlements,omitempty" nullable:"true" maxItems:"32" doc:"Paid support that is active here: esm-infra, esm-apps, eus, …; sorted"`
}

// OldCode is a package that was upgraded or removed while processes used it: until they restart, the version before is what runs.
type OldCode struct {
	_     struct{} `json:"-" additionalProperties:"true"`
	Name  string   `json:"name" minLength:"1" maxLength:"256"`
	Arch  string   `json:"arch" maxLength:"32"`
	From  string   `json:"from,omitempty" maxLength:"256" doc:"The version that is still loaded; empty when the package manager's log does not tell"`
	Units []string `json:"units" maxItems:"1000" doc:"systemd units whose processes map the old files; processes outside any unit are named (none); sorted"`
}

// Livepatch is a patch in the running kernel's memory.
type Livepatch struct {
	_    struct{} `json:"-" additionalProperties:"true"`
	Name string   `json:"name" minLength:"1" maxLength:"256"`
	CVEs []string `json:"cves" maxItems:"5000" doc:"What the vendor's tool says it fixes; sorted; empty when it does not say"`
}

// OSRelease is /etc/os-release, the fields that decide anything.
type OSRelease struct {
	_         struct{} `json:"-" additionalProperties:"true"`
	ID        string   `json:"id" maxLength:"64"`
	IDLike    string   `json:"id_like,omitempty" maxLength:"128"`
	VersionID string   `json:"version_id,omitempty" maxLength:"64"`
	Codename  string   `json:"codename,omitempty" maxLength:"64"`
	Name      string   `json:"name" maxLength:"256" doc:"PRETTY_NAME"`
	Ecosystem string   `json:"ecosystem,omitempty" maxLength:"64" doc:"The OSV name with release that id and version_id give; empty when there is none"`
}

// Kernel compares what runs with what a reboot would run. In a container the running kernel is the machine's, and Installed is empty.
type Kernel struct {
	_           struct{}    `json:"-" additionalProperties:"true"`
	Running     string      `json:"running,omitempty" maxLength:"256" doc:"uname -r"`
	Newest      string      `json:"newest,omitempty" maxLength:"256" doc:"The newest installed release, in the version order of its packages"`
	Installed   []string    `json:"installed" maxItems:"1000"`
	Livepatches []Livepatch `json:"livepatches,omitempty" nullable:"true" maxItems:"100" doc:"Enabled ones; sorted by name"`
}

// Reboot is the host's own word on whether it needs one.
type Reboot struct {
	_        struct{} `json:"-" additionalProperties:"true"`
	Required bool     `json:"required"`
	Packages []string `json:"packages" maxItems:"10000"`
	Reasons  []string `json:"reasons" maxItems:"100" doc:"As: /run/reboot-required exists; running kernel 6.1.0-37 is older than installed 6.1.0-40"`
}

// PackageManager is the state of the package database itself.
type PackageManager struct {
	_           struct{}       `json:"-" additionalProperties:"true"`
	Name        string         `json:"name,omitempty" maxLength:"32"`
	Version     string         `json:"version,omitempty" maxLength:"64"`
	Interrupted bool           `json:"interrupted" doc:"A transaction was cut off: its journal is not empty"`
	Broken      []PackageState `json:"broken" maxItems:"10000" doc:"Packages that are neither properly installed nor removed"`
	Held        []string       `json:"held" maxItems:"10000"`
	Problems    []string       `json:"problems,omitempty" nullable:"true" maxItems:"200" doc:"Records of the package database that could not be read and were left out"`
}

// PackageState names a package that is in an unfinished state, as half-configured.
type PackageState struct {
	_     struct{} `json:"-" additionalProperties:"true"`
	Name  string   `json:"name" maxLength:"256"`
	Arch  string   `json:"arch,omitempty" maxLength:"32"`
	State string   `json:"state" maxLength:"64"`
}

// Unit is a systemd service, socket, timer, mount or path unit.
type Unit struct {
	_       struct{} `json:"-" additionalProperties:"true"`
	Name    string   `json:"name" maxLength:"256"`
	Enabled string   `json:"enabled,omitempty" maxLength:"32" doc:"enabled, disabled, static, masked, …"`
	Failed  bool     `json:"failed,omitempty"`
}

// Hardware is what the machine is made of: sizes, never free space.
type Hardware struct {
	_           struct{}     `json:"-" additionalProperties:"true"`
	CPU         CPU          `json:"cpu"`
	MemoryBytes int64        `json:"memory_bytes"`
	SwapBytes   int64        `json:"swap_bytes,omitempty"`
	Disks       []Disk       `json:"disks" maxItems:"1000"`
	Filesystems []Filesystem `json:"filesystems" maxItems:"1000"`
	NICs        []NIC        `json:"nics" maxItems:"1000"`
	DMI         DMI          `json:"dmi"`
}

// CPU is the processor model and its counts.
type CPU struct {
	_       struct{} `json:"-" additionalProperties:"true"`
	Model   string   `json:"model,omitempty" maxLength:"256"`
	Vendor  string   `json:"vendor,omitempty" maxLength:"128"`
	Sockets int      `json:"sockets,omitempty"`
	Cores   int      `json:"cores,omitempty"`
	Threads int      `json:"threads"`
}

// Disk is a block device of its own, not a partition.
type Disk struct {
	_     struct{} `json:"-" additionalProperties:"true"`
	Name  string   `json:"name" maxLength:"128"`
	Model string   `json:"model,omitempty" maxLength:"256"`
	Type  string   `json:"type,omitempty" maxLength:"32"`
	Bytes int64    `json:"bytes"`
}

// Filesystem is a mounted file system on a device.
type Filesystem struct {
	_      struct{} `json:"-" additionalProperties:"true"`
	Mount  string   `json:"mount" maxLength:"1024"`
	Device string   `json:"device,omitempty" maxLength:"1024"`
	Type   string   `json:"type,omitempty" maxLength:"64"`
	Bytes  int64    `json:"bytes"`
}

// NIC is a network interface other than loopback.
type NIC struct {
	_         struct{} `json:"-" additionalProperties:"true"`
	Name      string   `json:"name" maxLength:"64"`
	MAC       string   `json:"mac,omitempty" maxLength:"64"`
	Addresses []string `json:"addresses" maxItems:"256"`
}

// DMI is what the firmware says of the machine.
type DMI struct {
	_       struct{} `json:"-" additionalProperties:"true"`
	Vendor  string   `json:"vendor,omitempty" maxLength:"256"`
	Product string   `json:"product,omitempty" maxLength:"256"`
	Serial  string   `json:"serial,omitempty" maxLength:"256" doc:"Readable by root only on most hosts, so usually absent"`
	BIOS    string   `json:"bios,omitempty" maxLength:"256"`
}

// Repositories are the configured sources of packages, sorted by ID.
type Repositories struct {
	_            struct{}     `json:"-" additionalProperties:"true"`
	Repositories []Repository `json:"repositories" maxItems:"10000"`
}

// Repository is one configured source. URI never carries credentials.
type Repository struct {
	_          struct{} `json:"-" additionalProperties:"true"`
	ID         string   `json:"id" maxLength:"1024" doc:"URI and suite, as http://mirror.example/debian bookworm-security"`
	URI        string   `json:"uri" maxLength:"1024"`
	Suite      string   `json:"suite,omitempty" maxLength:"256"`
	Components []string `json:"components" maxItems:"100"`
	File       string   `json:"file,omitempty" maxLength:"1024"`
	Origin     string   `json:"origin,omitempty" maxLength:"128"`
	Label      string   `json:"label,omitempty" maxLength:"128"`
	Problem    string   `json:"problem,omitempty" maxLength:"500" doc:"Why its lists cannot be read or refreshed, as: its credentials are readable by root only"`
}

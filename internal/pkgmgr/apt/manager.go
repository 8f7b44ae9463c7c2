package apt

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/pkgmgr"
)

// Config says where apt's world is and how long its programs may take. Zero values are the defaults named.
type Config struct {
	Root         string        // "" is the running system; a folder is another apt world, for tests: sources, status and lists below it
	StateDir     string        // folder of our own; "apt" is made in it
	Distribution string        // os-release ID: of several repositories that carry the same version, the distribution's counts
	FetchTimeout time.Duration // per fetch, 30 s
	StallAfter   time.Duration // a refresh without any progress is ended, 3 min
	RefreshLimit time.Duration // a refresh as a whole, 30 min
	AskLimit     time.Duration // one simulation, 2 min
	Options      []string      // further apt settings as NAME=VALUE
	Log          *slog.Logger
}

// Manager asks apt. Its methods may be called from several goroutines; they take turns.
type Manager struct {
	cfg         Config
	mu          sync.Mutex
	simulations int
}

// Answer is all that apt knows, as of the lists it was asked with.
type Answer struct {
	Updates      apiv1.Updates
	Repositories []apiv1.Repository
	Metadata     []apiv1.MetadataTime
	Phasing      []apiv1.Phasing
	Origins      map[string]string // Key of an installed version to its origin
	Lists        string            // whose lists: ListsSystem, ListsAgent, "" when there are none
	RefreshedAt  time.Time
	RefreshTried time.Time
	RefreshError string
}

// Whose package lists were read.
const (
	ListsSystem = "system"
	ListsAgent  = "agent"
)

// Key identifies a binary package version in Origins.
func Key(name, arch, version string) string { return name + " " + arch + " " + version }

// New makes a Manager; nothing is run or written before the first call.
func New(cfg Config) *Manager {
	or := func(d *time.Duration, otherwise time.Duration) {
		if *d == 0 {
			*d = otherwise
		}
	}
	or(&cfg.FetchTimeout, 30*time.Second)
	or(&cfg.StallAfter, 3*time.Minute)
	or(&cfg.RefreshLimit, 30*time.Minute)
	or(&cfg.AskLimit, 2*time.Minute)
	return &Manager{cfg: cfg}
}

// Available reports whether this system has apt.
func (m *Manager) Available() bool {
	_, err := exec.LookPath("apt-get")
	return err == nil
}

// Simulations counts the simulations run so far: an unchanged host costs none.
func (m *Manager) Simulations() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.simulations
}

func (m *Manager) path(name string) string  { return filepath.Join("/", m.cfg.Root, name) }
func (m *Manager) state(name string) string { return filepath.Join(m.cfg.StateDir, "apt", name) }

func (m *Manager) listsDir(whose string) string {
	if whose == ListsAgent {
		return m.state("lists")
	}
	return m.path("var/lib/apt/lists")
}

// prepare makes our folders. apt's own sandbox user must be able to walk through them when we are root, so they are not secret; there
// is nothing secret in them.
func (m *Manager) prepare() error {
	for _, dir := range []string{"lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(m.state(dir), 0o755); err != nil {
			return err
		}
	}
	// Hooks belong to the system's own refresh, not to ours: they talk to desktops and clean the system's cache.
	hooks := "#clear APT::Update::Pre-Invoke;\n#clear APT::Update::Post-Invoke;\n#clear APT::Update::Post-Invoke-Success;\n#clear DPkg::Post-Invoke;\n"
	if old, err := os.ReadFile(m.state("hooks.conf")); err == nil && string(old) == hooks {
		return nil
	}
	return pkgmgr.WriteFile(m.state("hooks.conf"), []byte(hooks), 0o644)
}

// options are apt's settings for every call. The system's configuration stays in force but for where lists and caches are.
func (m *Manager) options(whose string) []string {
	opts := []string{"-c", m.state("hooks.conf")}
	if m.cfg.Root != "" {
		opts = append(opts, "-o", "Dir="+m.path(""), "-o", "Dir::State::status="+m.path("var/lib/dpkg/status"))
	}
	for _, o := range m.cfg.Options {
		opts = append(opts, "-o", o)
	}
	return append(opts,
		"-o", "Dir::State::lists="+m.listsDir(whose),
		// ischroot takes a systemd service's own mount namespace for a chroot, and in a chroot apt leaves phasing out of account
		"-o", "Dir::Bin::ischroot=/bin/false",
		"-o", "Dir::Cache="+m.state("cache"),
		"-o", "Dir::Cache::pkgcache=pkgcache.bin", // for the few calls of one answer; removed after it
		"-o", "Dir::Cache::srcpkgcache=",
	)
}

// get runs apt-get without taking any lock: nothing is written, and an administrator's own run is not disturbed.
func (m *Manager) get(ctx context.Context, whose string, args ...string) (pkgmgr.Output, error) {
	return m.run(ctx, "apt-get", whose, append([]string{"-o", "Debug::NoLocking=1"}, args...))
}

func (m *Manager) run(ctx context.Context, program, whose string, args []string) (pkgmgr.Output, error) {
	return pkgmgr.Run(ctx, pkgmgr.Command{Name: program, Args: append(m.options(whose), args...), Timeout: m.cfg.AskLimit, Limit: 32 << 20})
}

// simulate runs one simulation and counts it. extra are options and the verb.
func (m *Manager) simulate(ctx context.Context, whose string, extra ...string) (Simulation, pkgmgr.Output, error) {
	m.simulations++
	out, err := m.get(ctx, whose, append([]string{"-s", "-o", "APT::Get::Show-Versions=true"}, extra...)...)
	return ParseSimulation(out.Stdout), out, err
}

// complaints are apt's error lines, or failing those its warnings: what a person needs to hear.
func complaints(out pkgmgr.Output) string {
	var errs, warnings []string
	for line := range strings.Lines(string(out.Stderr)) {
		switch line = strings.TrimSpace(line); {
		case strings.HasPrefix(line, "E: "):
			errs = append(errs, line[3:])
		case strings.HasPrefix(line, "W: "):
			warnings = append(warnings, line[3:])
		}
	}
	if len(errs) == 0 {
		errs = warnings
	}
	if len(errs) == 0 {
		errs = []string{fmt.Sprintf("apt ended with code %d and no message", out.Code)}
	}
	return clip(redact(strings.Join(errs, "; ")), 2000)
}

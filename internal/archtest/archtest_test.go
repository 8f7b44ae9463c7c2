// Package archtest holds the layout of DESIGN as data: which package may import which.
package archtest

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/staunch-dev/staunch/"

// ground packages import the standard library only, and each other where listed in groundMay.
var ground = []string{"internal/apiv1", "internal/vercmp", "internal/fault", "internal/id", "internal/archtest"}

// spine is the order in which data flows, lowest first: a package may import those before it, the ground, and what mayAlso lists.
var spine = []string{
	"internal/event",
	"internal/advisory",
	"internal/fleet",
	"internal/inventory",
	"internal/assess",
	"internal/plan",
	"internal/run",
	"internal/rollout",
	"internal/report",
}

// adapters read one family of sources each: intake, advisory and the ground are all they know.
var adapters = []string{
	"internal/feed/intake",
	"internal/feed/debian",     // security tracker, DSA and DLA lists
	"internal/feed/ubuntu",     // OSV and OpenVEX of Canonical
	"internal/feed/redhat",     // CSAF advisories and VEX
	"internal/feed/suse",       // OVAL, CSAF
	"internal/feed/updateinfo", // repository metadata of Amazon, Oracle, Azure Linux and whatever repository a host sees
	"internal/feed/oval",       // Oracle's, and the shared reading of OVAL
	"internal/feed/alpine",     // secdb
	"internal/feed/microsoft",  // CVRF
	"internal/feed/threat",     // KEV, EPSS, SSVC
	"internal/feed/lifecycle",  // endoflife.date, distro-info
	"internal/feed/vex",        // the user's own VEX and the override list
	"internal/feed/changelog",  // changelogs of staged packages
}

// managers read one package manager's own records each.
var managers = []string{"internal/pkgmgr/dpkg", "internal/pkgmgr/apt", "internal/pkgmgr/apk", "internal/pkgmgr/pacman", "internal/pkgmgr/rpm",
	"internal/pkgmgr/snap", "internal/pkgmgr/flatpak", "internal/pkgmgr/proc"}

// mayAlso lists, for every package beside or above the spine, exactly what it may import beyond the ground.
var mayAlso = map[string][]string{
	// beside the spine
	"internal/seal":     {}, // the only code that signer and root half share
	"internal/access":   {"internal/event", "internal/seal"},
	"internal/feed":     append([]string{"internal/event", "internal/advisory", "internal/seal"}, adapters...),
	"internal/pkgmgr":   {},
	"internal/collect":  append([]string{"internal/pkgmgr"}, managers...),
	"internal/client":   {},
	"internal/rpmdb":    {"internal/pkgmgr", "internal/pkgmgr/rpm"},                                                                                                   // rpm's databases read as files, without SQL: scan only, never the agent
	"internal/inspect":  append([]string{"internal/collect", "internal/pkgmgr", "internal/rpmdb"}, managers...),                                                       // language packages, containers, SBOMs: scan only
	"internal/compiled": {"internal/advisory"},                                                                                                                        // feeds compiled for memory mapping
	"internal/apply":    {"internal/seal", "internal/pkgmgr", "internal/pkgmgr/dpkg", "internal/pkgmgr/apt", "internal/pkgmgr/proc"},                                  // the root half: never client, never the spine
	"internal/agent":    {"internal/apply", "internal/client", "internal/collect", "internal/pkgmgr", "internal/pkgmgr/dpkg", "internal/pkgmgr/apt", "internal/seal"}, // never the spine
	"internal/cli":      {"internal/client", "internal/seal"},                                                                                                         // never the spine
	// what spine packages use from beside it
	"internal/plan":           {"internal/seal"},
	"internal/run":            {"internal/seal"},
	"internal/rollout":        {"internal/seal"},
	"internal/pkgmgr/dpkg":    {"internal/pkgmgr"},
	"internal/pkgmgr/apt":     {"internal/pkgmgr", "internal/pkgmgr/dpkg"},
	"internal/pkgmgr/apk":     {"internal/pkgmgr"},
	"internal/pkgmgr/pacman":  {"internal/pkgmgr"},
	"internal/pkgmgr/rpm":     {"internal/pkgmgr"},
	"internal/pkgmgr/snap":    {"internal/pkgmgr"},
	"internal/pkgmgr/flatpak": {"internal/pkgmgr"},
	"internal/pkgmgr/proc":    {"internal/pkgmgr"},
	// for tests alone
	"internal/feed/intake/intaketest": {"internal/advisory", "internal/feed/intake"},
	// above
	"internal/store":           append([]string{"internal/access", "internal/feed", "internal/seal"}, spine...), // never api or jobs
	"internal/store/storetest": append([]string{"internal/access", "internal/feed", "internal/seal", "internal/store"}, spine...),
	"internal/jobs":            append([]string{"internal/feed"}, spine...),                                     // the only importer of the queue library
	"internal/api":             append([]string{"internal/access", "internal/feed", "internal/seal"}, spine...), // never store or jobs
	"internal/app":             append([]string{"internal/access", "internal/feed", "internal/seal", "internal/store", "internal/jobs", "internal/api", "web"}, spine...),
	"internal/scan":            append(append([]string{"internal/feed", "internal/collect", "internal/pkgmgr", "internal/rpmdb", "internal/inspect", "internal/compiled"}, adapters...), spine...),
	"cmd/staunch":              {"internal/app", "internal/cli", "internal/scan"},
	"cmd/staunch-agent":        {"internal/agent"},
	"web":                      {},
}

func TestImportsPointDownward(t *testing.T) {
	t.Parallel()
	for _, p := range list(t, "./...") {
		pkg := strings.TrimPrefix(p.path, module)
		if strings.HasPrefix(pkg, "test") {
			continue // end-to-end tests stand outside the house
		}
		may, known := allowed(pkg)
		if !known {
			t.Errorf("%s is not in the table: say where it belongs", pkg)
			continue
		}
		for _, imp := range p.imports {
			rel, ours := strings.CutPrefix(imp, module)
			switch {
			case ours && !slices.Contains(may, rel):
				t.Errorf("%s imports %s, which is not below it", pkg, rel)
			case !ours && slices.Contains(ground, pkg) && strings.Contains(strings.SplitN(imp, "/", 2)[0], "."):
				t.Errorf("%s imports %s: the ground knows the standard library only", pkg, imp)
			case strings.HasPrefix(imp, "github.com/riverqueue/") && pkg != "internal/jobs":
				t.Errorf("%s imports %s: only jobs may", pkg, imp)
			case (imp == "database/sql" || strings.HasPrefix(imp, "modernc.org/sqlite") || strings.HasPrefix(imp, "github.com/jackc/pgx")) &&
				!slices.Contains([]string{"internal/store", "internal/store/storetest", "internal/jobs"}, pkg):
				t.Errorf("%s imports %s: all SQL is in store", pkg, imp)
			case strings.HasPrefix(imp, "github.com/google/osv-scalibr") && pkg != "internal/inspect":
				t.Errorf("%s imports %s: only inspect may", pkg, imp)
			}
		}
	}
}

// allowed is everything of ours that pkg may import.
func allowed(pkg string) ([]string, bool) {
	if slices.Contains(ground, pkg) {
		return nil, true
	}
	may, ok := mayAlso[pkg]
	may = append(slices.Clone(ground), may...)
	if slices.Contains(adapters, pkg) {
		return append(may, "internal/advisory", "internal/feed/intake", "internal/feed/oval"), true
	}
	if i := slices.Index(spine, pkg); i >= 0 {
		return append(may, spine[:i]...), true
	}
	return may, ok
}

type listed struct {
	path    string
	imports []string
}

func list(t *testing.T, args ...string) []listed {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-f", `{{.ImportPath}} {{join .Imports ","}}`}, args...)...)
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var ps []listed
	for line := range strings.Lines(string(out)) {
		path, imports, _ := strings.Cut(strings.TrimSpace(line), " ")
		ps = append(ps, listed{path, strings.Split(imports, ",")})
	}
	return ps
}

// The agent is small: it links neither a database, nor the server, nor the console.
func TestAgentLinksNeitherDatabaseNorServer(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("go", "list", "-deps", "./cmd/staunch-agent")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list -deps: %v", err)
	}
	banned := []string{"database/sql", "modernc.org/sqlite", "github.com/jackc/pgx", "github.com/riverqueue/", "github.com/danielgtaylor/huma",
		module + "internal/app", module + "internal/api", module + "internal/store", module + "internal/jobs", module + "web",
		"github.com/google/osv-scalibr", module + "internal/rpmdb", module + "internal/inspect"}
	deps := strings.Fields(string(out))
	if !slices.Contains(deps, module+"internal/agent") {
		t.Fatalf("the agent program does not link internal/agent: is this test looking at the right program?")
	}
	for _, dep := range deps {
		for _, b := range banned {
			if dep == b || strings.HasPrefix(dep, strings.TrimSuffix(b, "/")+"/") {
				t.Errorf("staunch-agent links %s", dep)
			}
		}
	}
}

// The root half has no network: what it is made of cannot speak HTTP or TLS.
func TestRootHalfLinksNoNetworkClient(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("go", "list", "-deps", "./internal/apply")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list -deps: %v", err)
	}
	deps := strings.Fields(string(out))
	if !slices.Contains(deps, module+"internal/seal") {
		t.Fatal("internal/apply does not link internal/seal: is this test looking at the right package?")
	}
	for _, banned := range []string{"net/http", "crypto/tls", "net/rpc", module + "internal/client", module + "internal/agent", module + "internal/collect"} {
		if slices.Contains(deps, banned) {
			t.Errorf("internal/apply links %s", banned)
		}
	}
}

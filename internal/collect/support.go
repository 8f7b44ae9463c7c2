package collect

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/pkgmgr"
)

// runningKernel is the release of the kernel that runs, as uname -r says it.
func runningKernel(tree *pkgmgr.Root) string {
	return clip(line(tree, "proc/sys/kernel/osrelease"), 256)
}

// livepatched are the patches of the kernel that runs; Canonical's client is asked once, and only where there is one of its own.
func livepatched(ctx context.Context, tree *pkgmgr.Root) []apiv1.Livepatch {
	return livepatches(tree, sync.OnceValue(func() []string { return canonicalFixes(ctx) }))
}

// livepatches are the patches that the kernel has enabled in itself, by sysfs: one in transition is not in all processes yet and does not
// count. fixes gives the vulnerabilities that Canonical's client says are fixed by its own.
func livepatches(tree *pkgmgr.Root, fixes func() []string) []apiv1.Livepatch {
	const dir = "sys/kernel/livepatch"
	entries, _ := tree.ReadDir(dir)
	var out []apiv1.Livepatch
	for _, e := range entries {
		name := clip(e.Name(), 256)
		if line(tree, dir+"/"+e.Name()+"/enabled") != "1" || line(tree, dir+"/"+e.Name()+"/transition") == "1" || len(out) >= 100 {
			continue
		}
		p := apiv1.Livepatch{Name: name, CVEs: []string{}}
		if strings.HasPrefix(name, "lkp_") { // Canonical's
			p.CVEs = append(p.CVEs, fixes()...)
		}
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b apiv1.Livepatch) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// canonicalFixes asks Canonical's client, which a live host with its livepatches has.
func canonicalFixes(ctx context.Context) []string {
	out, err := pkgmgr.Run(ctx, pkgmgr.Command{Name: "canonical-livepatch", Args: []string{"status", "--format", "json"}, Limit: 4 << 20})
	if err != nil || out.Code != 0 {
		return nil
	}
	return parseLivepatchStatus(out.Stdout)
}

var cveID = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^CVE-[0-9]{4}-[0-9]{4,10}$`) })

// parseLivepatchStatus gives the vulnerabilities that are patched in the running kernel, sorted. Only an applied patch counts, and of it
// only fixes that are said to be patched.
func parseLivepatchStatus(b []byte) []string {
	var status struct {
		Status []struct {
			Running   bool
			Livepatch struct {
				State string
				Fixes []struct {
					Name    string
					Patched bool
				}
			}
		}
	}
	if json.Unmarshal(b, &status) != nil {
		return nil
	}
	var out []string
	for _, s := range status.Status {
		if !s.Running || s.Livepatch.State != "applied" {
			continue
		}
		for _, f := range s.Livepatch.Fixes {
			if id := strings.ToUpper(f.Name); f.Patched && cveID().MatchString(id) {
				out = append(out, id)
			}
		}
	}
	slices.Sort(out)
	out = slices.Compact(out)
	return out[:min(len(out), 5000)]
}

// entitlements are the paid services whose repositories this host uses: Ubuntu Pro by its client's status, Red Hat's longer support by
// the repositories that are enabled, SUSE's by the products that are installed.
func entitlements(tree *pkgmgr.Root) []string {
	var out []string
	if b, err := tree.ReadFile("var/lib/ubuntu-advantage/status.json", 1<<20); err == nil {
		out = append(out, proServices(b)...)
	}
	if b, err := tree.ReadFile("etc/yum.repos.d/redhat.repo", 16<<20); err == nil {
		out = append(out, longerSupport(b)...)
	}
	products, _ := tree.ReadDir("etc/products.d")
	for _, e := range products[:min(len(products), 1000)] {
		out = append(out, suseSupport(e.Name())...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// suseSupport reads the name of a product's file: SLES-LTSS.prod, SLE_HPC-ESPOS.prod, SLES_SAP.prod. SLES for SAP gets updates for longer
// than the plain server.
func suseSupport(file string) []string {
	product, ok := strings.CutSuffix(file, ".prod")
	if !ok {
		return nil
	}
	var out []string
	base, support, _ := strings.Cut(strings.ToLower(product), "-")
	if base == "sles_sap" {
		out = append(out, "sap")
	}
	if slices.Contains([]string{"ltss", "ltss-extended-security", "espos", "bcl"}, support) {
		out = append(out, support)
	}
	return out
}

func proServices(b []byte) []string {
	var status struct {
		Attached bool `json:"attached"`
		Services []struct {
			Name   string `json:"name"`
			Status string `json:"status"`
		} `json:"services"`
	}
	if json.Unmarshal(b, &status) != nil || !status.Attached {
		return nil
	}
	var out []string
	for _, s := range status.Services {
		if s.Status == "enabled" && slices.Contains([]string{"esm-infra", "esm-apps", "esm-infra-legacy", "esm-apps-legacy"}, s.Name) {
			out = append(out, s.Name)
		}
	}
	return out
}

// longerSupport reads the sections of redhat.repo, as [rhel-9-for-x86_64-baseos-eus-rpms], that are enabled.
func longerSupport(b []byte) []string {
	var out []string
	word := ""
	for l := range bytes.Lines(b) {
		text := strings.TrimSpace(string(l))
		if id, ok := strings.CutPrefix(text, "["); ok {
			word = ""
			for _, part := range strings.Split(strings.TrimSuffix(id, "]"), "-") {
				if slices.Contains([]string{"eus", "aus", "tus", "e4s", "els"}, part) && strings.HasSuffix(id, "-rpms]") &&
					!strings.Contains(id, "-source-") && !strings.Contains(id, "-debug-") {
					word = part
				}
			}
			continue
		}
		key, value, _ := strings.Cut(text, "=")
		if word != "" && strings.TrimSpace(key) == "enabled" && strings.TrimSpace(value) == "1" {
			out = append(out, word)
		}
	}
	return out
}

// Conditions are the facts beside packages that findings depend on: the kernel that runs and what is patched in its memory, replaced
// files that processes still map, and paid support. Of a root that is not this machine's own only the last: nothing runs there.
// ecosystem chooses among package databases, as for ReadTree. fault.NotFound: the root cannot be opened.
func Conditions(ctx context.Context, root, ecosystem string) (apiv1.Facts, error) {
	tree, err := pkgmgr.OpenRoot(root)
	if err != nil {
		return apiv1.Facts{}, fault.Wrap(err, fault.NotFound, "root %q cannot be opened", root)
	}
	defer func() { _ = tree.Close() }()
	f := apiv1.Facts{Entitlements: entitlements(tree)}
	if filepath.Clean(root) != "/" && root != "" {
		return f, nil
	}
	f.Kernel.Running, f.Kernel.Livepatches = runningKernel(tree), livepatched(ctx, tree)
	f.OldCode = OldCode(ctx, tree, ManagerOf(tree, ecosystem))
	return f, nil
}

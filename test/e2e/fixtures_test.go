//go:build linux && e2e

package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/staunch-dev/staunch/test/lab"
)

// Suites of the synthetic repository.
const (
	suiteVendor   = "lab"          // Origin: Lab, a vendor's own repository
	suiteSecurity = "lab-security" // Origin: Debian, Label: Debian-Security, so that there is always a security update pending
)

// The packages of the synthetic repository, each with what it is there to show. All are installed at 1.0.
var (
	vendorOld = []lab.Deb{
		{Name: "lab-plain", Version: "1.0", Control: "Source: lab-source (7.0-1)"},
		{Name: "lab-dep", Version: "1.0"},
		{Name: "lab-victim", Version: "1.0"},
		{Name: "lab-held", Version: "1.0"},
		{Name: "lab-pinned", Version: "1.0"},
		{Name: "lab-kept", Version: "1.0"},
		{Name: "lab-phased", Version: "1.0"},
		{Name: "lab-epoch", Version: "1:0.9~rc1-1+b1"},
		{Name: "lab-vendor", Version: "1.0"},
		{Name: "lab-removed", Version: "1.0", Files: map[string]string{"etc/lab-removed.conf": "kept\n"}},
	}
	vendorNew = []lab.Deb{
		{Name: "lab-plain", Version: "1.1", Control: "Source: lab-source (7.1-1)"},
		{Name: "lab-dep", Version: "1.1", Control: "Depends: lab-new\nConflicts: lab-victim"}, // installs one, removes one
		{Name: "lab-new", Version: "1.0"},
		{Name: "lab-held", Version: "1.1"},
		{Name: "lab-pinned", Version: "1.1"},
		{Name: "lab-kept", Version: "1.1", Control: "Depends: lab-missing (>= 2)"},
		{Name: "lab-phased", Version: "1.1", Index: "Phased-Update-Percentage: 0"},
		{Name: "lab-epoch", Version: "1:0.9-1"},
		{Name: "lab-vendor", Version: "1.1"},
		{Name: "lab-later", Version: "1.0"}, // nothing needs it: a test installs it on a running host
		{Name: "lab-kernel", Version: "1.0", Scripts: map[string]string{"postinst": "touch /run/reboot-required; echo lab-kernel >> /run/reboot-required.pkgs"}},
		{Name: "lab-broken", Version: "1.0", Scripts: map[string]string{"postinst": "exit 1"}},
	}
	securityOld = []lab.Deb{{Name: "lab-fix", Version: "1.0"}}
	securityNew = []lab.Deb{{Name: "lab-fix", Version: "1.1"}}
)

// publish builds the synthetic repository. Its indexes carry the old versions too, so that their origin is known.
func publish(dir string) (*lab.DebRepo, error) {
	repo, err := lab.NewDebRepo(dir)
	if err != nil {
		return nil, err
	}
	for _, s := range []lab.DebSuite{
		{Name: suiteVendor, Origin: "Lab", Label: "Lab", Debs: append(append([]lab.Deb{}, vendorOld...), vendorNew...)},
		{Name: suiteSecurity, Origin: "Debian", Label: "Debian-Security", Debs: append(append([]lab.Deb{}, securityOld...), securityNew...)},
	} {
		if err := repo.Publish(s); err != nil {
			return nil, err
		}
	}
	return repo, nil
}

// packagesLayer is the layer with the synthetic packages at 1.0 and the sources that offer 1.1.
func packagesLayer(t *testing.T, repo *lab.DebRepo, sources string) string {
	t.Helper()
	key, err := os.ReadFile(repo.Key)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{
		"etc/apt/lab.gpg":               string(key),
		"etc/apt/sources.list":          sources,
		"etc/apt/preferences.d/lab-pin": "Package: lab-pinned\nPin: version 1.0\nPin-Priority: 1001\n",
	}
	for _, d := range append(append([]lab.Deb{}, vendorOld...), securityOld...) {
		body, err := os.ReadFile(repo.DebFile(d))
		if err != nil {
			t.Fatal(err)
		}
		files["root/debs/"+d.Name+".deb"] = string(body)
	}
	dir, err := lab.Layer(t.Context(), "packages", nil, files, `
		dpkg -i /root/debs/*.deb
		rm -r /root/debs
		dpkg -r lab-removed
		apt-mark hold lab-held`)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// plan is what apt-get -s dist-upgrade, run as root on the host, says that it would do: "action name arch from to" by name.
func plan(simulation string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(simulation) {
		f := strings.Fields(line)
		if len(f) < 3 {
			continue
		}
		switch name := f[1]; f[0] {
		case "Inst": // Inst NAME [FROM] (TO ORIGIN:SUITE… [ARCH]) or Inst NAME (TO …)
			_, inParens, _ := strings.Cut(line, "(")
			to, rest, _ := strings.Cut(inParens, " ")
			release, _, _ := strings.Cut(rest, ")")
			_, arch, _ := strings.Cut(release, "[")
			arch = strings.TrimSuffix(arch, "]")
			if from, ok := strings.CutPrefix(f[2], "["); ok {
				out[name] = fmt.Sprintf("upgrade %s %s %s %s", name, arch, strings.TrimSuffix(from, "]"), to)
			} else {
				out[name] = fmt.Sprintf("install %s %s  %s", name, arch, to)
			}
		case "Remv":
			out[name] = fmt.Sprintf("remove %s %s", name, strings.Trim(f[2], "[]"))
		}
	}
	return out
}

// pendingSecurity are the real security updates that are pending on a host: binary package to source version that fixes.
func pendingSecurity(t *testing.T, h *lab.Host) map[string]source {
	t.Helper()
	out := map[string]source{}
	for line := range strings.Lines(sh(t, h, "apt-get -s dist-upgrade")) {
		if f := strings.Fields(line); len(f) > 2 && f[0] == "Inst" && strings.Contains(line, "Debian-Security:") {
			out[f[1]] = source{}
		}
	}
	shown := sh(t, h, "apt-cache show --no-all-versions "+strings.Join(slices.Sorted(maps.Keys(out)), " "))
	for stanza := range strings.SplitSeq(shown, "\n\n") {
		name, version := field(stanza, "Package"), field(stanza, "Version")
		src := source{name: name, version: version}
		if s := field(stanza, "Source"); s != "" {
			sourceName, sourceVersion, ok := strings.Cut(s, " ")
			if src.name = sourceName; ok {
				src.version = strings.Trim(sourceVersion, "()")
			}
		}
		if _, ok := out[name]; ok {
			out[name] = src
		}
	}
	return out
}

type source struct{ name, version string }

func field(stanza, name string) string {
	for line := range strings.Lines(stanza) {
		if v, ok := strings.CutPrefix(line, name+": "); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

func sh(t *testing.T, h *lab.Host, script string) string {
	t.Helper()
	out, err := h.Sh(t.Context(), script)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func binary(name string) string { return filepath.Join(lab.RunDir(), "bin", name) }

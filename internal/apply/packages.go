package apply

import (
	"bytes"
	"cmp"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/pkgmgr/apt"
	"github.com/staunch-dev/staunch/internal/pkgmgr/dpkg"
	"github.com/staunch-dev/staunch/internal/seal"
)

// debFile is the name under which apt looks for a package's file in its archive folder, and the run half puts it into the spool.
func debFile(c seal.Change) string {
	return c.Name + "_" + strings.ReplaceAll(c.To, ":", "%3a") + "_" + c.Arch + ".deb"
}

// arguments are a lock as apt-get install takes it: exact versions, removals with a dash behind. The lock's grammar (seal) lets no name
// begin with a dash, and "--" comes before them.
func arguments(changes []seal.Change) []string {
	out := []string{"install", "--"}
	for _, c := range changes {
		name := c.Name
		if c.Arch != "all" {
			name += ":" + c.Arch
		}
		if c.Action == "remove" {
			out = append(out, name+"-")
		} else {
			out = append(out, name+"="+c.To)
		}
	}
	return out
}

func removes(changes []seal.Change) bool {
	return slices.ContainsFunc(changes, func(c seal.Change) bool { return c.Action == "remove" })
}

// difference compares what apt would do with the lock, in both directions. Empty means: exactly the lock.
func difference(changes []seal.Change, sim apt.Simulation, native string) []string {
	var out []string
	want := map[string]string{}
	for _, c := range changes {
		want[c.Name+":"+c.Arch] = c.Action + " " + c.From + " → " + c.To
	}
	for _, c := range sim.Changes {
		key, does := c.Name+":"+cmp.Or(c.Arch, native), "upgrade "
		switch {
		case c.Remove:
			does = "remove "
			if _, ok := want[key]; !ok { // a removal does not say all from native
				if _, all := want[c.Name+":all"]; all && c.Arch == "" {
					key = c.Name + ":all"
				}
			}
		case c.From == "":
			does = "install "
		}
		does += c.From + " → " + c.To
		planned, ok := want[key]
		switch {
		case !ok:
			out = append(out, "apt would also "+does+" of "+key)
		case planned != does:
			out = append(out, "the plan says "+planned+" of "+key+", apt would "+does)
		}
		delete(want, key)
	}
	for _, c := range changes {
		if planned, left := want[c.Name+":"+c.Arch]; left {
			out = append(out, "apt would not "+planned+" of "+c.Name+":"+c.Arch)
		}
	}
	return append(out, sim.Bad...)
}

// auto are the changes whose package apt counts as installed for the sake of others, so that it must count so afterwards. A package that
// is new comes with a lock for the sake of others as well: nobody asked for it by name.
func auto(changes []seal.Change, extendedStates []byte) []string {
	marked := map[string]bool{}
	r := dpkg.NewReader(bytes.NewReader(extendedStates), "Package", "Architecture", "Auto-Installed")
	for {
		s, err := r.Next()
		if bad := (*dpkg.Malformed)(nil); err != nil && !asMalformed(err, &bad) {
			break
		}
		if err == nil && s.Get("Auto-Installed") == "1" {
			marked[s.Get("Package")+":"+s.Get("Architecture")] = true
		}
	}
	native := dpkgArch()
	var out []string
	for _, c := range changes {
		arch := c.Arch
		if arch == "all" { // apt writes its native architecture
			arch = native
		}
		if c.Action == "install" || c.Action == "upgrade" && marked[c.Name+":"+arch] {
			name := c.Name
			if c.Arch != "all" {
				name += ":" + c.Arch
			}
			out = append(out, name)
		}
	}
	return out
}

func asMalformed(err error, to **dpkg.Malformed) bool {
	m, ok := err.(*dpkg.Malformed) //nolint:errorlint // the reader gives it as it is
	*to = m
	return ok
}

// dpkgArch is dpkg's native architecture: the first line of its list, where there is one.
func dpkgArch() string {
	b, _ := os.ReadFile("/var/lib/dpkg/arch")
	first, _, _ := strings.Cut(string(b), "\n")
	return cmp.Or(strings.TrimSpace(first), dpkg.Arch(runtime.GOARCH))
}

// conffiles reads dpkg-query's ${Conffiles}: " /etc/x md5" lines.
func conffiles(out []byte) []string {
	var names []string
	for line := range bytes.Lines(out) {
		f := strings.Fields(string(line))
		if len(f) >= 2 && strings.HasPrefix(f[0], "/") {
			names = append(names, f[0])
		}
	}
	return names
}

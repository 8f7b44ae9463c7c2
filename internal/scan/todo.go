package scan

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/assess"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// step is one thing to do, for one source package at one version.
type step struct {
	ecosystem, source, installed string
	fixed                        string // the highest version that any of its findings asks for
	packages                     []string
	findings, exploited          int
	priority                     string // the worst of its findings
	entitlement, stream          string
}

// todo is what a person does next, worst first.
type todo struct {
	install []step // a fixed version is known
	entitle []step // one is known, and needs a subscription
	reboot  []step // the fix is installed, and the old kernel runs
	restart []step // the fix is installed, and old code is still loaded
	wait    []step // no fix is known, or none is planned
}

// todoOf groups findings of code that can run.
func todoOf(findings []apiv1.Finding) todo {
	var t todo
	at := map[string]int{}
	add := func(kind string, list *[]step, f *apiv1.Finding) {
		k := strings.Join([]string{kind, f.Ecosystem, f.Source, f.Installed, f.Entitlement}, "\x00")
		i, ok := at[k]
		if !ok {
			i = len(*list)
			at[k] = i
			*list = append(*list, step{ecosystem: f.Ecosystem, source: f.Source, installed: f.Installed, priority: f.Priority, entitlement: f.Entitlement, stream: f.Stream})
		}
		s := &(*list)[i]
		s.findings++
		if f.KEV != nil {
			s.exploited++
		}
		s.fixed = higher(f.Ecosystem, s.fixed, f.Fixed)
		for _, p := range f.Packages {
			if !slices.Contains(s.packages, p) {
				s.packages = append(s.packages, p)
			}
		}
	}
	for i := range findings {
		f := &findings[i]
		switch {
		case idle(*f):
		case f.Status == apiv1.StatusRebootPending:
			add("reboot", &t.reboot, f)
		case f.Status == apiv1.StatusOldCode:
			add("restart", &t.restart, f)
		case f.Status == apiv1.StatusEntitlement:
			add("entitle", &t.entitle, f)
		case f.Fixed != "":
			add("install", &t.install, f)
		default:
			add("wait", &t.wait, f)
		}
	}
	for _, list := range [][]step{t.install, t.entitle, t.reboot, t.restart, t.wait} {
		slices.SortStableFunc(list, func(a, b step) int {
			return cmp.Or(cmp.Compare(assess.Rank(a.priority), assess.Rank(b.priority)), cmp.Compare(b.exploited, a.exploited), cmp.Compare(b.findings, a.findings), strings.Compare(a.source, b.source))
		})
		for i := range list {
			slices.Sort(list[i].packages)
		}
	}
	return t
}

// higher is the later of two versions; what cannot be ordered does not replace what was there.
func higher(ecosystem, a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	scheme, ok := vercmp.ForEcosystem(ecosystem)
	if !ok {
		return a
	}
	if order, err := vercmp.Compare(scheme, a, b); err == nil && order < 0 {
		return b
	}
	return a
}

// commandOf is how an ecosystem's own package manager brings packages up to date: what runs before, and what the packages' names follow.
// whole: the command takes no names, since bringing single packages up to date is not supported there.
func commandOf(ecosystem string) (before, command string, whole bool) {
	name, release, _ := strings.Cut(ecosystem, ":")
	switch name {
	case "Debian", "Ubuntu":
		return "apt-get update", "apt-get install --only-upgrade", false
	case "AlmaLinux", "Rocky Linux", "CentOS", "Fedora", "Red Hat", "Oracle Linux", "openEuler":
		return "", "dnf upgrade", false
	case "Amazon Linux":
		if release == "2" {
			return "", "yum update", false
		}
		return "", "dnf upgrade --releasever=latest", false
	case "Azure Linux", "Photon OS":
		return "", "tdnf update", false
	case "Mageia":
		return "", "dnf upgrade", false
	case "SUSE", "openSUSE":
		return "zypper refresh", "zypper update", false
	case "Alpine", "Wolfi", "Chainguard":
		return "apk update", "apk add --upgrade", false
	case "Arch Linux":
		return "", "pacman -Syu", true
	}
	return "", "", false
}

// writeTodo ends a table: the next step for a person who is tired.
func writeTodo(b *strings.Builder, s apiv1.Scan) {
	t := todoOf(s.Findings)
	if len(t.install)+len(t.entitle)+len(t.reboot)+len(t.restart)+len(t.wait) == 0 {
		if len(s.Findings) == 0 {
			b.WriteString("Nothing to do that these feeds know of.\n")
		} else {
			b.WriteString("What to do: nothing now. What is listed cannot run here.\n")
		}
		return
	}
	b.WriteString("What to do, worst first:\n")
	n := 0
	heading := func(list []step, text string) {
		if len(list) > 0 {
			n++
			fmt.Fprintf(b, "%d. %s\n", n, text)
		}
	}
	heading(t.install, "Install these updates:")
	for _, one := range t.install {
		writeStep(b, one)
	}
	writeCommands(b, t.install, s.Root)
	heading(t.reboot, "Reboot: the fixed kernel is installed, and the old one still runs.")
	for _, one := range t.reboot {
		fmt.Fprintf(b, "   %s\n", counted(one))
	}
	heading(t.restart, "Restart what still runs the old code of:")
	for _, one := range t.restart {
		fmt.Fprintf(b, "   %s: %s\n", visible(one.source), counted(one))
	}
	heading(t.entitle, "Attach a subscription, or accept the risk: fixes need one.")
	for _, one := range t.entitle {
		fmt.Fprintf(b, "   %s needs %s: %s\n", visible(one.source), visible(cmp.Or(one.entitlement, "a subscription")), counted(one))
	}
	heading(t.wait, "Watch: no fix can be installed yet.")
	const most = 10
	for i, one := range t.wait {
		if i == most {
			fmt.Fprintf(b, "   and %s (-o json lists each)\n", plural(len(t.wait)-most, "more package"))
			break
		}
		fmt.Fprintf(b, "   %s %s: %s\n", visible(one.source), visible(one.installed), counted(one))
	}
}

func writeStep(b *strings.Builder, one step) {
	text := fmt.Sprintf("   %s %s -> %s", visible(one.source), visible(one.installed), visible(one.fixed))
	what := counted(one)
	if len([]rune(text))+2+len(what) > width {
		fmt.Fprintf(b, "%s:\n     %s\n", text, what)
		return
	}
	fmt.Fprintf(b, "%s: %s\n", text, what)
}

func counted(one step) string {
	text := plural(one.findings, "finding") + ", " + one.priority
	if one.exploited > 0 {
		text += ", exploited"
	}
	return text
}

// writeCommands gives one command for each ecosystem, as a person would type it.
func writeCommands(b *strings.Builder, steps []step, root string) {
	var ecosystems []string
	packages := map[string][]string{}
	for _, one := range steps {
		if packages[one.ecosystem] == nil {
			ecosystems = append(ecosystems, one.ecosystem)
		}
		packages[one.ecosystem] = append(packages[one.ecosystem], one.packages...)
	}
	for _, e := range ecosystems {
		refresh, command, whole := commandOf(e)
		if command == "" {
			fmt.Fprintf(b, "   Update those of %s where they are built or deployed from.\n", visible(e))
			continue
		}
		in := "with"
		if root != "/" {
			in = "inside what was scanned, with"
		}
		fmt.Fprintf(b, "   %s:\n", in)
		if refresh != "" {
			fmt.Fprintf(b, "     %s\n", refresh)
		}
		words, names := strings.Fields(command), packages[e]
		slices.Sort(names)
		names = slices.Compact(names)
		all := len(names)
		if purlType(before(e)) == "deb" {
			names = slices.DeleteFunc(names, oneKernels)
		}
		if !whole {
			for _, name := range names {
				words = append(words, quoted(name))
			}
		}
		if len(names) > 0 {
			wrapped(b, words)
		}
		if len(names) < all {
			b.WriteString("     apt-get upgrade --with-new-pkgs\n   The last brings the next kernel, a package of another name, with all other\n   updates.\n")
		}
	}
}

// oneKernels says whether a package of Debian or Ubuntu is of one kernel and has its release in the name: it is never upgraded, the next
// kernel is installed beside it.
func oneKernels(name string) bool { return kernelNamed.MatchString(name) }

var kernelNamed = regexp.MustCompile(`^linux-.*-[0-9]+\.[0-9]+\.[0-9]+-[0-9]+(-|$)`)

// wrapped writes words of a command, in lines that a shell reads as one.
func wrapped(b *strings.Builder, words []string) {
	line := "     " + words[0]
	for _, w := range words[1:] {
		if len([]rune(line))+1+len([]rune(w))+2 > width {
			b.WriteString(line + " \\\n")
			line = "       " + w
			continue
		}
		line += " " + w
	}
	b.WriteString(line + "\n")
}

// quoted makes a name from a foreign package database fit for a command line that somebody will paste.
func quoted(name string) string {
	name = visible(name)
	safe := name != "" && name[0] != '-' && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-._:@/") == ""
	if safe {
		return name
	}
	return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
}

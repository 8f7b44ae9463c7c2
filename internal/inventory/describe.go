package inventory

import (
	"fmt"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// The sentences of a host's history. Each takes what was before, nil at first, and what is now.

func describeChanges(changes []apiv1.PackageChange) string {
	var came, went, moved int
	for _, c := range changes {
		switch {
		case c.From == "":
			came++
		case c.To == "":
			went++
		default:
			moved++
		}
	}
	if len(changes) == 0 {
		return "Packages: only their origin or source became known."
	}
	return sentence([]string{some(moved, "package", "changed version"), some(came, "package", "installed"), some(went, "package", "removed")})
}

func describeFacts(before, now *apiv1.Facts) string {
	if before == nil {
		return fmt.Sprintf("First facts: %s, kernel %s.", or(now.OS.Name, "release not known"), or(now.Kernel.Running, "not known"))
	}
	var said []string
	moved := func(what, from, to string) {
		if from != to {
			said = append(said, fmt.Sprintf("%s %s, before %s", what, or(to, "not known"), or(from, "not known")))
		}
	}
	moved("host name", before.Hostname, now.Hostname)
	moved("release", before.OS.Name, now.OS.Name)
	moved("running kernel", before.Kernel.Running, now.Kernel.Running)
	moved("newest kernel", before.Kernel.Newest, now.Kernel.Newest)
	if rebooted(*before, *now) {
		said = append(said, "rebooted")
	}
	if before.Reboot.Required != now.Reboot.Required {
		said = append(said, map[bool]string{true: "needs a reboot", false: "needs no reboot any more"}[now.Reboot.Required])
	}
	was, is := failed(before.Units), failed(now.Units)
	for _, u := range is {
		if !slices.Contains(was, u) {
			said = append(said, "unit "+u+" failed")
		}
	}
	for _, u := range was {
		if !slices.Contains(is, u) {
			said = append(said, "unit "+u+" recovered")
		}
	}
	if before.PackageManager.Interrupted != now.PackageManager.Interrupted {
		said = append(said, map[bool]string{true: "a package transaction was cut off", false: "the cut-off package transaction is repaired"}[now.PackageManager.Interrupted])
	}
	if len(said) == 0 {
		said = append(said, "units, holds or other facts changed")
	}
	return sentence(said)
}

func describeUpdates(_, now *apiv1.Updates) string {
	if !now.Known {
		return "Updates are not known: " + or(strings.Join(strings.Fields(now.Problem), " "), "the host gave no reason") + "."
	}
	c := CountUpdates(now)
	first := some(c.Installable, "update", "installable")
	if c.Security > 0 {
		first += fmt.Sprintf(" (%d security)", c.Security)
	}
	if len(now.Updates) == 0 {
		first = "no updates pending"
	}
	return sentence([]string{first, some(c.Phased, "update", "phased"), some(c.Held, "update", "held"), some(c.KeptBack, "update", "kept back")})
}

func describeRepositories(before, now *apiv1.Repositories) string {
	if before == nil {
		return fmt.Sprintf("First list of repositories: %d.", len(now.Repositories))
	}
	ids := func(r *apiv1.Repositories) []string {
		var out []string
		for _, one := range r.Repositories {
			out = append(out, one.ID)
		}
		return out
	}
	was, is := ids(before), ids(now)
	var said []string
	for _, id := range is {
		if !slices.Contains(was, id) {
			said = append(said, "repository "+id+" added")
		}
	}
	for _, id := range was {
		if !slices.Contains(is, id) {
			said = append(said, "repository "+id+" removed")
		}
	}
	if len(said) == 0 {
		said = append(said, "a repository's settings changed")
	}
	return sentence(said)
}

func describeHardware(before, now *apiv1.Hardware) string {
	if before == nil {
		return fmt.Sprintf("First hardware: %s, %s of memory.", count(now.CPU.Threads, "processor thread"), bytesText(now.MemoryBytes))
	}
	var said []string
	if before.CPU != now.CPU {
		said = append(said, fmt.Sprintf("processor %s with %s", or(now.CPU.Model, "of unknown model"), count(now.CPU.Threads, "thread")))
	}
	if before.MemoryBytes != now.MemoryBytes {
		said = append(said, fmt.Sprintf("memory %s, before %s", bytesText(now.MemoryBytes), bytesText(before.MemoryBytes)))
	}
	if !slices.Equal(before.Disks, now.Disks) {
		said = append(said, "disks changed")
	}
	if !slices.Equal(before.Filesystems, now.Filesystems) {
		said = append(said, "file systems changed")
	}
	if !slices.EqualFunc(before.NICs, now.NICs, func(a, b apiv1.NIC) bool {
		return a.Name == b.Name && a.MAC == b.MAC && slices.Equal(a.Addresses, b.Addresses)
	}) {
		said = append(said, "network interfaces changed")
	}
	if len(said) == 0 {
		said = append(said, "hardware changed")
	}
	return sentence(said)
}

// CountUpdates counts updates by state; removals that an upgrade brings count with it.
func CountUpdates(u *apiv1.Updates) apiv1.UpdateCounts {
	if u == nil {
		return apiv1.UpdateCounts{Problem: "the host has not reported its updates yet"}
	}
	c := apiv1.UpdateCounts{Known: u.Known, Problem: u.Problem}
	for _, one := range u.Updates {
		switch one.State {
		case apiv1.UpdateInstallable:
			c.Installable++
			if one.Security {
				c.Security++
			}
		case apiv1.UpdatePhased:
			c.Phased++
		case apiv1.UpdateHeld:
			c.Held++
		case apiv1.UpdateKeptBack:
			c.KeptBack++
		}
	}
	return c
}

func failed(units []apiv1.Unit) []string {
	var out []string
	for _, u := range units {
		if u.Failed {
			out = append(out, u.Name)
		}
	}
	return out
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// some is "3 packages installed", or nothing for none.
func some(n int, noun, what string) string {
	if n == 0 {
		return ""
	}
	return count(n, noun) + " " + what
}

// sentence joins what is not empty and makes it one: a capital, a full stop, at most ten parts.
func sentence(parts []string) string {
	parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
	if extra := len(parts) - 10; extra > 0 {
		parts = append(parts[:10], fmt.Sprintf("and %d more", extra))
	}
	text := strings.Join(parts, ", ")
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

func bytesText(n int64) string {
	if n >= 10<<30 {
		return fmt.Sprintf("%d GiB", n>>30)
	}
	return fmt.Sprintf("%d MiB", n>>20)
}

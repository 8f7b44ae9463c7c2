package assess

import (
	"fmt"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// Installed is how one host has a subject: its binary packages by name, and what the host's package manager says of them.
type Installed struct {
	Packages []inventory.Package
	Offer    string   // a sentence part, as "apt offers libssl3 3.0.17-1~deb12u3 from bookworm-security now"; empty: not known
	Units    []string // whose processes still run it, where it is not on disk any more
}

// Explain says why a finding stands: package, range, advisory, feed and its date, how it is installed, what is offered, and why the
// status and priority are what they are.
func Explain(c Case, v Verdict, on Installed, feedAsOf, now time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s", c.Subject.Name, c.Subject.Version, c.words())
	fmt.Fprintf(&b, " (%s", c.Hit.Advisory.Feed)
	if !feedAsOf.IsZero() {
		fmt.Fprintf(&b, " as of %s", inventory.Instant(feedAsOf))
	}
	fmt.Fprintf(&b, "); installed as %s; %s", strings.Join(few(names(on.Packages)), ", "), originText(on.Packages))
	if on.Offer != "" {
		b.WriteString("; " + on.Offer)
	}
	b.WriteString(". ")
	if text := c.statusText(v, on); text != "" {
		b.WriteString(text + " ")
	}
	b.WriteString(because(c, v, now))
	return b.String()
}

// words is the matched range: what the installed version is, beside what the advisory says.
func (c Case) words() string {
	h, id := c.Hit, c.Hit.Advisory.ID
	fix := h.fixOn(c.Standing)
	from := ""
	if h.span != nil && h.span.introduced != nil {
		from = h.span.introduced.text
	}
	switch {
	case h.says == saysUntold:
		return fmt.Sprintf("is a build of a module, as is what %s fixes, and it does not say of which stream", id)
	case h.says == saysUndetermined:
		return fmt.Sprintf("may be affected by %s: its source has not determined that yet", id)
	case h.exact && fix == nil:
		return fmt.Sprintf("is listed as affected by %s, which names no fixed version", id)
	case h.exact:
		return fmt.Sprintf("is listed as affected by %s, fixed in %s%s", id, fix.text, c.fixer(fix))
	case fix != nil && from == "" && fix.advisory == h.Advisory:
		return fmt.Sprintf("is below %s, fixed by %s", fix.text, id)
	case fix != nil && fix.advisory == h.Advisory:
		return fmt.Sprintf("is from %s on and below %s, fixed by %s", from, fix.text, id)
	case fix != nil:
		return fmt.Sprintf("is affected by %s and below %s%s", id, fix.text, c.fixer(fix))
	case h.span != nil && h.span.last != nil && from != "":
		return fmt.Sprintf("is in the range >= %s and <= %s of %s, which names no fixed version", from, h.span.last.text, id)
	case h.span != nil && h.span.last != nil:
		return fmt.Sprintf("is in the range <= %s of %s, which names no fixed version", h.span.last.text, id)
	case from != "":
		return fmt.Sprintf("is affected (>= %s) by %s, which names no fixed version", from, id)
	}
	return fmt.Sprintf("is affected (all versions) by %s, which names no fixed version", id)
}

// fixer names who names the fix, where that is somebody else.
func (c Case) fixer(f *fix) string {
	if f.advisory == c.Hit.Advisory {
		return ""
	}
	return fmt.Sprintf(", fixed there by %s (%s)", f.advisory.ID, f.advisory.Feed)
}

// statusText says what a status means here, where the word alone does not.
func (c Case) statusText(v Verdict, on Installed) string {
	source := ""
	if c.Hit.status != "" {
		source = fmt.Sprintf("Its source says %s", strings.ReplaceAll(string(c.Hit.status), "_", " "))
		if c.Hit.note != "" {
			source += ": " + strings.TrimSuffix(c.Hit.note, ".")
		}
		source += "."
	}
	switch v.Status {
	case apiv1.StatusRebootPending:
		return fmt.Sprintf("The newest installed kernel, %s, has the fix: reboot into it.", c.Standing.Role.Newest)
	case apiv1.StatusOldCode:
		disk := "The fix is on disk"
		if !c.Hit.Reaches(c.Standing.Role.Newest, c.Standing) {
			disk = fmt.Sprintf("What is on disk, %s, is not listed for it", c.Standing.Role.Newest)
		}
		return disk + ", and the version before is still loaded" + renewal(on.Units) + "."
	case apiv1.StatusEntitlement:
		return fmt.Sprintf("The fix needs %s, which this host does not say it has.", c.Hit.Entitlement(c.Standing))
	}
	if v.Status == apiv1.StatusEndOfLife && c.Ended != "" {
		source = strings.TrimSpace(fmt.Sprintf("Support of %s ended on %s. %s", c.Subject.Ecosystem, c.Ended, source))
	}
	return source
}

// rebootOnly are units that are not restarted on a system that is to stay up: the first process, and what sessions, the bus, devices and the log
// depend on. internal/apply leaves them alone for the same reason and asks for a reboot.
func rebootOnly(unit string) bool {
	switch unit {
	case "init.scope", "dbus.service", "dbus-broker.service", "systemd-logind.service", "systemd-journald.service", "systemd-udevd.service", "polkit.service":
		return true
	}
	return false
}

// renewal says how units get rid of old code.
func renewal(units []string) string {
	var restart, reboot []string
	alone := false // processes outside any unit
	for _, u := range units {
		switch {
		case u == "(none)":
			alone = true
		case rebootOnly(u):
			reboot = append(reboot, u)
		default:
			restart = append(restart, u)
		}
	}
	switch {
	case len(reboot) > 0:
		return ": reboot, since " + strings.Join(few(reboot), ", ") + " cannot be restarted alone"
	case len(restart) > 0 && alone:
		return ": restart " + strings.Join(few(restart), ", ") + ", and what runs it outside any unit"
	case len(restart) > 0:
		return ": restart " + strings.Join(few(restart), ", ")
	}
	return " by running processes"
}

// names are the binary packages' names, sorted and each once.
func names(packages []inventory.Package) []string {
	seen := map[string]bool{}
	out := []string{}
	for _, p := range packages {
		if !seen[p.Name] {
			seen[p.Name] = true
			out = append(out, p.Name)
		}
	}
	return sortedStrings(out)
}

// few keeps an explanation readable: some sources have a hundred binaries.
func few(all []string) []string {
	const most = 6
	if len(all) <= most {
		return all
	}
	return append(all[:most:most], fmt.Sprintf("and %d more", len(all)-most))
}

// originText names where the packages come from. Not knowing is said: a vendor's package of the same name is not the distribution's.
func originText(packages []inventory.Package) string {
	seen := map[string]bool{}
	var known []string
	for _, p := range packages {
		if !seen[p.Origin] {
			seen[p.Origin] = true
			if p.Origin != "" {
				known = append(known, p.Origin)
			}
		}
	}
	known = sortedStrings(known)
	switch {
	case len(known) == 0:
		return "origin unknown"
	case seen[""]:
		return "origin " + strings.Join(known, ", ") + ", of some unknown"
	}
	return "origin " + strings.Join(known, ", ")
}

package assess

import (
	"fmt"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/inventory"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// Case is one vulnerability of one subject in one role: everything that status and priority depend on, whatever the host.
type Case struct {
	Vulnerability string
	Subject       Subject
	Hit           Hit
	KEV           *advisory.KEV // nil: not in the catalogue
	Role          Role
}

// Verdict is what a Case comes to.
type Verdict struct {
	Status   string // apiv1.Status…
	Priority string // apiv1.Priority…
}

// Judge decides status and priority. Known exploitation makes a finding urgent, except where the code cannot run.
func Judge(c Case) Verdict {
	switch c.Role.Part {
	case NotLoaded:
		return Verdict{apiv1.StatusNotLoaded, apiv1.PriorityLowest}
	case NotRunning:
		return Verdict{apiv1.StatusNotRunning, apiv1.PriorityLow}
	}
	v := Verdict{Status: apiv1.StatusFixed}
	switch {
	case c.Hit.Range.Fixed == "":
		v.Status = apiv1.StatusNoFix
	case c.newestIsFixed():
		v.Status = apiv1.StatusRebootPending
	}
	if v.Priority = c.Hit.priority; v.Priority == "" {
		v.Priority, _ = severityPriority(c.Hit.Advisory.Severity)
	}
	if c.KEV != nil {
		v.Priority = apiv1.PriorityUrgent
	}
	return v
}

// because says why a case has this verdict.
func because(c Case, v Verdict) string {
	switch c.Role.Part {
	case NotLoaded:
		return "Priority lowest: no image of this kernel is installed, only headers or tools built from its source, so nothing runs the vulnerable code" + kevAside(c.KEV) + "."
	case NotRunning:
		return "Priority low: this kernel is installed, and another one runs" + kevAside(c.KEV) + "."
	}
	var text string
	if v.Status == apiv1.StatusRebootPending {
		text = fmt.Sprintf("The newest installed kernel, %s, has the fix: reboot into it. ", c.Role.Newest)
	}
	if c.KEV != nil {
		return text + fmt.Sprintf("Priority urgent: known to be exploited, in CISA's KEV catalogue since %s%s.", c.KEV.Added, kevMore(c.KEV))
	}
	_, why := severityPriority(c.Hit.Advisory.Severity)
	return text + fmt.Sprintf("Priority %s: %s.", v.Priority, why)
}

// newestIsFixed: the kernel that runs is vulnerable, and the one that a reboot would run is not.
func (c Case) newestIsFixed() bool {
	if c.Role.Newest == "" || c.Hit.Range.Fixed == "" {
		return false
	}
	scheme, _ := vercmp.ForEcosystem(c.Subject.Ecosystem)
	order, ok := compare(scheme, newVersion(scheme, c.Role.Newest), c.Hit.fixed)
	return ok && order >= 0
}

// kevAside mentions known exploitation where it does not count.
func kevAside(k *advisory.KEV) string {
	if k == nil {
		return ""
	}
	return fmt.Sprintf(" (it is in CISA's KEV catalogue since %s, which would make it urgent where it runs)", k.Added)
}

func kevMore(k *advisory.KEV) string {
	var more string
	if k.Due != "" {
		more += ", due there " + k.Due
	}
	if k.Ransomware {
		more += ", used by ransomware"
	}
	return more
}

// Installed is how one host has a subject: its binary packages by name, and what the host's package manager says of them.
type Installed struct {
	Packages []inventory.Package
	Offer    string // a sentence part, as "apt offers libssl3 3.0.17-1~deb12u3 from bookworm-security now"; empty: not known
}

// Explain says why a finding stands: package, range, advisory, feed and its date, how it is installed, what is offered, and why the
// status and priority are what they are.
func Explain(c Case, v Verdict, on Installed, feedAsOf time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s", c.Subject.Name, c.Subject.Version, c.Hit.words())
	fmt.Fprintf(&b, " (%s", c.Hit.Advisory.Feed)
	if !feedAsOf.IsZero() {
		fmt.Fprintf(&b, " as of %s", inventory.Instant(feedAsOf))
	}
	fmt.Fprintf(&b, "); installed as %s; %s", strings.Join(few(names(on.Packages)), ", "), originText(on.Packages))
	if on.Offer != "" {
		b.WriteString("; " + on.Offer)
	}
	b.WriteString(". " + because(c, v))
	return b.String()
}

// words is the matched range: what the installed version is, beside what the advisory says.
func (h Hit) words() string {
	r, id := h.Range, h.Advisory.ID
	switch {
	case h.Exact:
		return "is listed as affected by " + id + ", which names no fixed version"
	case r.Fixed != "" && (r.Introduced == "" || r.Introduced == "0"):
		return fmt.Sprintf("is below %s, fixed by %s", r.Fixed, id)
	case r.Fixed != "":
		return fmt.Sprintf("is from %s on and below %s, fixed by %s", r.Introduced, r.Fixed, id)
	case r.Last != "":
		return fmt.Sprintf("is in the range %s of %s, which names no fixed version", rangeText(r), id)
	}
	return fmt.Sprintf("is affected (%s) by %s, which names no fixed version", rangeText(r), id)
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

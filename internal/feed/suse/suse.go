package suse

import (
	"context"
	"regexp"
	"strings"
	"sync"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/feed/oval"
)

// ReadOVAL reads SUSE's definitions by CVE: suse.linux.enterprise.server.15.xml, its -affected twin, opensuse.leap.15.6.xml.
func ReadOVAL(ctx context.Context, f intake.File, o intake.Options, to intake.Sink) (intake.Survey, error) {
	return oval.Dialect{ID: name, Leaf: leaf}.Read(ctx, f, o, to)
}

// name of a definition: its title begins with the CVE or the update that it is of.
func name(d *oval.Definition) string {
	first, _, _ := strings.Cut(strings.TrimSpace(d.Title), " ")
	if intake.IsCVE(first) || strings.HasPrefix(first, "SUSE-") || strings.HasPrefix(first, "openSUSE-") {
		return first
	}
	return ""
}

// What SUSE's criteria ask. A package's fixed version stands at the end of its name, kernel-default-4.12.14-150.72.1: what is installed
// is vulnerable when it is older. SUSE's packages have no epochs, and the comment shows none.
var (
	installed   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(.+) is installed$`) })
	notAffected = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(\S+) is not affected$`) })
	affected    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(\S+) is affected$`) })
	versioned   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([\w.+-]+)-([^\s-]+-[^\s-]+)$`) })
)

func leaf(comment string) oval.Leaf {
	if m := notAffected().FindStringSubmatch(comment); m != nil {
		return oval.Leaf{Kind: oval.Says, Package: m[1], Status: advisory.StatusNotAffected}
	}
	if m := affected().FindStringSubmatch(comment); m != nil {
		return oval.Leaf{Kind: oval.Says, Package: m[1], Status: advisory.StatusOpen}
	}
	m := installed().FindStringSubmatch(comment)
	if m == nil {
		return oval.Leaf{}
	}
	if !strings.Contains(m[1], " ") {
		if v := versioned().FindStringSubmatch(m[1]); v != nil {
			return oval.Leaf{Kind: oval.Says, Package: v[1], Range: advisory.Range{Introduced: "0", Fixed: v[2]}}
		}
		return oval.Leaf{}
	}
	ecosystem, entitlement := Release(m[1])
	return oval.Leaf{Kind: oval.Installed, Ecosystem: ecosystem, Entitlement: entitlement}
}

// product of SUSE Linux Enterprise: what it is of, 15 SP5 or 16.0, and what its updates need.
var product = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^SUSE Linux Enterprise (.+?) (\d{2})(?:\.(\d{1,2})| SP(\d{1,2}))?(?:[ -]([A-Z][A-Z-]*(?: Extended Security)?))?$`)
})

// leap and its rolling sister.
var leap = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^openSUSE (Leap \d{2}\.\d|Tumbleweed)$`) })

// Release gives the release that a product's name means, and what its updates need beside a plain subscription. All modules and
// extensions of one release are that release. Empty: no release of an operating system (SUSE Manager), or one that is not SLE's
// (Micro, Storage).
func Release(name string) (ecosystem, entitlement string) {
	if m := leap().FindStringSubmatch(name); m != nil {
		return "openSUSE:" + m[1], ""
	}
	m := product().FindStringSubmatch(name)
	if m == nil {
		return "", ""
	}
	switch kind := m[1]; {
	case kind == "Server for SAP Applications":
		entitlement = "sap" // gets updates for longer than the plain server of the same release
	case kind == "Server LTSS Extended Security":
		entitlement = "ltss-extended-security"
	case kind == "Server", kind == "Desktop", kind == "High Performance Computing", kind == "Workstation Extension", kind == "Software Development Kit",
		kind == "High Availability Extension", kind == "Real Time", kind == "Live Patching", strings.HasPrefix(kind, "Module for "):
	default:
		return "", ""
	}
	if m[5] != "" { // LTSS, BCL, ESPOS, LTSS-ERICSSON, LTSS Extended Security
		entitlement = strings.ReplaceAll(strings.ToLower(m[5]), " ", "-")
	}
	ecosystem = "SUSE:" + m[2]
	if minor := m[3] + m[4]; minor != "" {
		ecosystem += "." + minor
	}
	return ecosystem, entitlement
}

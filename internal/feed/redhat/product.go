package redhat

import "strings"

// Product is a release of RHEL as a CPE names it.
type Product struct {
	Ecosystem   string // Red Hat:9
	Entitlement string // what its updates need beside a plain subscription: eus, aus, tus, e4s, els; empty: nothing
	Minor       string // the minor release that an entitlement stays on, as 9.2; empty: none
}

// entitled are the products of RHEL that need more than a plain subscription, by the name in their CPE. RHEL 10 changed the names.
var entitled = map[string]string{
	"enterprise_linux": "",
	"rhel_eus":         "eus", "enterprise_linux_eus": "eus",
	"rhel_aus": "aus", "enterprise_linux_aus": "aus",
	"rhel_tus": "tus", "enterprise_linux_tus": "tus",
	"rhel_e4s": "e4s", "enterprise_linux_e4s": "e4s",
	"rhel_els": "els", "enterprise_linux_els": "els",
}

// ProductOf reads a CPE, cpe:/a:redhat:rhel_eus:9.2::appstream, or the part of it that OSV has as a release, rhel_eus:9.2::appstream.
// False: not a release of RHEL.
func ProductOf(cpe string) (Product, bool) {
	if rest, ok := strings.CutPrefix(cpe, "cpe:/"); ok {
		part, name, _ := strings.Cut(rest, ":")
		if part != "o" && part != "a" {
			return Product{}, false
		}
		if cpe, ok = strings.CutPrefix(name, "redhat:"); !ok {
			return Product{}, false
		}
	}
	name, rest, _ := strings.Cut(cpe, ":")
	entitlement, ok := entitled[name]
	version, _, _ := strings.Cut(rest, ":")
	major, minor, dotted := strings.Cut(version, ".")
	if !ok || !isNumber(major) || dotted && !isNumber(minor) {
		return Product{}, false
	}
	p := Product{Ecosystem: "Red Hat:" + major, Entitlement: entitlement}
	if entitlement != "" && dotted {
		p.Minor = version
	}
	return p, true
}

// isNumber: a release's number, of at most three digits.
func isNumber(s string) bool {
	return s != "" && len(s) <= 3 && strings.Trim(s, "0123456789") == ""
}

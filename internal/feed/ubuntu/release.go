package ubuntu

import (
	"regexp"
	"slices"
	"strings"
)

// releases are Ubuntu's codenames. A new one is added each half year; a release that is not here is named in the survey.
var releases = map[string]string{
	"precise": "12.04", "trusty": "14.04", "utopic": "14.10", "vivid": "15.04", "wily": "15.10", "xenial": "16.04", "yakkety": "16.10",
	"zesty": "17.04", "artful": "17.10", "bionic": "18.04", "cosmic": "18.10", "disco": "19.04", "eoan": "19.10", "focal": "20.04",
	"groovy": "20.10", "hirsute": "21.04", "impish": "21.10", "jammy": "22.04", "kinetic": "22.10", "lunar": "23.04", "mantic": "23.10",
	"noble": "24.04", "oracular": "24.10", "plucky": "25.04", "questing": "25.10", "resolute": "26.04",
}

// place is where a package comes from: the release under which hosts and advisories meet, what it takes to get it, and the variant it is
// built as.
type place struct {
	ecosystem   string // Ubuntu:22.04
	entitlement string // esm-infra, esm-apps, pro, fips-updates; empty: nothing
	stream      string // fips, fips-updates, realtime-kernel, nvidia-bluefield; empty: the ordinary build
}

// What a Pro subscription is asked for when a fix needs one and the record does not say which part of it.
const somePro = "pro"

// ours are the names of variants where they differ from those that the host's own `pro status` uses.
var ours = map[string]string{"realtime": "realtime-kernel", "bluefield": "nvidia-bluefield", "esm": "esm-infra", "ros-esm": "ros"}

var releaseNumber = regexp.MustCompile(`^\d{2}\.\d{2}$`)

// ofEcosystem reads OSV's name of a place: Ubuntu:22.04:LTS, Ubuntu:25.10, Ubuntu:Pro:16.04:LTS, Ubuntu:Pro:FIPS-updates:20.04:LTS,
// Ubuntu:Pro:22.04:LTS:Realtime:Kernel, Ubuntu:22.04:LTS:for:NVIDIA:BlueField. The entitlement of a plain Pro is somePro: other fields
// tell more.
func ofEcosystem(name string) (place, bool) {
	const most = 8
	parts := strings.Split(name, ":")
	i := slices.IndexFunc(parts, releaseNumber.MatchString)
	if parts[0] != "Ubuntu" || i < 0 || len(parts) > most {
		return place{}, false
	}
	p := place{ecosystem: "Ubuntu:" + parts[i]}
	var variant []string
	for _, part := range slices.Concat(parts[1:i], parts[i+1:]) {
		switch part {
		case "Pro":
			p.entitlement = somePro
		case "LTS", "for":
		case "":
			return place{}, false
		default:
			variant = append(variant, strings.ToLower(part))
		}
	}
	if len(variant) > 0 {
		p.vary(strings.Join(variant, "-"))
	}
	return p, len(p.stream) <= maxVariant
}

const maxVariant = 64

// vary notes a variant. The parts of ESM bring fixes for the ordinary packages, and ROS has packages that are only there; all others are
// builds of their own.
func (p *place) vary(variant string) {
	if name, ok := ours[variant]; ok {
		variant = name
	}
	p.entitlement = variant
	if variant != "ros" && !strings.HasPrefix(variant, "esm-") {
		p.stream = variant
	}
}

// variants are the words in the names of kernel sources that are only built as a variant: linux-realtime, linux-aws-fips, linux-bluefield.
var variants = map[string]string{"fips": "fips", "fips-updates": "fips", "fips-preview": "fips", "realtime-kernel": "realtime", "nvidia-bluefield": "bluefield"}

// streamOf is the variant of a source; none where its very name says so, since it cannot be mistaken for an ordinary build then: who has it
// runs that variant. openssl may be either.
func (p place) streamOf(source string) string {
	if word := variants[p.stream]; word != "" && strings.HasPrefix(source, "linux-") && strings.Contains(source, word) {
		return ""
	}
	return p.stream
}

// ofDistro reads the distro of a purl: jammy, esm-infra/xenial, esm-infra-legacy/trusty, trusty/esm, fips-updates/focal.
func ofDistro(distro string) (place, bool) {
	var p place
	for part := range strings.SplitSeq(distro, "/") {
		if number, ok := releases[part]; ok {
			p.ecosystem = "Ubuntu:" + number
		} else if part == "" || len(part) > maxVariant {
			return place{}, false
		} else if p.entitlement == "" { // ros-esm/focal/noetic ends with ROS's own release
			p.vary(part)
		}
	}
	return p, p.ecosystem != ""
}

// entitle says what a fix needs, from whatever a record tells of it: its purl's distro, then the text on its availability. That text
// names the Infra part alone by name; what is available with all of Pro and not with Infra is in Apps.
func (p *place) entitle(distro, availability string) {
	named, ok := ofDistro(distro)
	switch {
	case p.stream != "":
	case ok && named.entitlement != "" && named.stream == "":
		p.entitlement = named.entitlement
	case strings.Contains(availability, "Ubuntu Pro (Infra-only)"):
		p.entitlement = "esm-infra"
	case strings.Contains(availability, "Available with Ubuntu Pro"):
		p.entitlement = "esm-apps"
	}
}

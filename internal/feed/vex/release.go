package vex

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

var (
	major      = regexp.MustCompile(`^[1-9][0-9]{0,3}$`)
	majorMinor = regexp.MustCompile(`^[1-9][0-9]{0,3}\.[0-9]{1,2}$`)
)

// releases are how the releases of distributions are written where hosts and advisories meet; the pattern, and an example to show.
var releases = map[string]struct {
	form    *regexp.Regexp
	example string
}{
	"Debian":       {major, "Debian:12"},
	"Ubuntu":       {majorMinor, "Ubuntu:24.04"},
	"AlmaLinux":    {major, "AlmaLinux:9"},
	"Rocky Linux":  {major, "Rocky Linux:9"},
	"Red Hat":      {major, "Red Hat:9"},
	"Oracle Linux": {major, "Oracle Linux:9"},
	"Amazon Linux": {major, "Amazon Linux:2023"},
	"Azure Linux":  {major, "Azure Linux:3"},
	"Fedora":       {major, "Fedora:43"},
	"CentOS":       {major, "CentOS:7"},
	"SUSE":         {regexp.MustCompile(`^[1-9][0-9](\.[0-9])?$`), "SUSE:15.5"},
	"openSUSE":     {regexp.MustCompile(`^(Leap [1-9][0-9]\.[0-9]|Tumbleweed)$`), "openSUSE:Leap 15.6"},
	"Alpine":       {regexp.MustCompile(`^(v[1-9]\.[0-9]{1,2}|edge)$`), "Alpine:v3.20"},
	"Photon OS":    {majorMinor, "Photon OS:5.0"},
	"Mageia":       {major, "Mageia:9"},
}

// checkEcosystem says what is wrong with the name of an ecosystem that a user wrote: one that no host has would silently do nothing.
func checkEcosystem(ecosystem string) error {
	name, release, _ := strings.Cut(ecosystem, ":")
	_, ordered := vercmp.ForEcosystem(ecosystem)
	r, released := releases[name]
	switch {
	case !ordered:
		return fmt.Errorf("the ecosystem %q is not known", intake.Shown(ecosystem))
	case released && !r.form.MatchString(release):
		return fmt.Errorf("the ecosystem %q does not name a release, as in %s", intake.Shown(ecosystem), r.example)
	case !released && name != ecosystem && name != "openEuler":
		return fmt.Errorf("the ecosystem %q has no releases: it is %q", intake.Shown(ecosystem), name)
	}
	return nil
}

// checkVersion says what is wrong with a version of an ecosystem.
func checkVersion(ecosystem, version string) error {
	scheme, ok := vercmp.ForEcosystem(ecosystem)
	if !ok {
		return fmt.Errorf("the ecosystem %q is not known", intake.Shown(ecosystem))
	}
	return vercmp.Valid(scheme, version)
}

// sound: an id or a package's name can be stored, shown and compared.
func sound(name string, most int) bool {
	return name != "" && len(name) <= most && intake.Shown(name) == name && strings.TrimSpace(name) == name
}

// noteOf makes one line of a text.
func noteOf(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	return intake.Cut(strings.Join(strings.Fields(text), " "), maxNote)
}

// Bounds of what a user writes.
const (
	maxID   = 128
	maxName = 200
	maxNote = 256 // as advisory.Affected.Note
)

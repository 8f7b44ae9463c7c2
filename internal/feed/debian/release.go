package debian

import "slices"

// releases are Debian's codenames and the names under which hosts and advisories meet, as OSV has them. Sid is left out: it is no
// release, and its hosts call themselves by the next one's name. A new codename is announced years before its release.
var releases = map[string]string{
	"woody": "Debian:3.0", "sarge": "Debian:3.1", "etch": "Debian:4.0", "lenny": "Debian:5.0", "squeeze": "Debian:6.0",
	"wheezy": "Debian:7", "jessie": "Debian:8", "stretch": "Debian:9", "buster": "Debian:10", "bullseye": "Debian:11",
	"bookworm": "Debian:12", "trixie": "Debian:13", "forky": "Debian:14", "duke": "Debian:15",
}

// unreleased are names that stand beside releases and that no host is told by.
var unreleased = []string{"sid", "unstable", "experimental"}

// seen collects the releases that a file speaks of, and the codenames that we do not know: each of these is named once.
type seen struct {
	known, unknown map[string]bool
}

func newSeen() seen { return seen{map[string]bool{}, map[string]bool{}} }

// release gives the name of a codename's release; empty when there is none. strange: the codename is not known, and was not met before.
func (s seen) release(codename string) (name string, strange bool) {
	name, ok := releases[codename]
	if ok {
		s.known[name] = true
		return name, false
	}
	const few = 100 // a file of nothing but unknown names must not be kept in memory
	if slices.Contains(unreleased, codename) || s.unknown[codename] || len(s.unknown) >= few {
		return "", false
	}
	s.unknown[codename] = true
	return "", true
}

func (s seen) ecosystems() []string {
	names := make([]string, 0, len(s.known))
	for name := range s.known {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

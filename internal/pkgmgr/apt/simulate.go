package apt

import (
	"bytes"
	"strings"

	"github.com/staunch-dev/staunch/internal/pkgmgr/dpkg"
)

// Change is one Inst or Remv line of a simulation.
type Change struct {
	Name   string
	Arch   string // of the new version; empty on a Remv line of the native architecture
	From   string // installed version; empty for a new package
	To     string // empty for a removal
	Files  []ReleaseFile
	Remove bool
}

// ReleaseFile is one archive that carries a version, as apt prints it: Label:Version/Archive.
type ReleaseFile struct{ Label, Version, Archive string }

// Security reports whether this archive is one for security updates: Debian's by its label, others by the ending of their names.
func (f ReleaseFile) Security() bool {
	return f.Label == "Debian-Security" || strings.HasSuffix(f.Archive, "-security") || strings.HasSuffix(strings.ToLower(f.Label), "-security")
}

// Kept is a package that apt would not upgrade though it has a newer candidate.
type Kept struct {
	Name, Arch string // Arch is empty for the native architecture
	From, To   string
	Phased     bool // apt itself says that phasing is why
}

// Simulation is what `apt-get -s -V dist-upgrade` says.
type Simulation struct {
	Changes []Change
	Kept    []Kept
	Unmet   []string // lines below "unmet dependencies", when apt found no way
	Bad     []string // Inst and Remv lines that were not understood: never silently dropped
}

// ParseSimulation reads a simulation made with LC_ALL=C.UTF-8 and APT::Get::Show-Versions.
func ParseSimulation(out []byte) Simulation {
	var s Simulation
	section := ""
	for raw := range bytes.Lines(out) {
		line := strings.TrimRight(string(raw), "\r\n")
		indented := strings.HasPrefix(line, " ")
		if !indented {
			section = line
		}
		switch {
		case strings.HasPrefix(line, "Inst "), strings.HasPrefix(line, "Remv "):
			if c, ok := parseChange(line); ok {
				s.Changes = append(s.Changes, c)
			} else {
				s.Bad = append(s.Bad, clip(line, 200))
			}
		case !indented:
		case isKept(section):
			if k, ok := parseKept(line); ok {
				k.Phased = strings.Contains(section, "phasing")
				s.Kept = append(s.Kept, k)
			} else {
				s.Bad = append(s.Bad, clip(line, 200))
			}
		case strings.HasPrefix(section, "The following packages have unmet dependencies"):
			s.Unmet = append(s.Unmet, clip(strings.TrimSpace(line), 200))
		}
	}
	return s
}

// isKept knows the headings of apt 2 and of apt 3's new layout.
func isKept(section string) bool {
	for _, heading := range []string{
		"The following packages have been kept back:",
		"The following upgrades have been deferred due to phasing:",
		"Not upgrading yet due to phasing:",
		"Not upgrading:",
	} {
		if strings.HasPrefix(section, heading) {
			return true
		}
	}
	return false
}

// parseKept reads "   name (from => to)".
func parseKept(line string) (Kept, bool) {
	name, versions, ok := strings.Cut(strings.TrimSpace(line), " (")
	versions, closed := strings.CutSuffix(versions, ")")
	from, to, arrow := strings.Cut(versions, " => ")
	k := Kept{From: from, To: to}
	k.Name, k.Arch, _ = strings.Cut(name, ":")
	return k, ok && closed && arrow && k.Name != "" && dpkg.ValidVersion(from) && dpkg.ValidVersion(to)
}

// parseChange reads "Inst name [from] (to Label:1/suite, Other:suite [arch]) [what breaks meanwhile]" and "Remv name [from]".
// Labels may hold blanks, commas and colons, so the parts are found from their brackets inward.
func parseChange(line string) (Change, bool) {
	word, rest, _ := strings.Cut(line, " ")
	c := Change{Remove: word == "Remv"}
	name, rest, _ := strings.Cut(rest, " ")
	c.Name, c.Arch, _ = strings.Cut(name, ":")
	if strings.HasPrefix(rest, "[") {
		from, after, ok := strings.Cut(rest[1:], "]")
		if !ok || !dpkg.ValidVersion(from) {
			return c, false
		}
		c.From, rest = from, strings.TrimSpace(after)
	}
	if c.Name == "" || c.Remove {
		return c, c.Name != "" && c.From != ""
	}
	inner, ok := strings.CutPrefix(rest, "(")
	if !ok {
		return c, false
	}
	c.To, inner, _ = strings.Cut(inner, " ")
	arch := strings.Index(inner, "])") // the first: what follows in brackets has no ")"
	if arch < 0 || !dpkg.ValidVersion(c.To) {
		return c, false
	}
	inner = inner[:arch]
	open := strings.LastIndexByte(inner, '[')
	if open < 0 {
		return c, false
	}
	c.Arch = inner[open+1:]
	c.Files = parseFiles(strings.TrimSpace(inner[:open]))
	return c, c.Arch != ""
}

// parseFiles reads "Label:Version/Archive, Label:Archive". A comma inside a label makes a part without ":" that belongs to the next.
func parseFiles(s string) []ReleaseFile {
	var files []ReleaseFile
	pending := ""
	for part := range strings.SplitSeq(s, ", ") {
		if pending != "" {
			part, pending = pending+", "+part, ""
		}
		i := strings.LastIndexByte(part, ':')
		if i < 0 && part != "" && strings.Contains(s, ":") {
			pending = part
			continue
		}
		f := ReleaseFile{Archive: part[i+1:]}
		if i >= 0 {
			f.Label = part[:i]
		}
		if v, archive, ok := strings.Cut(f.Archive, "/"); ok {
			f.Version, f.Archive = v, archive
		}
		if f.Archive != "" || f.Label != "" {
			files = append(files, f)
		}
	}
	if pending != "" {
		files = append(files, ReleaseFile{Archive: pending})
	}
	return files
}

func clip(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "")
	}
	return s
}

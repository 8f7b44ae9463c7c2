package dpkg

import (
	"fmt"
	"slices"
	"strings"
)

// maxText bounds names and versions; the same number is on the wire.
const maxText = 256

// states of dpkg, as it writes them.
var states = []string{"not-installed", "config-files", "half-installed", "unpacked", "half-configured", "triggers-awaited", "triggers-pending", "installed"}

// fromStanza checks and takes over a stanza. defaultStatus stands for a Status field that is not there.
func fromStanza(s Stanza, defaultStatus string) (Package, error) {
	p := Package{
		Name: s.Get("Package"), Arch: s.Get("Architecture"), Version: s.Get("Version"),
		MultiArch: s.Get("Multi-Arch"), Origin: oneLine(s.Get("Origin")),
	}
	if p.Name == "" {
		return p, fmt.Errorf("it names no package")
	}
	if !validName(p.Name) {
		return p, fmt.Errorf("%q is not a package name", clip(p.Name))
	}
	if p.Arch != "" && !validArch(p.Arch) {
		return p, fmt.Errorf("package %q: %q is not an architecture", p.Name, clip(p.Arch))
	}
	if err := p.setStatus(s.Get("Status"), defaultStatus); err != nil {
		return p, fmt.Errorf("package %q: %w", p.Name, err)
	}
	if p.Version != "" && !ValidVersion(p.Version) {
		return p, fmt.Errorf("package %q: %q is not a version", p.Name, clip(p.Version))
	}
	if p.Version == "" && p.State == "installed" {
		return p, fmt.Errorf("package %q is installed without a version", p.Name)
	}
	var err error
	p.Source, p.SourceVersion, err = parseSource(s.Get("Source"), p.Name, p.Version)
	return p, err
}

func (p *Package) setStatus(status, otherwise string) error {
	if status == "" {
		status = otherwise
	}
	if status == "" { // dpkg's own reading of a stanza without the field
		p.Want, p.Flag, p.State = "unknown", "ok", "not-installed"
		return nil
	}
	f := strings.Fields(status)
	if len(f) != 3 || !slices.Contains(states, f[2]) {
		return fmt.Errorf("%q is not a status", clip(status))
	}
	p.Want, p.Flag, p.State = f[0], f[1], f[2]
	return nil
}

// parseSource reads "name" or "name (version)".
func parseSource(field, name, version string) (source, sourceVersion string, err error) {
	if field == "" {
		return name, version, nil
	}
	source, rest, has := strings.Cut(field, "(")
	source = strings.TrimSpace(source)
	sourceVersion = version
	if has {
		v, ok := strings.CutSuffix(strings.TrimSpace(rest), ")")
		sourceVersion = strings.TrimSpace(v)
		if !ok || !ValidVersion(sourceVersion) {
			return "", "", fmt.Errorf("package %q: %q is not a source", name, clip(field))
		}
	}
	if !validName(source) {
		return "", "", fmt.Errorf("package %q: %q is not a source", name, clip(field))
	}
	return source, sourceVersion, nil
}

// validName is dpkg's own rule: it begins with a letter or digit and goes on with those and - + . _
func validName(s string) bool {
	return s != "" && len(s) <= maxText && alphanumeric(s[0]) && only(s, "-+._")
}

func validArch(s string) bool { return len(s) <= 32 && only(s, "-") }

// ValidVersion reports whether s could be a version at all, by its characters: the order of versions is another package's business.
func ValidVersion(s string) bool {
	return s != "" && len(s) <= maxText && only(s, "-+.~:_")
}

func only(s, more string) bool {
	for i := range len(s) {
		if !alphanumeric(s[i]) && strings.IndexByte(more, s[i]) < 0 {
			return false
		}
	}
	return true
}

func alphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// Arch is Debian's name for one of Go's architectures.
func Arch(goarch string) string {
	switch goarch {
	case "386":
		return "i386"
	case "arm":
		return "armhf"
	case "ppc64le":
		return "ppc64el"
	}
	return goarch // amd64, arm64, riscv64, s390x, … are the same
}

// oneLine is the first line of s, bounded: for text that is shown and not compared.
func oneLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	s = printable(s)
	if len(s) > 128 {
		return strings.ToValidUTF8(s[:128], "")
	}
	return s
}

// printable replaces control characters: file names and fields of others end up in logs and on screens.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

func clip(s string) string {
	if len(s) > 64 {
		return strings.ToValidUTF8(s[:64], "") + "…"
	}
	return s
}

package vercmp

import (
	"errors"
	"fmt"
	"strings"
)

// Scheme names an order of versions.
type Scheme string

// The schemes.
const (
	Deb       Scheme = "deb"
	RPM       Scheme = "rpm"
	APK       Scheme = "apk"
	SemVer    Scheme = "semver"
	Pacman    Scheme = "pacman"
	PEP440    Scheme = "pep440"
	Maven     Scheme = "maven"
	RubyGems  Scheme = "rubygems"
	NuGet     Scheme = "nuget"
	Packagist Scheme = "packagist"
	Windows   Scheme = "windows"
)

// Schemes lists them.
func Schemes() []Scheme {
	return []Scheme{Deb, RPM, APK, SemVer, Pacman, PEP440, Maven, RubyGems, NuGet, Packagist, Windows}
}

// MaxLength bounds a version in bytes: longer ones come from no package, and every algorithm here is linear in it.
const MaxLength = 1024

// ErrNoKey says that a valid version has no order-preserving key in its scheme; it still compares.
var ErrNoKey = errors.New("this version has no order key")

// ErrScheme says that the scheme is not one of ours.
var ErrScheme = errors.New("unknown version scheme")

// InvalidError is a version that its scheme does not allow.
type InvalidError struct {
	Scheme  Scheme
	Version string // cut to 100 bytes
	Reason  string
}

// Error names the version and the rule that it breaks.
func (e *InvalidError) Error() string {
	return fmt.Sprintf("invalid %s version %q: %s", e.Scheme, e.Version, e.Reason)
}

func invalid(s Scheme, v, reason string) error {
	if len(v) > 100 {
		v = v[:100]
	}
	return &InvalidError{Scheme: s, Version: v, Reason: reason}
}

// order is what one scheme's file gives. Each function validates what it is given; key is nil where a scheme has no keys.
type order struct {
	valid   func(v string) error
	compare func(a, b string) (int, error)
	key     func(dst []byte, v string) ([]byte, error)
}

func (s Scheme) order() (order, error) {
	switch s {
	case Deb:
		return order{debValid, debCompare, debKey}, nil
	case RPM:
		return order{rpmValid, rpmCompare, rpmKey}, nil
	case APK:
		return order{apkValid, apkCompare, apkKey}, nil
	case SemVer:
		return order{semValid, semCompare, semKey}, nil
	case Pacman:
		return order{pacmanValid, pacmanCompare, pacmanKey}, nil
	case PEP440:
		return order{pepValid, pepCompare, nil}, nil
	case Maven:
		return order{mavenValid, mavenCompare, nil}, nil
	case RubyGems:
		return order{gemValid, gemCompare, nil}, nil
	case NuGet:
		return order{nugetValid, nugetCompare, nil}, nil
	case Packagist:
		return order{composerValid, composerCompare, nil}, nil
	case Windows:
		return order{windowsValid, windowsCompare, windowsKey}, nil
	}
	return order{}, fmt.Errorf("%w %q", ErrScheme, string(s))
}

// Compare gives -1, 0 or 1 as a is before, equal to or after b. An invalid version is an *InvalidError.
func Compare(s Scheme, a, b string) (int, error) {
	o, err := s.order()
	if err != nil {
		return 0, err
	}
	if len(a) > MaxLength {
		return 0, invalid(s, a, "longer than 1024 bytes")
	}
	if len(b) > MaxLength {
		return 0, invalid(s, b, "longer than 1024 bytes")
	}
	return o.compare(a, b)
}

// Key gives bytes such that bytes.Compare of two keys of one scheme is Compare of their versions; ErrNoKey where v has none.
func Key(s Scheme, v string) ([]byte, error) {
	o, err := s.order()
	if err != nil {
		return nil, err
	}
	if len(v) > MaxLength {
		return nil, invalid(s, v, "longer than 1024 bytes")
	}
	if o.key == nil {
		if err := o.valid(v); err != nil {
			return nil, err
		}
		return nil, ErrNoKey
	}
	return o.key(make([]byte, 0, len(v)+8), v)
}

// Valid says why v is not a version of the scheme, nil when it is one.
func Valid(s Scheme, v string) error {
	o, err := s.order()
	if err != nil {
		return err
	}
	if len(v) > MaxLength {
		return invalid(s, v, "longer than 1024 bytes")
	}
	return o.valid(v)
}

// ForEcosystem gives the scheme of an OSV ecosystem name, with or without its release: Debian:12, AlmaLinux:9, PyPI. False when
// we know no order for it.
func ForEcosystem(ecosystem string) (Scheme, bool) {
	name, _, _ := strings.Cut(ecosystem, ":")
	switch name {
	case "Debian", "Ubuntu", "Echo":
		return Deb, true
	case "AlmaLinux", "Rocky Linux", "Red Hat", "CentOS", "Fedora", "SUSE", "openSUSE", "Amazon Linux", "Oracle Linux", "Azure Linux",
		"Mageia", "openEuler", "Photon OS":
		return RPM, true
	case "Alpine", "Alpaquita", "BellSoft Hardened Containers", "Chainguard", "Wolfi", "MinimOS":
		return APK, true
	case "Arch Linux":
		return Pacman, true
	case "Go", "crates.io", "npm", "Hex", "Pub", "SwiftURL", "GitHub Actions", "Julia":
		return SemVer, true
	case "PyPI":
		return PEP440, true
	case "Maven":
		return Maven, true
	case "RubyGems":
		return RubyGems, true
	case "NuGet":
		return NuGet, true
	case "Packagist":
		return Packagist, true
	case "Windows":
		return Windows, true
	}
	return "", false
}

// Ecosystems are the names that ForEcosystem knows.
func Ecosystems() []string {
	return []string{"AlmaLinux", "Alpaquita", "Alpine", "Amazon Linux", "Arch Linux", "Azure Linux", "BellSoft Hardened Containers", "CentOS", "Chainguard",
		"Debian", "Echo", "Fedora", "GitHub Actions", "Go", "Hex", "Julia", "Mageia", "Maven", "MinimOS", "NuGet", "Oracle Linux", "Packagist", "Photon OS", "Pub",
		"PyPI", "Red Hat", "Rocky Linux", "RubyGems", "SUSE", "SwiftURL", "Ubuntu", "Windows", "Wolfi", "crates.io", "npm", "openEuler", "openSUSE"}
}

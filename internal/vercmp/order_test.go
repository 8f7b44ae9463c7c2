package vercmp

import (
	"bytes"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// alphabet is what versions near each other are made of: pieces that each scheme's rules are about.
func alphabet(s Scheme) []string {
	switch s {
	case Deb:
		return []string{"0", "1", "00", "9", "10", "99999999999999999999", "a", "B", "z", ".", "-", "+", "~", ":", "1:", "~~", "-0", "-1"}
	case RPM:
		return []string{"0", "1", "00", "9", "10", "99999999999999999999", "a", "B", "z", ".", "-", "+", "~", "^", "1:", "_", "é", "el8"}
	case APK:
		return []string{"0", "1", "00", "9", "10", "99999999999999999999", "a", "z", ".", ".0", ".1", ".01", "_alpha", "_pre", "_rc", "_p", "_git", "_p1", "~1f", "~1", "-r0", "-r1"}
	case SemVer:
		return []string{"0", "1", "9", "10", "99999999999999999999", "v", ".", ".0", "-", "-a", "a", "A", "-1", "+", "+b", "-rc.1"}
	case Pacman:
		return []string{"0", "1", "00", "9", "10", "99999999999999999999", "a", "B", "z", ".", "+", "_", "1:", "-", "-1", "-2"}
	case PEP440:
		return []string{"0", "1", "9", "10", "99999999999999999999", ".", ".0", "a", "B1", "rc", "-1", ".post", ".post1", "dev", ".dev2", "+", "+a", ".b", "_", "1!", "v"}
	case Maven:
		return []string{"0", "1", "9", "10", "99999999999999999999", ".", "-", ".0", "a", "b", "alpha", "rc", "sp", "ga", "x", "SNAPSHOT"}
	case RubyGems:
		return []string{"0", "1", "9", "10", "99999999999999999999", ".", ".0", "-", ".a", "b", "A", ".pre"}
	case NuGet:
		return []string{"0", "1", "9", "10", "99999999999999999999", ".", ".0", "-", "-a", "A", "-1", "+b", "-rc.1", "01"}
	case Packagist:
		return []string{"0", "1", "9", "10", "2010", ".", ".0", "-", "a", "-beta", "RC1", "-dev", "p", ".x", "stable", "_", "v", "-01-02", "+b"}
	case Windows:
		return []string{"0", "1", "00", "9", "10", "99999999999999999999", ".", ".0", ".1", ".01", ".0.0"}
	}
	return nil
}

// near draws versions that share a beginning, so that comparisons reach deep; invalid ones are drawn again.
func near(s Scheme) *rapid.Generator[[]string] {
	piece := rapid.SampledFrom(alphabet(s))
	return rapid.Custom(func(t *rapid.T) []string {
		head := strings.Join(rapid.SliceOfN(piece, 0, 4).Draw(t, "head"), "")
		tail := rapid.Custom(func(t *rapid.T) string {
			return head + strings.Join(rapid.SliceOfN(piece, 0, 5).Draw(t, "tail"), "")
		}).Filter(func(v string) bool {
			_, err := Key(s, v)
			return err == nil || errors.Is(err, ErrNoKey) && s != Pacman // see TestCyclesOfTheTools
		})
		return rapid.SliceOfN(tail, 3, 3).Draw(t, "versions")
	})
}

func mustCompare(t interface {
	Helper()
	Fatalf(string, ...any)
}, s Scheme, a, b string) int {
	t.Helper()
	n, err := Compare(s, a, b)
	if err != nil {
		t.Fatalf("%s %q %q: %v", s, a, b, err)
	}
	return n
}

func TestCompareIsATotalOrder(t *testing.T) {
	t.Parallel()
	for _, s := range Schemes() {
		t.Run(string(s), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				v := near(s).Draw(t, "v")
				ab, bc, ac := mustCompare(t, s, v[0], v[1]), mustCompare(t, s, v[1], v[2]), mustCompare(t, s, v[0], v[2])
				if ba := mustCompare(t, s, v[1], v[0]); ba != -ab {
					t.Fatalf("%q to %q is %d, back %d", v[0], v[1], ab, ba)
				}
				if aa := mustCompare(t, s, v[0], v[0]); aa != 0 {
					t.Fatalf("%q is not equal to itself", v[0])
				}
				if s == Maven {
					return // see TestCyclesOfTheTools
				}
				if ab <= 0 && bc <= 0 && ac > 0 || ab >= 0 && bc >= 0 && ac < 0 || ab == 0 && bc != ac {
					t.Fatalf("%q %s %q %s %q, yet the first %s the last", v[0], opOf(ab), v[1], opOf(bc), v[2], opOf(ac))
				}
			})
		})
	}
}

func TestKeysOrderAsCompareDoes(t *testing.T) {
	t.Parallel()
	for _, s := range Schemes() {
		t.Run(string(s), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				v := near(s).Draw(t, "v")
				ka, errA := Key(s, v[0])
				kb, errB := Key(s, v[1])
				if errors.Is(errA, ErrNoKey) || errors.Is(errB, ErrNoKey) {
					return
				}
				if errA != nil || errB != nil {
					t.Fatal(errA, errB)
				}
				if k, n := bytes.Compare(ka, kb), mustCompare(t, s, v[0], v[1]); k != n {
					t.Fatalf("%q %s %q by compare, %s by key: %x %x", v[0], opOf(n), v[1], opOf(k), ka, kb)
				}
			})
		})
	}
}

// Two tools' own orders have cycles, and ours are theirs: this is why pacman has keys for full versions only, and Maven none at all.
// What matching asks is a comparison of two versions, which each tool answers; what would need an order of many is never asked.
func TestCyclesOfTheTools(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		scheme  Scheme
		a, b, c string
		ops     string // a?b b?c a?c
	}{
		{Pacman, "1.5-1", "1.5", "1.5-2", "==<"},
		{Pacman, "1.9-1", "1..a-1", "1.-1", "<<>"}, // empty components: separators count, but not at the end
		{Maven, "0", "0alpha", "a", ">><"},         // a qualifier where a number is expected
		{Maven, "1", "1.a.", "1-alpha", "<<>"},     // a qualifier between dots is no list, and one after a hyphen is
	} {
		got := opOf(mustCompare(t, c.scheme, c.a, c.b)) + opOf(mustCompare(t, c.scheme, c.b, c.c)) + opOf(mustCompare(t, c.scheme, c.a, c.c))
		if got != c.ops {
			t.Errorf("%s %s %s: %s, want %s", c.a, c.b, c.c, got, c.ops)
		}
	}
	for v, want := range map[string]error{"1.5-1": nil, "1:1.5.a-1": nil, "1.5": ErrNoKey, "1..5-1": ErrNoKey, "1.5.-1": ErrNoKey, "_1-1": ErrNoKey, "1-1.": ErrNoKey} {
		if _, err := Key(Pacman, v); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", v, err, want)
		}
	}
}

func TestUnknownSchemesAndLongVersionsAreErrors(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("1", MaxLength+1)
	for _, s := range append(Schemes(), "macos") {
		_, keyErr := Key(s, long)
		_, leftErr := Compare(s, long, "1")
		_, rightErr := Compare(s, "1", long)
		for _, err := range []error{keyErr, leftErr, rightErr, Valid(s, long)} {
			var bad *InvalidError
			if s == "macos" && !errors.Is(err, ErrScheme) || s != "macos" && (!errors.As(err, &bad) || len(bad.Version) > 100) {
				t.Errorf("%s: %v", s, err)
			}
		}
	}
	if _, err := Key(Maven, "1"); !errors.Is(err, ErrNoKey) {
		t.Errorf("%v", err)
	}
}

func TestForEcosystem(t *testing.T) {
	t.Parallel()
	for ecosystem, want := range map[string]Scheme{
		"Debian:12": Deb, "Debian": Deb, "Ubuntu:24.04": Deb, "Ubuntu:Pro:16.04": Deb, "AlmaLinux:9": RPM, "Rocky Linux:8": RPM,
		"Red Hat:enterprise_linux:9::baseos": RPM, "openSUSE:Leap 15.6": RPM, "Alpine:v3.20": APK, "Wolfi": APK, "Arch Linux": Pacman,
		"npm": SemVer, "Go": SemVer, "PyPI": PEP440, "Maven:https://repo.example.org": Maven, "RubyGems": RubyGems, "NuGet": NuGet,
		"Packagist": Packagist, "Windows:12097": Windows, "Void": "", "": "", "debian:12": "",
	} {
		if got, ok := ForEcosystem(ecosystem); got != want || ok != (want != "") {
			t.Errorf("%s: %q", ecosystem, got)
		}
	}
}

// Every name that has an order is listed, and every listed name has one.
func TestEcosystemsAreThoseWithAnOrder(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("vercmp.go")
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(source), "func ForEcosystem(")
	body, _, _ = strings.Cut(body, "\n}\n")
	_, body, _ = strings.Cut(body, "switch name {")
	var known []string
	for _, m := range regexp.MustCompile(`"([^"]+)"`).FindAllStringSubmatch(body, -1) {
		known = append(known, m[1])
	}
	listed := Ecosystems()
	slices.Sort(known)
	slices.Sort(listed)
	if !slices.Equal(known, listed) || len(listed) == 0 {
		t.Errorf("with an order: %q, listed: %q", known, listed)
	}
	for _, name := range listed {
		if _, ok := ForEcosystem(name); !ok {
			t.Errorf("%s has no order", name)
		}
	}
}

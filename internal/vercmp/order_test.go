package vercmp

import (
	"bytes"
	"errors"
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
	}
	return nil
}

func schemes() []Scheme { return []Scheme{Deb, RPM, APK, SemVer, Pacman} }

// near draws versions that share a beginning, so that comparisons reach deep; invalid ones are drawn again.
func near(s Scheme) *rapid.Generator[[]string] {
	piece := rapid.SampledFrom(alphabet(s))
	return rapid.Custom(func(t *rapid.T) []string {
		head := strings.Join(rapid.SliceOfN(piece, 0, 4).Draw(t, "head"), "")
		tail := rapid.Custom(func(t *rapid.T) string {
			return head + strings.Join(rapid.SliceOfN(piece, 0, 5).Draw(t, "tail"), "")
		}).Filter(func(v string) bool { return Valid(s, v) == nil })
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
	for _, s := range schemes() {
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
				if ab <= 0 && bc <= 0 && ac > 0 || ab >= 0 && bc >= 0 && ac < 0 || ab == 0 && bc != ac {
					t.Fatalf("%q %s %q %s %q, yet the first %s the last", v[0], opOf(ab), v[1], opOf(bc), v[2], opOf(ac))
				}
			})
		})
	}
}

func TestKeysOrderAsCompareDoes(t *testing.T) {
	t.Parallel()
	for _, s := range schemes() {
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

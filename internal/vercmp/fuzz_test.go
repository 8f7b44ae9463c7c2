package vercmp

import (
	"bytes"
	"errors"
	"testing"
)

// A target for each scheme, so that each has its own corpus and its own time.

func FuzzDeb(f *testing.F)       { fuzzOrder(f, Deb) }
func FuzzRPM(f *testing.F)       { fuzzOrder(f, RPM) }
func FuzzAPK(f *testing.F)       { fuzzOrder(f, APK) }
func FuzzSemVer(f *testing.F)    { fuzzOrder(f, SemVer) }
func FuzzPacman(f *testing.F)    { fuzzOrder(f, Pacman) }
func FuzzPEP440(f *testing.F)    { fuzzOrder(f, PEP440) }
func FuzzMaven(f *testing.F)     { fuzzOrder(f, Maven) }
func FuzzRubyGems(f *testing.F)  { fuzzOrder(f, RubyGems) }
func FuzzNuGet(f *testing.F)     { fuzzOrder(f, NuGet) }
func FuzzPackagist(f *testing.F) { fuzzOrder(f, Packagist) }
func FuzzWindows(f *testing.F)   { fuzzOrder(f, Windows) }

// fuzzOrder: any three strings that begin alike. Nothing panics; what Valid refuses everything refuses; the order is the same both ways
// round and has no cycles (but those of TestCyclesOfTheTools); and keys order as Compare does.
func fuzzOrder(f *testing.F, s Scheme) {
	for _, c := range chains(f) {
		if c.scheme != s {
			continue
		}
		for i, n := 0, len(c.versions); i < n; i++ {
			f.Add("", c.versions[i], c.versions[(i+1)%n], c.versions[(i+2)%n])
		}
	}
	for _, piece := range alphabet(s) {
		f.Add("1", piece, "", piece+"1")
	}
	f.Add("1", ":\xff", "\x00", "")
	f.Fuzz(func(t *testing.T, head, a, b, c string) {
		a, b, c = head+a, head+b, head+c
		ab, ok1 := fuzzPair(t, s, a, b)
		bc, ok2 := fuzzPair(t, s, b, c)
		ac, ok3 := fuzzPair(t, s, a, c)
		if !ok1 || !ok2 || !ok3 || s == Maven || s == Pacman && !(keyed(s, a) && keyed(s, b) && keyed(s, c)) {
			return
		}
		if ab <= 0 && bc <= 0 && ac > 0 || ab >= 0 && bc >= 0 && ac < 0 || ab == 0 && bc != ac || bc == 0 && ab != ac {
			t.Fatalf("%s: %q %s %q %s %q, yet the first %s the last", s, a, opOf(ab), b, opOf(bc), c, opOf(ac))
		}
	})
}

// fuzzPair holds one pair to the rules and gives its order; not ok where one of them is invalid.
func fuzzPair(t *testing.T, s Scheme, a, b string) (n int, ok bool) {
	t.Helper()
	n, err := Compare(s, a, b)
	back, backErr := Compare(s, b, a)
	validA, validB := Valid(s, a), Valid(s, b)
	if (err == nil) != (validA == nil && validB == nil) || (err == nil) != (backErr == nil) || n != -back {
		t.Fatalf("%s: %q to %q is %d (%v), back %d (%v), valid %v %v", s, a, b, n, err, back, backErr, validA, validB)
	}
	keyA, errA := Key(s, a)
	keyB, errB := Key(s, b)
	if (errA == nil || errors.Is(errA, ErrNoKey)) != (validA == nil) {
		t.Fatalf("%s: %q has key error %v, valid %v", s, a, errA, validA)
	}
	if errA == nil && errB == nil && bytes.Compare(keyA, keyB) != n {
		t.Fatalf("%s: %q %s %q by compare, not by key: %x %x", s, a, opOf(n), b, keyA, keyB)
	}
	return n, err == nil
}

func keyed(s Scheme, v string) bool {
	_, err := Key(s, v)
	return err == nil
}

package vercmp

import (
	"bytes"
	"errors"
	"testing"
)

// FuzzCompare: any two strings, in every scheme. Nothing panics; what Valid refuses everything refuses; the order is the same both ways
// round; and keys order as Compare does.
func FuzzCompare(f *testing.F) {
	for _, c := range chains(f) {
		for i := range c.versions {
			f.Add(c.versions[i], c.versions[(i+1)%len(c.versions)])
		}
	}
	f.Add("1:\xff", "\x00")
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, s := range Schemes() {
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
		}
	})
}

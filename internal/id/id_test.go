package id

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestLaterIdsSortAfterEarlierOnes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ms := rapid.Int64Range(0, 1<<47).Draw(t, "ms")
		step := rapid.Int64Range(1, 1<<40).Draw(t, "step")
		a, b := New("h", time.UnixMilli(ms)), New("h", time.UnixMilli(ms+step))
		if a >= b {
			t.Fatalf("%s (%d) is not before %s (%d)", a, ms, b, ms+step)
		}
	})
}

func TestValid(t *testing.T) {
	t.Parallel()
	good := New("host", time.Unix(0, 0))
	for name, tc := range map[string]struct {
		in   string
		want bool
	}{
		"fresh id":     {good, true},
		"other prefix": {"user" + good[4:], false},
		"too short":    {good[:20], false},
		"foreign char": {good[:len(good)-1] + "/", false},
		"empty":        {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Valid("host", tc.in); got != tc.want {
				t.Errorf("Valid(%q) = %v, want %v", tc.in, got, tc.want)
			}
		})
	}
}

func TestIdsAndSecretsAreUnique(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 10_000 {
		for _, s := range []string{New("x", time.Unix(0, 0)), Secret()} {
			if seen[s] {
				t.Fatalf("%s twice", s)
			}
			seen[s] = true
		}
	}
}

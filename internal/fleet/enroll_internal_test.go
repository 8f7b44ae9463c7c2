package fleet

import (
	"strings"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/id"
	"pgregory.net/rapid"
)

func TestCleanHostname(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"web1":                   "web1",
		"Web1.Example.COM.":      "web1.example.com",
		"":                       "",
		"...":                    "",
		"\x1b[31mred\x1b[0m":     "31mred--0m",
		"=cmd|' /C calc'!A0":     "cmd----c-calc--a0",
		"host_01j":               "host-01j",
		"zürich":                 "z-rich",
		strings.Repeat("a", 70):  strings.Repeat("a", 63),
		strings.Repeat("é", 300): "",
	} {
		if got := cleanHostname(in); got != want {
			t.Errorf("%q gives %q, want %q", in, got, want)
		}
	}
}

// Whatever a host calls itself, its name is DNS-like, bounded, stable under cleaning, and never an id.
func TestCleanHostnameIsAlwaysAName(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := cleanHostname(rapid.String().Draw(t, "hostname"))
		if len(name) > 253 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-.") != "" || cleanHostname(name) != name || id.Valid(HostPrefix, name) {
			t.Fatalf("%q", name)
		}
	})
}

func TestCleanWordDropsWhatIsOdd(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"1.2.3+dirty~rc1": "1.2.3+dirty~rc1", "a b": "", "\x1b": "", strings.Repeat("a", 65): "", "": ""} {
		if got := cleanWord(in); got != want {
			t.Errorf("%q gives %q, want %q", in, got, want)
		}
	}
}

func FuzzSplitToken(f *testing.F) {
	f.Add(id.New(TokenPrefix, time.UnixMilli(0)) + "." + id.Secret() + "." + strings.Repeat("a", 64))
	f.Add("..")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		tokenID, secret, fingerprint, ok := splitToken(text)
		if ok && (!id.Valid(TokenPrefix, tokenID) || tokenID+"."+secret+"."+fingerprint != strings.TrimSpace(text)) {
			t.Fatalf("%q gives %q %q %q", text, tokenID, secret, fingerprint)
		}
	})
}

func TestLimiterCountsEachAndAllWithinAPeriod(t *testing.T) {
	t.Parallel()
	l := &limiter{every: time.Hour, each: 2, total: 3}
	now := time.UnixMilli(0)
	for i, tc := range []struct {
		key  string
		at   time.Duration
		want bool
	}{
		{"a", 0, true}, {"a", 1, true}, {"a", 2, false}, {"b", 3, true}, {"b", 4, false}, {"c", 5, false},
		{"a", time.Hour, true}, {"c", time.Hour, true},
	} {
		if got := l.allow(tc.key, now.Add(tc.at)); got != tc.want {
			t.Errorf("step %d, %q: %v", i, tc.key, got)
		}
	}
}

package access

import (
	"testing"
)

func FuzzParsePHC(f *testing.F) {
	for _, s := range []string{
		"$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$dGFndGFndGFndGFndGFndGFndGFndGFndGFndGFndGE",
		"$argon2id$v=19$m=4294967295,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$dGFn", "$argon2i$v=19$m=1,t=1,p=1$$", "", "$$$$$",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parsePHC(s)
		if err != nil {
			return
		}
		if p.memory > 1<<18 || p.time > 16 || p.threads > 16 || len(p.tag) < 16 || len(p.salt) < 8 {
			t.Fatalf("accepted %q", s)
		}
		again, err := parsePHC(encodePHC(p))
		if err != nil || encodePHC(again) != encodePHC(p) {
			t.Fatalf("%q does not come back: %v", s, err)
		}
	})
}

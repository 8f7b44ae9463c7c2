package vercmp

import (
	"bytes"
	"testing"
)

// pairs are two versions of versions of each scheme that differ late, as the versions of one package do.
func pairs() map[Scheme][2]string {
	return map[Scheme][2]string{
		Deb:       {"1:9.18.33-1~deb12u2", "1:9.18.41-1~deb12u1"},
		RPM:       {"1:3.0.7-27.el9_4.1", "1:3.0.7-28.el9_5"},
		APK:       {"3.3.2_git20240901-r0", "3.3.2_git20240901-r10"},
		SemVer:    {"1.20.14-rc.10+build.5", "1.20.14-rc.9"},
		Pacman:    {"1:5.6.2.r12-1", "1:5.6.2.r12-2"},
		PEP440:    {"2.31.0.post1.dev3", "2.31.0.post1"},
		Maven:     {"2.17.1-beta-2", "2.17.1-beta-11"},
		RubyGems:  {"7.0.8.rc1", "7.0.8.rc2"},
		NuGet:     {"13.0.3-preview.7.23", "13.0.3-preview.8.1"},
		Packagist: {"v6.4.1-beta2", "v6.4.1-beta10"},
		Windows:   {"10.0.20348.2031", "10.0.20348.2113"},
	}
}

func BenchmarkCompare(b *testing.B) {
	for _, s := range Schemes() {
		pair := pairs()[s]
		b.Run(string(s), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if n, err := Compare(s, pair[0], pair[1]); err != nil || n == 0 {
					b.Fatal(n, err)
				}
			}
		})
	}
}

func BenchmarkCompareKeys(b *testing.B) {
	for _, s := range []Scheme{Deb, RPM, APK, SemVer, Pacman, Windows} {
		pair := pairs()[s]
		x, errX := Key(s, pair[0])
		y, errY := Key(s, pair[1])
		if errX != nil || errY != nil {
			b.Fatal(errX, errY)
		}
		b.Run(string(s), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = bytes.Compare(x, y)
			}
		})
	}
}

func BenchmarkKey(b *testing.B) {
	for _, s := range []Scheme{Deb, RPM, APK, SemVer, Pacman, Windows} {
		v := pairs()[s][0]
		b.Run(string(s), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Key(s, v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The schemes of distributions compare without allocating: matching calls them for each package and range.
func TestDistributionsCompareWithoutAllocating(t *testing.T) {
	for _, s := range []Scheme{Deb, RPM, APK, Pacman, SemVer} {
		pair := pairs()[s]
		if n := testing.AllocsPerRun(100, func() { _, _ = Compare(s, pair[0], pair[1]) }); n != 0 {
			t.Errorf("%s: %v allocations", s, n)
		}
	}
}

package fleetgen

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAFleetHasTheProportionsItIsAskedFor(t *testing.T) {
	t.Parallel()
	hosts := 100_000
	if testing.Short() {
		hosts = 20_000
	}
	f := New(Of(hosts, true))
	s := f.Stats()
	t.Log(s)
	if s.Hosts != hosts || s.Sets < hosts*3/10 || s.SourceVersions < 20_000 {
		t.Errorf("too few: %v", s)
	}
	if s.Mean < 560 || s.Mean > 640 || s.SD < 120 || s.SD > 180 {
		t.Errorf("packages of a host: %v", s)
	}
	if s.Rare < 0.02 || s.Rare > 0.04 {
		t.Errorf("rare packages: %v", s)
	}
}

func TestTheSameSeedMakesTheSameFleet(t *testing.T) {
	t.Parallel()
	a, b := New(Of(300, true)), New(Of(300, true))
	if d := cmp.Diff(a.Sets, b.Sets); d != "" {
		t.Error(d)
	}
	for n := range 300 {
		if a.SetOf(n) != b.SetOf(n) || cmp.Diff(a.Facts(n), b.Facts(n)) != "" || cmp.Diff(a.Host(n), b.Host(n)) != "" {
			t.Errorf("host %d differs", n)
		}
	}
	if d := cmp.Diff(a.Advisory(7, 1), b.Advisory(7, 1)); d != "" {
		t.Error(d)
	}
}

package assess

import (
	"strings"
	"testing"

	"github.com/staunch-dev/staunch/internal/fault"
)

// What `make bench-fleet` measured on 22 November 2026: the heap that an index held, and what was resident at the most while it was loaded
// with GOGC=100. The reckoning is near the first, and not below the second: far above it would refuse what fits. The rest of a server, perServer, the bench does not have.
func TestTheReckoningIsWhatWasMeasured(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	for name, tc := range map[string]struct {
		counts          Counts
		index, resident int64 // MiB
	}{
		"5,000 hosts":                    {measured(5000, 1550, 50_000), 82, 261},
		"20,000 hosts":                   {measured(20_000, 6200, 50_000), 101, 378},
		"20,000 that share nothing":      {measured(20_000, 20_000, 50_000), 133, 489},
		"20,000 with 5,000 advisories":   {measured(20_000, 6200, 5000), 54, 209},
		"20,000 with 200,000 advisories": {measured(20_000, 6200, 200_000), 254, 845},
		"100,000 hosts":                  {measured(100_000, 31_000, 50_000), 187, 827},
		"100,000 that share nothing":     {measured(100_000, 100_000, 50_000), 376, 1642},
		"1,000,000 hosts":                {measured(1_000_000, 310_000, 50_000), 1353, 5878},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fit := Reckon(tc.counts, Memory{})
			if got := fit.Index / mib; got < tc.index*9/10 || got > tc.index*11/10 {
				t.Errorf("an index of %d MiB is reckoned to take %d", tc.index, got)
			}
			if got := fit.Usual / mib; got < tc.resident || got > tc.resident*12/10+perServer/mib {
				t.Errorf("%d MiB were resident, and %d are reckoned", tc.resident, got)
			}
		})
	}
}

// measured are the counts of a generated fleet.
func measured(hosts, sets, advisories int64) Counts {
	return Counts{Hosts: hosts, Sets: sets, SetBytes: sets * 625, Updates: sets, UpdateBytes: sets * 7150, Packages: 32_399, Advisories: advisories, AdvisoryBytes: advisories * 309,
		Overlays: advisories / 200}
}

func TestWhatFitsAndWhatDoesNot(t *testing.T) {
	t.Parallel()
	fleet := measured(100_000, 31_000, 50_000)
	need := Reckon(fleet, Memory{})
	for name, tc := range map[string]struct {
		memory Memory
		fits   bool
		held   bool   // Go is told to collect garbage sooner
		said   string // in the refusal, or in the line of the log
	}{
		"what there is is not known":                     {Memory{}, true, false, "how much there is is not known"},
		"there is plenty":                                {Memory{Free: 64 << 30}, true, false, "there are 64.0 GiB (what the machine has free)"},
		"there is just enough for garbage too":           {Memory{Free: need.Usual}, true, false, "the machine has free"},
		"there is enough, but not for garbage":           {Memory{Free: need.Usual - 1}, true, true, "the machine has free"},
		"there is just enough where garbage is kept low": {Memory{Free: need.tight()}, true, true, "the machine has free"},
		"there is a byte too little":                     {Memory{Free: need.tight() - 1}, false, false, "does not fit into memory"},
		"the control group leaves too little":            {Memory{Free: 64 << 30, Group: 100 << 20}, false, false, "there are 100 MiB (what the memory limit of its control group leaves)"},
		"the machine has less than the control group":    {Memory{Free: 100 << 20, Group: 64 << 30}, false, false, "there are 100 MiB (what the machine has free)"},
		"GOMEMLIMIT is too low":                          {Memory{Free: 64 << 30, Soft: 200 << 20}, false, false, "there are 200 MiB (GOMEMLIMIT)"},
		"GOMEMLIMIT is low and is left as it is":         {Memory{Free: 64 << 30, Soft: need.tight()}, true, false, "GOMEMLIMIT"},
		"a machine that has nothing left":                {Memory{Free: 1}, false, false, "there are 0 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fit := Reckon(fleet, tc.memory)
			err := fit.Refusal()
			if fit.Fits() != tc.fits || (err == nil) != tc.fits {
				t.Fatalf("fits: %v, refusal: %v", fit.Fits(), err)
			}
			text := fit.String()
			if err != nil {
				text = fault.Message(err)
				for _, want := range []string{"100000 hosts", "31000 package sets", size(need.Index), size(need.tight()), "Give the server more memory", "--too-little-memory start"} {
					if !strings.Contains(text, want) {
						t.Errorf("no %q in %q", want, text)
					}
				}
				if fault.KindOf(err) != fault.TooLarge {
					t.Errorf("kind %s", fault.KindOf(err))
				}
			}
			if !strings.Contains(text, tc.said) {
				t.Errorf("no %q in %q", tc.said, text)
			}
			limit := fit.Limit()
			if (limit > 0) != tc.held || limit > fit.There || (limit > 0 && limit < fit.Loading-perServer) {
				t.Errorf("Go is held to %d of %d, %d are held", limit, fit.There, fit.Loading)
			}
		})
	}
}

// Whatever there is more of, more is needed.
func TestTheReckoningGrowsWithEverything(t *testing.T) {
	t.Parallel()
	least := Reckon(Counts{}, Memory{})
	if least.Index != 0 || least.Loading <= 0 {
		t.Errorf("an empty fleet: %+v", least)
	}
	for name, c := range map[string]Counts{
		"hosts": {Hosts: 1000}, "sets": {Sets: 1000}, "ids of sets": {SetBytes: 1000}, "updates": {Updates: 1000},
		"bytes of updates": {UpdateBytes: 1000}, "packages": {Packages: 1000}, "advisories": {Advisories: 1000}, "bytes of advisories": {AdvisoryBytes: 1000}, "overlays": {Overlays: 1000},
	} {
		if more := Reckon(c, Memory{}); more.Loading <= least.Loading || more.Usual <= least.Usual || more.Index < least.Index {
			t.Errorf("more %s: %+v", name, more)
		}
	}
}

func TestTheShareOfWhatThereIs(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		memory Memory
		want   int
	}{
		"what there is is not known":          {Memory{}, 0},
		"as much is free as is held":          {Memory{Free: 1000}, 50},
		"the control group leaves less":       {Memory{Free: 1000, Group: 250}, 80},
		"GOMEMLIMIT counts what is held too":  {Memory{Free: 1 << 40, Soft: 2000}, 50},
		"more is held than GOMEMLIMIT allows": {Memory{Free: 1 << 40, Soft: 500}, 99},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tc.memory.Share(1000); got != tc.want {
				t.Errorf("%d %%, want %d", got, tc.want)
			}
		})
	}
}

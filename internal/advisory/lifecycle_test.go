package advisory

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestStateAt(t *testing.T) {
	t.Parallel()
	bookworm := Lifecycle{Product: "debian", Release: "12", Released: "2023-06-10", EOL: "2026-07-11", Extended: "2028-06-30"}
	for name, tc := range map[string]struct {
		of    Lifecycle
		day   string
		state LifecycleState
		until string
	}{
		"supported":                          {bookworm, "2026-01-01", LifecycleSupported, "2026-07-11"},
		"the last day counts":                {bookworm, "2026-07-11", LifecycleSupported, "2026-07-11"},
		"extended from the next":             {bookworm, "2026-07-12", LifecycleExtended, "2028-06-30"},
		"the last extended day counts":       {bookworm, "2028-06-30", LifecycleExtended, "2028-06-30"},
		"ended":                              {bookworm, "2028-07-01", LifecycleEnded, "2028-06-30"},
		"ended, never extended":              {Lifecycle{Released: "2020-01-01", EOL: "2021-01-01"}, "2026-11-21", LifecycleEnded, "2021-01-01"},
		"extended ended before the end":      {Lifecycle{Released: "2020-01-01", EOL: "2022-01-01", Extended: "2021-01-01"}, "2021-06-01", LifecycleSupported, "2022-01-01"},
		"ended, without a date":              {Lifecycle{Released: "2020-01-01", Ended: true}, "2026-11-21", LifecycleEnded, ""},
		"ended without a date, yet extended": {Lifecycle{Released: "2020-01-01", Ended: true, Extended: "2030-01-01"}, "2026-11-21", LifecycleExtended, "2030-01-01"},
		"out, and nobody has named an end":   {Lifecycle{Released: "2025-06-25"}, "2026-11-21", LifecycleSupported, ""},
		"not out yet":                        {Lifecycle{Released: "2027-06-25"}, "2026-11-21", LifecycleUnknown, ""},
		"nobody knows when it comes out":     {Lifecycle{Codename: "Forky"}, "2026-11-21", LifecycleUnknown, ""},
		"nothing":                            {Lifecycle{}, "2026-11-21", LifecycleUnknown, ""},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			now, err := time.Parse(time.DateOnly, tc.day)
			if err != nil {
				t.Fatal(err)
			}
			// at midnight, in the last second, and as seen from a place where it is another day
			for _, at := range []time.Time{now, now.Add(24*time.Hour - time.Second), now.In(time.FixedZone("", -11*3600))} {
				if state, until := tc.of.StateAt(at); state != tc.state || until != tc.until {
					t.Errorf("at %s: %s until %q, want %s until %q", at, state, until, tc.state, tc.until)
				}
			}
		})
	}
}

// A release never gets better with time once it is out.
func TestStateNeverImproves(t *testing.T) {
	t.Parallel()
	order := map[LifecycleState]int{LifecycleSupported: 0, LifecycleExtended: 1, LifecycleEnded: 2}
	date := rapid.SampledFrom([]string{"", "2020-01-01", "2022-06-30", "2024-02-29", "2026-11-21", "2030-01-01"})
	rapid.Check(t, func(t *rapid.T) {
		l := Lifecycle{Released: "2019-01-01", EOL: date.Draw(t, "eol"), Extended: date.Draw(t, "extended"), Ended: rapid.Bool().Draw(t, "ended")}
		days := rapid.SliceOfN(rapid.IntRange(0, 5000), 2, 2).Draw(t, "days")
		a, b := time.Date(2019, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, min(days[0], days[1])), time.Date(2019, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, max(days[0], days[1]))
		before, _ := l.StateAt(a)
		after, _ := l.StateAt(b)
		if order[after] < order[before] {
			t.Fatalf("%+v is %s on %s and %s on %s", l, before, a, after, b)
		}
	})
}

func TestMergeLifecycles(t *testing.T) {
	t.Parallel()
	got := MergeLifecycles([]Lifecycle{
		{Feed: "eol", Product: "ubuntu", Release: "22.04", Released: "2022-04-21", Support: "2024-09-30", EOL: "2027-04-01", Extended: "2032-04-09", Latest: "22.04.5"},
		{Feed: "eol", Product: "debian", Release: "13", EOL: "2028-08-09"},
		{Feed: "other", Product: "ubuntu", Release: "22.04", EOL: "2040-01-01"},
		{Feed: "distro-info/ubuntu", Product: "ubuntu", Release: "22.04", Codename: "Jammy Jellyfish", Released: "2022-04-21", EOL: "2027-06-01", Extended: "2032-04-21"},
		{Feed: "eol", Product: "x", Release: "1", Ended: true},
		{Feed: "other", Product: "x", Release: "1", EOL: "2030-01-01"},
		{Feed: "eol", Product: "y", Release: "1", Released: "2020-01-01", Ended: true},
		{Feed: "distro-info", Product: "y", Release: "1", Released: "2020-01-01"},
	})
	want := []Lifecycle{
		{Feed: "eol", Product: "debian", Release: "13", EOL: "2028-08-09"},
		{Feed: "distro-info/ubuntu+eol", Product: "ubuntu", Release: "22.04", Codename: "Jammy Jellyfish", Released: "2022-04-21", Support: "2024-09-30", EOL: "2027-06-01", Extended: "2032-04-21", Latest: "22.04.5"},
		{Feed: "eol+other", Product: "x", Release: "1", EOL: "2030-01-01"},
		{Feed: "distro-info+eol", Product: "y", Release: "1", Released: "2020-01-01", Ended: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestProductOf(t *testing.T) {
	t.Parallel()
	for ecosystem, want := range map[string]string{
		"Debian:12": "debian 12", "Ubuntu:24.04": "ubuntu 24.04", "AlmaLinux:9": "almalinux 9", "Rocky Linux:9": "rocky-linux 9",
		"Red Hat:9": "rhel 9", "SUSE:15.5": "sles 15.5", "SUSE:15": "sles 15.0", "openSUSE:Leap 15.5": "opensuse 15.5",
		"openSUSE:Tumbleweed": " ", "Alpine:v3.20": "alpine-linux 3.20", "Amazon Linux:2023": "amazon-linux 2023", "Amazon Linux:2": "amazon-linux 2",
		"Oracle Linux:9": "oracle-linux 9", "Azure Linux:3": "azure-linux 3", "Fedora:43": "fedora 43",
		"Wolfi": " ", "Arch Linux": " ", "PyPI": " ", "Windows:12097": " ", "Debian:": " ", "Debian": " ", "": " ", ":12": " ",
	} {
		product, release := ProductOf(ecosystem)
		if got := product + " " + release; got != want {
			t.Errorf("%q is %q, want %q", ecosystem, got, want)
		}
	}
}

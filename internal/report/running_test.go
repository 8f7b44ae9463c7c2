package report_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/report"
)

// step is one thing that becomes known of a host on a day of November, at noon.
type step struct {
	day   int
	takes func(w *world, hostID string)
}

// has: from that day on these packages are on disk.
func has(day int, packages ...apiv1.Package) step {
	return step{day, func(w *world, hostID string) { w.has(hostID, packages...) }}
}

// boots: from that day on this kernel runs, with patches in its memory for some CVEs.
func boots(day, kernel int, patched ...string) step {
	return step{day, func(w *world, hostID string) { w.boots(hostID, fmt.Sprintf("6.1.0-%d-amd64", kernel), patched...) }}
}

// maps: from that day on processes map openssl at another version than is on disk; none: they do not.
func maps(day int, version string) step {
	return step{day, func(w *world, hostID string) {
		f := apiv1.Facts{BootID: fmt.Sprint(day), Units: []apiv1.Unit{}, OldCode: []apiv1.OldCode{}}
		if version != "" {
			f.OldCode = append(f.OldCode, apiv1.OldCode{Name: "openssl", Arch: "amd64", From: version, Units: []string{"ssh.service"}})
		}
		w.says(hostID, f)
	}}
}

// image is a kernel's: 6.1.0-37-amd64 is of version 6.1.137-1.
func image(kernel int) apiv1.Package {
	return built(fmt.Sprintf("linux-image-6.1.0-%d-amd64", kernel), kernel)
}

// built is a package of the same source as a kernel.
func built(name string, kernel int) apiv1.Package {
	v := fmt.Sprintf("6.1.%d-1", 100+kernel)
	return apiv1.Package{Name: name, Arch: "amd64", Version: v, Source: "linux", SourceVersion: v, Origin: "Debian"}
}

// Hand-made histories of what runs; each want can be checked against docs/metrics.md by counting on fingers. CVE-1 of the kernel is
// published on 5 November and fixed in kernel 40, CVE-2 is in kernel 50 alone, CVE-3 of openssl is published on the 5th and fixed in
// version 2. The period is 10 to 20 November, and a finding is to be fixed within 5 days.
func TestMetricsOfWhatRuns(t *testing.T) {
	t.Parallel()
	late := ptr(0)
	for name, tc := range map[string]struct {
		steps []step
		want  apiv1.MetricsRow
	}{
		"the upgrade is not the fix: until the host boots": {[]step{boots(1, 37), has(1, image(37)), has(12, image(37), image(40))},
			apiv1.MetricsRow{Open: 1, OpenAge: oneSpread(15), ExposureDays: 10, Due: 1, PercentInTime: late}},
		"booting is the fix, and not the removal of the old image": {[]step{boots(1, 37), has(1, image(37)), has(12, image(37), image(40)), boots(14, 40)},
			apiv1.MetricsRow{Fixed: 1, TimeToPatch: oneSpread(9), ExposureDays: 4, Due: 1, PercentInTime: late}},
		"nor does anything follow from the removal": {[]step{boots(1, 37), has(1, image(37)), has(12, image(37), image(40)), boots(14, 40), has(16, image(40))},
			apiv1.MetricsRow{Fixed: 1, TimeToPatch: oneSpread(9), ExposureDays: 4, Due: 1, PercentInTime: late}},
		"nor from headers that stay": {[]step{boots(1, 37), has(1, built("linux-headers-6.1.0-37-amd64", 37), image(37)), has(12, built("linux-headers-6.1.0-37-amd64", 37), image(37), image(40)), boots(14, 40),
			has(16, built("linux-headers-6.1.0-37-amd64", 37), image(40))},
			apiv1.MetricsRow{Fixed: 1, TimeToPatch: oneSpread(9), ExposureDays: 4, Due: 1, PercentInTime: late}},
		"the upgrade in one go with the boot": {[]step{boots(1, 37), has(1, image(37)), boots(8, 40), has(8, image(40))},
			apiv1.MetricsRow{Due: 1, InTime: 1, PercentInTime: ptr(100)}},
		"the old kernel boots again": {[]step{boots(1, 37), has(1, image(37), image(40)), boots(9, 40), boots(16, 37)},
			apiv1.MetricsRow{Opened: 1, Open: 1, OpenAge: oneSpread(4), ExposureDays: 4, Due: 1, InTime: 1, PercentInTime: ptr(100)}},
		"several are installed, and the newest runs": {[]step{boots(1, 40), has(1, image(36), image(37), image(40))}, apiv1.MetricsRow{}},
		"several are installed, and an old one runs": {[]step{boots(1, 37), has(1, image(36), image(37), image(40))},
			apiv1.MetricsRow{Open: 1, OpenAge: oneSpread(15), ExposureDays: 10, Due: 1, PercentInTime: late}},
		"from one that has it to another that has it": {[]step{boots(1, 36), has(1, image(36), image(37)), boots(12, 37)},
			apiv1.MetricsRow{Open: 1, OpenAge: oneSpread(15), ExposureDays: 10, Due: 1, PercentInTime: late}},
		"a new one that brings a hole, before it boots": {[]step{boots(1, 40), has(1, image(40)), has(11, image(40), image(50))}, apiv1.MetricsRow{}},
		"and when it boots": {[]step{boots(1, 40), has(1, image(40)), has(11, image(40), image(50)), boots(14, 50)},
			apiv1.MetricsRow{Opened: 1, Open: 1, OpenAge: oneSpread(6), ExposureDays: 6, Due: 1, PercentInTime: late}},

		"patched in memory": {[]step{boots(1, 37), has(1, image(37)), boots(12, 37, "CVE-1")},
			apiv1.MetricsRow{Fixed: 1, TimeToPatch: oneSpread(7), ExposureDays: 2, Due: 1, PercentInTime: late}},
		"patched in memory, and lost when the old kernel boots": {[]step{boots(1, 37), has(1, image(37)), boots(12, 37, "CVE-1"), boots(15, 37)},
			apiv1.MetricsRow{Opened: 1, Fixed: 1, Open: 1, TimeToPatch: oneSpread(7), OpenAge: oneSpread(5), ExposureDays: 2 + 5, Due: 1, PercentInTime: late}},
		"patched in memory before it was known": {[]step{boots(1, 37), has(1, image(37)), boots(4, 37, "CVE-1")}, apiv1.MetricsRow{}},
		"patched in memory, and the fixed kernel boots": {[]step{boots(1, 37), has(1, image(37), image(40)), boots(12, 37, "CVE-1"), boots(15, 40)},
			apiv1.MetricsRow{Fixed: 1, TimeToPatch: oneSpread(7), ExposureDays: 2, Due: 1, PercentInTime: late}},
		"patched against something else": {[]step{boots(1, 37), has(1, image(37)), boots(12, 37, "CVE-9")},
			apiv1.MetricsRow{Open: 1, OpenAge: oneSpread(15), ExposureDays: 10, Due: 1, PercentInTime: late}},

		"nothing tells which runs: each that is installed may": {[]step{has(1, image(37)), has(12, image(37), image(40))},
			apiv1.MetricsRow{Open: 1, OpenAge: oneSpread(15), ExposureDays: 10, Due: 1, PercentInTime: late}},
		"until it is gone": {[]step{has(1, image(37)), has(12, image(37), image(40)), has(15, image(40))},
			apiv1.MetricsRow{Fixed: 1, TimeToPatch: oneSpread(10), ExposureDays: 5, Due: 1, PercentInTime: late}},
		"or until something tells": {[]step{has(1, image(37)), has(12, image(37), image(40)), boots(16, 40)},
			apiv1.MetricsRow{Fixed: 1, TimeToPatch: oneSpread(11), ExposureDays: 6, Due: 1, PercentInTime: late}},
		"something tells a week later": {[]step{has(1, image(37), image(40)), boots(12, 40)},
			apiv1.MetricsRow{Fixed: 1, TimeToPatch: oneSpread(7), ExposureDays: 2, Due: 1, PercentInTime: late}},
		"something tells seconds later, in the same check-in": {[]step{has(11, image(37), image(40)), boots(11, 40)}, apiv1.MetricsRow{}},
		"a container, whose kernel is the machine's":          {[]step{boots(1, 99), has(1, built("linux-libc-dev", 37))}, apiv1.MetricsRow{}},
		"what runs is no package: the newest counts, as in lists": {[]step{boots(1, 99), has(1, image(36), image(37)), has(12, image(36), image(37), image(40))},
			apiv1.MetricsRow{Fixed: 1, TimeToPatch: oneSpread(7), ExposureDays: 2, Due: 1, PercentInTime: late}},
		"the image is removed while it runs": {[]step{boots(1, 37), has(1, image(37)), has(12, image(40)), boots(16, 40)},
			apiv1.MetricsRow{Fixed: 1, TimeToPatch: oneSpread(11), ExposureDays: 6, Due: 1, PercentInTime: late}},

		"processes map the library before": {[]step{maps(1, ""), has(1, deb("openssl", "1")), maps(12, "1"), has(12, deb("openssl", "2"))},
			apiv1.MetricsRow{Open: 1, OpenAge: oneSpread(15), ExposureDays: 10, Due: 1, PercentInTime: late}},
		"until they are started again": {[]step{maps(1, ""), has(1, deb("openssl", "1")), maps(12, "1"), has(12, deb("openssl", "2")), maps(14, "")},
			apiv1.MetricsRow{Fixed: 1, TimeToPatch: oneSpread(9), ExposureDays: 4, Due: 1, PercentInTime: late}},
		"nobody may look at processes": {[]step{boots(1, 40), has(1, deb("openssl", "1")), has(12, deb("openssl", "2"))},
			apiv1.MetricsRow{Fixed: 1, TimeToPatch: oneSpread(7), ExposureDays: 2, Due: 1, PercentInTime: late}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			began := w.at.AddDate(0, 0, -1)
			at := func(day int) time.Time { return began.AddDate(0, 0, day) }
			only := hole("CVE-2", "linux", "6.1.151-1", at(1))
			only.Affected[0].Ranges = []advisory.Range{{Introduced: "6.1.150-1", Fixed: "6.1.151-1"}}
			host := w.enroll("web1")
			for _, s := range tc.steps {
				w.at = w.at.Add(time.Second)
				if day := at(s.day); day.After(w.at) {
					w.at = day
				}
				s.takes(w, host)
			}
			w.at = at(24)
			w.knows(hole("CVE-1", "linux", "6.1.140-1", at(5)), only, hole("CVE-3", "openssl", "2", at(5)))
			s := report.NewService(w.store, rows{row(host, "web1", true)}, func() time.Time { return at(25) })
			m, err := s.Metrics(t.Context(), report.MetricsQuery{Period: report.Period{From: at(10), To: at(20)}, Clock: report.Clock{apiv1.PriorityNormal: 5 * 24 * time.Hour}})
			if err != nil {
				t.Fatal(err)
			}
			tc.want.Priority = "all"
			if diff := cmp.Diff(tc.want, m.Rows[len(m.Rows)-1]); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// oneSpread is of durations that are all alike.
func oneSpread(days float64) *apiv1.Spread {
	return &apiv1.Spread{Median: days, P90: days, Mean: days, Longest: days}
}

func ptr(f float64) *float64 { return &f }

package report_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/report"
)

// says sends a host's facts.
func (w *world) says(hostID string, facts apiv1.Facts) {
	w.tb.Helper()
	text, err := json.Marshal(facts)
	w.must(err)
	digest := sha256.Sum256(text)
	_, err = w.inventory.PutSection(context.Background(), hostID, apiv1.SectionFacts, hex.EncodeToString(digest[:]), text)
	w.must(err)
}

// boots says that a host runs a kernel, with patches in its memory for some CVEs.
func (w *world) boots(hostID, release string, patched ...string) {
	w.tb.Helper()
	f := apiv1.Facts{OS: apiv1.OSRelease{ID: "debian", VersionID: "12", Ecosystem: "Debian:12"}, Arch: "amd64", BootID: fmt.Sprint(w.at), Kernel: apiv1.Kernel{Running: release, Installed: []string{}},
		Reboot: apiv1.Reboot{Packages: []string{}, Reasons: []string{}}, Units: []apiv1.Unit{}}
	if len(patched) > 0 {
		f.Kernel.Livepatches = []apiv1.Livepatch{{Name: "lp", CVEs: patched}}
	}
	w.says(hostID, f)
}

// BenchmarkMetrics: 60 hosts of 800 packages with ten inventories each and three times as many facts of 200 units, two kernels at a time of
// which one runs; 1,200 advisories, and 1,500 of the kernel.
func BenchmarkMetrics(b *testing.B) {
	w := newWorld(b)
	began := w.at
	var holes []advisory.Advisory
	for i := range 1200 {
		holes = append(holes, hole(fmt.Sprintf("CVE-2025-%04d", i), fmt.Sprintf("pkg%03d", i%800), fmt.Sprint(i%12), time.Time{}))
	}
	for i := range 1500 {
		holes = append(holes, hole(fmt.Sprintf("CVE-2026-%04d", i), "linux", fmt.Sprintf("6.1.%d-1", 100+i%20), time.Time{}))
	}
	w.knows(holes...)
	units := make([]apiv1.Unit, 200)
	for i := range units {
		units[i] = apiv1.Unit{Name: fmt.Sprintf("some-service-%03d.service", i), Enabled: "enabled"}
	}
	var fleet rows
	for n := range 60 {
		host := w.enroll(fmt.Sprint("host", n))
		fleet = append(fleet, row(host, fmt.Sprint("host", n), true))
		for version := range 10 {
			w.at = w.at.Add(time.Minute)
			var packages []apiv1.Package
			for k := max(0, version-1); k <= version; k++ {
				v := fmt.Sprintf("6.1.%d-1", 100+2*k)
				packages = append(packages, apiv1.Package{Name: fmt.Sprintf("linux-image-6.1.0-%d-amd64", k), Arch: "amd64", Version: v, Source: "linux", SourceVersion: v, Origin: "Debian"})
			}
			for p := range 800 {
				v := 1
				if p%10 == version {
					v = 2 + version
				}
				packages = append(packages, deb(fmt.Sprintf("pkg%03d", p), fmt.Sprint(v)))
			}
			w.has(host, packages...)
			for boot := range 3 {
				w.at = w.at.Add(10 * time.Minute)
				w.says(host, apiv1.Facts{Hostname: fmt.Sprint("host", n), OS: apiv1.OSRelease{ID: "debian", VersionID: "12", Ecosystem: "Debian:12"}, Arch: "amd64",
					BootID: fmt.Sprint(version, boot), Kernel: apiv1.Kernel{Running: fmt.Sprintf("6.1.0-%d-amd64", version-(2-boot)/2), Installed: []string{}},
					Reboot: apiv1.Reboot{Packages: []string{}, Reasons: []string{}}, Units: units})
			}
		}
	}
	now := w.at.Add(time.Hour)
	s := report.NewService(w.store, fleet, func() time.Time { return now })
	b.ReportAllocs()
	for b.Loop() {
		m, err := s.Metrics(b.Context(), report.MetricsQuery{Period: report.Period{From: began, To: now}, Clock: report.DefaultClock()})
		if err != nil {
			b.Fatal(err)
		}
		all := m.Rows[len(m.Rows)-1]
		b.ReportMetric(float64(all.Open+all.Fixed), "exposures")
	}
}

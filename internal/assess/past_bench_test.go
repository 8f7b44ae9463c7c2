package assess

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
)

const (
	benchScores  = 360_000 // CVEs of which EPSS speaks
	benchImports = 8       // of EPSS; each changes the score of one in ten
)

// importScores imports EPSS as it is on a day.
func (w *world) importScores(day int) {
	w.tb.Helper()
	w.imports++
	w.at = w.at.Add(time.Second)
	_, err := w.store.ImportFeed(context.Background(), advisory.Import{
		State: advisory.FeedState{Name: "epss", SHA256: fmt.Sprint(w.imports), Records: benchScores, AsOf: w.at, ChangedAt: w.at, AttemptedAt: w.at, NextDue: w.at.Add(time.Hour)},
		At:    w.at,
		Overlays: func(yield func(advisory.Overlay) error) error {
			for i := range benchScores {
				score := float64(i%1000) / 1000
				if changed := (day + 10 - i%10) % 10; day > changed {
					score = float64((i+day-changed)%1000) / 1000
				}
				if err := yield(advisory.Overlay{CVE: fmt.Sprintf("CVE-2025-%d", i+1000), EPSS: &advisory.EPSS{Score: score}}); err != nil {
					return err
				}
			}
			return nil
		},
	})
	w.must(err)
}

// What a question about the past costs where nothing is kept of it: one host of 600 packages, 20,000 advisories, and EPSS of several days.
func BenchmarkPast(b *testing.B) {
	w := newWorld(b)
	w.at = w.at.Add(-100 * 24 * time.Hour)
	web := w.enroll("web1", nil)
	var all []apiv1.Package
	for i := range benchPackages {
		name := fmt.Sprintf("src%d", i)
		all = append(all, deb(name, name, "1.5-1"))
	}
	w.packages(web.ID, "Debian:12", all...)
	w.importFeed("osv/Debian", []string{"Debian:12"}, benchKnowledge()...)
	for day := range benchImports {
		w.importScores(day)
	}
	then := w.at.Add(time.Hour)
	w.start()
	b.Cleanup(w.stop)
	for _, hindsight := range []bool{false, true} {
		b.Run(fmt.Sprintf("hindsight=%v", hindsight), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				then = then.Add(time.Second) // another instant each time
				o, err := w.assess.Overview(context.Background(), Query{Past: Past{At: then, Hindsight: hindsight}})
				if err != nil || o.Findings.Total == 0 {
					b.Fatal(err, o)
				}
			}
		})
	}
}

package assess

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fleet"
	"github.com/staunch-dev/staunch/internal/inventory"
)

const (
	benchHosts      = 1_000
	benchPackages   = 600
	benchAdvisories = 20_000
	benchSources    = 2_000
)

func benchKnowledge() []advisory.Advisory {
	out := make([]advisory.Advisory, 0, benchAdvisories)
	for i := range benchAdvisories {
		out = append(out, fixes(fmt.Sprintf("CVE-2025-%d", i+1000), fmt.Sprintf("src%d", i%benchSources), fmt.Sprintf("1.%d-1", i/benchSources)))
	}
	return out
}

// benchIndex gives each host a package set of its own: nothing is shared but package versions.
func benchIndex(k change) *index {
	ix := newIndex(time.Now)
	ix.revise(k, atOnce)
	ix.setFeeds([]advisory.FeedState{{Name: "osv/Debian", Ecosystems: []string{"Debian:12"}}})
	known := map[string]inventory.PackageID{}
	for h := range benchHosts {
		var ids []inventory.PackageID
		var fresh []inventory.Package
		for i := range benchPackages {
			name := fmt.Sprintf("src%d", (h*7+i*3)%benchSources)
			version := fmt.Sprintf("1.%d-1", (h+i)%12)
			id, ok := known[name+version]
			if !ok {
				id = inventory.PackageID(len(known) + 1)
				known[name+version] = id
				p := interned("Debian:12", apiv1.Package{Name: name, Arch: "amd64", Version: version})
				p.ID = id
				fresh = append(fresh, p)
			}
			ids = append(ids, id)
		}
		ix.learn(fresh)
		if err := ix.put(portrait{host: fleet.Host{ID: fmt.Sprint(h), Name: fmt.Sprintf("host%04d", h), Ordinal: int64(h) + 1, State: fleet.Approved},
			packages: fmt.Sprint(h), set: ids}); err != nil {
			panic(err)
		}
	}
	return ix
}

func BenchmarkBuild(b *testing.B) {
	advisories := benchKnowledge()
	b.ResetTimer()
	for b.Loop() {
		benchIndex(compileChange(advisory.Knowledge{Advisories: advisories}))
	}
}

func BenchmarkOneAdvisoryChanges(b *testing.B) {
	ix := benchIndex(compileChange(advisory.Knowledge{Advisories: benchKnowledge()}))
	b.ResetTimer()
	for i := 0; b.Loop(); i++ {
		a := fixes("CVE-2025-1000", "src0", fmt.Sprintf("1.%d-1", i%12))
		ix.revise(compileChange(advisory.Knowledge{Advisories: []advisory.Advisory{a}}), atOnce)
	}
}

func benchService(b *testing.B) *Service {
	b.Helper()
	w := newWorld(b)
	w.assess.ix = benchIndex(compileChange(advisory.Knowledge{Advisories: benchKnowledge()}))
	w.assess.ix.said = w.store
	return w.assess
}

func BenchmarkWhichHosts(b *testing.B) {
	s := benchService(b)
	b.ResetTimer()
	for b.Loop() {
		if _, err := s.Vulnerability(context.Background(), "CVE-2025-12000", Query{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFindings(b *testing.B) {
	s := benchService(b)
	b.ResetTimer()
	for b.Loop() {
		if _, err := s.Findings(context.Background(), Query{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOverview(b *testing.B) {
	s := benchService(b)
	b.ResetTimer()
	for b.Loop() {
		if _, err := s.Overview(context.Background(), Query{}); err != nil {
			b.Fatal(err)
		}
	}
}

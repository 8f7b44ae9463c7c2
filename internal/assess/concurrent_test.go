package assess

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/event"
)

// While feeds of any size come in and hosts change, every answer is a whole one: both hosts, and the vulnerability that stays.
func TestAnswersStayWholeWhileEverythingChanges(t *testing.T) {
	t.Parallel()
	w, a, _ := fleetOf(t)
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				hosts, err := w.assess.Hosts(context.Background(), Query{Sort: "findings"})
				if err != nil || hosts.Total != 2 {
					t.Errorf("%d hosts, %v", hosts.Total, err)
					return
				}
				detail, err := w.assess.Vulnerability(context.Background(), "CVE-2025-1", Query{})
				if err != nil || detail.Hosts.Total != 2 {
					t.Errorf("%d hosts have it, %v", detail.Hosts.Total, err)
					return
				}
				if _, err := w.assess.Overview(context.Background(), Query{}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	stays := fixes("CVE-2025-1", "openssl", "3.0.17-1")
	large := []advisory.Advisory{stays}
	for i := range 2000 {
		large = append(large, fixes(fmt.Sprintf("CVE-2024-%d", 1000+i), "curl", fmt.Sprintf("8.%d-1", i)))
	}
	for i := range 2 {
		w.importFeed("osv/Debian", []string{"Debian:12"}, large...) // so much that it takes many steps
		w.packages(a.ID, "Debian:12", deb("libssl3", "openssl", "3.0.16-1"), deb("curl", "curl", fmt.Sprintf("7.%d-1", i)))
		w.importFeed("osv/Debian", []string{"Debian:12"}, stays)
		w.settle()
	}
	close(done)
	readers.Wait()
}

func TestAResyncReadsEverythingAgain(t *testing.T) {
	t.Parallel()
	w, a, _ := fleetOf(t)
	before := w.assess.ix
	w.follower.Tell(event.Change{Kind: event.ChangeResync})
	w.packages(a.ID, "Debian:12", deb("curl", "curl", "7.88-1"))
	w.settle()
	page, err := w.assess.Findings(t.Context(), Query{})
	w.must(err)
	w.assess.mu.RLock()
	defer w.assess.mu.RUnlock()
	if page.Total != 1 || w.assess.ix == before {
		t.Errorf("%d findings, index rebuilt: %v", page.Total, w.assess.ix != before)
	}
}

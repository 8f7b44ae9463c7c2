//go:build linux && e2e

package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/test/lab"
)

const (
	maxAgentProgram = 20 << 20 // bytes; the promise
	maxAgentRSS     = 25 << 20
	fleetSize       = 50
)

func TestAgentProgramIsSmall(t *testing.T) {
	st, err := os.Stat(binary("staunch-agent"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("staunch-agent has %.1f MB", float64(st.Size())/(1<<20))
	if st.Size() > maxAgentProgram {
		t.Errorf("staunch-agent has %d bytes, want at most %d", st.Size(), maxAgentProgram)
	}
}

// TestFiftyHosts boots fifty hosts, enrolls them with one token, and watches them do nothing.
func TestFiftyHosts(t *testing.T) {
	frozen := serve(t, lab.FrozenMirror(), "8002")
	sources, err := lab.Layer(t.Context(), "security-only", nil, map[string]string{"etc/apt/sources.list": lab.FrozenSources(frozen, false)}, "")
	if err != nil {
		t.Fatal(err)
	}
	agent := agentLayer(t, "")
	feeds := t.TempDir()
	writeFeeds(t, feeds, []vulnerability{{"CVE-2026-90001", "Debian:12", "lab-fix", "1.1", true}}) // whole, so that it is not tried again and again
	s := startServer(t, "8445", "--feeds", feeds)
	token := strings.TrimSpace(s.cli(t, "enroll-token", "create", "--uses", fmt.Sprint(fleetSize), "--approve=yes"))

	start := time.Now()
	hosts := make([]*lab.Host, fleetSize)
	for i := range hosts {
		if hosts[i], err = lab.NewHost(fmt.Sprintf("h%02d", i+1), agent, sources); err != nil {
			t.Fatal(err)
		}
		if err := hosts[i].Start(); err != nil {
			t.Fatal(err)
		}
	}
	together(t, hosts, func(h *lab.Host) error { return h.WaitUp(t.Context()) })
	t.Logf("%d hosts are up after %s", fleetSize, time.Since(start))
	start = time.Now()
	together(t, hosts, func(h *lab.Host) error { return enroll(t, s, h, token) })
	t.Logf("enrolled after %s", time.Since(start))
	eventually(t, 5*time.Minute, "all hosts are shown with what they have", func() error {
		page := get[apiv1.HostPage](t, s, "/api/v1/hosts?limit=1000")
		n := 0
		for _, h := range page.Items {
			if h.Online && h.Packages > 50 && h.Updates.Known && h.Metadata.AsOf != nil && h.State == apiv1.HostApproved {
				n++
			}
		}
		if n != fleetSize {
			return fmt.Errorf("%d of %d", n, page.Total)
		}
		return nil
	})
	t.Logf("all shown with packages and updates after %s", time.Since(start))

	unchangedCheckins(t, s, hosts)
	nothingToDo(t, s, hosts)
	idle(t, hosts)
}

// together does something on all hosts, a few at a time.
func together(t *testing.T, hosts []*lab.Host, do func(*lab.Host) error) {
	t.Helper()
	var wg sync.WaitGroup
	slots := make(chan struct{}, 4)
	errs := make([]error, len(hosts))
	for i, h := range hosts {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			errs[i] = do(h)
		})
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			t.Errorf("%s: %v", hosts[i].Name, err)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
}

// maxNothing is what one host may spend where a plan has nothing to do for it (issue 3: what apt alone spends on finding that out).
const maxNothing = 120 * time.Millisecond

// nothingToDo asks for a plan of which no host has anything to do, and measures what the agents spend on it: the server knows from their
// inventory, so they are not even asked.
func nothingToDo(t *testing.T, s *server, hosts []*lab.Host) {
	t.Helper()
	pids := make([]int, len(hosts))
	before := make([]time.Duration, len(hosts))
	for i, h := range hosts {
		pids[i] = agentPID(t, h)
		before[i] = cpuTime(t, pids[i])
	}
	out, err := s.tryCLI(t, "plan", "create", "--package", "no-such-package")
	if err == nil {
		t.Errorf("a plan with nothing to do was made: %s", out)
	} else if want := fmt.Sprintf("pending on any of %d hosts", len(hosts)); !strings.Contains(err.Error()+out, want) {
		t.Errorf("a plan with nothing to do says %q (%v), want %q", out, err, want)
	}
	var total time.Duration
	for i := range hosts {
		total += cpuTime(t, pids[i]) - before[i]
	}
	each := total / time.Duration(len(hosts))
	t.Logf("nothing to do on %d hosts: %s of a processor for each", len(hosts), each.Round(time.Microsecond))
	if each > maxNothing {
		t.Errorf("a plan with nothing to do costs a host %s, want at most %s", each, maxNothing)
	}
}

// idle measures the agents while there is nothing for them to do.
func idle(t *testing.T, hosts []*lab.Host) {
	t.Helper()
	pids := make([]int, len(hosts))
	before := make([]time.Duration, len(hosts))
	for i, h := range hosts {
		pids[i] = agentPID(t, h)
		before[i] = cpuTime(t, pids[i])
	}
	start := time.Now()
	<-time.After(idleWatched) // the measurement is of time passing
	elapsed := time.Since(start)
	rss, cpu := make([]int64, len(hosts)), make([]time.Duration, len(hosts))
	for i := range hosts {
		rss[i], cpu[i] = residentBytes(t, pids[i]), cpuTime(t, pids[i])-before[i]
	}
	slices.Sort(rss)
	slices.Sort(cpu)
	mid, last := len(hosts)/2, len(hosts)-1
	t.Logf("agents over %s: resident median %.1f MB, most %.1f MB; CPU median %s, most %s", elapsed.Round(time.Second),
		float64(rss[mid])/(1<<20), float64(rss[last])/(1<<20), cpu[mid].Round(time.Microsecond), cpu[last].Round(time.Microsecond))
	if rss[last] > maxAgentRSS {
		t.Errorf("an idle agent has %d bytes resident, want at most %d", rss[last], maxAgentRSS)
	}
	if share := float64(cpu[mid]) / float64(elapsed); share > 0.001 {
		t.Errorf("an idle agent uses %.2f %% of a processor, want no more than 0.1 %%", share*100)
	}
}

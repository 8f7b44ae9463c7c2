package app

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// bodies are the sections of a small Debian host.
func bodies(t *testing.T) map[string][]byte {
	t.Helper()
	return map[string][]byte{
		apiv1.SectionFacts: encode(t, apiv1.Facts{
			Hostname: "web1", Arch: "amd64", OS: apiv1.OSRelease{ID: "debian", VersionID: "12", Name: "Debian GNU/Linux 12 (bookworm)", Ecosystem: "Debian:12"},
			Kernel: apiv1.Kernel{Running: "6.1.0-37-amd64", Installed: []string{}}, Reboot: apiv1.Reboot{Packages: []string{}, Reasons: []string{}},
			PackageManager: apiv1.PackageManager{Name: "apt", Broken: []apiv1.PackageState{}, Held: []string{}}, Units: []apiv1.Unit{},
		}),
		apiv1.SectionPackages: encode(t, apiv1.Packages{Ecosystem: "Debian:12", Packages: []apiv1.Package{
			{Name: "libssl3", Arch: "amd64", Version: "3.0.15-1~deb12u1", Source: "openssl", Origin: "Debian"},
			{Name: "openssl", Arch: "amd64", Version: "3.0.15-1~deb12u1", Origin: "Debian"},
		}}),
		apiv1.SectionRepositories: encode(t, apiv1.Repositories{Repositories: []apiv1.Repository{}}),
		apiv1.SectionUpdates:      encode(t, apiv1.Updates{Manager: "apt", Known: true, Updates: []apiv1.Update{}}),
		apiv1.SectionHardware:     encode(t, apiv1.Hardware{CPU: apiv1.CPU{Threads: 2}, MemoryBytes: 1 << 30, Disks: []apiv1.Disk{}, Filesystems: []apiv1.Filesystem{}, NICs: []apiv1.NIC{}}),
	}
}

func checkinOf(sections map[string][]byte) apiv1.Checkin {
	in := apiv1.Checkin{AgentVersion: "1", Sections: map[string]string{}}
	for name, body := range sections {
		in.Sections[name] = digest(body)
	}
	return in
}

// report checks in and gives the sections that the server lacks, compressed.
func (a *agent) report(sections map[string][]byte) apiv1.CheckinAnswer {
	a.s.t.Helper()
	var answer apiv1.CheckinAnswer
	if code := a.call("POST", apiv1.PathCheckin, checkinOf(sections), &answer); code != 200 {
		a.s.t.Fatalf("check-in: %d", code)
	}
	for _, name := range answer.Lacks {
		var got apiv1.SectionAnswer
		if code := a.raw("PUT", apiv1.PathSections+name+"?digest="+digest(sections[name]), bytes.NewReader(compress(a.s.t, sections[name])), "zstd", &got); code != 200 || !got.Changed {
			a.s.t.Fatalf("section %s: %d %+v", name, code, got)
		}
	}
	return answer
}

func compress(t *testing.T, body []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(body, nil)
}

func TestCheckinsAskForWhatIsLackingAndAnUnchangedOneIsCheap(t *testing.T) {
	t.Parallel()
	s := start(t, config(t))
	a := s.enrolled()
	sections := bodies(t)
	if answer := a.report(sections); !slices.Equal(slices.Sorted(slices.Values(answer.Lacks)), slices.Sorted(maps.Keys(sections))) {
		t.Errorf("lacks %v", answer.Lacks)
	}
	var packages apiv1.HostPackages
	if code := s.call("GET", "/api/v1/hosts/web1.example.org/packages", nil, &packages); code != 200 || len(packages.Packages) != 2 || packages.Ecosystem != "Debian:12" {
		t.Errorf("packages: %d %+v", code, packages)
	}
	// A second host with the same image is asked for nothing.
	twin := s.enrolled()
	if answer := twin.report(sections); len(answer.Lacks) != 0 {
		t.Errorf("known bodies are asked for: %v", answer.Lacks)
	}

	s.quiet()
	before := s.wire.store.Stats()
	a.sent.Store(0)
	a.received.Store(0)
	if answer := a.report(sections); len(answer.Lacks) != 0 {
		t.Errorf("lacks %v", answer.Lacks)
	}
	if sent, received := a.sent.Load(), a.received.Load(); sent > 1024 || received > 1024 || sent == 0 || received == 0 {
		t.Errorf("an unchanged check-in costs %d bytes there and %d back", sent, received)
	} else {
		t.Logf("an unchanged check-in: %d bytes there, %d back", sent, received)
	}
	if after := s.wire.store.Stats(); after.Writes != before.Writes {
		t.Errorf("an unchanged check-in made %d writes", after.Writes-before.Writes)
	}
}

// quiet ends the background work, whose first sweeps begin when the server does and write: sessions that have ended, feeds that are tried.
// What is written from then on, requests have caused.
func (s *server) quiet() {
	s.t.Helper()
	if err := s.wire.jobs.Stop(s.t.Context()); err != nil {
		s.t.Fatalf("ending the background work: %v", err)
	}
}

func TestPendingHostReadsNothingAndStoresNothing(t *testing.T) {
	t.Parallel()
	s := start(t, config(t))
	a := s.agent()
	var got apiv1.EnrollResponse
	if code := a.enroll(s.enrollToken(2), &got); code != 200 || got.State != apiv1.HostPending {
		t.Fatalf("enroll: %d %+v", code, got)
	}
	a.use(got.Certificate)
	s.quiet()
	before := s.wire.store.Stats().Writes
	sections := bodies(t)
	body := sections[apiv1.SectionFacts]
	for name, refused := range map[string]func(p *apiv1.Problem) int{
		"check-in": func(p *apiv1.Problem) int { return a.call("POST", apiv1.PathCheckin, checkinOf(sections), p) },
		"section": func(p *apiv1.Problem) int {
			return a.raw("PUT", apiv1.PathSections+"facts?digest="+digest(body), bytes.NewReader(body), "", p)
		},
		"work": func(p *apiv1.Problem) int { return a.call("GET", apiv1.PathWork+"?wait=0", nil, p) },
	} {
		var p apiv1.Problem
		if code := refused(&p); code != 403 || p.Type != apiv1.ProblemPending {
			t.Errorf("%s: %d %+v", name, code, p)
		}
	}
	// The first sight of a certificate is noted; nothing that the host sent is.
	if writes := s.wire.store.Stats().Writes - before; writes > 1 {
		t.Errorf("%d writes", writes)
	}
	var renewed apiv1.RenewResponse
	if code := a.call("POST", apiv1.PathRenew, apiv1.RenewRequest{CSR: a.csr()}, &renewed); code != 200 {
		t.Errorf("renew: %d", code)
	}
	if code := s.call("POST", "/api/v1/hosts/"+got.HostID+"/approve", nil, nil); code != 204 {
		t.Fatalf("approve: %d", code)
	}
	if code := a.call("POST", apiv1.PathCheckin, checkinOf(sections), nil); code != 200 {
		t.Errorf("approved: %d", code)
	}
	var work apiv1.Work
	if code := a.call("GET", apiv1.PathWork+"?wait=5", nil, &work); code != 200 || work.Kind != apiv1.WorkCollect {
		t.Errorf("approval wakes the agent: %d %+v", code, work)
	}
}

// endless yields left bytes without holding them.
// await asks again until it is nil, at most 10 s: for what another goroutine is about to do.
func await(t *testing.T, check func() error) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestWorkReachesAnIdleAgentAndANewerPollReplacesAnOlder(t *testing.T) {
	t.Parallel()
	s := start(t, config(t))
	a := s.enrolled()
	type result struct {
		code int
		work apiv1.Work
	}
	poll := func() <-chan result {
		done := make(chan result, 1)
		go func() {
			var r result
			r.code = a.call("GET", apiv1.PathWork+"?wait=60", nil, &r.work)
			done <- r
		}()
		return done
	}
	online := func() error {
		if !s.wire.presence.Online(a.hostID, time.Now()) {
			return fmt.Errorf("not online")
		}
		return nil
	}
	old := poll()
	await(t, online)
	young := poll()
	if r := <-old; r.code != 204 {
		t.Errorf("the older poll: %+v", r)
	}
	if code := s.call("POST", "/api/v1/hosts/"+a.hostID+"/refresh", nil, nil); code != 202 {
		t.Fatal(code)
	}
	if r := <-young; r.code != 200 || r.work.Kind != apiv1.WorkRefresh || r.work.ID == "" {
		t.Errorf("the younger poll: %+v", r)
	}
	// What came up while nobody waited is there at once.
	if code := s.call("POST", "/api/v1/hosts/"+a.hostID+"/refresh", nil, nil); code != 202 {
		t.Fatal(code)
	}
	if r := <-poll(); r.code != 200 {
		t.Errorf("%+v", r)
	}
	// Stopping the server ends a poll at once; shut would wait for it otherwise.
	last := poll()
	await(t, online)
	time.AfterFunc(50*time.Millisecond, s.wire.api.Stop)
	if r := <-last; r.code != 204 {
		t.Errorf("at the end: %+v", r)
	}
}

package cli

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

func sampleRollout() apiv1.Rollout {
	at := time.Date(2026, 11, 2, 11, 55, 48, 0, time.UTC)
	quiet := at.Add(3 * time.Minute)
	r := apiv1.Rollout{ID: "rollout_01m7zz1s4fd2jqzrzdxxk75brr", Plan: "plan_1", State: apiv1.RolloutRunning, MaxConcurrent: 2, StartedAt: at}
	add := func(host, state, step, waiting, reason string) {
		r.Runs = append(r.Runs, apiv1.Run{ID: fmt.Sprint("run_", len(r.Runs)), Host: host, State: state, Step: step, Waiting: waiting, Reason: reason, LastWord: &quiet})
	}
	add("web1.frankfurt.example.org", apiv1.RunSucceeded, "verify", "", "")
	add("web2.frankfurt.example.org", apiv1.RunSucceeded, "verify", "", "")
	add("db1", apiv1.RunApplying, "apply", "", "")
	add("db2", apiv1.RunUncertain, "reboot", "", "no word from the host since step reboot")
	for i := range 12 {
		add(fmt.Sprintf("app%d", i+1), apiv1.RunPending, "", "2 of at most 2 hosts are at work", "")
	}
	add("away1", apiv1.RunPending, "", "the host is not connected", "")
	add("\x1b[2Jbad", apiv1.RunFailed, "apply", "", "dpkg: error processing package openssl:\nsubprocess returned error exit status 1")
	return r
}

func pageText(page []screenLine) string {
	var b strings.Builder
	for _, line := range page {
		b.WriteString(line.text + "\n")
	}
	return b.String()
}

func TestRolloutScreen(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	halted := sampleRollout()
	halted.State, halted.Reason, halted.EndedAt = apiv1.RolloutHalted, "bad failed", &now
	for name, tc := range map[string]struct {
		r             apiv1.Rollout
		width, height int
	}{
		"rollout-80":     {sampleRollout(), 80, 0},
		"rollout-80x12":  {sampleRollout(), 80, 12},
		"rollout-40":     {sampleRollout(), 40, 0},
		"rollout-halted": {halted, 80, 24},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden(t, name+".txt", pageText(rolloutScreen(tc.r, now, tc.width, tc.height)))
		})
	}
}

// Whatever hosts are called and say: the page fits the terminal, holds no control character, and where there is room it has every host.
func TestRolloutScreenFits(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := apiv1.Rollout{ID: "rollout_1", State: rapid.SampledFrom([]string{apiv1.RolloutRunning, apiv1.RolloutHalted}).Draw(t, "state"), Reason: rapid.String().Draw(t, "reason")}
		hosts := rapid.IntRange(0, 60).Draw(t, "hosts")
		for i := range hosts {
			r.Runs = append(r.Runs, apiv1.Run{
				Host: rapid.OneOf(rapid.String(), rapid.Just(fmt.Sprintf("host%03d.", i))).Draw(t, "host"), State: rapid.SampledFrom(append(runOrder(), "new-state")).Draw(t, "run"),
				Waiting: rapid.SampledFrom([]string{"", "a", "b\n\x1b[2J"}).Draw(t, "waiting"), Step: "apply",
			})
		}
		width, height := rapid.IntRange(10, 100).Draw(t, "width"), rapid.IntRange(0, 40).Draw(t, "height")
		page := rolloutScreen(r, time.Now(), width, height)
		if height > 0 && len(page) > height {
			t.Fatalf("%d lines in a height of %d", len(page), height)
		}
		text := pageText(page)
		for _, run := range r.Runs {
			if height == 0 && width >= 40 && strings.HasPrefix(run.Host, "host") && !strings.Contains(text, run.Host) {
				t.Fatalf("%s is missing in\n%s", run.Host, text)
			}
		}
		for _, line := range page {
			if columns(line.text) > width || strings.ContainsFunc(line.text, isUnsafe) {
				t.Fatalf("width %d: %q", width, line.text)
			}
		}
	})
}

// Each page replaces the one before, exactly; what is left behind at the end is the last page.
func TestWatchDrawsInPlace(t *testing.T) {
	t.Parallel()
	p, out, _ := screen(formatTable, 80, map[string]string{"NO_COLOR": "1"})
	p.env.Size = func() (int, int) { return 80, 15 }
	v := p.rolloutView()
	r := sampleRollout()
	if err := v.draw(r); err != nil {
		t.Fatal(err)
	}
	first := strings.Count(out.String(), "\n")
	if first > 14 || strings.Count(out.String(), "\x1b") != 1 || !strings.HasPrefix(out.String(), "\r\x1b[J") {
		t.Fatalf("%d lines: %q", first, out)
	}
	out.Reset()
	now := p.env.Now()
	r.State, r.Reason, r.EndedAt = apiv1.RolloutHalted, "db1 failed", &now
	for i := range r.Runs {
		if atWork(r.Runs[i].State) {
			r.Runs[i].State = apiv1.RunFailed
		}
	}
	if err := v.draw(r); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out.String(), fmt.Sprintf("\x1b[%dA\r\x1b[J", first)) || !strings.Contains(out.String(), "app12") {
		t.Errorf("%q", out)
	}
}

func TestWatchInAPipeSaysEachThingOnce(t *testing.T) {
	t.Parallel()
	for f, want := range map[format]int{formatTable: 19, formatCSV: 18, formatJSON: 18} {
		p, out, _ := screen(f, 0, nil)
		v := p.rolloutView()
		r := sampleRollout()
		for range 2 {
			if err := v.draw(r); err != nil {
				t.Fatal(err)
			}
		}
		if n := strings.Count(out.String(), "\n"); n != want {
			t.Errorf("%s: %d lines, want %d:\n%s", f, n, want, out)
		}
		out.Reset()
		r.Runs[4].Waiting = "1 of at most 2 hosts are at work" // no news
		r.Runs[5].State, r.Runs[5].Step = apiv1.RunPreparing, "download"
		if err := v.draw(r); err != nil {
			t.Fatal(err)
		}
		if strings.Count(out.String(), "\n") != 1 || !strings.Contains(out.String(), "preparing") || strings.ContainsRune(out.String(), '\x1b') {
			t.Errorf("%s: %q", f, out)
		}
	}
}

func TestRolloutEnds(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		state, run string
		ended      bool
		code       int
	}{
		{apiv1.RolloutRunning, apiv1.RunApplying, false, 0},
		{apiv1.RolloutRunning, apiv1.RunPending, false, 0},
		{apiv1.RolloutAborting, apiv1.RunApplying, false, 0},
		{apiv1.RolloutHalted, apiv1.RunUncertain, false, 0},
		{apiv1.RolloutHalted, apiv1.RunPending, true, exitFailure},
		{apiv1.RolloutAborted, apiv1.RunCanceled, true, exitFailure},
		{apiv1.RolloutCompleted, apiv1.RunSucceeded, true, exitOK},
	} {
		r := apiv1.Rollout{State: tc.state, Runs: []apiv1.Run{{State: tc.run}}}
		if rolloutEnded(r) != tc.ended || tc.ended && Exit(rolloutResult(r)) != tc.code {
			t.Errorf("%+v: %v, %v", tc, rolloutEnded(r), rolloutResult(r))
		}
	}
}

func samplePlan() apiv1.Plan {
	at := time.Date(2026, 11, 2, 11, 57, 0, 0, time.UTC)
	after := at.AddDate(0, 0, 7)
	lock := strings.Repeat("ab", 32)
	return apiv1.Plan{
		ID: "plan_01m7zz19xhpzaav9x7prsnqvqn", State: apiv1.PlanReady, CreatedAt: at, CreatedBy: "user:admin", NotAfter: &after, Hash: strings.Repeat("0f", 32),
		Spec:       apiv1.CreatePlan{Selector: "env=prod", Security: true, Packages: []string{"nginx*", "openssl"}, Exclude: []string{"nginx-extras"}, AllowRemovals: true, AllowNew: true, Reboot: "if-required"},
		Signatures: []apiv1.PlanSignature{}, Approvable: true, Blockers: []string{}, Download: 3 << 20, Reboots: 1, Rollouts: []string{},
		Hosts: []apiv1.PlanHost{
			{HostID: "host_1", Host: "web1", State: apiv1.PlanHostSimulated, Cohort: lock}, {HostID: "host_2", Host: "web2", State: apiv1.PlanHostSimulated, Cohort: lock},
			{HostID: "host_3", Host: "db1", State: apiv1.PlanHostRefused, Reason: "it cannot be patched: staunch-agent-apply.path is not active"},
			{HostID: "host_4", Host: "=cmd|x", State: apiv1.PlanHostNotSimulated, Reason: "no answer in time\x1b[2J"},
		},
		Cohorts: []apiv1.PlanCohort{{Lock: lock, Hosts: 2, Download: 3 << 19, Reboot: true, Restarts: []string{"nginx.service"}, Changes: []apiv1.LockChange{
			{Name: "nginx", Arch: "amd64", Action: apiv1.ActionUpgrade, From: "1.22.1-9", To: "1.22.1-9+deb12u3", Size: 1 << 20, SHA256: lock},
			{Name: "nginx-core", Arch: "amd64", Action: apiv1.ActionRemove, From: "1.22.1-9"},
		}}},
		Changes: []apiv1.PlanChange{
			{Name: "nginx", Action: apiv1.ActionUpgrade, From: []string{"1.22.1-9"}, To: "1.22.1-9+deb12u3", Hosts: 2, Security: true, Fixes: []string{"CVE-2026-1", "CVE-2026-2"}, FixCount: 31},
			{Name: "nginx-common", Action: apiv1.ActionInstall, From: []string{}, To: "1.22.1-9+deb12u3", Hosts: 2, Fixes: []string{}},
			{Name: "nginx-core", Action: apiv1.ActionRemove, From: []string{"1.22.1-9"}, Hosts: 2, Fixes: []string{}},
		},
	}
}

func TestPlanPreview(t *testing.T) {
	t.Parallel()
	for _, width := range []int{80, 0} {
		p, out, errs := screen(formatTable, width, map[string]string{"NO_COLOR": "1"})
		if err := p.showPlan(samplePlan()); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			if n := columns(strings.TrimSuffix(line, "\n")); width > 0 && n > width {
				t.Errorf("%d columns: %q", n, line)
			}
		}
		golden(t, map[int]string{80: "plan-80.txt", 0: "plan-pipe.txt"}[width], out.String()+"--\n"+errs.String())
	}
	p, out, _ := screen(formatCSV, 0, nil)
	if err := p.showPlan(samplePlan()); err != nil {
		t.Fatal(err)
	}
	golden(t, "plan.csv", out.String())
}

func TestLoudLinesAreLoudWithoutColour(t *testing.T) {
	t.Parallel()
	for _, env := range []map[string]string{nil, {"NO_COLOR": "1"}} {
		p, out, _ := screen(formatTable, 80, env)
		if err := p.showPlan(samplePlan()); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"!! REMOVES: nginx-core (2 hosts)", "!! ADDS NEW PACKAGES: nginx-common (2 hosts)", "REMOVE", "NEW"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%q is missing in\n%s", want, out)
			}
		}
		if bytes.ContainsRune(out.Bytes(), '\x1b') != (env == nil) {
			t.Errorf("colour: %q", out)
		}
	}
}

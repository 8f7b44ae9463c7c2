package cli_test

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/cli"
)

// paper is output that another goroutine reads while it is written.
type paper struct {
	mu   sync.Mutex
	text strings.Builder
	more chan struct{}
}

func newPaper() *paper { return &paper{more: make(chan struct{}, 1)} }

func (p *paper) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case p.more <- struct{}{}:
	default:
	}
	return p.text.Write(b)
}

// await waits until text stands on the paper.
func (p *paper) await(t *testing.T, text string) {
	t.Helper()
	late := time.After(time.Minute)
	for {
		p.mu.Lock()
		all := p.text.String()
		p.mu.Unlock()
		if strings.Contains(all, text) {
			return
		}
		select {
		case <-p.more:
		case <-late:
			t.Fatalf("%q never came:\n%s", text, all)
		}
	}
}

// Whoever watches may go, and the server too: the rollout goes on, and so does the watching.
func TestWatchOutlivesTheServer(t *testing.T) {
	t.Parallel()
	s, err := newServer(filepath.Join(t.TempDir(), "server"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stop)
	k := desk(t, s)
	if code := k.run(t, "", nil, nil, "enroll-token", "create"); code != 0 {
		t.Fatal(&k.errs)
	}
	if err := s.join(strings.TrimSpace(k.out.String()), "web1", section{"facts", hostFacts}, section{"packages", hostPackages},
		section{"updates", hostUpdates}, section{"repositories", `{"repositories":[]}`}); err != nil {
		t.Fatal(err)
	}
	web1, err := s.agent("web1")
	if err != nil {
		t.Fatal(err)
	}
	web1.work(agentScript{hold: make(chan struct{}), after: strings.ReplaceAll(hostPackages, "3.0.15-1~deb12u1", "3.0.17-1~deb12u3"), changes: []apiv1.LockChange{
		{Name: "openssl", Arch: "amd64", Action: "upgrade", From: "3.0.15-1~deb12u1", To: "3.0.17-1~deb12u3", SHA256: strings.Repeat("ab", 32), Size: 1 << 20},
	}})
	var plan apiv1.Plan
	if code := k.run(t, "", nil, nil, "plan", "create", "-o", "json"); code != 0 || json.Unmarshal(k.out.Bytes(), &plan) != nil {
		t.Fatal(&k.errs)
	}
	if code := k.run(t, "", nil, nil, "rollout", "start", plan.ID, "--approve", "--yes"); code != 0 {
		t.Fatal(&k.errs)
	}
	rollout := strings.TrimSpace(k.out.String())

	watch := func(ctx context.Context) (out, errs *paper, ended chan int) {
		out, errs, ended = newPaper(), newPaper(), make(chan int, 1)
		env := k.env()
		env.Stdout, env.Stderr, env.StdoutTerminal, env.Width = out, errs, false, 0
		go func() { ended <- cli.Run(ctx, env, []string{"rollout", "watch", rollout}) }()
		return out, errs, ended
	}
	impatient, leave := context.WithCancel(t.Context())
	defer leave()
	out, errs, ended := watch(impatient)
	out.await(t, "web1  preparing")
	leave()
	if code := <-ended; code != 1 {
		t.Errorf("ends with %d", code)
	}
	errs.await(t, "the rollout goes on: staunch rollout watch "+rollout)

	out, errs, ended = watch(t.Context())
	out.await(t, "web1  preparing")
	if err := s.restart(t.Context(), func() { errs.await(t, "trying again") }); err != nil {
		t.Fatal(err)
	}
	web1.release()
	if code := <-ended; code != 0 {
		t.Errorf("ends with %d", code)
	}
	out.await(t, "web1  succeeded")
	out.await(t, "completed  every host has ended well")
}

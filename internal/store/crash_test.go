package store_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fleet"
	"github.com/staunch-dev/staunch/internal/inventory"
	"github.com/staunch-dev/staunch/internal/store"
	"github.com/staunch-dev/staunch/internal/store/storetest"
)

// crashEnv makes the test program the writer that TestKilledWriterLosesNothingAcknowledged kills.
const crashEnv = "STAUNCH_TEST_CRASH"

func TestMain(m *testing.M) {
	if path := os.Getenv(crashEnv); path != "" {
		fmt.Fprintln(os.Stderr, writeUntilKilled(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeUntilKilled enrolls hosts with a section each, for ever, and prints each one's id once both writes are acknowledged.
func writeUntilKilled(path string) error {
	ctx := context.Background()
	s, err := store.Open(ctx, store.Config{Path: path})
	if err != nil {
		return err
	}
	now := time.Now()
	ev := event.Event{At: now, Kind: event.HostEnrolled}
	round := fmt.Sprintf("%d", now.UnixNano())
	if err := s.CreateEnrollToken(ctx, fleet.EnrollToken{ID: round, Uses: 1 << 30, UsesLeft: 1 << 30, CreatedAt: now, ExpiresAt: now.Add(time.Hour)}, ev); err != nil {
		return err
	}
	for i := 0; ; i++ {
		host := fmt.Sprintf("%s-%d", round, i)
		if _, err := s.Enroll(ctx, fleet.Enrollment{TokenID: round, Host: fleet.Host{ID: host, State: fleet.Approved, EnrolledAt: now},
			Certificate: fleet.Certificate{Serial: host, IssuedAt: now, NotAfter: now}, Event: ev}); err != nil {
			return err
		}
		body := inventory.Body{Section: "packages", Digest: host, Packages: []inventory.Package{{Name: "shared", Version: "1"}, {Name: host, Version: "1"}}}
		if _, err := s.AcceptSection(ctx, inventory.Accept{HostID: host, At: now, Body: body}); err != nil {
			return err
		}
		if _, err := fmt.Println(host); err != nil {
			return err
		}
	}
}

func TestKilledWriterLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "staunch.db")
	for round := range 3 { // each on what the last left behind
		acknowledged := killWriter(t, path, 20+10*round)
		s, err := store.Open(t.Context(), store.Config{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		for _, host := range acknowledged {
			if _, err := s.Host(t.Context(), host); err != nil {
				t.Fatal(err)
			}
			if ids, err := s.PackageSet(t.Context(), host); err != nil || len(ids) != 2 {
				t.Fatalf("host %s has packages %v: %v", host, ids, err)
			}
			open, err := s.OpenSections(t.Context(), host)
			if err != nil || open["packages"].Digest != host {
				t.Fatalf("host %s has sections %v: %v", host, open, err)
			}
		}
		storetest.VerifyChain(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// killWriter runs a writer, kills it with SIGKILL after so many acknowledgements, and gives all that it acknowledged.
func killWriter(t *testing.T, path string, after int) (acknowledged []string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0]) //nolint:gosec // this very program
	cmd.Env = append(os.Environ(), crashEnv+"="+path)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		acknowledged = append(acknowledged, lines.Text())
		if len(acknowledged) == after {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // killed, as it should be
	if len(acknowledged) < after {
		t.Fatalf("the writer ended by itself after %d: %s", len(acknowledged), stderr.String())
	}
	return acknowledged
}

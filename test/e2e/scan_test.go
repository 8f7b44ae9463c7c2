//go:build linux && e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// shared is the folder of real data beside the repository; in CI it must be there.
func shared(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("STAUNCH_SHARED")
	if dir == "" {
		dir = "../../../shared"
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "data", "README.md")); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("STAUNCH_SHARED is needed in CI: %v", err)
		}
		t.Skipf("no shared data: set STAUNCH_SHARED (%v)", err)
	}
	return filepath.Join(dir, "data")
}

// scanner runs staunch scan with a cache and a home of its own.
type scanner struct{ home string }

func newScanner(t *testing.T) scanner { return scanner{t.TempDir()} }

func (s scanner) run(t *testing.T, args ...string) ended {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary("staunch"), append([]string{"scan"}, args...)...)
	cmd.Env = append(os.Environ(), "HOME="+s.home, "XDG_CACHE_HOME="+filepath.Join(s.home, "cache"), "XDG_DATA_HOME="+filepath.Join(s.home, "data"))
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatalf("staunch scan %s: %v", strings.Join(args, " "), err)
	}
	return ended{out.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// scan is run -o json, which must end with a code.
func (s scanner) scan(t *testing.T, code int, args ...string) apiv1.Scan {
	t.Helper()
	e := s.run(t, append(args, "-o", "json")...)
	var out apiv1.Scan
	if err := json.Unmarshal([]byte(e.out), &out); err != nil || e.code != code {
		t.Fatalf("staunch scan %s ended with %d, want %d (%v): %s\n%.500s", strings.Join(args, " "), e.code, code, err, e.err, e.out)
	}
	return out
}

// pairsOf are the (vulnerability, package) pairs of findings, sorted.
func pairsOf(findings []apiv1.Finding) []string {
	out := []string{}
	for _, f := range findings {
		for _, p := range f.Packages {
			out = append(out, f.Vulnerability+" "+p)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

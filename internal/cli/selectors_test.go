package cli_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/staunch-dev/staunch/internal/cli"
	"github.com/staunch-dev/staunch/internal/fleet"
)

// The help on selectors shows what the server's parser takes.
func TestSelectorsHelpIsTrue(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	env := cli.Env{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out, Getenv: func(string) string { return "" }}
	if code := cli.Run(t.Context(), env, []string{"help", "selectors"}); code != 0 {
		t.Fatalf("ends with %d: %s", code, &out)
	}
	shown := 0
	for line := range strings.Lines(out.String()) {
		example, isExample := strings.CutPrefix(line, "  ")
		if !isExample {
			continue
		}
		example, _, _ = strings.Cut(strings.TrimSpace(example), "  ")
		shown++
		if _, err := fleet.ParseSelector(example); err != nil {
			t.Errorf("%q: %v", example, err)
		}
	}
	if shown < 7 {
		t.Errorf("only %d examples were found", shown)
	}
	for _, key := range []string{
		fleet.KeyHostName, fleet.KeyHostOS, fleet.KeyHostArch, fleet.KeyHostState, fleet.KeyHostOnline, fleet.KeyHostAssessed, fleet.KeyHostReboot,
		fleet.KeyHostFailedUnits, fleet.KeyHostSecurityUpdates, fleet.KeyHostMetadata, fleet.KeyHostUpdates, fleet.KeyHostLifecycle,
	} {
		if !strings.Contains(out.String(), key) {
			t.Errorf("%s is not explained", key)
		}
	}
}

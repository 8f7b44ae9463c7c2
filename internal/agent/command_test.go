package agent

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// runCLI runs the program as main does.
func runCLI(t *testing.T, stdin string, env map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := Command(Env{Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &errs, Getenv: func(k string) string { return env[k] }, Euid: 1000, Version: "test"})
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(t.Context())
	if err != nil {
		errs.WriteString(Message(err))
	}
	return ExitCode(err), out.String(), errs.String()
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	token := "enr_x.s3cr3ts3cr3t." + strings.Repeat("ab", 32)
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	state := t.TempDir()
	nobody := []string{"enroll", "--server", "https://127.0.0.1:1", "--state", state}
	with := func(more ...string) []string { return append(append([]string{}, nobody...), more...) }
	for name, c := range map[string]struct {
		args  []string
		stdin string
		env   map[string]string
		code  int
		says  string
	}{
		"version":                 {args: []string{"version"}, code: ExitOK, says: "staunch-agent test, protocol 1"},
		"unknown_command":         {args: []string{"fly"}, code: ExitUsage, says: "fly"},
		"unknown_flag":            {args: []string{"run", "--fly"}, code: ExitUsage, says: "fly"},
		"unexpected_argument":     {args: []string{"run", "x"}, code: ExitUsage, says: "unexpected"},
		"enroll_without_server":   {args: []string{"enroll"}, code: ExitUsage, says: "--server"},
		"run_not_enrolled":        {args: []string{"run", "--state", state}, code: ExitNotEnrolled, says: "not enrolled"},
		"status_not_enrolled":     {args: []string{"status", "--state", state}, code: ExitNotEnrolled, says: "not enrolled"},
		"token_of_stdin":          {args: nobody, stdin: token, code: ExitFailed, says: "connection refused"},
		"token_of_file":           {args: with("--token-file", file), code: ExitFailed, says: "connection refused"},
		"token_of_environment":    {args: nobody, env: map[string]string{"STAUNCH_ENROLL_TOKEN": token}, code: ExitFailed, says: "connection refused"},
		"token_of_argument_warns": {args: with("--token", token), code: ExitFailed, says: "warning: a token on the command line"},
		"two_tokens":              {args: with("--token", token, "--token-file", file), code: ExitUsage, says: "exclude"},
		"no_such_file":            {args: with("--token-file", file+"x"), code: ExitFailed, says: "cannot be read"},
		"nonsense_token":          {args: nobody, stdin: "s3cr3ts3cr3t", code: ExitFailed, says: "not an enroll-token"},
		"too_eager":               {args: []string{"run", "--refresh-every", "1s"}, code: ExitUsage, says: "10m"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := runCLI(t, c.stdin, c.env, c.args...)
			if code != c.code || !strings.Contains(stdout+stderr, c.says) {
				t.Errorf("code %d, %q %q; want %d with %q", code, stdout, stderr, c.code, c.says)
			}
			if strings.Contains(stdout+stderr, "s3cr3ts3cr3t") {
				t.Error("the token is printed")
			}
		})
	}
}

func TestEveryCommandHasHelpWithExampleAndExitCodes(t *testing.T) {
	t.Parallel()
	root := Command(Env{Getenv: func(string) string { return "" }})
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Short == "" || !strings.Contains(c.Long, "Exit status:") || c.Example == "" {
			t.Errorf("%s: short %q, example %q, long %q", c.Name(), c.Short, c.Example, c.Long)
		}
		for line := range strings.Lines(c.Long + "\n" + c.UsageString()) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
				t.Errorf("%s: help line of %d columns: %q", c.Name(), n, line)
			}
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(root)
}

func TestCollectPrintsAMountedRoot(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for name, text := range map[string]string{
		"etc/os-release":      "ID=debian\nVERSION_ID=12\n",
		"var/lib/dpkg/status": "Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2-1\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	code, stdout, stderr := runCLI(t, "", nil, "collect", "--root", root)
	var got collected
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != ExitOK || len(got.Packages.Packages) != 1 || got.Packages.Ecosystem != "Debian:12" {
		t.Errorf("code %d, %v, %q, %+v", code, err, stderr, got.Packages)
	}
}

func TestDefaultState(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env  map[string]string
		euid int
		want string
	}{
		"root":       {nil, 0, "/var/lib/staunch-agent"},
		"systemd":    {map[string]string{"STATE_DIRECTORY": "/var/lib/x", "HOME": "/h"}, 7, "/var/lib/x"},
		"xdg":        {map[string]string{"XDG_STATE_HOME": "/s", "HOME": "/h"}, 7, "/s/staunch-agent"},
		"home":       {map[string]string{"HOME": "/h"}, 7, "/h/.local/state/staunch-agent"},
		"no_rel_xdg": {map[string]string{"XDG_STATE_HOME": "s", "HOME": "/h"}, 7, "/h/.local/state/staunch-agent"},
	} {
		if got := DefaultState(func(k string) string { return c.env[k] }, c.euid); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

package cli

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// everyCommand calls f with each command of this package.
func everyCommand(t *testing.T, f func(t *testing.T, c *cobra.Command)) {
	t.Helper()
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		t.Run(c.CommandPath(), func(t *testing.T) { f(t, c) })
		for _, sub := range c.Commands() {
			if sub.Name() != "help" && sub.Name() != "completion" {
				walk(sub)
			}
		}
	}
	walk(New(bareEnv(nil)))
}

func bareEnv(env map[string]string) Env {
	return Env{
		Stdin: strings.NewReader(""), Stdout: &bytes.Buffer{}, Stderr: &bytes.Buffer{}, Version: "test",
		Getenv:   func(key string) string { return env[key] },
		Hostname: func() (string, error) { return "", errors.New("nameless") },
		Now:      func() time.Time { return time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC) },
	}
}

func TestEveryCommandExplainsItself(t *testing.T) {
	t.Parallel()
	everyCommand(t, func(t *testing.T, c *cobra.Command) {
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("short help %q", c.Short)
		}
		if !c.IsAdditionalHelpTopicCommand() && !strings.Contains(c.Example, c.CommandPath()) {
			t.Errorf("no example of it in %q", c.Example)
		}
		var out bytes.Buffer
		c.SetOut(&out)
		if err := c.Help(); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			if n := columns(strings.TrimSuffix(line, "\n")); n > helpWidth {
				t.Errorf("help line of %d columns: %q", n, line)
			}
		}
		if words := strings.Fields(c.Long); !slices.Equal(words, strings.Fields(out.String())[:len(words)]) {
			t.Errorf("the help lacks words of %q", c.Long)
		}
	})
}

// No secret is ever an argument: other users of the machine see those.
func TestNoFlagTakesASecret(t *testing.T) {
	t.Parallel()
	everyCommand(t, func(t *testing.T, c *cobra.Command) {
		for _, name := range []string{"password", "new-password", "token", "secret"} {
			if c.Flags().Lookup(name) != nil {
				t.Errorf("--%s", name)
			}
		}
	})
}

// Nothing in the environment shows up in help: flags have no defaults from there.
func TestHelpHoldsNoSecret(t *testing.T) {
	t.Parallel()
	env := bareEnv(map[string]string{"STAUNCH_TOKEN": "stk_secret", "STAUNCH_URL": "https://staunch.example", "STAUNCH_CA_FINGERPRINT": strings.Repeat("a", 64)})
	var out bytes.Buffer
	env.Stdout, env.Stderr = &out, &out
	for _, args := range [][]string{{"--help"}, {"hosts", "--help"}, {"login", "--help"}, {"help", "exit-codes"}} {
		if code := Run(t.Context(), env, args); code != 0 {
			t.Errorf("%v ends with %d", args, code)
		}
	}
	if strings.Contains(out.String(), "stk_secret") {
		t.Error("the token is in the help")
	}
}

func TestExitCodesAreDocumented(t *testing.T) {
	t.Parallel()
	env := bareEnv(nil)
	var out bytes.Buffer
	env.Stdout = &out
	if code := Run(t.Context(), env, []string{"help", "exit-codes"}); code != 0 {
		t.Fatalf("ends with %d", code)
	}
	for _, e := range exitCodes() {
		if !strings.Contains(out.String(), e.meaning) {
			t.Errorf("%d is missing", e.code)
		}
	}
}

func TestWrongCommandLines(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"hots":                         `unknown command "hots": did you mean hosts or host?`,
		"nothing-like-it":              `unknown command "nothing-like-it"; see staunch --help`,
		"host shw":                     `unknown command "shw": did you mean show?`,
		"host show":                    "the id or name of the host is missing; see staunch host show --help",
		"host show a b":                `"b" is one argument too many; see staunch host show --help`,
		"hosts -o xml":                 `"xml" is none of table, json, csv`,
		"hosts --limit x":              `--limit: "x" is not a whole number; see staunch hosts --help`,
		"hosts --desc=maybe":           `--desc: "maybe" is neither true nor false`,
		"hosts --state gone":           `--state: "gone" is none of pending, approved, revoked`,
		"findings --priority worst":    `--priority: "worst" is none of urgent, high, normal, low, lowest`,
		"hosts --selector=":            "--selector is empty: give it a value, or leave it out; see staunch hosts --help",
		"hosts --as-of=":               "--as-of is empty",
		"plan create --package=":       "--package is empty",
		"plan create --fixes=CVE-1,":   "--fixes is empty",
		"report metrics --clock=":      "--clock is empty",
		"hosts extra":                  `"extra" is one argument too many`,
		"hosts --nope":                 "unknown flag: --nope",
		"host label web1":              "at least one KEY=VALUE or KEY- are needed",
		"login":                        "the URL of the server is missing",
		"login http://staunch.example": "begins with https://",
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			env := bareEnv(nil)
			var errs bytes.Buffer
			env.Stderr = &errs
			code := Run(t.Context(), env, strings.Fields(line))
			if code != exitUsage || !strings.Contains(errs.String(), want) || strings.Count(errs.String(), "\n") != 1 {
				t.Errorf("ends with %d: %s", code, errs.String())
			}
		})
	}
}

// A stored token goes to the server that gave it and to no other, and what is missing is named.
func TestConnectNeedsAllThreeFromOnePlace(t *testing.T) {
	t.Parallel()
	fingerprint := strings.Repeat("ab", 32)
	dir := t.TempDir()
	signedIn := &program{env: bareEnv(map[string]string{"XDG_CONFIG_HOME": dir})}
	if _, err := signedIn.saveCredentials(credentials{URL: "https://one.example:8443", CA: "not PEM", Token: "stk_one", Expires: signedIn.env.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		env    map[string]string
		server string
		want   string // "" works
	}{
		"nothing":                {nil, "", "not signed in"},
		"environment":            {map[string]string{"STAUNCH_URL": "https://two.example", "STAUNCH_TOKEN": "stk_two", "STAUNCH_CA_FINGERPRINT": fingerprint}, "", ""},
		"no token":               {map[string]string{"STAUNCH_URL": "https://two.example", "STAUNCH_CA_FINGERPRINT": fingerprint}, "", "no API token for https://two.example"},
		"no fingerprint":         {map[string]string{"STAUNCH_URL": "https://two.example", "STAUNCH_TOKEN": "stk_two"}, "", "the CA of https://two.example is not known here"},
		"bad fingerprint":        {map[string]string{"STAUNCH_URL": "https://two.example", "STAUNCH_TOKEN": "stk_two", "STAUNCH_CA_FINGERPRINT": "ab"}, "", "64 hexadecimal digits"},
		"stored, another server": {map[string]string{"XDG_CONFIG_HOME": dir, "STAUNCH_CA_FINGERPRINT": fingerprint}, "https://two.example", "no API token for https://two.example"},
		"stored":                 {map[string]string{"XDG_CONFIG_HOME": dir}, "", "the CA certificate is not PEM"}, // got as far as the stored CA
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &program{env: bareEnv(tc.env), server: tc.server}
			o, err := p.connect()
			switch {
			case tc.want == "" && err != nil:
				t.Error(err)
			case tc.want != "" && (err == nil || !strings.Contains(Message(err), tc.want)):
				t.Errorf("error %v, want one with %q", err, tc.want)
			case err != nil && (strings.Contains(err.Error(), "stk_")):
				t.Errorf("a token is in the error: %v", err)
			case o != nil:
				o.Close()
			}
		})
	}
}

func TestVercmpNamesALineThatIsTooLong(t *testing.T) {
	t.Parallel()
	env := bareEnv(nil)
	var errs bytes.Buffer
	env.Stdin, env.Stderr = strings.NewReader("1\t2\n"+strings.Repeat("9", longestPair+1)+"\t1\n"), &errs
	code := Run(t.Context(), env, []string{"vercmp", "Debian", "-"})
	if want := "line 2 of standard input is longer than 65536 bytes"; code != exitUsage || !strings.Contains(errs.String(), want) {
		t.Errorf("ends with %d: %s", code, errs.String())
	}
}

package app

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/staunch-dev/staunch/internal/fault"
)

func fixedNames() []string { return []string{"web1", "localhost"} }

// loaded reads the three sources as the command does.
func loaded(t *testing.T, file string, env map[string]string, args ...string) (Config, error) {
	t.Helper()
	path := ""
	if file != "" {
		path = filepath.Join(t.TempDir(), "staunch.yaml")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := &cobra.Command{Use: "server", RunE: func(*cobra.Command, []string) error { return nil }}
	flags := addFlags(cmd)
	cmd.SetArgs(args)
	if err := cmd.Execute(); err != nil {
		t.Fatal(err)
	}
	cfg, err := load(path, func(k string) string { return env[k] }, flags)
	if err != nil {
		return cfg, err
	}
	return cfg, cfg.complete(fixedNames)
}

func TestLaterSourcesWin(t *testing.T) {
	t.Parallel()
	file := "data: /from/file\nlisten: ':1'\nfeeds: /mirror\nlog_level: debug\nnames: [a.example, b.example]\nfeed_interval: 2h\n"
	got, err := loaded(t, file, map[string]string{"STAUNCH_LISTEN": ":2", "STAUNCH_DATA": "/from/env", "STAUNCH_NAMES": "c.example,192.0.2.1"},
		"--data", "/from/flag", "--name", "d.example", "--name", "e.example", "--log-format", "json")
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Data: "/from/flag", Listen: ":2", Feeds: "/mirror", FeedInterval: 2 * time.Hour, Names: []string{"d.example", "e.example"},
		LogFormat: "json", LogLevel: slog.LevelDebug,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestAbsentSettingsWork(t *testing.T) {
	t.Parallel()
	got, err := loaded(t, "", nil, "--data", "d")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Config{Data: "d", Listen: ":8443", Names: fixedNames(), LogFormat: "text"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got, err := loaded(t, "# nothing\n", nil, "--data", "d", "--listen", "192.0.2.7:1"); err != nil || !cmp.Equal(got.Names, []string{"192.0.2.7", "web1", "localhost"}) {
		t.Errorf("names %q, %v", got.Names, err)
	}
}

func TestBadSettingsAreNamedWithTheirLine(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		file string
		env  map[string]string
		args []string
		want string
	}{
		"unknown key":        {"data: d\n\nlissten: ':1'\n", nil, nil, `line 3: there is no setting "lissten"`},
		"twice":              {"data: d\ndata: e\n", nil, nil, `line 2: "data" is set twice`},
		"null":               {"data: d\nlisten:\n", nil, nil, "line 2: listen: not a plain value"},
		"mapping as value":   {"data: {a: b}\n", nil, nil, "line 1: data: not a plain value"},
		"list as value":      {"data: [a, b]\n", nil, nil, "line 1: data: not a plain value"},
		"empty list":         {"data: d\nnames: []\n", nil, nil, "line 2: names: an empty list"},
		"not a mapping":      {"- data\n", nil, nil, "line 1: not a mapping"},
		"not YAML":           {"data: 'x\n", nil, nil, "not YAML"},
		"bad level":          {"data: d\nlog_level: loud\n", nil, nil, `line 2: log_level: "loud" is not one of`},
		"no such feed":       {"data: d\nfeeds_without: [osv/Debian, ubunto/*]\n", nil, nil, `line 2: feeds_without: no feed is named "ubunto/*"`},
		"bad interval":       {"data: d\nfeed_interval: 5s\n", nil, nil, "line 2: feed_interval"},
		"environment":        {"", map[string]string{"STAUNCH_LOG_LEVEL": "loud"}, []string{"--data", "d"}, `STAUNCH_LOG_LEVEL: "loud"`},
		"flag":               {"", nil, []string{"--data", "d", "--log-level", "loud"}, `--log-level: "loud"`},
		"no data":            {"", nil, nil, "--data DIR"},
		"no port":            {"data: d\nlisten: localhost\n", nil, nil, `"localhost" is not HOST:PORT`},
		"agent URL":          {"data: d\nagent_url: http://x\n", nil, nil, "agent_url"},
		"name with a slash":  {"data: d\nnames: [a/b]\n", nil, nil, `"a/b" is not a host name`},
		"format":             {"data: d\nlog_format: xml\n", nil, nil, "neither text nor json"},
		"database elsewhere": {"data: d\ndatabase: mysql://root:hunter2@db/x\n", nil, nil, "database: not a postgres:// URL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := loaded(t, tc.file, tc.env, tc.args...)
			if err == nil || !strings.Contains(fault.Message(err), tc.want) || fault.KindOf(err) != fault.Invalid {
				t.Errorf("error %v, want %q", err, tc.want)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("a password is in %v", err)
			}
		})
	}
}

func FuzzConfig(f *testing.F) {
	for _, s := range []string{"data: d\nnames: [a, b]\n", "a: &x [*x]\n", "data: !!binary x\n", "? [a]\n: b\n", "<<: {data: d}\n", "", "data: d\n---\ndata: e\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var c Config
		err := c.fromYAML([]byte(text))
		var fe *fault.Error
		if err != nil && !errors.As(err, &fe) {
			t.Fatalf("%v is not for people", err)
		}
	})
}

func TestOneServerPerDataFolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	unlock, err := openData(dir)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if _, err := openData(dir); fault.KindOf(err) != fault.Conflict || !strings.Contains(fault.Message(err), "another server is running") {
		t.Errorf("second: %v", err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // what a careless mkdir makes
		t.Fatal(err)
	}
	if unlock, err = openData(dir); err != nil {
		t.Fatalf("after the first ended: %v", err)
	}
	t.Cleanup(func() { _ = unlock() })
	if info, _ := os.Stat(dir); info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v", info.Mode())
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openData(file); err == nil {
		t.Error("a file was taken for a folder")
	}
}

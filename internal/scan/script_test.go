package scan_test

import (
	"archive/zip"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/staunch-dev/staunch/internal/cli"
	"github.com/staunch-dev/staunch/internal/scan"
	"github.com/staunch-dev/staunch/test/script"
)

// TestMain lets scripts run this test program as staunch: the real command line in a process of its own.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"staunch": func() {
			env := cli.Process("1.2.3")
			os.Exit(cli.RunAlone(context.Background(), env, os.Args[1:], scan.Command(scan.Streams{
				Out: env.Stdout, Err: env.Stderr, Version: env.Version, Folders: scan.FoldersOf(env.Getenv, 1000),
				Now: func() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) },
			})))
		},
	})
}

// TestScripts runs the scripts: every flag, every exit code, every format. feeds/osv/NAME/*.json of a script become feeds/osv/NAME/all.zip.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("XDG_CACHE_HOME", filepath.Join(env.WorkDir, "cache"))
			env.Setenv("XDG_DATA_HOME", filepath.Join(env.WorkDir, "data"))
			return pack(filepath.Join(env.WorkDir, "feeds", "osv"))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": script.Exits,
			// stdout-is FILE: the last output, with the work folder as $WORK, is that of testdata/golden. UPDATE_GOLDEN=1 writes it.
			"stdout-is": func(ts *testscript.TestScript, _ bool, args []string) {
				got := withoutAbsent(strings.ReplaceAll(ts.ReadFile("stdout"), ts.Getenv("WORK"), "$WORK"))
				path := filepath.Join("testdata", "golden", args[0])
				if os.Getenv("UPDATE_GOLDEN") != "" {
					ts.Check(os.WriteFile(path, []byte(got), 0o600))
				}
				want, err := os.ReadFile(path) //nolint:gosec // a test's own path
				ts.Check(err)
				if d := cmp.Diff(string(want), got); d != "" {
					ts.Fatalf("-want +got:\n%s", d)
				}
			},
		},
	})
}

// withoutAbsent leaves out which feeds are not in the folder, which changes with every source that Staunch learns to read.
func withoutAbsent(out string) string {
	out = regexp.MustCompile(`(?m)^    \{\n(?:      .*\n)*?    \},?\n`).ReplaceAllStringFunc(out, func(object string) string {
		if strings.Contains(object, `"error": "not in the folder of feeds"`) {
			return ""
		}
		return object
	})
	out = regexp.MustCompile(`\},\n  \],\n  "warnings"`).ReplaceAllString(out, "}\n  ],\n  \"warnings\"")
	return regexp.MustCompile(`(missing\s+here: )[a-z0-9/, \n-]+`).ReplaceAllString(out, "${1}…")
}

func pack(folder string) error {
	buckets, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, b := range buckets {
		dir := filepath.Join(folder, b.Name())
		f, err := os.Create(filepath.Join(dir, "all.zip")) //nolint:gosec // a test's own path
		if err != nil {
			return err
		}
		z := zip.NewWriter(f)
		records, err := filepath.Glob(filepath.Join(dir, "*.json"))
		if err != nil {
			return err
		}
		for _, r := range records {
			text, err := os.ReadFile(r) //nolint:gosec // same
			if err != nil {
				return err
			}
			e, err := z.Create(filepath.Base(r))
			if err != nil {
				return err
			}
			if _, err := e.Write(text); err != nil {
				return err
			}
			_ = os.Remove(r)
		}
		if err := errors.Join(z.Close(), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

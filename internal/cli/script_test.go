package cli_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/staunch-dev/staunch/internal/cli"
	"github.com/staunch-dev/staunch/test/script"
)

// TestMain lets scripts run this test program as staunch: the real command line in a process of its own.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"staunch": func() { os.Exit(cli.Run(context.Background(), cli.Process("test"), os.Args[1:])) },
	})
}

// TestScripts runs each script against a server of its own.
func TestScripts(t *testing.T) {
	t.Parallel()
	servers := map[string]*server{} // by work directory; scripts run side by side
	lock := make(chan struct{}, 1)
	of := func(ts *testscript.TestScript) *server {
		lock <- struct{}{}
		defer func() { <-lock }()
		return servers[ts.Getenv("WORK")]
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: false,
		Setup: func(env *testscript.Env) error {
			s, err := newServer(env.WorkDir + "-server")
			if err != nil {
				return err
			}
			env.Defer(s.stop)
			lock <- struct{}{}
			servers[env.WorkDir] = s
			<-lock
			env.Setenv("URL", s.url)
			env.Setenv("CA", s.fingerprint)
			env.Setenv("FIRST", filepath.Join(s.data, "first-login"))
			env.Setenv("XDG_CONFIG_HOME", filepath.Join(env.WorkDir, "config"))
			env.Setenv("CREDENTIALS", filepath.Join(env.WorkDir, "config", "staunch", "credentials.json"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": script.Exits,
			// mode PERM FILE: the file's permissions.
			"mode": func(ts *testscript.TestScript, _ bool, args []string) {
				info, err := os.Stat(ts.MkAbs(args[1]))
				ts.Check(err)
				if got := strconv.FormatUint(uint64(info.Mode().Perm()), 8); got != args[0] {
					ts.Fatalf("%s has mode %s, want %s", args[1], got, args[0])
				}
			},
			// join TOKENFILE NAME FACTS PACKAGES UPDATES: a host enrolls and reports these files.
			"join": func(ts *testscript.TestScript, refused bool, args []string) {
				err := of(ts).join(strings.TrimSpace(ts.ReadFile(args[0])), args[1], section{"facts", ts.ReadFile(args[2])},
					section{"packages", ts.ReadFile(args[3])}, section{"updates", ts.ReadFile(args[4])}, section{"repositories", `{"repositories":[]}`})
				if refused && err == nil {
					ts.Fatalf("the host was let in")
				}
				if !refused {
					ts.Check(err)
				}
			},
			// agent NAME CHANGES AFTER [fail|hold]: a host that joined works from here on: it would make these changes, has these
			// packages when it has, fails to, or begins only when released.
			"agent": func(ts *testscript.TestScript, _ bool, args []string) {
				a, err := of(ts).agent(args[0])
				ts.Check(err)
				script := agentScript{after: ts.ReadFile(args[2])}
				ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &script.changes))
				for _, how := range args[3:] {
					switch how {
					case "fail":
						script.fail = "openssl: post-installation script ended with 1"
					case "hold":
						script.hold = make(chan struct{})
					}
				}
				a.work(script)
			},
			// release NAME: the host's run goes on.
			"release": func(ts *testscript.TestScript, _ bool, args []string) {
				a, err := of(ts).agent(args[0])
				ts.Check(err)
				a.release()
			},
			// keep VAR REGEX: what the regex's group finds in the last output is in the variable.
			"keep": func(ts *testscript.TestScript, _ bool, args []string) {
				found := regexp.MustCompile("(?m)" + args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
				if found == nil {
					ts.Fatalf("%s is not in the last output", args[1])
				}
				ts.Setenv(args[0], found[1])
			},
			// eventually REGEX COMMAND…: the command is repeated until its output has it.
			"eventually": func(ts *testscript.TestScript, _ bool, args []string) {
				want := regexp.MustCompile("(?m)" + args[0])
				for end := time.Now().Add(time.Minute); ; {
					ts.Check(ts.Exec(args[1], args[2:]...))
					if want.MatchString(ts.ReadFile("stdout")) {
						return
					}
					if time.Now().After(end) {
						ts.Fatalf("%s never came", args[0])
					}
					time.Sleep(100 * time.Millisecond)
				}
			},
			// damage SQL: someone who has the server's database changes it.
			"damage": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Check(of(ts).damage(args[0]))
			},
			// settle: what was reported is in the server's answers from here on.
			"settle": func(ts *testscript.TestScript, _ bool, _ []string) {
				ts.Check(of(ts).settle(ts.Getenv("CREDENTIALS")))
			},
			// archive DIR ZIP: the files of a directory as a zip archive.
			"archive": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Check(archive(ts.MkAbs(args[0]), ts.MkAbs(args[1])))
			},
			// nosecret FILE…: neither the server's log nor what the last command printed holds what these files hold.
			"nosecret": func(ts *testscript.TestScript, _ bool, args []string) {
				printed := ts.ReadFile("stdout") + ts.ReadFile("stderr") + of(ts).log.String()
				for _, file := range args {
					text, err := os.ReadFile(ts.MkAbs(file))
					if errors.Is(err, fs.ErrNotExist) {
						continue
					}
					ts.Check(err)
					for _, secret := range secretsIn(text) {
						if strings.Contains(printed, secret) {
							ts.Fatalf("a secret of %s was printed or logged", file)
						}
					}
				}
			},
		},
	})
}

// secretsIn are the token of a credentials file, the middle part of an enroll-token, or the last word of any other file.
func secretsIn(text []byte) []string {
	var kept struct{ Token string }
	if json.Unmarshal(text, &kept) == nil {
		return []string{kept.Token}
	}
	words := strings.Fields(string(text))
	last := words[len(words)-1]
	if parts := strings.Split(last, "."); len(parts) == 3 {
		return []string{parts[1]}
	}
	return []string{last}
}

package apply

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/pkgmgr/apt"
	"github.com/staunch-dev/staunch/internal/seal"
)

func TestNext(t *testing.T) {
	t.Parallel()
	target, source, mixed, broken := verdict{Target: true}, verdict{Source: true}, verdict{}, verdict{Broken: true}
	clean, killed, odd := &exit{Code: 100}, &exit{Signaled: true}, &exit{Code: 100, Unexpected: true}
	for name, c := range map[string]struct {
		sight sight
		want  move
	}{
		"its unit is active":                               {sight{Running: true, Verdict: target}, moveAttach},
		"a maintainer script outlived dpkg":                {sight{Busy: true, Patient: true, Journal: true}, moveWait},
		"somebody holds the lock for too long":             {sight{Busy: true, Verdict: source}, moveLocked},
		"nothing has happened yet":                         {sight{Verdict: source}, moveStart},
		"the intent was written, then we died":             {sight{Verdict: source, Attempts: 1}, moveStart},
		"done":                                             {sight{Verdict: target, Ended: &exit{}, Attempts: 1}, moveDone},
		"done, though apt was killed at its very end":      {sight{Verdict: target, Ended: killed, Attempts: 1}, moveDone},
		"at the lock, but dpkg's journal is not empty":     {sight{Verdict: target, Journal: true, Ended: killed, Attempts: 1}, moveRepair},
		"at the lock, and another package is unfinished":   {sight{Verdict: verdict{Target: true, Broken: true}, Attempts: 1}, moveRepair},
		"a script failed":                                  {sight{Verdict: broken, Ended: clean, Attempts: 1}, moveFailed},
		"apt gave up before it changed anything":           {sight{Verdict: source, Ended: clean, Attempts: 1}, moveFailed},
		"apt says all is well and dpkg does not":           {sight{Verdict: mixed, Ended: &exit{}, Attempts: 1}, moveFailed},
		"apt was killed":                                   {sight{Verdict: mixed, Ended: killed, Attempts: 1}, moveRepair},
		"apt was killed before dpkg began":                 {sight{Verdict: source, Ended: killed, Attempts: 1}, moveStart},
		"dpkg was killed, and apt ended by itself":         {sight{Verdict: broken, Journal: true, Ended: clean, Attempts: 1}, moveRepair},
		"dpkg was killed between two of its calls":         {sight{Verdict: mixed, Ended: odd, Attempts: 1}, moveRepair},
		"the host went down in the middle":                 {sight{Verdict: broken, Journal: true, Attempts: 1}, moveRepair},
		"interrupted as often as there are attempts":       {sight{Verdict: broken, Journal: true, Attempts: maxAttempts}, moveExhausted},
		"at the source as often as there are attempts":     {sight{Verdict: source, Attempts: maxAttempts}, moveExhausted},
		"done at the last attempt":                         {sight{Verdict: target, Attempts: maxAttempts}, moveDone},
		"our unit is active though its attempts are spent": {sight{Running: true, Attempts: maxAttempts}, moveAttach},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := next(c.sight); got != c.want {
				t.Errorf("next = %s, want %s", got, c.want)
			}
		})
	}
}

// The package manager is started only where dpkg shows that nothing happened or that something was cut off, never while anything is under
// way, never after it ended by itself, and never without end.
func TestNextNeverStartsTwice(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := func(name string) bool { return rapid.Bool().Draw(t, name) }
		s := sight{Running: b("running"), Busy: b("busy"), Patient: b("patient"), Journal: b("journal"),
			Verdict: verdict{b("target"), b("source"), b("broken")}, Attempts: rapid.IntRange(0, 2*maxAttempts).Draw(t, "attempts")}
		if b("ended") {
			s.Ended = &exit{Code: rapid.IntRange(0, 100).Draw(t, "code"), Signaled: b("signaled"), Unexpected: b("unexpected")}
		}
		m := next(s)
		if m == moveStart || m == moveRepair {
			switch {
			case s.Running || s.Busy:
				t.Fatalf("%s while something is under way: %+v", m, s)
			case s.Attempts >= maxAttempts:
				t.Fatalf("%s once more: %+v", m, s)
			case s.Ended != nil && !s.Ended.Signaled && !s.Ended.Unexpected && !s.Journal:
				t.Fatalf("%s after it ended by itself: %+v", m, s)
			case s.Verdict.Target && !s.Verdict.Broken && !s.Journal:
				t.Fatalf("%s though it is done: %+v", m, s)
			}
		}
		if m == moveDone && (!s.Verdict.Target || s.Verdict.Broken || s.Journal) {
			t.Fatalf("done claimed: %+v", s)
		}
	})
}

func upgrade(name, from, to string) seal.Change {
	return seal.Change{Name: name, Arch: "amd64", Action: "upgrade", From: from, To: to}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	lock := []seal.Change{upgrade("a", "1", "2"), {Name: "n", Arch: "all", Action: "install", To: "1"}, {Name: "r", Arch: "amd64", Action: "remove", From: "5"}}
	for name, c := range map[string]struct {
		db                     string
		target, source, broken bool
		says                   []string
	}{
		"as it was":       {"a amd64 install installed ok 1\nr amd64 install installed ok 5\n", false, true, false, []string{"installed 1", "not installed", "installed 5"}},
		"as it should be": {"a amd64 install installed ok 2\nn all install installed ok 1\nr amd64 deinstall config-files ok 5\n", true, false, false, []string{"installed 2", "installed 1", "not installed"}},
		"half-way":        {"a amd64 install half-configured ok 2\nn all install unpacked ok 1\nr amd64 install installed ok 5\n", false, false, true, []string{"half-configured 2", "unpacked 1", "installed 5"}},
		"must be reinstalled": {"a amd64 install half-installed reinstreq 2\nn all install installed ok 1\n", false, false, true,
			[]string{"half-installed reinstreq 2", "installed 1", "not installed"}},
		"another version":      {"a amd64 install installed ok 3\nr amd64 install installed ok 5\n", false, false, false, []string{"installed 3", "not installed", "installed 5"}},
		"another is broken":    {"a amd64 install installed ok 1\nr amd64 install installed ok 5\nz all install unpacked ok 9\n", false, true, true, []string{"installed 1", "not installed", "installed 5"}},
		"an empty database":    {"", false, false, false, []string{"not installed", "not installed", "not installed"}},
		"it went to all":       {"a all install installed ok 2\nn all install installed ok 1\n", true, false, false, []string{"installed 2", "installed 1", "not installed"}},
		"a held one is there":  {"a amd64 hold installed ok 1\nr amd64 install installed ok 5\n", false, true, false, []string{"installed 1", "not installed", "installed 5"}},
		"lines of other kinds": {"a amd64 install installed ok 2 more\n\nnonsense\n", false, false, false, []string{"not installed", "not installed", "not installed"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := parseQuery([]byte(c.db))
			if v := judge(lock, db); v != (verdict{c.target, c.source, c.broken}) {
				t.Errorf("verdict %+v", v)
			}
			var says []string
			for _, s := range states(lock, db) {
				says = append(says, s.State)
			}
			if diff := cmp.Diff(c.says, says); diff != "" {
				t.Errorf("states (-want +got):\n%s", diff)
			}
		})
	}
	if h := held(lock, parseQuery([]byte("a amd64 hold installed ok 1\nr amd64 install installed ok 5\n"))); len(h) != 1 || h[0] != "a" {
		t.Errorf("held %v", h)
	}
	if again := reinstall(lock, parseQuery([]byte("a amd64 install half-installed reinstreq 2\nn all install half-installed ok 7\n"))); len(again) != 1 || again[0].Name != "a" {
		t.Errorf("reinstall %v", again)
	}
}

func TestDifference(t *testing.T) {
	t.Parallel()
	lock := []seal.Change{upgrade("a", "1", "2"), {Name: "b", Arch: "all", Action: "upgrade", From: "1:0", To: "1:1"}}
	simulated := "Inst a [1] (2 Debian:12/stable [amd64])\nInst b [1:0] (1:1 Lab:lab [all])\nConf a (2 Debian:12/stable [amd64])\n"
	for name, c := range map[string]struct {
		out  string
		want int
	}{
		"the lock":                    {simulated, 0},
		"nothing":                     {"", 2},
		"one is missing":              {"Inst a [1] (2 Debian:12/stable [amd64])\n", 1},
		"one more":                    {simulated + "Inst c [1] (2 Debian:12/stable [amd64])\n", 1},
		"one more that is new":        {simulated + "Inst c (2 Debian:12/stable [amd64])\n", 1},
		"a removal":                   {simulated + "Remv c [1]\n", 1},
		"another version before":      {strings.Replace(simulated, "a [1]", "a [0]", 1), 1},
		"another version after":       {strings.Replace(simulated, "(2 ", "(3 ", 1), 1},
		"another architecture":        {strings.Replace(simulated, "[amd64])\nInst", "[i386])\nInst", 1), 2},
		"a line that is not readable": {simulated + "Inst what is this\n", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := difference(lock, apt.ParseSimulation([]byte(c.out)), "amd64"); len(got) != c.want {
				t.Errorf("%d differences, want %d: %q", len(got), c.want, got)
			}
		})
	}
	removal := []seal.Change{{Name: "c", Arch: "amd64", Action: "remove", From: "1"}, {Name: "d", Arch: "all", Action: "remove", From: "1"}}
	if got := difference(removal, apt.ParseSimulation([]byte("Remv c [1]\nRemv d [1]\n")), "amd64"); len(got) != 0 {
		t.Errorf("removals: %q", got)
	}
}

func TestArguments(t *testing.T) {
	t.Parallel()
	got := arguments([]seal.Change{upgrade("g++", "1", "2:3~x"), {Name: "b", Arch: "all", Action: "install", To: "1"}, {Name: "c", Arch: "i386", Action: "remove", From: "1"}})
	if diff := cmp.Diff([]string{"install", "--", "g++:amd64=2:3~x", "b=1", "c:i386-"}, got); diff != "" {
		t.Error(diff)
	}
	if f := debFile(seal.Change{Name: "g++", Arch: "amd64", To: "4:12.2.0-3"}); f != "g++_4%3a12.2.0-3_amd64.deb" {
		t.Errorf("file %q", f)
	}
}

func TestRestarts(t *testing.T) {
	t.Parallel()
	got := decideRestarts(map[string]string{"old.service": "/lib/x"}, map[string]string{
		"web.service": "/lib/x", "old.service": "/lib/x", "dbus.service": "/lib/x", "systemd-networkd.service": "/lib/x", "user@0.service": "/lib/x", "staunch-agent.service": "/usr/bin/s", "docker.service": "/lib/x",
	})
	if diff := cmp.Diff([]string{"web.service"}, got.Restart); diff != "" {
		t.Error(diff)
	}
	if len(got.Left) != 6 || len(got.Reboot) != 2 {
		t.Errorf("left %q, reboot %q", got.Left, got.Reboot)
	}
}

func TestParseUnit(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		out  string
		want unitState
	}{
		"unknown":          {"LoadState=not-found\nActiveState=inactive\n", unitState{}},
		"runs":             {"LoadState=loaded\nActiveState=active\nSubState=running\nMainPID=7\n", unitState{Loaded: true, Running: true, PID: 7}},
		"is starting":      {"LoadState=loaded\nActiveState=activating\nMainPID=7\n", unitState{Loaded: true, Running: true, PID: 7}},
		"ended well":       {"LoadState=loaded\nActiveState=active\nSubState=exited\nMainPID=0\nExecMainCode=1\nExecMainStatus=0\n", unitState{Loaded: true, Exit: &exit{}}},
		"ended with a 100": {"LoadState=loaded\nActiveState=failed\nSubState=failed\nExecMainCode=1\nExecMainStatus=100\n", unitState{Loaded: true, Exit: &exit{Code: 100}}},
		"was killed":       {"LoadState=loaded\nActiveState=failed\nExecMainCode=2\nExecMainStatus=9\n", unitState{Loaded: true, Exit: &exit{Signaled: true}}},
		"nonsense":         {"\x00=\n====\n", unitState{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, parseUnit([]byte(c.out))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLogSays(t *testing.T) {
	t.Parallel()
	for log, want := range map[string][2]string{
		"dpkg: error processing package x (--configure):\n installed x package post-installation script subprocess returned error exit status 1\nE: Sub-process /usr/bin/dpkg returned an error code (1)\n": {"package", "false"},
		"E: Sub-process /usr/bin/dpkg exited unexpectedly\n":                                      {"package", "true"},
		"E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 7 (apt-get)\n":  {"lock", "false"},
		"E: You don't have enough free space in /var/cache/apt/archives/.\n":                      {"disk", "false"},
		"cannot copy extracted data for './x' to '/x': failed to write (No space left on device)": {"disk", "false"},
	} {
		_, class, unexpected := logSays([]byte(log))
		if class != want[0] || fmt.Sprint(unexpected) != want[1] {
			t.Errorf("%q: %s %v", log, class, unexpected)
		}
	}
}

func TestAuto(t *testing.T) {
	t.Parallel()
	native := dpkgArch()
	extended := "Package: a\nArchitecture: amd64\nAuto-Installed: 1\n\nPackage: b\nArchitecture: " + native + "\nAuto-Installed: 1\n\nPackage: c\nArchitecture: amd64\nAuto-Installed: 0\n\nbroken stanza\n\nPackage: d\nArchitecture: amd64\nAuto-Installed: 1\n"
	lock := []seal.Change{upgrade("a", "1", "2"), {Name: "b", Arch: "all", Action: "upgrade"}, upgrade("c", "1", "2"), {Name: "d", Arch: "amd64", Action: "remove"}, {Name: "e", Arch: "amd64", Action: "install"}}
	if diff := cmp.Diff([]string{"a:amd64", "b", "e:amd64"}, auto(lock, []byte(extended))); diff != "" {
		t.Error(diff)
	}
}

func TestElsewhere(t *testing.T) {
	t.Parallel()
	before := parseQuery([]byte("a amd64 install installed ok 1\nb amd64 install installed ok 1\n"))
	after := parseQuery([]byte("a amd64 install installed ok 2\nb amd64 install installed ok 2\nc all install installed ok 1\n"))
	if diff := cmp.Diff([]string{"b:amd64 installed 1 → installed 2", "c:all unknown → installed 1"}, elsewhere([]seal.Change{upgrade("a", "1", "2")}, before, after)); diff != "" {
		t.Error(diff)
	}
}

func TestFindSource(t *testing.T) {
	t.Parallel()
	list := "# deb http://m.example/d stable main\ndeb-src http://m.example/d stable main\ndeb [arch=amd64 signed-by=/k.gpg check-valid-until=no] http://u:p@m.example/d/ stable main\ndeb http://m.example/e ./\n"
	sources := "Types: deb deb-src\nURIs: http://m.example/d http://m.example/e\nSuites: stable stable-$(ARCH)\nComponents: main\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n"
	for name, c := range map[string]struct {
		file, uri, suite string
		deb822           bool
		want             source
		ok               bool
	}{
		"list":              {list, "http://m.example/d/", "stable", false, source{"/k.gpg", "no"}, true},
		"list, flat":        {list, "http://m.example/e/", "./", false, source{}, true},
		"list, none":        {list, "http://m.example/d", "testing", false, source{}, false},
		"deb822":            {sources, "http://m.example/e/", "stable-amd64", true, source{SignedBy: "\n-----BEGIN PGP PUBLIC KEY BLOCK-----\n.\nabc"}, true},
		"deb822, none":      {sources, "http://m.example/x/", "stable", true, source{}, false},
		"an unreadable one": {"\x00\x01:::", "http://m.example/x/", "stable", true, source{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := findSource([]byte(c.file), c.deb822, c.uri, c.suite, "amd64")
			if ok != c.ok || cmp.Diff(c.want, got) != "" {
				t.Errorf("%+v, %v", got, ok)
			}
		})
	}
	text := string(verifySources([]repository{{index: index{Suite: "stable", Component: "main", Arch: "amd64"}, dir: "/x", source: source{SignedBy: "\nA\n.\nB"}}, {index: index{Suite: "./"}, dir: "/y"}}))
	want := "Types: deb\nURIs: copy:/x\nSuites: stable\nComponents: main\nArchitectures: amd64\nSigned-By: \n A\n .\n B\n\nTypes: deb\nURIs: copy:/y\nSuites: ./\n\n"
	if diff := cmp.Diff(want, text); diff != "" {
		t.Error(diff)
	}
}

func TestParseSigned(t *testing.T) {
	t.Parallel()
	sum := strings.Repeat("a", 64)
	in := "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nOrigin: Lab\nMD5Sum:\n abc 5 main/Packages\nSHA256:\n " + sum + " 77 main/Packages\nDate: x\n-----BEGIN PGP SIGNATURE-----\n\nSHA256:\n " + strings.Repeat("b", 64) + " 1 evil\n"
	if diff := cmp.Diff(map[string]fileHash{"main/Packages": {sum, 77}}, parseSigned([]byte(in))); diff != "" {
		t.Error(diff)
	}
}

// Whatever the unprivileged half or a package manager writes: no panic, no more lines than bytes, and only what has the form of truth.
func FuzzParsers(f *testing.F) {
	f.Add([]byte("a amd64 install installed ok 1\n"))
	f.Add([]byte("0::/system.slice/x.service\nLoadState=loaded\nE: no\n"))
	f.Add([]byte("MetaKey: main/binary-amd64/Packages\nFilename: /x\nCreated-By: Packages\nTarget-Of: deb\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, p := range parseQuery(b) {
			if p.Name == "" || p.State == "" {
				t.Errorf("package without a name or state: %+v", p)
			}
		}
		parseIndexes(b)
		parseSigned(b)
		parseUnit(b)
		conffiles(b)
		if reason, _, _ := logSays(b); len(reason) > 2000 {
			t.Error("an endless reason")
		}
		findSource(b, true, "http://m.example", "stable", "amd64")
		findSource(b, false, "http://m.example", "stable", "amd64")
		n := 0
		if err := stanzas(strings.NewReader(string(b)), func(_ string, s []byte) error { n += len(s); return nil }); err != nil || n > len(b) {
			t.Errorf("stanzas: %v, %d of %d bytes", err, n, len(b))
		}
	})
}

func TestWholeOutcomeHasNoNulls(t *testing.T) {
	t.Parallel()
	o := whole(apiv1.RunOutcome{Result: "failed"})
	if o.Installed == nil || o.Broken == nil || o.Restarted == nil || o.Stale == nil || o.Conffiles == nil || o.Reboot.Packages == nil || o.Reboot.Reasons == nil {
		t.Errorf("%+v", o)
	}
}

package cli

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got), go test -update writes it:\n%s", path, diff)
	}
}

// screen is a program whose output is kept.
func screen(f format, width int, env map[string]string) (*program, *bytes.Buffer, *bytes.Buffer) {
	var out, errs bytes.Buffer
	return &program{format: f, env: Env{
		Stdout: &out, Stderr: &errs, StdoutTerminal: width > 0, Width: width,
		Getenv: func(key string) string { return env[key] },
		Now:    func() time.Time { return time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC) },
	}}, &out, &errs
}

func sampleHosts() []apiv1.Host {
	seen := time.Date(2026, 11, 2, 11, 57, 0, 0, time.UTC)
	long := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	return []apiv1.Host{
		{
			ID: "host_1", Name: "web1.frankfurt.example.org", State: "approved", Online: true, LastSeen: &seen, OS: "Debian GNU/Linux 12 (bookworm)", Ecosystem: "Debian:12",
			Labels:   map[string]string{"role": "web", "env": "prod"},
			Findings: apiv1.FindingCounts{Assessed: true, Total: 2156, Urgent: 2, High: 14, Normal: 120, Low: 2, Lowest: 2018},
			Updates:  apiv1.UpdateCounts{Known: true, Installable: 136, Security: 98}, RebootRequired: true,
		},
		{
			ID: "host_2", Name: "db1", State: "pending", OS: "Ubuntu 24.04.1 LTS", Ecosystem: "Ubuntu:24.04",
			Findings: apiv1.FindingCounts{Reason: "no feed has Ubuntu:24.04"},
		},
		{
			ID: "host_3", Name: "=cmd|'/C calc'!A0", State: "revoked", LastSeen: &long, OS: "\x1b]0;owned\a\x1b[31mRed",
			Findings: apiv1.FindingCounts{Assessed: true}, Updates: apiv1.UpdateCounts{Known: true},
		},
	}
}

func sampleFindings() []apiv1.Finding {
	return []apiv1.Finding{
		{
			HostID: "host_1", Host: "web1.frankfurt.example.org", Vulnerability: "CVE-2024-6387", Source: "openssh", Package: "openssh-server", Packages: []string{"openssh-client", "openssh-server"},
			Installed: "1:9.2p1-2+deb12u2", Fixed: "1:9.2p1-2+deb12u3", Status: apiv1.StatusFixed, Priority: "urgent", KEV: &apiv1.KEV{Added: "2024-07-01"},
			Advisory: "DSA-5724-1", Feed: "osv/Debian", Explanation: "openssh 1:9.2p1-2+deb12u2 is below 1:9.2p1-2+deb12u3, the first fixed version that DSA-5724-1 names for Debian:12.",
		},
		{
			HostID: "host_2", Host: "db1", Vulnerability: "CVE-2023-9999", Source: "linux", Packages: []string{"linux-libc-dev"},
			Installed: "6.1.140-1", Status: apiv1.StatusNotLoaded, Priority: "lowest", Explanation: "no kernel image\x1b[2J",
		},
	}
}

func TestTablesFitTheirTerminal(t *testing.T) {
	t.Parallel()
	for name, list := range map[string]func(*program) error{
		"hosts":    func(p *program) error { return show(p, nil, sampleHosts(), p.hostColumns(false)) },
		"findings": func(p *program) error { return show(p, nil, sampleFindings(), findingColumns(true)) },
		"updates": func(p *program) error {
			return show(p, nil, []apiv1.FleetUpdate{
				{Name: "linux-image-amd64", Action: "upgrade", Security: true, Hosts: 1042, To: "6.1.147-1", From: []string{"6.1.137-1", "6.1.140-1"}, States: []apiv1.NameCount{{Name: "installable", Count: 1000}, {Name: "held", Count: 42}}},
				{Name: "tzdata", Action: "upgrade", Hosts: 3, To: "2025b-0+deb12u2", From: []string{"2025b-0+deb12u1"}, States: []apiv1.NameCount{{Name: "installable", Count: 3}}},
			}, fleetUpdateColumns())
		},
		"feeds": func(p *program) error {
			at := p.env.Now().Add(-3 * time.Hour)
			return show(p, nil, []apiv1.FeedStatus{
				{Name: "amazon/2023", Title: "Amazon's errata of 2023", Support: "not supported", Reason: "nothing reads it yet"},
				{Name: "osv/Debian", Title: "OSV records of Debian, a title that is long", Support: "supported", URL: "https://feeds.example.org/osv/Debian/all.zip", Records: 51234, Skipped: 3, AsOf: &at, Changed: &at},
				{Name: "kev", Title: "CISA's known exploited vulnerabilities", Support: "supported", Error: "no address for feeds.example.org"},
			}, p.feedColumns())
		},
	} {
		for width, suffix := range map[int]string{80: "-80", 0: "-pipe"} {
			t.Run(name+suffix, func(t *testing.T) {
				t.Parallel()
				p, out, _ := screen(formatTable, width, map[string]string{"NO_COLOR": "1"})
				if err := list(p); err != nil {
					t.Fatal(err)
				}
				for line := range strings.Lines(out.String()) {
					if n := columns(strings.TrimSuffix(line, "\n")); width > 0 && n > width {
						t.Errorf("%d columns: %q", n, line)
					}
				}
				golden(t, name+suffix+".txt", out.String())
			})
		}
		t.Run(name+"-csv", func(t *testing.T) {
			t.Parallel()
			p, out, _ := screen(formatCSV, 80, nil)
			if err := list(p); err != nil {
				t.Fatal(err)
			}
			golden(t, name+".csv", out.String())
		})
	}
}

// Whatever the cells and the width: no line is wider than the terminal, none holds a control character, and there is one for each row.
func TestTableNeverWrapsNorEscapes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		type row [3]string
		rows := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) row {
			return row{rapid.String().Draw(t, "a"), rapid.String().Draw(t, "b"), rapid.String().Draw(t, "c")}
		}), 0, 5).Draw(t, "rows")
		var cols []column[row]
		for i, name := range []string{"first", "second_column", "third"} {
			cols = append(cols, column[row]{name: name, text: func(r row) string { return r[i] }, least: rapid.IntRange(0, 9).Draw(t, "least"), right: i == 1})
		}
		width := rapid.IntRange(1, 120).Draw(t, "width")
		text := tableOf(rows, cols).render(width, false)
		if n := strings.Count(text, "\n"); n != len(rows)+1 {
			t.Fatalf("%d lines of %d rows", n, len(rows))
		}
		for line := range strings.Lines(text) {
			line = strings.TrimSuffix(line, "\n")
			if columns(line) > width || clean(line) != line {
				t.Fatalf("width %d: %q", width, line)
			}
		}
	})
}

func TestNotAssessedIsNeverANumber(t *testing.T) {
	t.Parallel()
	unknown := []apiv1.Host{{Name: "new", State: "approved"}}
	for _, f := range []format{formatTable, formatCSV} {
		p, out, _ := screen(f, 0, nil)
		if err := show(p, nil, unknown, p.hostColumns(false)); err != nil {
			t.Fatal(err)
		}
		row := strings.SplitN(out.String(), "\n", 2)[1]
		if !strings.Contains(row, notAssessed) || strings.Contains(row, "none") || strings.ContainsAny(row, "0123456789") {
			t.Errorf("%s: %q", f, row)
		}
	}
}

func TestCSVCellsAreHarmless(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@x": "'@x", "\t=1": `'\t=1`, "\r=1": `'\r=1`,
		"a=1": "a=1", "": "", "web1": "web1", "\x1b[31m": `\x1b[31m`, "a\nb": `a\nb`,
	} {
		if got := harmless(in); got != want {
			t.Errorf("%q gives %q, want %q", in, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		p, out, _ := screen(formatCSV, 0, nil)
		cell := rapid.OneOf(rapid.String(), rapid.StringMatching(`[=+\-@\t\r].*`)).Draw(t, "cell")
		if err := p.csv([][]string{{cell, "x"}}); err != nil {
			t.Fatal(err)
		}
		read, err := csv.NewReader(out).ReadAll()
		if err != nil || len(read) != 1 || len(read[0]) != 2 {
			t.Fatalf("%q reads back as %q, %v", cell, read, err)
		}
		if got := read[0][0]; got != "" && strings.ContainsRune("=+-@\t\r", rune(got[0])) || strings.ContainsFunc(got, isUnsafe) {
			t.Fatalf("%q gives %q", cell, got)
		}
	})
}

// JSON reads back as what was asked for, and holds nothing that a terminal acts on.
func TestJSONIsTheAnswerAndSafe(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p, out, _ := screen(formatJSON, 80, nil)
		want := rapid.OneOf(rapid.String(), rapid.Just("\u009b31m\x1b[0m\u202e\U000e0041<&>")).Draw(t, "name")
		if err := p.json(apiv1.Host{Name: want}); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsFunc(strings.ReplaceAll(out.String(), "\n", ""), isUnsafe) {
			t.Fatalf("unsafe: %q", out)
		}
		var got apiv1.Host
		if err := json.Unmarshal(out.Bytes(), &got); err != nil || got.Name != want {
			t.Fatalf("%q became %q, %v", want, got.Name, err)
		}
	})
}

func TestColourOnlyOnATerminalThatMayHaveIt(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		width int
		env   map[string]string
		want  bool
	}{
		"terminal": {80, nil, true}, "pipe": {0, nil, false}, "NO_COLOR": {80, map[string]string{"NO_COLOR": "1"}, false}, "dumb": {80, map[string]string{"TERM": "dumb"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, out, _ := screen(formatTable, tc.width, tc.env)
			if err := show(p, nil, sampleHosts(), p.hostColumns(false)); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(out.String(), "\x1b[") != tc.want {
				t.Errorf("%q", out)
			}
			// What colour says, the text says too: without the colours it is the same table.
			bare, plainOut, _ := screen(formatTable, tc.width, map[string]string{"NO_COLOR": "1"})
			if err := show(bare, nil, sampleHosts(), bare.hostColumns(false)); err != nil {
				t.Fatal(err)
			}
			stripped := out.String()
			for _, seq := range []tone{good, warn, bad, faint} {
				stripped = strings.ReplaceAll(stripped, "\x1b["+string(seq)+"m", "")
			}
			if stripped = strings.ReplaceAll(stripped, "\x1b[0m", ""); stripped != plainOut.String() {
				t.Errorf("differs beyond colour:\n%s\n%s", stripped, plainOut)
			}
		})
	}
}

func TestCleanLeavesNothingATerminalActsOn(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain": "plain", "Zürich 東京": "Zürich 東京", "\x1b[31m": `\x1b[31m`, "\u009b": `\x9b`, "a\u202eb": `a\u202eb`, "\xff\xef": `\xff\xef`, "\uFFFD": "\uFFFD", "\u200b": `\u200b`,
	} {
		if got := clean(in); got != want {
			t.Errorf("%q gives %q, want %q", in, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "text")
		if got := clean(in); !utf8.ValidString(got) || strings.ContainsFunc(got, isUnsafe) {
			t.Fatalf("%q gives %q", in, got)
		}
	})
}

func TestCutIsNeverWider(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, width := clean(rapid.String().Draw(t, "text")), rapid.IntRange(0, 20).Draw(t, "width")
		if got := cut(s, width); columns(got) > width && width > 0 || columns(s) <= width && got != s {
			t.Fatalf("%q cut to %d gives %q", s, width, got)
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		s, width := clean(rapid.String().Draw(t, "text")), rapid.IntRange(1, 20).Draw(t, "width")
		if got := cutMiddle(s, width); columns(got) > width || columns(s) <= width && got != s {
			t.Fatalf("%q cut to %d gives %q", s, width, got)
		}
	})
	if got := cutMiddle("1:9.2p1-2+deb12u2", 11); got != "1:9.2…12u2" && got != "1:9.2…b12u2" {
		t.Error(got)
	}
	if got := cut("bookworm-security", 8); got != "bookwor…" {
		t.Error(got)
	}
}

func TestPagesGatherAllByCursor(t *testing.T) {
	t.Parallel()
	fetch := func(total int) func(string, int) ([]int, string, error) {
		return func(cursor string, size int) ([]int, string, error) {
			from := 0
			for range cursor {
				from += 1000
			}
			n := min(size, 1000, total-from)
			next := ""
			if from+n < total {
				next = cursor + "x"
			}
			return make([]int, n), next, nil
		}
	}
	for _, tc := range []struct{ total, limit, want int }{{0, 0, 0}, {5, 0, 5}, {2500, 0, 2500}, {2500, 1200, 1200}, {2500, 5, 5}, {3, 10, 3}} {
		all, next, err := pages(tc.limit, fetch(tc.total))
		if err != nil || len(all) != tc.want || (next != "") != (tc.want < tc.total) {
			t.Errorf("%d of %d: %d, next %q, %v", tc.limit, tc.total, len(all), next, err)
		}
	}
	if _, _, err := pages(0, func(string, int) ([]int, string, error) { return []int{1}, "same", nil }); !errors.Is(err, fault.Unavailable) {
		t.Errorf("a server that repeats itself: %v", err)
	}
	if _, _, err := pages(0, func(string, int) ([]int, string, error) { return nil, "", fault.New(fault.NotFound, "x") }); !errors.Is(err, fault.NotFound) {
		t.Errorf("error %v", err)
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("x"), 1},
		{fault.New(fault.Conflict, "x"), 1},
		{usage("x"), 2},
		{fault.New(fault.Invalid, "x"), 2},
		{fault.New(fault.NotFound, "x"), 3},
		{fault.New(fault.Unauthorized, "x"), 4},
		{fault.New(fault.Forbidden, "x"), 4},
		{fault.New(fault.Expired, "x"), 4},
		{fault.New(fault.Unavailable, "x"), 5},
		{fault.New(fault.NoRoom, "x"), 7},
	} {
		if got := Exit(tc.err); got != tc.want {
			t.Errorf("%v ends with %d, want %d", tc.err, got, tc.want)
		}
	}
}

func TestMessagesAreOneSafeLine(t *testing.T) {
	t.Parallel()
	for _, err := range []error{fault.New(fault.NotFound, "a\n\x1b[2Jb"), errors.New("a\n\x1b[2Jb"), fault.Wrap(errors.New("b"), fault.Internal, "a\n\x1b[2J")} {
		if got := Message(err); !strings.HasPrefix(got, `a \x1b[2J`) || strings.Contains(got, "\n") {
			t.Errorf("%q", got)
		}
	}
}

func TestLabelChanges(t *testing.T) {
	t.Parallel()
	before := map[string]string{"env": "prod", "role": "web"}
	for _, tc := range []struct {
		changes []string
		want    string // "" is refused
	}{
		{[]string{"env=test"}, "env=test,role=web"},
		{[]string{"role-"}, "env=prod"},
		{[]string{"site=", "a=b=c"}, "a=b=c,env=prod,role=web,site="},
		{[]string{"x=y-"}, "env=prod,role=web,x=y-"},
		{[]string{"nothere-"}, ""},
		{[]string{"=x"}, ""},
		{[]string{"word"}, ""},
		{[]string{"-"}, ""},
	} {
		got, err := changeLabels(before, tc.changes)
		if tc.want == "" {
			if Exit(err) != exitUsage {
				t.Errorf("%q: %v, %v", tc.changes, got, err)
			}
			continue
		}
		if err != nil || labelText(got) != tc.want {
			t.Errorf("%q gives %q, %v", tc.changes, labelText(got), err)
		}
	}
	if labelText(before) != "env=prod,role=web" {
		t.Error("the labels themselves were changed")
	}
	if _, err := parseLabels("a=1,a=2"); Exit(err) != exitUsage {
		t.Errorf("twice: %v", err)
	}
}

// Nobody keeps when a host was seen on a day long ago: the past says so instead of "never", or of what holds today.
func TestThePastDoesNotSayWhoWasThere(t *testing.T) {
	t.Parallel()
	for past, want := range map[bool]string{false: "3m ago", true: "-"} {
		hosts := sampleHosts()[:1]
		at := time.Date(2026, 11, 2, 11, 57, 0, 0, time.UTC)
		hosts[0].Online, hosts[0].LastSeen = true, &at
		var out bytes.Buffer
		env := bareEnv(nil)
		env.Stdout = &out
		p := &program{env: env, format: formatTable}
		if err := show(p, nil, hosts, p.hostColumns(past)); err != nil {
			t.Fatal(err)
		}
		line := strings.Split(out.String(), "\n")[1]
		if !strings.HasSuffix(line, "  "+want) || strings.Contains(line, "  approved  yes  ") == past {
			t.Errorf("past %v: %q", past, line)
		}
	}
}

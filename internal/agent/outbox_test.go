package agent

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

func newOutbox(t testing.TB, name string) *outbox {
	t.Helper()
	b, err := openOutbox(disk{}, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.close() })
	return b
}

func line(text string, from int64) entry {
	return entry{From: from, Report: apiv1.RunReport{Lines: []string{text}}}
}

// Whatever a crash leaves of the last line, everything before it counts and nothing of it does.
func TestOutboxSurvivesATornEnd(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "x.jsonl")
	b := newOutbox(t, name)
	if err := b.add(line("one", 10), entry{Own: "once", Report: apiv1.RunReport{Lines: []string{"two"}}}, line("three", 30)); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range whole {
		torn := filepath.Join(t.TempDir(), "torn.jsonl")
		if err := os.WriteFile(torn, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		b, err := openOutbox(disk{}, torn)
		if err != nil {
			t.Fatal(err)
		}
		want := int64(bytes.Count(whole[:cut], []byte("\n")))
		count, _, _, from := b.state()
		if count != want || b.said("once") != (want >= 2) || from != []int64{0, 10, 10, 30}[want] {
			t.Fatalf("cut at %d: %d entries, said %v, from %d", cut, count, b.said("once"), from)
		}
		if err := b.add(line("next", 40)); err != nil {
			t.Fatal(err)
		}
		got, err := b.batch(want)
		if err != nil || len(got) != 1 || got[0].Seq != want+1 || got[0].Lines[0] != "next" {
			t.Fatalf("cut at %d: %+v, %v", cut, got, err)
		}
		_ = b.close()
	}
}

func TestOutboxBatchesAreBounded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		entry entry
		count int
		want  int
	}{
		"reports": {entry{}, 2500, mostReports},
		"lines":   {entry{Report: apiv1.RunReport{Lines: make([]string, 300)}}, 10, 3},
		"bytes":   {line(strings.Repeat("x", 300_000), 0), 10, 3},
		"one":     {line(strings.Repeat("x", 2_000_000), 0), 3, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newOutbox(t, filepath.Join(t.TempDir(), "x.jsonl"))
			all := make([]entry, c.count)
			for i := range all {
				all[i] = c.entry
			}
			if err := b.add(all...); err != nil {
				t.Fatal(err)
			}
			after := int64(0)
			for n := 0; after < int64(c.count); n++ {
				got, err := b.batch(after)
				if err != nil || len(got) == 0 || len(got) > c.want || n == 0 && len(got) != c.want {
					t.Fatalf("batch %d has %d reports, want %d: %v", n, len(got), c.want, err)
				}
				for i, r := range got {
					if r.Seq != after+int64(i)+1 {
						t.Fatalf("report %d is numbered %d", after+int64(i)+1, r.Seq)
					}
				}
				after += int64(len(got))
			}
		})
	}
}

func TestNothingFollowsTheOutcome(t *testing.T) {
	t.Parallel()
	b := newOutbox(t, filepath.Join(t.TempDir(), "x.jsonl"))
	if err := b.add(entry{From: 9, Report: apiv1.RunReport{Outcome: outcomeOf("failed", "package", "x")}}); err != nil {
		t.Fatal(err)
	}
	if err := b.add(line("late", 20)); err != nil {
		t.Fatal(err)
	}
	if count, ended, byRoot, from := b.state(); count != 1 || !ended || !byRoot || from != 9 {
		t.Errorf("%d %v %v %d", count, ended, byRoot, from)
	}
}

func TestReportsOfTheRootHalf(t *testing.T) {
	t.Parallel()
	good := `{"lines":["a"]}` + "\n"
	for name, c := range map[string]struct {
		in   string
		want []string
		from int64
	}{
		"whole_lines":           {good + good, []string{"a", "a"}, int64(2 * len(good))},
		"unfinished_waits":      {good + `{"lines":["b"`, []string{"a"}, int64(len(good))},
		"unreadable_is_said":    {"nonsense\n" + good, []string{"(a report of the root half could not be read)", "a"}, int64(9 + len(good))},
		"unknown_step":          {`{"step":{"name":"rm","state":"done"}}` + "\n", []string{"(a report of the root half could not be read)"}, 38},
		"unknown_result":        {`{"outcome":{"result":"fine"}}` + "\n", []string{"(a report of the root half could not be read)"}, 30},
		"absurdly_long":         {strings.Repeat("x", maxEntry+5) + "\n" + good, []string{"(a report of the root half could not be read)", "a"}, int64(maxEntry + 6 + len(good))},
		"nothing_after_the_end": {`{"outcome":{"result":"failed"}}` + "\n" + good, []string{"failed"}, 32},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := readReports(strings.NewReader(c.in), 0, 64<<20)
			if err != nil {
				t.Fatal(err)
			}
			lines := []string{}
			for _, e := range got {
				lines = append(lines, e.Report.Lines...)
				if e.Report.Outcome != nil {
					lines = append(lines, e.Report.Outcome.Result)
				}
			}
			if diff := cmp.Diff(c.want, lines); diff != "" || got[len(got)-1].From != c.from {
				t.Errorf("%s, up to %d, want %d", diff, got[len(got)-1].From, c.from)
			}
		})
	}
}

// Whatever the root half writes, what is taken over is what the wire takes, and no byte is passed over or read twice.
func FuzzReadReports(f *testing.F) {
	f.Add([]byte(strings.Join(rootLines, "\n") + "\n"))
	f.Add([]byte("{\"lines\":null}\n{\n"))
	f.Add([]byte(`{"outcome":{"result":"succeeded","class":"` + strings.Repeat("é", 80) + `"}}` + "\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := readReports(bytes.NewReader(b), 0, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		at := int64(0)
		for _, e := range got {
			if e.From <= at || e.From > int64(len(b)) || b[e.From-1] != '\n' || bytes.Count(b[at:e.From], []byte("\n")) != 1 {
				t.Fatalf("from %d to %d", at, e.From)
			}
			at = e.From
			if o := e.Report.Outcome; o != nil && (len(o.Class) > 64 || o.Installed == nil || o.Reboot.Reasons == nil) {
				t.Fatalf("%+v", o)
			}
			if _, err := json.Marshal(e); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func BenchmarkOutboxAdd(b *testing.B) {
	box, err := openOutbox(disk{}, filepath.Join(b.TempDir(), "x.jsonl"))
	if err != nil {
		b.Fatal(err)
	}
	for i := range b.N {
		if err := box.add(line(fmt.Sprint("Setting up package ", i), int64(i))); err != nil {
			b.Fatal(err)
		}
	}
}

package apply

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var t0 = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)

func clock() time.Time { return t0 }

// written is a journal of a whole run, made by the journal itself.
func written(t testing.TB, dir string) []byte {
	t.Helper()
	j, err := openJournal(dir, "boot", clock)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []string{stepRecover, stepStage, stepSimulate, stepApply, stepMarks, stepRestart, stepReboot, stepVerify} {
		if err := j.add(record{Step: step, Kind: kindIntent}, before{Attempt: 1, Auto: []string{"a", "ü\n"}}); err != nil {
			t.Fatal(err)
		}
		if err := j.add(record{Step: step, Kind: kindOutcome, State: "done", Text: "text \"quoted\""}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.add(record{Kind: kindEnd}, map[string]string{"result": "succeeded"}); err != nil {
		t.Fatal(err)
	}
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "journal"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A journal that is cut off at any byte holds exactly the records that were whole by then, and can be gone on with.
func TestJournalTornAtEveryByte(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := written(t, dir)
	for n := range len(b) + 1 {
		for _, torn := range [][]byte{b[:n], append(bytes.Clone(b[:n]), 0, 0, 0, 0)} {
			records, whole, err := parseJournal(torn)
			if err != nil {
				t.Fatalf("cut at %d: %v", n, err)
			}
			if want := bytes.Count(b[:n], []byte("\n")); len(records) != want || whole != bytes.LastIndexByte(b[:n], '\n')+1 {
				t.Fatalf("cut at %d: %d records and %d bytes, want %d records", n, len(records), whole, want)
			}
			if n%97 != 0 { // the disk as well, for some
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, "journal"), torn, 0o600); err != nil {
				t.Fatal(err)
			}
			j, err := openJournal(dir, "boot", clock)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(j.add(record{Step: stepVerify, Kind: kindIntent}, nil), j.close()); err != nil {
				t.Fatal(err)
			}
			after, _ := os.ReadFile(filepath.Join(dir, "journal"))
			again, all, err := parseJournal(after)
			if err != nil || all != len(after) || len(again) != len(records)+1 {
				t.Fatalf("cut at %d and gone on with: %d records, %v", n, len(again), err)
			}
		}
	}
}

// What no crash can leave is not guessed from.
func TestJournalDamagedInTheMiddle(t *testing.T) {
	t.Parallel()
	b := written(t, t.TempDir())
	first := bytes.IndexByte(b, '\n')
	for name, damaged := range map[string][]byte{
		"a line is nonsense": append([]byte("nonsense\n"), b...),
		"a line is cut":      append(bytes.Clone(b[:first/2]), b[first:]...),
		"unknown kind":       append([]byte(`{"kind":"later","step":"x"}`+"\n"), b...),
	} {
		if _, _, err := parseJournal(damaged); !errors.Is(err, errDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestJournalIsReadBack(t *testing.T) {
	t.Parallel()
	records, _, err := parseJournal(written(t, t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	if n, last := begun(records); n != 1 || last.Boot != "boot" || !last.At.Equal(t0) {
		t.Errorf("begun %d, %+v", n, last)
	}
	if o, ok := settled(records, stepApply); !ok || o.State != "done" {
		t.Errorf("settled %+v, %v", o, ok)
	}
	if e, ok := ended(records); !ok || cmp.Diff(`{"result":"succeeded"}`, string(e.Data)) != "" {
		t.Errorf("ended %+v, %v", e, ok)
	}
	if _, ok := first(records, "nothing"); ok {
		t.Error("a step that never was has an intent")
	}
}

func FuzzJournal(f *testing.F) {
	f.Add(written(f, f.TempDir()))
	f.Add([]byte("{}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		records, whole, err := parseJournal(b)
		if err != nil {
			return
		}
		again, n, err := parseJournal(b[:whole])
		if err != nil || n != whole || len(again) != len(records) {
			t.Errorf("what was read is not read again: %d and %d records, %v", len(records), len(again), err)
		}
	})
}

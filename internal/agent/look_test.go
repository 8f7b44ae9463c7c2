package agent

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/pkgmgr"
)

// asking is a looker of files of the test's own, in a machine that is up for 100 seconds.
func asking(t *testing.T) looker {
	t.Helper()
	state, folder := t.TempDir(), t.TempDir()
	l := newLooker(state)
	l.folder, l.uptime, l.patience, l.again = folder, filepath.Join(state, "uptime"), 30*time.Second, 30*time.Millisecond
	l.active = func(context.Context) bool { return true }
	if err := os.WriteFile(l.uptime, []byte("100.00 7.00\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return l
}

// says writes an answer as the looking half does, as of so many seconds after boot.
func (l looker) says(t *testing.T, began float64, old []apiv1.OldCode) {
	t.Helper()
	text, err := json.Marshal(answer{time.Duration(began * float64(time.Second)), old})
	if err != nil {
		t.Fatal(err)
	}
	if err := pkgmgr.WriteFile(filepath.Join(l.folder, answerFile), text, 0o640); err != nil {
		t.Fatal(err)
	}
}

// whenAsked runs fn for each time that the looking half is asked, up to times.
func (l looker) whenAsked(t *testing.T, times int, fn func(n int)) (ended chan struct{}) {
	ended = make(chan struct{})
	go func() {
		defer close(ended)
		for n := range times {
			for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
				if os.Remove(l.request) == nil {
					break
				}
				if time.Now().After(deadline) {
					t.Errorf("asked %d times, want %d", n, times)
					return
				}
			}
			fn(n)
		}
	}()
	return ended
}

func TestTheLookingHalfIsAsked(t *testing.T) {
	old := []apiv1.OldCode{{Name: "libssl3", Arch: "amd64", From: "3.0.15", Units: []string{"web.service"}}}
	none := []apiv1.OldCode{}
	for name, c := range map[string]struct {
		before func(t *testing.T, l looker) // what is there when it is asked
		times  int
		answer func(t *testing.T, l looker, n int)
		want   []apiv1.OldCode
	}{
		"what runs": {
			times: 1, answer: func(t *testing.T, l looker, _ int) { l.says(t, 100.5, old) }, want: old,
		},
		"in the very hundredth of a second in which it was asked": {
			times: 1, answer: func(t *testing.T, l looker, _ int) { l.says(t, 100, old) }, want: old,
		},
		"nothing old runs, which is not the same as not knowing": {
			times: 1, answer: func(t *testing.T, l looker, _ int) { l.says(t, 100.5, none) }, want: none,
		},
		"what was seen before it was asked says nothing of now": {
			before: func(t *testing.T, l looker) { l.says(t, 99.99, old) },
			times:  1, answer: func(t *testing.T, l looker, _ int) { l.says(t, 101, none) }, want: none,
		},
		"who does not hear is asked again": {
			times: 3, answer: func(t *testing.T, l looker, n int) {
				if n == 2 {
					l.says(t, 101, old)
				}
			}, want: old,
		},
		"an answer that anybody could have written does not count": {
			times: 2, answer: func(t *testing.T, l looker, n int) {
				if l.says(t, 101, none); n == 0 {
					if err := os.Chmod(filepath.Join(l.folder, answerFile), 0o666); err != nil {
						t.Error(err)
					}
					return
				}
				l.says(t, 101, old)
			}, want: old,
		},
		"nor does one that is damaged": {
			before: func(t *testing.T, l looker) {
				if err := os.WriteFile(filepath.Join(l.folder, answerFile), []byte(`{"began":200`), 0o600); err != nil {
					t.Fatal(err)
				}
			},
			times: 1, answer: func(t *testing.T, l looker, _ int) { l.says(t, 101, old) }, want: old,
		},
		"nor one that says nothing": {
			before: func(t *testing.T, l looker) { l.says(t, 200, nil) },
			times:  1, answer: func(t *testing.T, l looker, _ int) { l.says(t, 101, old) }, want: old,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := asking(t)
			if c.before != nil {
				c.before(t, l)
			}
			ended := l.whenAsked(t, c.times, func(n int) { c.answer(t, l, n) })
			got := l.oldCode(t.Context())
			<-ended
			if (got == nil) != (c.want == nil) {
				t.Errorf("%v, want %v", got, c.want)
			}
			if d := cmp.Diff(c.want, got, cmpopts.IgnoreUnexported(apiv1.OldCode{})); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestWithoutALookingHalfNothingIsSaid(t *testing.T) {
	for name, change := range map[string]func(*looker){
		"nobody listens":     func(l *looker) { l.active = func(context.Context) bool { return false } },
		"nobody answers":     func(l *looker) { l.patience = 100 * time.Millisecond },
		"no machine we know": func(l *looker) { l.uptime += "?" },
		"no place to ask":    func(l *looker) { l.request = filepath.Join(l.request, "missing", "look") },
	} {
		t.Run(name, func(t *testing.T) {
			l := asking(t)
			change(&l)
			if got := l.oldCode(t.Context()); got != nil {
				t.Errorf("%v, want nil", got)
			}
			if _, err := os.Stat(l.request); (err == nil) != (name == "nobody answers") {
				t.Errorf("asked: %t", err == nil)
			}
		})
	}
}

// The command itself, on this machine. Where some process is hidden even from us it must say so and leave no answer; that it sees everything as
// root of a host is what the end-to-end tests show.
func TestLook(t *testing.T) {
	folder := t.TempDir()
	cmd := Command(Env{Euid: 1000, Getenv: os.Getenv, Stdout: os.Stdout, Stderr: os.Stderr, Stdin: os.Stdin})
	cmd.SetArgs([]string{"look", "--out", folder})
	if err := cmd.ExecuteContext(t.Context()); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("without being root: %v", err)
	}
	began, err := sinceBoot("/proc/uptime")
	if err != nil {
		t.Fatal(err)
	}
	err = look(t.Context(), folder)
	a, read := readAnswer(filepath.Join(folder, answerFile))
	switch {
	case fault.KindOf(err) == fault.Forbidden:
		if !errors.Is(read, fs.ErrNotExist) {
			t.Errorf("it may not look, and says %+v (%v)", a, read)
		}
	case err != nil || read != nil || a.Began < began || a.OldCode == nil:
		t.Errorf("%+v: %v, %v; asked at %s", a, err, read, began)
	}
}

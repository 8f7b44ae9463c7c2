package main

import (
	"strings"
	"testing"
)

func TestTally(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in                      string
		passed, failed, skipped int
		shows                   string
	}{
		"pass":        {`{"Action":"pass","Package":"p","Test":"TestA"}`, 1, 0, 0, ""},
		"fail_once":   {`{"Action":"output","Package":"p","Test":"TestA","Output":"why\n"}` + "\n" + `{"Action":"fail","Package":"p","Test":"TestA"}` + "\n" + `{"Action":"fail","Package":"p"}`, 0, 1, 0, "why"},
		"skip":        {`{"Action":"output","Package":"p","Test":"TestA","Output":"no database\n"}` + "\n" + `{"Action":"skip","Package":"p","Test":"TestA"}`, 0, 0, 1, "no database"},
		"no_tests":    {`{"Action":"skip","Package":"p"}`, 0, 0, 0, ""},
		"build_fails": {`{"Action":"build-output","ImportPath":"p","Output":"undefined: x\n"}` + "\n" + `{"Action":"fail","Package":"p"}`, 0, 1, 0, "undefined: x"},
		"panic":       {`{"Action":"output","Package":"p","Output":"panic: boom\n"}` + "\n" + `{"Action":"fail","Package":"p"}`, 0, 1, 0, "panic: boom"},
		"logs":        {`{"Action":"output","Package":"p","Test":"TestA","Output":"    a.go:1: measured\n"}` + "\n" + `{"Action":"pass","Package":"p","Test":"TestA"}`, 1, 0, 0, "measured"},
		"not_json":    {"go: downloading x", 0, 0, 0, "go: downloading x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			got := tally{out: &out, logs: true, output: map[string][]string{}, failing: map[string]bool{}}
			if err := got.read(strings.NewReader(c.in)); err != nil {
				t.Fatal(err)
			}
			if got.passed != c.passed || got.failed != c.failed || got.skipped != c.skipped {
				t.Errorf("%d passed, %d failed, %d skipped; want %d, %d, %d", got.passed, got.failed, got.skipped, c.passed, c.failed, c.skipped)
			}
			if !strings.Contains(out.String(), c.shows) {
				t.Errorf("prints %q, want %q in it", out.String(), c.shows)
			}
		})
	}
}

// Program noskip reads the output of go test -json, prints what a person wants of it, ends with a line of counts, and fails
// when a test failed or was skipped: in CI a skipped test is a failed test.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

// event is what go test -json writes, one a line (go doc test2json).
type event struct {
	Action     string
	Package    string
	ImportPath string // of build output
	Test       string
	Elapsed    float64
	Output     string
}

// tally follows tests until they end.
type tally struct {
	out                     io.Writer
	logs                    bool // print what tests that passed have logged
	passed, failed, skipped int
	output                  map[string][]string // of tests that have not ended, by package and test
	failing                 map[string]bool     // packages with a failed test
}

func main() {
	logs := flag.Bool("logs", false, "print what tests that passed have logged")
	flag.Parse()
	t := tally{out: os.Stdout, logs: *logs, output: map[string][]string{}, failing: map[string]bool{}}
	if err := t.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "noskip:", err)
		os.Exit(1)
	}
	fmt.Fprintf(t.out, "%d passed, %d failed, %d skipped\n", t.passed, t.failed, t.skipped)
	if t.failed > 0 || t.skipped > 0 || t.passed == 0 {
		os.Exit(1)
	}
}

func (t *tally) read(r io.Reader) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			fmt.Fprintln(t.out, lines.Text()) // what go prints before the tests: not JSON
			continue
		}
		t.add(e)
	}
	return lines.Err()
}

func (t *tally) add(e event) {
	key := e.Package + "\x00" + e.Test
	switch e.Action {
	case "output":
		t.output[key] = append(t.output[key], e.Output)
		return
	case "build-output":
		fmt.Fprint(t.out, e.Output)
		return
	case "pass", "fail", "skip":
	default:
		return
	}
	defer delete(t.output, key)
	if e.Test == "" {
		t.endPackage(e, t.output[key])
		return
	}
	switch e.Action {
	case "pass":
		t.passed++
		if t.logs {
			t.printLogs(e, t.output[key])
		}
	case "fail":
		t.failed++
		t.failing[e.Package] = true
		t.print(e, t.output[key])
	case "skip":
		t.skipped++
		fmt.Fprintf(t.out, "skipped, which counts as failed: %s %s\n", e.Package, e.Test)
		t.print(e, t.output[key])
	}
}

// endPackage prints go test's own closing line. A package can fail without a failed test: it did not build, or ended early.
func (t *tally) endPackage(e event, output []string) {
	if e.Action == "fail" && !t.failing[e.Package] {
		t.failed++
		t.print(e, output)
		return
	}
	if n := len(output); n > 0 && e.Action != "skip" { // skip: it has no tests
		fmt.Fprint(t.out, output[n-1])
	}
}

// printLogs prints the lines of t.Log, and how long the test took.
func (t *tally) printLogs(e event, output []string) {
	fmt.Fprintf(t.out, "ok    %s (%.1fs)\n", e.Test, e.Elapsed)
	for _, line := range output {
		if !strings.HasPrefix(line, "=== ") && !strings.HasPrefix(strings.TrimSpace(line), "--- ") {
			fmt.Fprint(t.out, line)
		}
	}
}

func (t *tally) print(e event, output []string) {
	fmt.Fprintf(t.out, "=== %s %s\n%s", e.Package, e.Test, strings.Join(output, ""))
}

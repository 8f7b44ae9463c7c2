package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/staunch-dev/staunch/internal/fault"
)

// A long error fits the terminal; where it is piped, and where only the output is a terminal, it stays one line for programs to read.
func TestErrorsAreBrokenOnATerminalAlone(t *testing.T) {
	t.Parallel()
	err := fault.New(fault.Invalid, "no feeds: give --feeds DIR, %s", strings.Repeat("a folder laid out like the official sources ", 5))
	for _, terminal := range []bool{true, false} {
		var out bytes.Buffer
		env := bareEnv(nil)
		env.Stderr, env.StderrTerminal, env.StdoutTerminal, env.Width = &out, terminal, true, 60
		tellError(env, err)
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		if (len(lines) > 1) != terminal {
			t.Errorf("terminal %v: %d lines", terminal, len(lines))
		}
		for _, line := range lines {
			if terminal && columns(line) > 60 {
				t.Errorf("%d columns: %s", columns(line), line)
			}
		}
		if got := strings.Join(strings.Fields(out.String()), " "); got != strings.Join(strings.Fields("staunch: "+Message(err)), " ") {
			t.Errorf("words are lost: %s", got)
		}
	}
}

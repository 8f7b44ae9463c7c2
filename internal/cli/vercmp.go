package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// compared is one pair with its order, as -o json prints it. Error says why there is none.
type compared struct {
	A     string `json:"a"`
	Order string `json:"order,omitempty"`
	B     string `json:"b"`
	Error string `json:"error,omitempty"`
}

func (p *program) vercmp() *cobra.Command {
	var output string
	c := &cobra.Command{
		Use: "vercmp ECOSYSTEM A B", Short: "Compare two versions the way an ecosystem's own tool does",
		Long: `Print <, = or > as version A is before, equal to or after B. ECOSYSTEM is a distribution or
language as advisories name it (Debian, Debian:12, AlmaLinux:9, Alpine, "Arch Linux", PyPI, npm, Go,
Maven, RubyGems, NuGet, Packagist) or an order by its own name: ` + strings.Join(schemeNames(), ", ") + `.

With - in place of A and B, pairs are read from standard input, a tab between A and B, one pair a
line, and one answer a line is printed. A line that cannot be compared answers ? and is named on
standard error; then the command ends with 2.

A version that the order does not allow is an error, never a guess.`,
		Example: `  staunch vercmp Debian 1:9.18.33-1~deb12u2 1:9.18.41-1
  staunch vercmp rpm 5.14.0-427.13.1.el9_4 5.14.0-503.el9 -o json
  staunch vercmp PyPI - < pairs.tsv`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 2 && args[1] == "-" {
				return nil
			}
			return exactly("ECOSYSTEM", "A", "B")(cmd, args)
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if output != "text" && output != "json" {
				return usage("-o %q is none of text, json", output)
			}
			scheme, err := schemeOf(args[0])
			if err != nil {
				return err
			}
			if args[1] == "-" && len(args) == 2 {
				return p.vercmpLines(scheme, output)
			}
			one, err := compareVersions(scheme, args[1], args[2])
			if err != nil {
				return usage("%v", err)
			}
			return writeCompared(p.env.Stdout, one, output)
		},
	}
	c.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	return c
}

// longestPair bounds a line of vercmp's input, in bytes.
const longestPair = 64 << 10

// vercmpLines compares the pairs on standard input. It goes on after a line that cannot be compared, so that answers stay beside their
// lines.
func (p *program) vercmpLines(scheme vercmp.Scheme, output string) error {
	lines := bufio.NewScanner(p.in)
	lines.Buffer(nil, longestPair)
	out := bufio.NewWriter(p.env.Stdout)
	wrong := 0
	n := 0
	for lines.Scan() {
		n++
		one := compared{Order: "?"}
		a, b, ok := strings.Cut(lines.Text(), "\t")
		err := errors.New("it has no tab between two versions")
		if ok {
			one, err = compareVersions(scheme, a, b)
		}
		if err != nil {
			wrong++
			one.Error = err.Error()
			_, _ = fmt.Fprintf(p.env.Stderr, "line %d: %s\n", n, oneLine(one.Error))
		}
		if err := writeCompared(out, one, output); err != nil {
			return err
		}
	}
	if err := out.Flush(); err != nil {
		return fault.Wrap(err, fault.Internal, "writing the answers")
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return usage("line %d of standard input is longer than %d bytes: that is no pair of versions", n+1, longestPair)
	} else if err != nil {
		return usage("line %d of standard input cannot be read: %v", n+1, err)
	}
	if wrong > 0 {
		return usage("%d of %s could not be compared", wrong, plural(n, "line"))
	}
	return nil
}

func compareVersions(scheme vercmp.Scheme, a, b string) (compared, error) {
	one := compared{A: a, B: b, Order: "?"}
	order, err := vercmp.Compare(scheme, a, b)
	if err == nil {
		one.Order = [...]string{"<", "=", ">"}[order+1]
	}
	return one, err
}

func writeCompared(w io.Writer, one compared, output string) error {
	text := one.Order
	if output == "json" {
		if one.Order == "?" {
			one.Order = ""
		}
		var b strings.Builder
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(one); err != nil {
			return err
		}
		text = strings.TrimSuffix(b.String(), "\n")
	}
	if _, err := io.WriteString(w, text+"\n"); err != nil {
		return fault.Wrap(err, fault.Internal, "writing the answer")
	}
	return nil
}

// schemeOf finds an order by an ecosystem's name, or by its own.
func schemeOf(name string) (vercmp.Scheme, error) {
	if s, ok := vercmp.ForEcosystem(name); ok {
		return s, nil
	}
	if slices.Contains(schemeNames(), strings.ToLower(name)) {
		return vercmp.Scheme(strings.ToLower(name)), nil
	}
	distro, release, of := strings.Cut(name, ":")
	for _, known := range vercmp.Ecosystems() {
		if strings.EqualFold(distro, known) {
			if of {
				known += ":" + release
			}
			return "", usage("no order of versions is known for %q: ecosystems are spelled as in advisories, so say %q", oneLine(name), oneLine(known))
		}
	}
	return "", usage("no order of versions is known for %q: name an ecosystem, as Debian, AlmaLinux, Alpine, PyPI, npm, or one of %s",
		oneLine(name), strings.Join(schemeNames(), ", "))
}

func schemeNames() []string {
	var names []string
	for _, s := range vercmp.Schemes() {
		names = append(names, string(s))
	}
	return names
}

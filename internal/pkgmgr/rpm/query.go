package rpm

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/staunch-dev/staunch/internal/pkgmgr"
)

// Answer is what rpm says is installed, sorted by name, architecture, version.
type Answer struct {
	Packages []Package
	Problems []string // what was left out, and what rpm complained of
}

// Config says which rpm is asked about what.
type Config struct {
	Program string // rpm
	DBPath  string // the folder of the database; empty: rpm's own idea
}

// maxAnswer bounds rpm's output: a package takes some 150 bytes, so this is enough for 200,000.
const maxAnswer = 32 << 20

// columns are the tags asked for. The vendor is last, since it is the only one that a person writes freely.
var columns = []string{"NAME", "EPOCH", "VERSION", "RELEASE", "ARCH", "SOURCERPM", "MODULARITYLABEL", "VENDOR"}

const module = 6 // the column that rpm before 4.15 (Amazon Linux 2) does not know

// Query asks rpm for all packages. It needs no privilege and takes no lock. The error is that rpm could not be asked.
func Query(ctx context.Context, c Config) (Answer, error) {
	out, err := ask(ctx, c, columns)
	if err == nil && out.Code != 0 && bytes.Contains(out.Stderr, []byte("unknown tag")) {
		plain := append([]string(nil), columns...)
		plain[module] = "" // an empty column
		out, err = ask(ctx, c, plain)
	}
	if err != nil {
		return Answer{}, err
	}
	if out.Code != 0 {
		return Answer{}, fmt.Errorf("rpm -qa ended with code %d: %s", out.Code, pkgmgr.Printable(string(bytes.TrimSpace(out.Stderr)), 500))
	}
	return parse(out.Stdout, out.Stderr)
}

func ask(ctx context.Context, c Config, columns []string) (pkgmgr.Output, error) {
	format := make([]string, len(columns))
	for i, tag := range columns {
		if tag != "" {
			format[i] = "%{" + tag + "}"
		}
	}
	args := []string{"-qa", "--nodigest", "--nosignature", "--qf", strings.Join(format, `\t`) + `\n`}
	return pkgmgr.Run(ctx, c.command(args))
}

func (c Config) command(args []string) pkgmgr.Command {
	if c.DBPath != "" {
		args = append([]string{"--dbpath", c.DBPath}, args...)
	}
	return pkgmgr.Command{Name: cmp.Or(c.Program, "rpm"), Args: args, Limit: maxAnswer}
}

// EachFile gives every file of every package, with the package's name and architecture, as rpm lists them.
func EachFile(ctx context.Context, c Config, give func(name, arch, file string)) error {
	command := c.command([]string{"-qa", "--nodigest", "--nosignature", "--qf", `[%{=NAME}\t%{=ARCH}\t%{FILENAMES}\n]`})
	return pkgmgr.Stream(ctx, command, func(r io.Reader) error {
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			f := strings.SplitN(lines.Text(), "\t", 3)
			if len(f) == 3 && pkgmgr.Plain(f[0]) && pkgmgr.Plain(f[1]) && len(f[1]) <= 32 && strings.HasPrefix(f[2], "/") {
				give(f[0], f[1], f[2])
			}
		}
		return lines.Err()
	})
}

// parse reads the lines of rpm -qa. A line that is none of ours (a vendor with a line break in it) is named and left out.
func parse(out, complaints []byte) (Answer, error) {
	var (
		packages []Package
		problems pkgmgr.Problems
	)
	for line := range bytes.Lines(out) {
		f := strings.SplitN(strings.TrimSuffix(string(line), "\n"), "\t", len(columns))
		if len(f) != len(columns) {
			problems.Add("rpm: a line that is no package: %q", pkgmgr.Printable(string(line), 100))
			continue
		}
		for i, v := range f {
			if v == "(none)" {
				f[i] = ""
			}
		}
		p, ok, err := Make(Tags{Name: f[0], Epoch: f[1], Version: f[2], Release: f[3], Arch: f[4], SourceRPM: f[5], Module: f[module], Vendor: f[7]})
		switch {
		case err != nil:
			problems.Add("rpm: %s", err)
		case ok && len(packages) >= pkgmgr.MaxPackages:
			return Answer{}, fmt.Errorf("rpm: more than %d packages", pkgmgr.MaxPackages)
		case ok:
			packages = append(packages, p)
		}
	}
	for line := range bytes.Lines(complaints) { // a header that it skips
		if text := strings.TrimSpace(string(line)); strings.HasPrefix(text, "error:") {
			problems.Add("rpm: %s", strings.TrimSpace(strings.TrimPrefix(text, "error:")))
		}
	}
	return Answer{Packages: Sorted(packages), Problems: problems.List()}, nil
}

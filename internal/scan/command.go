package scan

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// Streams are where a scan writes, and what it knows of its process.
type Streams struct {
	Out, Err    io.Writer
	ErrTerminal bool // progress is shown
	Version     string
	Folders     Folders
	Now         func() time.Time // nil: time.Now
}

const long = `Reads the package database below a root, a container image or an SBOM, and the
advisories in a folder, and prints what is vulnerable and what fixes it.
Nothing is changed, nothing is sent anywhere, and no server is needed.

The folder of feeds is laid out like the official sources: osv/NAME/all.zip, as
osv/Debian/all.zip, and kev/known_exploited_vulnerabilities.json (or .json.gz);
staunch feed mirror fetches them. Without --feeds it is
$XDG_DATA_HOME/staunch/feeds (root: /var/lib/staunch/feeds). What is read from
it is compiled once and kept in $XDG_CACHE_HOME/staunch (root:
/var/cache/staunch) until a file in it changes.

--fail-on takes words, of which one that fits any finding is enough:
  urgent, high, normal, low        priority, or worse
  critical, high, medium, low      severity by the advisory, or worse (high and
                                   low mean either)
  kev, ransomware                  known to be exploited; by ransomware
  epss>=0.5                        EPSS of at least that
  fixable                          a fix can be installed
Findings of priority lowest, whose code cannot run here, count for the word
lowest alone.

EXIT STATUS
  0  done; there may be findings
  1  something inside failed, or it was interrupted
  2  the command line, what is scanned or the feeds are not usable
  3  not assessed: no feed in the folder speaks of this release, so no finding
     means nothing
  6  done, and findings fall under --fail-on`

// settings are the flags that are not Options.
type settings struct {
	format, failOn, explain, progress string
}

func formats() []string { return []string{"table", "json", "sarif", "cyclonedx-vex", "junit"} }

// Command is staunch scan. Its errors are faults: Invalid for what the caller can mend (exit code 2), NotFound for "not assessed" (3);
// or *Matched (6).
func Command(s Streams) *cobra.Command {
	var opts Options
	var set settings
	cmd := &cobra.Command{
		Use:   "scan [--root DIR | --sbom FILE | --image FILE]",
		Short: "Say what is vulnerable here or in an image, without a server",
		Long:  long,
		Example: `  staunch scan --feeds /srv/feeds
  staunch scan --root /mnt/image --feeds /srv/feeds -o json
  staunch scan --image app.tar --languages --feeds /srv/feeds
  staunch scan --sbom app.cdx.json --feeds /srv/feeds
  staunch scan --root /mnt/image --distro debian:12 --feeds /srv/feeds
  staunch scan --feeds /srv/feeds -o sarif --fail-on critical,kev > out.sarif
  staunch scan --feeds /srv/feeds --fail-on 'urgent,epss>=0.5'
  staunch scan --feeds /srv/feeds --explain CVE-2026-1234`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fault.New(fault.Invalid, "scan takes no argument such as %q; a root is given with --root", args[0])
			}
			return nil
		},
		SilenceUsage: true, SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error { return command(cmd, s, opts, set) },
	}
	flags := cmd.Flags()
	flags.StringVar(&opts.Root, "root", "/", "scan this `DIR` as a root")
	flags.StringVar(&opts.SBOM, "sbom", "", "scan what a `FILE` lists in place of a root: CycloneDX or SPDX")
	flags.StringVar(&opts.Image, "image", "", "scan a container image in place of a root: a `FILE` of docker save, podman save or an OCI layout")
	flags.BoolVar(&opts.Languages, "languages", false, "also packages of Python, Node, Ruby and Java, and what Go and Rust programs were built from")
	flags.StringVar(&opts.Changelogs, "changelogs", "", "take changelogs of the .debs in `DIR` as evidence, as /var/cache/apt/archives")
	flags.StringVar(&opts.Feeds, "feeds", "", "`DIR` with the feeds")
	flags.StringVar(&opts.Distro, "distro", "", "take the root for this `RELEASE`, as debian:12; needed when it has no os-release")
	flags.BoolVar(&opts.NoCache, "no-cache", false, "compile the feeds for this scan alone, and keep nothing")
	flags.BoolVar(&opts.IgnoreUnfixed, "ignore-unfixed", false, "leave out findings of which no fix is known")
	flags.StringVarP(&set.format, "output", "o", "table", "`FORMAT`: "+strings.Join(formats(), ", "))
	flags.StringVar(&set.failOn, "fail-on", "", "end with 6 when a finding falls under one of these `WORDS`, as critical,kev")
	flags.StringVar(&set.explain, "explain", "", "say of one `CVE` what each source says of it here, and why it counts or not")
	flags.StringVar(&set.progress, "progress", progressAuto, "`HOW`: auto (when standard error is a terminal), plain or none")
	return cmd
}

func command(cmd *cobra.Command, s Streams, opts Options, set settings) error {
	if !slices.Contains(formats(), set.format) {
		return fault.New(fault.Invalid, "-o %q is not known: %s", set.format, orList(formats()))
	}
	set.explain = strings.TrimSpace(set.explain) // pasted with the blank beside it, it would be an id that nobody names
	if id := strings.ToUpper(set.explain); intake.IsCVE(id) {
		set.explain = id
	}
	conditions, err := parseFailOn(set.failOn)
	if err != nil {
		return err
	}
	if set.explain != "" && set.format != "table" && set.format != "json" {
		return fault.New(fault.Invalid, "--explain is printed as table or json, not as %s", set.format)
	}
	if rooted := cmd.Flags().Changed("root"); rooted && opts.SBOM != "" || rooted && opts.Image != "" || opts.SBOM != "" && opts.Image != "" {
		return fault.New(fault.Invalid, "--root, --sbom and --image each name what is scanned: give one of them")
	}
	if err := opts.there(); err != nil {
		return err
	}
	if opts.Feeds, err = feedsIn(opts.Feeds, s.Folders.Data); err != nil {
		return err
	}
	opts.Cache, opts.Now = s.Folders.Cache, s.Now
	opts.Brief = set.format == "table" && set.explain == ""
	shown := &progress{w: s.Err, bar: s.ErrTerminal && set.progress == progressAuto, now: opts.now}
	switch set.progress {
	case progressAuto, progressPlain, progressNone:
		if shown.bar || set.progress == progressPlain {
			opts.Progress = shown.tell
		}
	default:
		return fault.New(fault.Invalid, "--progress %q is not known: auto, plain or none", set.progress)
	}
	one, err := scan(cmd.Context(), opts)
	shown.done()
	if err != nil {
		if errors.Is(err, context.Canceled) {
			return fault.Wrap(err, fault.Internal, "interrupted: nothing was scanned")
		}
		return err
	}
	defer one.close()
	if set.explain != "" {
		err = explain(s.Out, one, set)
	} else {
		err = write(s.Out, one, set.format, s.Version)
	}
	if err != nil {
		return err
	}
	if one.out.Assessment.Status == notAssessed {
		return fault.New(fault.NotFound, "not assessed: %s", one.out.Assessment.Reason)
	}
	return conditions.check(one.out.Findings, set.failOn)
}

// there says what is wrong when what is to be scanned is not there: with that, nothing else matters yet.
func (o Options) there() error {
	for what, path := range map[string]string{"root": o.Root, "SBOM": o.SBOM, "image": o.Image} {
		if what == "root" && (o.SBOM != "" || o.Image != "") || path == "" {
			continue
		}
		if _, err := os.Stat(path); err != nil {
			return fault.Wrap(err, fault.Invalid, "the %s %q cannot be opened", what, path)
		}
	}
	return nil
}

func orList(words []string) string {
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// write prints the result whole, or gives the error of the stream.
func write(w io.Writer, s *session, format, version string) error {
	b := bufio.NewWriterSize(w, 64<<10)
	var err error
	switch format {
	case "json":
		err = scanJSON(b, s.out)
	case "sarif":
		err = asJSON(b, sarif(s, version))
	case "cyclonedx-vex":
		err = asJSON(b, vex(s, version))
	case "junit":
		err = junit(b, s)
	default:
		_, err = b.WriteString(Table(s.out))
	}
	if err == nil {
		err = b.Flush()
	}
	if err != nil {
		return fault.Wrap(err, fault.Internal, "writing the result")
	}
	return nil
}

// scanJSON writes a scan with one finding a line: a tenth of the price of indenting all of it, and fit for line tools.
func scanJSON(w *bufio.Writer, out apiv1.Scan) error {
	findings := out.Findings
	out.Findings = []apiv1.Finding{}
	var shell bytes.Buffer
	if err := asJSON(&shell, out); err != nil {
		return err
	}
	const empty = `"findings": []`
	head, tail, ok := bytes.Cut(shell.Bytes(), []byte(empty))
	if !ok || len(findings) == 0 {
		_, err := w.Write(shell.Bytes())
		return err
	}
	_, _ = w.Write(head) // a bufio.Writer keeps its error for Flush
	_, _ = w.WriteString(`"findings": [`)
	e := json.NewEncoder(quiet{w})
	e.SetEscapeHTML(false)
	separator := "\n    "
	for i := range findings {
		_, _ = w.WriteString(separator)
		if err := e.Encode(&findings[i]); err != nil {
			return err
		}
		separator = "    ,"
	}
	_, _ = w.WriteString("  ]")
	_, err := w.Write(tail)
	return err
}

func asJSON(w io.Writer, v any) error {
	e := json.NewEncoder(quiet{w})
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// quiet writes JSON in which what JSON itself leaves as it is, and a terminal acts on, is escaped too. An encoder gives it whole values.
type quiet struct{ w io.Writer }

// Write says that it wrote p, whatever it made of it.
func (q quiet) Write(p []byte) (int, error) {
	var safe []byte
	done := 0
	for at := 0; at < len(p); {
		r, width := rune(p[at]), 1
		if r >= utf8.RuneSelf {
			r, width = utf8.DecodeRune(p[at:])
		}
		if r >= 0x7f && unsafe(r) {
			safe = append(safe, p[done:at]...)
			for _, half := range utf16.Encode([]rune{r}) {
				safe = fmt.Appendf(safe, `\u%04x`, half)
			}
			done = at + width
		}
		at += width
	}
	if done == 0 {
		return q.w.Write(p)
	}
	if _, err := q.w.Write(append(safe, p[done:]...)); err != nil {
		return 0, err
	}
	return len(p), nil
}

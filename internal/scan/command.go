package scan

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
)

// Streams are where a scan writes.
type Streams struct {
	Out, Err    io.Writer
	ErrTerminal bool // progress is shown
}

// Command is staunch scan. Its errors are faults: Invalid for what the caller can mend (exit code 2), NotFound for "not assessed" (3).
func Command(s Streams) *cobra.Command {
	var opts Options
	var format string
	cmd := &cobra.Command{
		Use:   "scan [--root DIR] --feeds DIR [--distro NAME:RELEASE] [-o table|json]",
		Short: "Say what is vulnerable on this machine or in a mounted root, without a server",
		Long: `Reads the package database below a root and the advisories in a folder, and prints what is vulnerable and what fixes it.
Nothing is changed, nothing is sent anywhere, and no server is needed.

The folder of feeds is laid out like the official sources: osv/NAME/all.zip, as osv/Debian/all.zip, and
kev/known_exploited_vulnerabilities.json (or .json.gz).

EXIT STATUS
  0  done; there may be findings
  1  something inside failed
  2  the command line, the root or the feeds are not usable
  3  not assessed: no feed in the folder speaks of this release, so no finding means nothing`,
		Example: `  staunch scan --feeds /srv/feeds
  staunch scan --root /mnt/image --feeds /srv/feeds -o json
  staunch scan --root /mnt/image --distro debian:12 --feeds /srv/feeds`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fault.New(fault.Invalid, "scan takes no argument such as %q; a root is given with --root", args[0])
			}
			return nil
		},
		SilenceUsage: true, SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if format != "table" && format != "json" {
				return fault.New(fault.Invalid, "-o %q is not known: table or json", format)
			}
			if s.ErrTerminal {
				opts.Progress = func(what string) { _, _ = fmt.Fprintf(s.Err, "scan: %s\n", visible(what)) }
			}
			out, err := Run(cmd.Context(), opts)
			if err != nil {
				return err
			}
			return show(s.Out, out, format)
		},
	}
	cmd.Flags().StringVar(&opts.Root, "root", "/", "the root to scan")
	cmd.Flags().StringVar(&opts.Feeds, "feeds", "", "folder with the feeds")
	cmd.Flags().StringVar(&opts.Distro, "distro", "", "take the root for this release, as debian:12; needed when it has no os-release")
	cmd.Flags().StringVarP(&format, "output", "o", "table", "table or json")
	return cmd
}

func show(w io.Writer, out apiv1.Scan, format string) error {
	var err error
	if format == "json" {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		err = e.Encode(out)
	} else {
		_, err = io.WriteString(w, Table(out))
	}
	if err != nil {
		return fault.Wrap(err, fault.Internal, "writing the result")
	}
	if out.Assessment.Status == notAssessed {
		return fault.New(fault.NotFound, "not assessed: %s", out.Assessment.Reason)
	}
	return nil
}

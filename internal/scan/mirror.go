package scan

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/feed"
)

// MirrorCommand is staunch feed mirror: the feeds in a folder, for scans and for servers whose feeds setting names it.
func MirrorCommand(s Streams) *cobra.Command {
	var o feed.MirrorOptions
	var format string
	cmd := &cobra.Command{
		Use:         "mirror [DIR] --ecosystems RELEASE,…",
		Annotations: map[string]string{"under": "feed"},
		Short:       "Fetch feeds into a directory, without a server",
		Long: `Fetch the feeds that speak of the releases named, and those of every host, into a
directory: from their official sources, or from another mirror with --from. A file
is fetched only when its source has a newer one, and takes the place of the one
before only when the whole feed can be read.

staunch scan reads the directory (its default is the one that scan looks into),
and so does staunch server --feeds DIR; staunch feed import DIR sends it to a server.`,
		Example: "  staunch feed mirror --ecosystems Debian:12\n  staunch feed mirror /srv/feeds --ecosystems Debian:12,PyPI --without epss",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fault.New(fault.Invalid, "%q is one argument too many; see staunch feed mirror --help", args[1])
			}
			return nil
		},
		SilenceUsage: true, SilenceErrors: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if format != "table" && format != "json" {
				return fault.New(fault.Invalid, "-o %q is not known: table or json", format)
			}
			dir := s.Folders.feeds()
			if len(args) == 1 {
				dir = args[0]
			}
			return mirror(cmd.Context(), s, dir, o, format)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&o.Releases, "ecosystems", nil, "`RELEASES` whose feeds are fetched, as Debian:12,AlmaLinux:9,PyPI")
	flags.StringSliceVar(&o.Without, "without", nil, "`FEEDS` that are left out, as epss,ubuntu/*")
	flags.StringVar(&o.From, "from", "", "`URL` of another mirror, in place of the official sources")
	flags.StringVarP(&format, "output", "o", "table", "table or json")
	return cmd
}

func mirror(ctx context.Context, s Streams, dir string, o feed.MirrorOptions, format string) error {
	switch {
	case len(o.Releases) == 0:
		return fault.New(fault.Invalid, "which feeds? give --ecosystems, as --ecosystems Debian:12,AlmaLinux:9")
	case dir == "":
		return fault.New(fault.Invalid, "no directory to fetch into: name one")
	}
	if s.ErrTerminal {
		o.Told = func(name string) { _, _ = fmt.Fprintf(s.Err, "\rfetching %s\x1b[K", visible(name)) }
		defer func() { _, _ = fmt.Fprint(s.Err, "\r\x1b[K") }()
	}
	all, err := feed.Mirror(ctx, dir, o)
	if err != nil {
		return err
	}
	if err := showMirror(s.Out, all, format); err != nil {
		return fault.Wrap(err, fault.Internal, "writing the result")
	}
	failed, absent := 0, 0
	for _, f := range all {
		if f.Error != "" {
			failed++
		}
		if f.Absent || f.Support != "supported" {
			absent++
		}
	}
	if absent == len(all) {
		return fault.New(fault.Unavailable, "none of the feeds is at %s: is the address right?", o.From)
	}
	if failed > 0 {
		return fault.New(fault.Unavailable, "%d of %s could not be brought up to date; what was there of them stays", failed, plural(len(all), "feed"))
	}
	return nil
}

func showMirror(w io.Writer, all []apiv1.FeedStatus, format string) error {
	if format == "json" {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(apiv1.FeedList{Items: all, NotAssessed: []apiv1.ReleaseGap{}})
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, f := range all {
		_, _ = fmt.Fprintf(t, "%s\t%s\n", visible(f.Name), visible(became(f))) // Flush gives the error
	}
	return t.Flush()
}

// became says what became of one feed.
func became(f apiv1.FeedStatus) string {
	switch {
	case f.Error != "":
		return "failed: " + f.Error
	case f.Reason != "":
		return "not supported: " + f.Reason
	case f.Absent:
		return "not there"
	case f.AsOf == nil:
		return "nothing new"
	case f.Skipped > 0:
		return fmt.Sprintf("%s, %d could not be read", plural(f.Records, "record"), f.Skipped)
	}
	return plural(f.Records, "record")
}

package cli

import (
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/client"
	"github.com/staunch-dev/staunch/internal/fault"
)

func (p *program) feed() *cobra.Command {
	return group("feed", "Show and update what is known about packages",
		"  staunch feed status\n  staunch feed import ./feeds",
		p.feedStatus(), p.feedUpdate(), p.feedImport())
}

func (p *program) feedStatus() *cobra.Command {
	return p.remote(&cobra.Command{
		Use: "status", Short: "Show each feed: what it last gave, and how old that is",
		Example: "  staunch feed status",
	}, func(ctx context.Context, o *client.Operator, _ []string) error {
		list, err := o.Feeds(ctx)
		if err != nil {
			return err
		}
		if err := show(p, list, list.Items, p.feedColumns()); err != nil {
			return err
		}
		for _, f := range list.Items {
			if f.Error != "" {
				p.note("%s: %s", f.Name, f.Error)
			}
		}
		if len(list.Items) == 0 {
			p.note("no feed has data yet: nothing can be assessed")
		}
		return nil
	})
}

func (p *program) feedColumns() []column[apiv1.FeedStatus] {
	now := p.env.Now()
	return []column[apiv1.FeedStatus]{
		{name: "name", text: func(f apiv1.FeedStatus) string { return f.Name }, least: 12},
		{name: "records", text: func(f apiv1.FeedStatus) string { return strconv.Itoa(f.Records) }, right: true},
		{name: "skipped", text: func(f apiv1.FeedStatus) string { return strconv.Itoa(f.Skipped) }, right: true, tone: func(f apiv1.FeedStatus) tone { return unless(f.Skipped == 0, warn) }},
		{name: "as_of", text: func(f apiv1.FeedStatus) string { return ago(f.AsOf, now) }, where: inTable},
		{name: "as_of", text: func(f apiv1.FeedStatus) string { return stamp(f.AsOf) }, where: inCSV},
		{name: "changed", text: func(f apiv1.FeedStatus) string { return ago(f.Changed, now) }, where: inTable},
		{name: "changed", text: func(f apiv1.FeedStatus) string { return stamp(f.Changed) }, where: inCSV},
		{name: "last_attempt", text: func(f apiv1.FeedStatus) string { return stamp(f.LastAttempt) }, where: inCSV},
		{name: "state", text: feedState, tone: func(f apiv1.FeedStatus) tone { return unless(f.Error == "", bad) }},
		{name: "error", text: func(f apiv1.FeedStatus) string { return f.Error }, where: inCSV},
		{name: "url", text: func(f apiv1.FeedStatus) string { return f.URL }, least: 10},
	}
}

func feedState(f apiv1.FeedStatus) string {
	switch {
	case f.Error != "":
		return "failed"
	case f.AsOf == nil:
		return "no data"
	}
	return "ok"
}

func (p *program) feedUpdate() *cobra.Command {
	return p.remote(&cobra.Command{
		Use: "update [NAME…]", Short: "Ask the server to fetch feeds now",
		Long:    "Ask the server to fetch feeds now: those named, or all.\n\nIt does so in the background; see staunch feed status.",
		Example: "  staunch feed update\n  staunch feed update osv/Debian kev",
		Args:    cobra.ArbitraryArgs,
	}, func(ctx context.Context, o *client.Operator, args []string) error {
		if err := o.UpdateFeeds(ctx, args); err != nil {
			return err
		}
		p.note("the server fetches %s in the background: see staunch feed status", or(strings.Join(args, ", "), "all feeds"))
		return nil
	})
}

func (p *program) feedImport() *cobra.Command {
	var name string
	c := p.remote(&cobra.Command{
		Use: "import PATH", Short: "Give the server feeds from files, as where there is no network",
		Long: `Give the server feeds from files.

PATH is a directory laid out like the sources, or one file of it:

  osv/ECOSYSTEM/all.zip                          an archive of OSV records
  kev/known_exploited_vulnerabilities.json[.gz]  CISA's catalogue`,
		Example: "  staunch feed import ./feeds\n  staunch feed import all.zip --name osv/Debian",
		Args:    exactly("the directory or file"),
	}, func(ctx context.Context, o *client.Operator, args []string) error {
		files, err := feedFiles(args[0], name)
		if err != nil {
			return err
		}
		list := apiv1.FeedList{Items: []apiv1.FeedStatus{}}
		for _, f := range files {
			status, err := p.importFeed(ctx, o, f)
			if err != nil {
				return fault.Wrap(err, fault.KindOf(err), "%s: %s", f.path, Message(err))
			}
			list.Items = append(list.Items, status)
		}
		return show(p, list, list.Items, p.feedColumns())
	})
	c.Flags().StringVar(&name, "name", "", "`NAME` of the feed, when PATH is a file that does not say, as osv/Debian")
	return c
}

// feedFile is one file to import, and the feed that it is of.
type feedFile struct{ name, path string }

// feedFiles finds what to import at path: a file, or every feed below a directory, in order.
func feedFiles(path, name string) ([]feedFile, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fileFault(path, err)
	}
	if !info.IsDir() {
		if name == "" {
			name = feedName(path)
		}
		if name == "" {
			return nil, usage("%q does not say which feed it is: name it with --name, as osv/Debian", path)
		}
		return []feedFile{{name, path}}, nil
	}
	if name != "" {
		return nil, usage("--name is for one file; %q is a directory", path)
	}
	var files []feedFile
	err = filepath.WalkDir(path, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := feedName(at); name != "" && d.Type().IsRegular() {
			files = append(files, feedFile{name, at})
		}
		return nil
	})
	if err != nil {
		return nil, fileFault(path, err)
	}
	if len(files) == 0 {
		return nil, fault.New(fault.NotFound, "%q holds neither osv/ECOSYSTEM/all.zip nor kev/known_exploited_vulnerabilities.json", path)
	}
	return files, nil
}

// feedName is the feed that a path ends in; empty when it is none.
func feedName(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	parts := strings.Split(filepath.ToSlash(path), "/")
	if len(parts) >= 3 && parts[len(parts)-1] == "all.zip" && parts[len(parts)-3] == "osv" {
		return "osv/" + parts[len(parts)-2]
	}
	switch parts[len(parts)-1] {
	case "known_exploited_vulnerabilities.json", "known_exploited_vulnerabilities.json.gz":
		return "kev"
	}
	return ""
}

func (p *program) importFeed(ctx context.Context, o *client.Operator, f feedFile) (apiv1.FeedStatus, error) {
	file, err := os.Open(f.path)
	if err != nil {
		return apiv1.FeedStatus{}, fileFault(f.path, err)
	}
	defer func() { _ = file.Close() }()
	total := int64(0)
	if info, err := file.Stat(); err == nil {
		total = info.Size()
	}
	var body io.Reader = file
	if p.env.StderrTerminal {
		bar := &progress{r: file, w: p.env.Stderr, what: clean(f.name), total: total, now: p.env.Now}
		defer bar.done()
		body = bar
	}
	return o.ImportFeed(ctx, f.name, body)
}

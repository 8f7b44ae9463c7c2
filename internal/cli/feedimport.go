package cli

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/client"
	"github.com/staunch-dev/staunch/internal/fault"
)

func (p *program) feedImport() *cobra.Command {
	var as, trust string
	var force bool
	c := p.remote(&cobra.Command{
		Use: "import PATH", Short: "Give the server feeds from files, as where there is no network",
		Long: `Give the server feeds from files. PATH is one of

  a bundle that staunch feed export made. Its signer must be trusted by the
  server: its own key, a key in DATA/bundle_signers, or one given with --trust

  a directory laid out like a mirror of the sources: osv/ECOSYSTEM/all.zip,
  kev/known_exploited_vulnerabilities.json and so on; see docs/feeds.md

  one file of one feed, named with --as when its path does not say which. With
  --as override or --as vex it is your own list: it replaces the one before,
  and counts for more than what any source says

A feed is taken in whole or refused whole; what the server had of it stays. One
that suddenly has less than half of its records is refused: more likely the file
is broken. Where it really shrank, --force takes it in.`,
		Example: "  staunch feed import ./feeds\n  staunch feed import all.zip --as osv/Debian\n  staunch feed import --as override list.yaml\n  staunch feed import bundle.staunch --trust hq.pub",
		Args:    exactly("the directory or file"),
	}, func(ctx context.Context, o *client.Operator, args []string) error {
		at := args[0]
		info, err := os.Stat(at)
		if err != nil {
			return fileFault(at, err)
		}
		bundled := info.Mode().IsRegular() && as == "" && isBundle(at)
		switch {
		case !bundled && trust != "":
			return usage("--trust is for bundles; %q is none", at)
		case bundled:
			return p.importBundle(ctx, o, at, trust, force)
		case !info.IsDir():
			return p.importOne(ctx, o, at, as, force)
		case force:
			return usage("--force is for a bundle or one file; %q is a directory", at)
		case as != "":
			return usage("--as is for one file; %q is a directory", at)
		}
		return p.importFolder(ctx, o, at)
	})
	c.Flags().StringVar(&as, "as", "", "`NAME` of the feed that a file is of: as osv/Debian, override, vex")
	c.Flags().StringVar(&as, "name", "", "")
	_ = c.Flags().MarkHidden("name") // what --as was called
	c.Flags().StringVar(&trust, "trust", "", "`FILE` with the public key that the bundle is signed with")
	c.Flags().BoolVar(&force, "force", false, "take in a file that holds less than half of what the server has;\nof a bundle, what is older too, of fewer releases, or replaces your own list")
	return c
}

// importOne gives one feed its file.
func (p *program) importOne(ctx context.Context, o *client.Operator, path, name string, force bool) error {
	if name == "" {
		name = feedName(path)
	}
	if name == "" {
		return usage("%q does not say which feed it is: name it with --as, as --as osv/Debian or --as override", path)
	}
	body, done, err := p.sending(ctx, o, path, name)
	if err != nil {
		return err
	}
	status, err := o.ImportFeed(ctx, name, body, force)
	done()
	if err != nil {
		return fault.Wrap(err, fault.KindOf(err), "%s: %s", path, Message(err))
	}
	list := apiv1.FeedList{Items: []apiv1.FeedStatus{status}, NotAssessed: []apiv1.ReleaseGap{}}
	return show(p, list, list.Items, p.feedColumns())
}

// feedName is the feed that a path ends in; empty when it is none that we know by its path.
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

// isBundle says whether a file begins as a bundle does: a tar whose first file is the manifest. Whether it is a good one, the server says.
func isBundle(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	h, err := tar.NewReader(f).Next()
	return err == nil && h.Name == "manifest.json"
}

func (p *program) importBundle(ctx context.Context, o *client.Operator, path, trust string, force bool) error {
	key := ""
	if trust != "" {
		text, err := readBounded(trust)
		if err != nil {
			return err
		}
		key = strings.TrimSpace(string(text))
	}
	body, done, err := p.sending(ctx, o, path, "the bundle")
	if err != nil {
		return err
	}
	got, err := o.ImportBundle(ctx, body, key, force)
	done()
	if err != nil {
		return fault.Wrap(err, fault.KindOf(err), "%s: %s", path, Message(err))
	}
	p.note("made %s, signed by %s (%s)", stamp(&got.Created), got.Signer, got.SignedBy)
	return p.imported(got, got.Items)
}

// importFolder sends a directory as one tar; the server picks what is a feed's.
func (p *program) importFolder(ctx context.Context, o *client.Operator, dir string) error {
	out, in := io.Pipe()
	go func() { _ = in.CloseWithError(tarOf(in, dir)) }()
	defer func() { _ = out.CloseWithError(errors.New("the server has answered")) }()
	shown := p.showing(ctx, o, "the feeds")
	list, err := o.ImportFeeds(ctx, shown.sends(out, totalOf(dir)))
	shown.end()
	if err != nil {
		return fault.Wrap(err, fault.KindOf(err), "%s: %s", dir, Message(err))
	}
	return p.imported(list, list.Items)
}

// imported shows what became of several feeds; the error says that some were refused.
func (p *program) imported(answer any, items []apiv1.FeedStatus) error {
	if err := show(p, answer, items, p.feedColumns()); err != nil {
		return err
	}
	refused := 0
	for _, f := range items {
		if f.Error != "" {
			refused++
			p.note("%s: %s", f.Name, f.Error)
		}
	}
	if refused > 0 {
		return fault.New(fault.Invalid, "%d of %d feeds were refused; what the server had of them stays", refused, len(items))
	}
	return nil
}

// feedDepth is how deep below a mirror's folder a feed's file is at most, as debian/DSA/list.
const feedDepth = 3

// feedFolders are the folders of a mirror in which feeds are (docs/feeds.md has the table). Nothing else is sent: the directory may be
// the wrong one, and hold what is nobody's business.
func feedFolders() []string {
	return []string{"alpine", "amazon", "azure", "debian", "eol", "epss", "kev", "microsoft", "oracle", "osv", "override", "redhat", "ssvc", "suse", "suse-leap", "ubuntu", "vex"}
}

// eachFile calls fn for the files below dir that may be feeds, in order, with their names below it.
func eachFile(dir string, fn func(name string, info fs.FileInfo) error) error {
	return filepath.WalkDir(dir, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, at)
		if err != nil {
			return err
		}
		deep := strings.Count(filepath.ToSlash(name), "/")
		switch {
		case d.IsDir() && name != "." && deep == 0 && !slices.Contains(feedFolders(), name):
			return filepath.SkipDir
		case d.IsDir() && name != "." && (deep >= feedDepth-1 || strings.HasPrefix(d.Name(), ".")):
			return filepath.SkipDir
		case !d.Type().IsRegular() || deep == 0 || strings.HasPrefix(d.Name(), "."):
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return fn(filepath.ToSlash(name), info)
	})
}

func tarOf(w io.Writer, dir string) error {
	t := tar.NewWriter(w)
	err := eachFile(dir, func(name string, info fs.FileInfo) error {
		f, err := os.Open(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		if err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: info.Size(), ModTime: info.ModTime(), Format: tar.FormatPAX}); err != nil {
			return err
		}
		_, err = io.CopyN(t, f, info.Size())
		return err
	})
	if err != nil {
		return err
	}
	return t.Close()
}

func totalOf(dir string) int64 {
	total := int64(0)
	_ = eachFile(dir, func(_ string, info fs.FileInfo) error {
		total += info.Size()
		return nil
	})
	return total
}

// sending opens a file to be sent, with its progress.
func (p *program) sending(ctx context.Context, o *client.Operator, path, what string) (body io.Reader, done func(), err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, fileFault(path, err)
	}
	total := int64(0)
	if info, err := file.Stat(); err == nil {
		total = info.Size()
	}
	shown := p.showing(ctx, o, what)
	return shown.sends(file, total), func() { shown.end(); _ = file.Close() }, nil
}

package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/ssh"

	"github.com/staunch-dev/staunch/internal/client"
	"github.com/staunch-dev/staunch/internal/fault"
)

func (p *program) feedExport() *cobra.Command {
	var ecosystems []string
	var everything bool
	var to string
	c := p.remote(&cobra.Command{
		Use: "export (--ecosystems RELEASE,… | --all) --to FILE", Short: "Write one signed file, for a server without a network",
		Long: `Write a bundle: one compressed file with what this server knows of the releases
named, of what is exploited, of support that ends, and your own lists. The server
signs it with its plan key.

Another server takes it in with staunch feed import, when it trusts that key:
give it the line printed here, with --trust or in its DATA/bundle_signers.`,
		Example: "  staunch feed export --ecosystems Debian:12,AlmaLinux:9 --to bundle.staunch\n  staunch feed export --all --to bundle.staunch",
		Args:    cobra.NoArgs,
	}, func(ctx context.Context, o *client.Operator, _ []string) error {
		switch {
		case to == "":
			return usage("no file to write to: give --to FILE")
		case everything == (len(ecosystems) > 0):
			return usage("give either --ecosystems, as --ecosystems Debian:12,AlmaLinux:9, or --all")
		}
		key, err := p.exportTo(ctx, o, to, ecosystems)
		if err != nil {
			return err
		}
		public, _, _, _, err := ssh.ParseAuthorizedKey([]byte(key))
		if err != nil {
			return fault.New(fault.Unavailable, "the server does not say which key signed the bundle")
		}
		p.note("wrote %s, signed by %s", to, ssh.FingerprintSHA256(public))
		p.note("the other server must trust this key: %s", key)
		return nil
	})
	c.Flags().StringSliceVar(&ecosystems, "ecosystems", nil, "`RELEASES` to export, as Debian:12,AlmaLinux:9")
	c.Flags().BoolVar(&everything, "all", false, "export everything that the server knows")
	c.Flags().StringVar(&to, "to", "", "`FILE` to write")
	return c
}

// exportTo writes a bundle beside the file and renames it, so that a file of that name is always a whole one.
func (p *program) exportTo(ctx context.Context, o *client.Operator, path string, releases []string) (key string, err error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return "", usage("%q is a folder: --to names the file to write", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if errors.Is(err, fs.ErrNotExist) {
		return "", fault.Wrap(err, fault.NotFound, "there is no folder %q to write to", filepath.Dir(path))
	} else if err != nil {
		return "", fault.Wrap(err, fault.Invalid, "cannot write to the folder %q", filepath.Dir(path))
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	shown := p.showing(ctx, o, "the bundle")
	body, begins := shown.receives(f)
	key, err = o.ExportFeeds(ctx, releases, body, begins)
	shown.end()
	if err != nil {
		return "", errors.Join(err, f.Close())
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return "", fileFault(path, err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return "", fileFault(path, err)
	}
	return strings.TrimSpace(key), nil
}

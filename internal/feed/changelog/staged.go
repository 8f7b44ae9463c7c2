package changelog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// maxStaged is how many packages of a folder are read: an upgrade of a whole release brings some 3,000.
const maxStaged = 10_000

// StagedDebs reads the .debs that wait in a folder, as /var/cache/apt/archives does, and yields what their changelogs say that they fix.
// installed tells the source and the source's version of an installed package; a package that is not installed, is of another source, or
// is no newer is left out. Of a source that brings several packages one changelog is read. Links and files in folders below are left
// alone. What cannot be read is named in the survey; the error is the folder's, the caller's or yield's.
func StagedDebs(ctx context.Context, dir, ecosystem string, limits intake.Limits, installed func(name, arch string) (source, version string, ok bool), yield func(advisory.Advisory) error) (intake.Survey, error) {
	s := intake.Survey{FixesOnly: true, Ecosystems: []string{ecosystem}}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return s, err
	}
	defer root.Close()
	names, err := debsIn(root, &s)
	if err != nil {
		return s, err
	}
	read, ids := map[Pending]bool{}, intake.NewSeen()
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return s, err
		}
		var p Pending
		d, err := stagedDeb(ctx, root, name, limits, func(d Deb) bool {
			source, version, ok := installed(d.Package, d.Architecture)
			p = Pending{Ecosystem: ecosystem, Package: d.Source, Installed: version, Version: d.SourceVersion}
			n, err := vercmp.Compare(vercmp.Deb, version, d.SourceVersion)
			return ok && source == d.Source && err == nil && n < 0 && !read[p]
		})
		switch {
		case ctx.Err() != nil:
			return s, ctx.Err()
		case err != nil:
			s.Skip(name, err.Error())
			continue
		case len(d.Entries) == 0:
			s.Left++
			continue
		}
		read[p] = true
		for _, a := range Evidence(p, d.Entries) {
			if !ids.Add(a.ID) {
				continue // two versions of one source wait; the older one's word on a CVE is as good
			}
			s.Records++
			if a.Published.After(s.Newest) {
				s.Newest = a.Published
			}
			if err := yield(a); err != nil {
				return s, err
			}
		}
	}
	return s, nil
}

// debsIn lists the .debs of a folder by name.
func debsIn(root *os.Root, s *intake.Survey) ([]string, error) {
	folder, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	var names []string
	for {
		batch, err := folder.Readdirnames(1000)
		for _, name := range batch {
			if strings.HasSuffix(name, ".deb") {
				names = append(names, name)
			}
		}
		if len(names) > maxStaged {
			s.Name(root.Name(), fmt.Sprintf("it has more than %d packages; the rest is not read", maxStaged))
			names = names[:maxStaged]
			break
		}
		if len(batch) == 0 || err != nil {
			break
		}
	}
	slices.Sort(names)
	return names, nil
}

func stagedDeb(ctx context.Context, root *os.Root, name string, limits intake.Limits, want func(Deb) bool) (Deb, error) {
	limits = limits.OrDefault()
	info, err := root.Lstat(name)
	switch {
	case err != nil:
		return Deb{}, plain(err)
	case !info.Mode().IsRegular():
		return Deb{}, errors.New("it is no regular file")
	case info.Size() > limits.MaxArchive:
		return Deb{}, fmt.Errorf("it has %d bytes, the limit is %d", info.Size(), limits.MaxArchive)
	}
	f, err := root.Open(name)
	if err != nil {
		return Deb{}, plain(err)
	}
	defer f.Close()
	return ReadDeb(ctx, f, limits, want)
}

// plain leaves the path out of an error that is shown beside it.
func plain(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

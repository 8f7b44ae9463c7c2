package inspect

import (
	"bufio"
	"errors"
	"io/fs"
	"path"
	"strings"

	"github.com/staunch-dev/staunch/internal/pkgmgr"
	"github.com/staunch-dev/staunch/internal/pkgmgr/dpkg"
	"github.com/staunch-dev/staunch/internal/pkgmgr/pacman"
	"github.com/staunch-dev/staunch/internal/rpmdb"
)

// owned says which of some files belong to packages of the distribution, by the lists of files that its package manager keeps.
func owned(tree *pkgmgr.Root, manager string, files map[string]bool) (map[string]bool, error) {
	theirs := map[string]bool{}
	if len(files) == 0 {
		return theirs, nil
	}
	// A list may name a file by a way that is a link since /usr was merged: /lib/x is usr/lib/x.
	note := func(name string) {
		name = strings.TrimPrefix(name, "/")
		for _, name := range []string{name, "usr/" + name} {
			if files[name] {
				theirs[name] = true
			}
		}
	}
	switch manager {
	case "dpkg":
		return theirs, errors.Join(
			eachListed(tree, "var/lib/dpkg/info", ".list", func(line string, _ *string) { note(line) }),
			eachListed(tree, dpkg.StatusDir, ".md5sums", func(line string, _ *string) { // distroless images have these alone
				if _, name, ok := strings.Cut(line, "  "); ok {
					note(name)
				}
			}))
	case "apk":
		return theirs, errors.Join(apkFiles(tree, "lib/apk/db/installed", note), apkFiles(tree, "usr/lib/apk/db/installed", note))
	case "pacman":
		return theirs, eachListed(tree, pacman.Local, "/files", func(line string, _ *string) { note(line) })
	case "rpm":
		return theirs, rpmdb.Files(tree, note)
	}
	return theirs, nil
}

// eachListed reads the lines of every file in a folder whose name ends so, or of the file of that name in every folder in it.
func eachListed(tree *pkgmgr.Root, dir, suffix string, line func(text string, state *string)) error {
	entries, err := tree.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // an image without lists of files
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		if inside, ok := strings.CutPrefix(suffix, "/"); ok && e.IsDir() {
			name = path.Join(name, inside)
		} else if ok || !strings.HasSuffix(name, suffix) {
			continue
		}
		if err := eachLine(tree, name, line); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func apkFiles(tree *pkgmgr.Root, name string, note func(string)) error {
	err := eachLine(tree, name, func(text string, dir *string) {
		if d, ok := strings.CutPrefix(text, "F:"); ok {
			*dir = d
		} else if file, ok := strings.CutPrefix(text, "R:"); ok {
			note(path.Join(*dir, file))
		}
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// maxList bounds one list of files; that of a package with 100,000 has 10 MB, apk's, with all packages in one, 20 MB.
const maxList = 1 << 30

// eachLine gives the lines of a file, and a text that lasts from one to the next.
func eachLine(tree *pkgmgr.Root, name string, line func(text string, state *string)) error {
	f, err := tree.OpenUpTo(name, maxList)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	lines, state := bufio.NewScanner(f), ""
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		line(lines.Text(), &state)
	}
	return lines.Err()
}

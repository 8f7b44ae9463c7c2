package compiled

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/fault"
)

const (
	tempPrefix = ".compiling-"
	suffix     = ".feeds"

	keptOfOne = 2              // of one folder and one choice of releases: the newest and the one before
	keptInAll = 8              // of all
	abandoned = 24 * time.Hour // a temporary file so old is of a program that ended
)

// Input is one file that feeds are compiled from, as it was when it was looked at.
type Input struct {
	Path     string // below the folder of feeds
	Size     int64
	Modified time.Time
	Inode    uint64 // 0 where there is none
}

// Survey looks at the files of a folder, by path: regular ones, and what symbolic links name, folders too, since that is what is read
// when feeds are compiled. Hidden ones are left out.
func Survey(folder string) ([]Input, error) {
	s := survey{folder: folder, left: maxInputs}
	if err := s.look("", nil); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the folder of feeds %q cannot be read", folder)
	}
	return s.inputs, nil
}

// maxInputs bounds the files and folders that are looked at: links to folders beside each other can make any number of paths of a few
// folders. A whole mirror has some hundred.
const maxInputs = 100_000

type survey struct {
	folder string
	inputs []Input
	left   int // that may still be looked at
}

// look takes what is at a path below the folder. above are the folders that lead there: a link back to one of them is not followed.
func (s *survey) look(rel string, above []fs.FileInfo) error {
	if s.left--; s.left < 0 {
		return fmt.Errorf("it has more than %d files and folders", maxInputs)
	}
	path := filepath.Join(s.folder, rel)
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		s.inputs = append(s.inputs, Input{Path: rel, Size: info.Size(), Modified: info.ModTime(), Inode: inode(info)})
		return nil
	}
	if slices.ContainsFunc(above, func(a fs.FileInfo) bool { return os.SameFile(a, info) }) {
		return nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	above = append(slices.Clip(above), info)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if err := s.look(filepath.Join(rel, e.Name()), above); err != nil {
			return err
		}
	}
	return nil
}

// Key names compiled feeds: which folder and releases (Of), and which state of the folder and of the program (State).
type Key struct{ Of, State string }

// KeyOf makes the key of a folder (its absolute path), the releases wanted of it and its files. program tells one program's way to read
// feeds from another's: two keys with different ones never meet.
func KeyOf(folder string, releases []string, inputs []Input, program string) Key {
	releases = slices.Clone(releases)
	slices.Sort(releases)
	of := digest(append([]string{folder}, releases...)...)
	var b []byte
	for _, in := range inputs {
		b = appendText(b, in.Path)
		b = binary.LittleEndian.AppendUint64(b, uint64(in.Size))                //nolint:gosec // any bits tell files apart
		b = binary.LittleEndian.AppendUint64(b, uint64(in.Modified.UnixNano())) //nolint:gosec // same
		b = binary.LittleEndian.AppendUint64(b, in.Inode)
	}
	b = binary.AppendUvarint(b, Format)
	return Key{Of: of, State: digest(of, program, string(b))}
}

func digest(parts ...string) string {
	var b []byte
	for _, p := range parts {
		b = appendText(b, p)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:12])
}

func (k Key) file() string { return k.Of + "-" + k.State + suffix }

// Cache is a folder of compiled feeds that only its owner may see into.
type Cache struct{ folder string }

// OpenCache makes the folder where it is missing. One that belongs to somebody else, or that others may write, is fault.Forbidden: what
// they put there would be believed.
func OpenCache(folder string) (Cache, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return Cache{}, fault.Wrap(err, fault.Forbidden, "the cache folder %q cannot be made", folder)
	}
	info, err := os.Lstat(folder)
	if err != nil {
		return Cache{}, fault.Wrap(err, fault.Forbidden, "the cache folder %q cannot be read", folder)
	}
	switch {
	case !info.IsDir():
		return Cache{}, fault.New(fault.Forbidden, "the cache folder %q is no folder of its own", folder)
	case !ours(info):
		return Cache{}, fault.New(fault.Forbidden, "the cache folder %q belongs to somebody else", folder)
	case exposed(info):
		return Cache{}, fault.New(fault.Forbidden, "the cache folder %q is open to others: chmod 700 it", folder)
	}
	return Cache{folder}, nil
}

// Open gives the compiled feeds of a key. fault.NotFound: there are none. ErrDamaged: there were, and they are thrown away.
func (c Cache) Open(k Key) (*Library, error) {
	path := filepath.Join(c.folder, k.file())
	f, err := openPlain(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.New(fault.NotFound, "nothing compiled yet")
	case err != nil:
		return nil, fault.Wrap(err, fault.Internal, "reading the cache")
	}
	defer f.Close()
	// The opened file is looked at, not its name, which may be another's in between.
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() || !ours(info) || exposed(info) {
		return nil, damaged("%q is not a file of ours alone", path)
	}
	l, err := OpenFile(f)
	if errors.Is(err, ErrDamaged) {
		c.Discard(k)
	}
	return l, err
}

// Discard throws away the compiled feeds of a key: they turned out to be damaged.
func (c Cache) Discard(k Key) { _ = os.Remove(filepath.Join(c.folder, k.file())) }

// Create begins the compiled feeds of a key. Whoever finishes last wins; every one of them has written the same.
func (c Cache) Create(k Key) (*Writer, error) { return Create(filepath.Join(c.folder, k.file())) }

// Prune removes what is not needed any more: all but the newest of each folder's, all but the newest of all, and what ended programs
// left. A file that another process has mapped stays readable to it.
func (c Cache) Prune(now time.Time) {
	entries, err := os.ReadDir(c.folder)
	if err != nil {
		return
	}
	var files []fs.FileInfo
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		switch {
		case strings.HasSuffix(e.Name(), suffix):
			files = append(files, info)
		case strings.HasPrefix(e.Name(), tempPrefix) && now.Sub(info.ModTime()) > abandoned:
			_ = os.Remove(filepath.Join(c.folder, e.Name()))
		}
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int {
		return cmp.Or(b.ModTime().Compare(a.ModTime()), strings.Compare(a.Name(), b.Name()))
	})
	of := map[string]int{}
	for i, f := range files {
		group, _, _ := strings.Cut(f.Name(), "-")
		if of[group]++; of[group] > keptOfOne || i >= keptInAll {
			_ = os.Remove(filepath.Join(c.folder, f.Name()))
		}
	}
}

package inspect

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/staunch-dev/staunch/internal/pkgmgr/rpm"
)

// Bounds of all layers together.
const (
	maxUnpacked  = 256 << 30 // read
	maxExtracted = 16 << 30  // kept
	maxFiles     = 20_000_000
	maxPadding   = 64 << 20  // read behind a layer's end; tar fills up to 10 KiB
	maxNodes     = 2_000_000 // names kept in memory
	maxNames     = 256 << 20 // bytes of them, and of what links say
	maxSteps     = 1 << 30   // from a folder to the next, or over a name that a whiteout drops; an image of a million files takes 20 million
	maxWanted    = 4 << 30   // of one file; rpm's database may be as large
	maxPath      = 4096
	maxLevels    = maxPath / 2 // of folders: a path of more names would be longer
)

// Whiteouts: how a layer says that something below it is gone (image-spec, layer.md).
const (
	whiteout = ".wh."
	opaque   = ".wh..wh..opq"
)

// decompress recognises gzip and zstd by their magic numbers.
func decompress(r io.Reader) (out io.ReadCloser, compressed bool, err error) {
	in := bufio.NewReaderSize(r, 64<<10)
	magic, _ := in.Peek(4)
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(in)
		return z, true, err
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(in, zstd.WithDecoderMaxWindow(256<<20), zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, true, err
		}
		return z.IOReadCloser(), true, nil
	}
	return io.NopCloser(in), false, nil
}

// node is a name in the file system that layers make. A folder has children; a link a target; a file that we want the name under which
// it lies in our folder, any other an empty one.
type node struct {
	children map[string]*node
	link     string
	stored   string
	mode     fs.FileMode
	layer    int // that touched it last
}

// tree is a file system in memory, of which only links and the files wanted are kept.
type tree struct {
	dir       string
	languages bool
	root      *node
	layer     int
	nodes     int // names, and files kept
	most      int // of them
	names     int // bytes left
	steps     int // left
	files     int
	unpacked  int64 // left
	extracted int64 // left
}

func newTree(dir string, languages bool) *tree {
	return &tree{dir: dir, languages: languages, root: &node{children: map[string]*node{}}, most: maxNodes, names: maxNames, steps: maxSteps, unpacked: maxUnpacked, extracted: maxExtracted}
}

// of lowers what may be kept to what an archive of so many bytes can hold in earnest: what says what is installed packs by a factor of
// five, and a bomb by a thousand.
func (t *tree) of(size int64) *tree {
	t.extracted = min(t.extracted, grace+fold*size)
	return t
}

const (
	grace = 1 << 30
	fold  = 50
)

// apply puts one layer on top.
func (a *imageFile) apply(ctx context.Context, t *tree, name string) error {
	section, err := a.open(name)
	if err != nil {
		return err
	}
	r, _, err := decompress(section)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	bounded := &limited{r: r, left: t.unpacked}
	defer func() { t.unpacked = bounded.left }()
	t.layer++
	in := tar.NewReader(bounded)
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			_, err = io.Copy(io.Discard, &limited{r: bounded, left: maxPadding}) // a packed layer's checksum is behind it
			return err
		}
		if err == nil {
			err = ctx.Err()
		}
		if t.files++; err == nil && t.files > maxFiles {
			err = fmt.Errorf("it has more than %d files", maxFiles)
		}
		if err == nil {
			err = t.entry(h, in)
		}
		if err == nil && (t.steps < 0 || t.names < 0) {
			err = errors.New("its names, links and whiteouts are more than any image has")
		}
		if err != nil {
			return err
		}
	}
}

// entry applies one member of a layer.
func (t *tree) entry(h *tar.Header, contents io.Reader) error {
	name := path.Clean("/" + h.Name)[1:]
	if name == "" || len(name) > maxPath || strings.IndexByte(name, 0) >= 0 || slices.ContainsFunc(strings.Split(name, "/"), func(part string) bool { return len(part) > 255 }) {
		return nil // no file system has such a name
	}
	base := path.Base(name)
	if base == opaque {
		if d := t.at(path.Dir(name)); d != nil {
			t.forget(d)
		}
		return nil
	}
	if gone, ok := strings.CutPrefix(base, whiteout); ok {
		t.remove(path.Dir(name), gone)
		return nil
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return t.put(name, &node{children: map[string]*node{}})
	case tar.TypeSymlink:
		if len(h.Linkname) > maxPath {
			return nil
		}
		t.names -= len(h.Linkname)
		return t.put(name, &node{link: strings.Clone(h.Linkname)}) // as it is, it would keep all of its header
	case tar.TypeLink:
		if from := t.at(h.Linkname); from != nil && from.stored != "" && t.wants(name, from.mode, 0) {
			return t.put(name, &node{stored: from.stored, mode: from.mode})
		}
		return t.put(name, &node{})
	case tar.TypeReg:
		mode := h.FileInfo().Mode()
		if wantedForOS(name) && h.Size > maxWanted {
			return fmt.Errorf("its %q has %d bytes", name, h.Size)
		}
		if !t.wants(name, mode, h.Size) {
			return t.put(name, &node{})
		}
		stored, err := t.store(name, mode, contents)
		if err != nil {
			return err
		}
		return t.put(name, &node{stored: stored, mode: mode})
	}
	return t.put(name, &node{})
}

// remove drops what earlier layers have under a name.
func (t *tree) remove(dir, name string) {
	d := t.at(dir)
	switch {
	case d == nil || d.children[name] == nil:
	case d.children[name].layer < t.layer:
		delete(d.children, name)
	default:
		t.forget(d.children[name])
	}
}

// forget drops what earlier layers have below a folder; what this layer has put there stays.
func (t *tree) forget(d *node) {
	for name, child := range d.children {
		if t.steps--; t.steps < 0 {
			return
		}
		t.forget(child)
		if child.layer < t.layer && len(child.children) == 0 {
			delete(d.children, name)
		}
	}
}

// at follows a name, through links as a chroot would; nil when it leads to nothing.
func (t *tree) at(name string) *node {
	n, _, _ := t.walk(name, false)
	return n
}

// walk follows the links of every part but the last when that is to be replaced, and makes the folders that are missing.
func (t *tree) walk(name string, create bool) (found, parent *node, base string) {
	rest := strings.Split(name, "/")
	stack := []*node{t.root}
	names := []string{""}
	for links := 0; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		if t.steps--; t.steps < 0 {
			return nil, nil, ""
		}
		if part == "" || part == "." {
			continue
		}
		if part == ".." {
			if len(stack) > 1 {
				stack, names = stack[:len(stack)-1], names[:len(names)-1]
			}
			continue
		}
		here := stack[len(stack)-1]
		next := here.children[part]
		last := len(rest) == 0
		if last && create {
			return next, here, part
		}
		if next != nil && next.link != "" {
			if links++; links > 40 || len(rest) > maxPath {
				return nil, nil, ""
			}
			if path.IsAbs(next.link) {
				stack, names = stack[:1], names[:1]
			}
			t.steps -= len(rest)
			rest = append(strings.Split(next.link, "/"), rest...)
			continue
		}
		if next == nil || next.children == nil && !last {
			if !create || t.nodes >= t.most || len(stack) >= maxLevels {
				return nil, nil, ""
			}
			t.nodes++
			next = &node{children: map[string]*node{}}
			t.keep(here, part, next)
		}
		next.layer = max(next.layer, t.layerIf(create))
		stack, names = append(stack, next), append(names, part)
	}
	return stack[len(stack)-1], nil, names[len(names)-1]
}

func (t *tree) layerIf(create bool) int {
	if create {
		return t.layer
	}
	return 0
}

// put replaces what a name has: a folder keeps its children when a folder takes its place. A file that we do not want is kept as a name
// only where it hides something.
func (t *tree) put(name string, n *node) error {
	if n.children == nil && n.link == "" && n.stored == "" {
		if dir := t.at(path.Dir(name)); dir == nil || dir.children[path.Base(name)] == nil {
			return nil
		}
	}
	old, parent, base := t.walk(name, true)
	if parent == nil {
		if t.nodes >= t.most {
			return t.tooMany()
		}
		return nil
	}
	n.layer = t.layer
	if old != nil && old.children != nil && n.children != nil {
		old.layer = t.layer
		return nil
	}
	if old == nil {
		if t.nodes++; t.nodes > t.most {
			return t.tooMany()
		}
	}
	t.keep(parent, base, n)
	return nil
}

// keep puts a node under a name, which is copied: it is a part of a longer one.
func (t *tree) keep(parent *node, name string, n *node) {
	if _, there := parent.children[name]; !there {
		t.names -= len(name)
		name = strings.Clone(name)
	}
	parent.children[name] = n
}

func (t *tree) tooMany() error { return fmt.Errorf("it has more than %d names", t.most) }

// store keeps a file's contents under a number.
func (t *tree) store(name string, mode fs.FileMode, contents io.Reader) (string, error) {
	if kindOf(name, mode, 1<<20) == program && !wantedForOS(name) {
		in := bufio.NewReader(contents)
		if magic, _ := in.Peek(4); string(magic) != "\x7fELF" {
			return "", nil
		}
		contents = in
	}
	if t.nodes++; t.nodes > t.most { // each is a file on disk, also when another takes its name
		return "", t.tooMany()
	}
	stored := filepath.Join(t.dir, "file-"+strconv.Itoa(t.nodes))
	f, err := os.OpenFile(stored, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	n, err := io.Copy(f, &limited{r: contents, left: t.extracted})
	t.extracted -= n
	return stored, errors.Join(err, f.Close())
}

func (t *tree) wants(name string, mode fs.FileMode, size int64) bool {
	return wantedForOS(name) || t.languages && kindOf(name, mode, size) != none
}

// wantedForOS reports whether a file says what the distribution has installed.
func wantedForOS(name string) bool {
	dir, base := path.Split(name)
	dir = strings.TrimSuffix(dir, "/")
	switch {
	case slices.Contains([]string{"etc/os-release", "usr/lib/os-release", "var/lib/dpkg/status", "lib/apk/db/installed", "usr/lib/apk/db/installed", "etc/apk/world", "etc/pacman.conf"}, name):
		return true
	case dir == "var/lib/dpkg/status.d" || dir == "var/lib/dpkg/updates":
		return true
	case dir == "var/lib/dpkg/info":
		return strings.HasSuffix(base, ".list")
	case strings.HasPrefix(dir, "var/lib/pacman/local/"):
		return base == "desc" || base == "files"
	case slices.Contains(rpm.Databases(), dir):
		return slices.Contains(rpm.Files(), base) || base == "rpmdb.sqlite-wal"
	}
	return false
}

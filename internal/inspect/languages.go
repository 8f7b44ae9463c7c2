package inspect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	config "github.com/google/osv-scalibr/binary/proto/config_go_proto"
	"github.com/google/osv-scalibr/extractor/filesystem"
	"github.com/google/osv-scalibr/extractor/filesystem/language/golang/gobinary"
	"github.com/google/osv-scalibr/extractor/filesystem/language/java/archive"
	"github.com/google/osv-scalibr/extractor/filesystem/language/javascript/packagejson"
	"github.com/google/osv-scalibr/extractor/filesystem/language/python/wheelegg"
	"github.com/google/osv-scalibr/extractor/filesystem/language/ruby/gemspec"
	"github.com/google/osv-scalibr/inventory"
	"github.com/google/osv-scalibr/log"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/pkgmgr"
)

// Bounds of the walk through a tree and of what is opened in it.
const (
	maxEntries  = 10_000_000
	maxDepth    = 100
	maxManifest = 16 << 20
	maxGemspec  = 256 << 10 // the extractor compares each line with those before; the longest seen have 20 KB
	maxArchive  = 512 << 20 // of Java
	maxProgram  = 1 << 30
)

// kinds of file that say what language packages are there.
type kind int

const (
	none kind = iota
	python
	npm
	ruby
	java
	program // perhaps of Go or Rust: its contents decide
)

// kindOf judges a file by its name and mode; size is checked too, so that nothing huge is opened.
func kindOf(name string, mode fs.FileMode, size int64) kind {
	base := path.Base(name)
	k, most := none, int64(maxManifest)
	switch {
	case !mode.IsRegular():
		return none
	case strings.HasSuffix(name, ".dist-info/METADATA") || strings.HasSuffix(name, ".egg-info/PKG-INFO") || strings.HasSuffix(name, "EGG-INFO/PKG-INFO") || strings.HasSuffix(name, ".egg-info"):
		k = python
	case base == "package.json" && isModule(path.Dir(name)):
		k = npm
	case strings.HasSuffix(base, ".gemspec") && path.Base(path.Dir(name)) != "cache":
		k, most = ruby, maxGemspec
	case archive.IsArchive(name):
		k, most = java, maxArchive
	case mode&0o111 != 0 && size > 64<<10: // a Go program has a megabyte, one of Rust a hundred kilobytes
		k, most = program, maxProgram
	}
	if size > most {
		return none
	}
	return k
}

// isModule: npm installs into node_modules/NAME and node_modules/@SCOPE/NAME, and nowhere else. An application's own package.json is not
// installed, and those deeper inside a package are its tests' and say nothing true: resolve has one of a malicious package's name.
func isModule(dir string) bool {
	parent, name := path.Split(dir)
	parent = path.Clean(parent)
	if strings.HasPrefix(path.Base(parent), "@") {
		parent = path.Dir(parent)
	} else if strings.HasPrefix(name, "@") {
		return false
	}
	return path.Base(parent) == "node_modules"
}

// elsewhere are folders of other systems, and of the kernel: nothing in them is installed here.
var elsewhere = []string{"proc", "sys", "dev", "run", "snap", "var/lib/docker", "var/lib/containerd", "var/lib/containers", "var/lib/snapd", "var/lib/flatpak", "lost+found"}

// languages walks the tree, never through links, and lets osv-scalibr's extractors read what says what is installed. What belongs to a
// package of the distribution is left out: the distribution patches without changing the version, and its advisories speak of it.
func (f *findings) languages(ctx context.Context, tree *pkgmgr.Root, manager string) error {
	r, err := newReader(tree)
	if err != nil {
		return err
	}
	w := walker{ctx: ctx, tree: tree, visit: func(name string, k kind, info fs.FileInfo) { r.read(ctx, name, k, info) }}
	if err := w.dir("", 0); err != nil {
		return err
	}
	if w.cut {
		f.warn("the tree has more than %d files and folders, or is deeper than %d: the rest was not looked at", maxEntries, maxDepth)
	}
	theirs, err := owned(tree, manager, r.found)
	if err != nil {
		f.warn("which files belong to the distribution's packages cannot be known (%s): language packages may be judged twice", clip(err.Error(), 200))
	}
	left := 0
	for _, p := range r.packages {
		if theirs[p.Location] {
			left++
			continue
		}
		f.add(p)
	}
	if left > 0 {
		f.warn("%d language packages belong to packages of the distribution, and are judged as those", left)
	}
	for _, w := range r.warnings {
		f.warn("%s", w)
	}
	return nil
}

// walker goes through a tree.
type walker struct {
	ctx   context.Context //nolint:containedctx // of one walk
	tree  *pkgmgr.Root
	visit func(name string, k kind, info fs.FileInfo)
	seen  int
	cut   bool
}

func (w *walker) dir(dir string, depth int) error {
	if depth > maxDepth {
		w.cut = true
		return nil
	}
	if err := w.ctx.Err(); err != nil {
		return err
	}
	entries, err := w.tree.ReadDir(cmp.Or(dir, "."))
	if err != nil {
		w.cut = w.cut || errors.Is(err, pkgmgr.ErrTooLarge)
		return nil //nolint:nilerr // a folder that we may not read: an unprivileged scan says what it can see
	}
	for _, e := range entries {
		if w.seen++; w.seen > maxEntries {
			w.cut = true
			return nil
		}
		name := path.Join(dir, e.Name())
		switch {
		case e.IsDir() && !slices.Contains(elsewhere, name):
			if err := w.dir(name, depth+1); err != nil {
				return err
			}
		case e.Type().IsRegular():
			if info, err := e.Info(); err == nil {
				if k := kindOf(name, info.Mode(), info.Size()); k != none {
					w.visit(name, k, info)
				}
			}
		}
	}
	return nil
}

// reader lets the extractors read files.
type reader struct {
	tree     *pkgmgr.Root
	by       map[kind][]filesystem.Extractor
	found    map[string]bool // files that named packages
	packages []Package
	warnings []string
}

func newReader(tree *pkgmgr.Root) (*reader, error) {
	silence()
	jars := &config.PluginConfig{PluginSpecific: []*config.PluginSpecificConfig{{Config: &config.PluginSpecificConfig_JavaArchive{
		JavaArchive: &config.JavaArchiveConfig{MaxZipDepth: 1, MinZipBytes: 1, HashJars: new(bool)}}}}} // hashes are for asking others about jars
	r := &reader{tree: tree, by: map[kind][]filesystem.Extractor{}, found: map[string]bool{}}
	for _, e := range []struct {
		k    kind
		make func(*config.PluginConfig) (filesystem.Extractor, error)
	}{{python, wheelegg.New}, {npm, packagejson.New}, {ruby, gemspec.New}, {java, archive.New}, {program, gobinary.New}} {
		settings := &config.PluginConfig{}
		if e.k == java {
			settings = jars
		}
		made, err := e.make(settings)
		if err != nil {
			return nil, fmt.Errorf("an extractor cannot be made: %w", err)
		}
		r.by[e.k] = append(r.by[e.k], made)
	}
	return r, nil
}

func (r *reader) read(ctx context.Context, name string, k kind, info fs.FileInfo) {
	file, err := r.tree.Open(name)
	if err != nil {
		return // gone meanwhile, or not ours to read
	}
	defer func() { _ = file.Close() }()
	if k == program && !isELF(file) {
		return
	}
	in := &probed{file, 1 << 62}
	if k == program {
		in.left = maxProbing
		r.takeCrates(name, in)
		in.left = maxProbing
	}
	for _, e := range r.by[k] {
		if k == java {
			err = r.extractJar(ctx, e, name, file, info)
		} else {
			var found inventory.Inventory
			found, err = extract(ctx, e, &filesystem.ScanInput{FS: treeFS{r.tree}, Path: name, Info: info, Reader: in})
			r.take(name, found)
		}
		if err != nil && k != program { // most programs are of another language
			r.warn(name, e.Name())
		}
	}
}

func (r *reader) warn(name, as string) {
	r.warnings = append(r.warnings[:min(len(r.warnings), maxWarnings)], fmt.Sprintf("%s: not read as %s", clip(name, 200), as))
}

func (r *reader) takeCrates(name string, in io.ReaderAt) {
	defer func() {
		if recover() != nil { // as with extractors
			r.warn(name, "rust")
		}
	}()
	found, err := crates(in)
	if err != nil {
		r.warn(name, "rust")
	}
	for _, c := range found {
		r.put(name, "crates.io", c[0], c[1])
	}
}

func (r *reader) take(name string, found inventory.Inventory) {
	for _, p := range found.Packages {
		ecosystem, full, version, ok := (purl{kind: p.PURLType, name: p.Name, version: p.Version}).language()
		if !ok || full == "" || version == "" || strings.HasPrefix(version, "(") { // a program's own module has no version when it is built from a working tree
			continue
		}
		r.put(name, ecosystem, full, version)
	}
}

func (r *reader) put(file, ecosystem, name, version string) {
	if name == "" || version == "" || len(r.packages) > maxPackages { // one more, so that add says so
		return
	}
	r.found[file] = true
	r.packages = append(r.packages, Package{Package: apiv1.Package{Name: name, Version: version, Ecosystem: ecosystem}, Location: file})
}

// silence keeps the extractors, whose log is one for the whole program, from writing what hostile files are called to the terminal: what
// cannot be read is in Warnings.
var silence = sync.OnceFunc(func() { log.SetLogger(quiet{}) })

// quiet is a log that says nothing.
type quiet struct{}

// Errorf, Error, Warnf, Warn, Infof, Info, Debugf and Debug say nothing.
func (quiet) Errorf(string, ...any) {}
func (quiet) Error(...any)          {}
func (quiet) Warnf(string, ...any)  {}
func (quiet) Warn(...any)           {}
func (quiet) Infof(string, ...any)  {}
func (quiet) Info(...any)           {}
func (quiet) Debugf(string, ...any) {}
func (quiet) Debug(...any)          {}

// extract guards us from an extractor that does not survive a hostile file.
func extract(ctx context.Context, e filesystem.Extractor, in *filesystem.ScanInput) (found inventory.Inventory, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the extractor failed: %v", p)
		}
	}()
	return e.Extract(ctx, in)
}

func isELF(file *os.File) bool {
	magic := make([]byte, 4)
	_, err := file.ReadAt(magic, 0)
	return err == nil && string(magic) == "\x7fELF"
}

// treeFS is a tree as the extractors want it.
type treeFS struct{ tree *pkgmgr.Root }

// Open opens a regular file.
func (t treeFS) Open(name string) (fs.File, error) { return t.tree.Open(name) }

// ReadDir lists a folder.
func (t treeFS) ReadDir(name string) ([]fs.DirEntry, error) { return t.tree.ReadDir(name) }

// Stat describes what name leads to.
func (t treeFS) Stat(name string) (fs.FileInfo, error) { return t.tree.Stat(name) }

package apk

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/pkgmgr"
)

// Where apk keeps its database, below the root: the first from the beginning, the second since apk 3 on systems with a merged /usr.
var databases = []string{"lib/apk/db/installed", "usr/lib/apk/db/installed"}

// World is the file with what the administrator asked for.
const World = "etc/apk/world"

// ErrNoDatabase says that the root has no apk database.
var ErrNoDatabase = errors.New("no apk database")

// Package is an installed package. A subpackage has the version of its origin, which is what Alpine's advisories name.
type Package struct {
	Name, Arch, Version string
	Origin              string // the source package (o:); the name where there is none
}

// Database is what is installed, sorted by name, architecture, version.
type Database struct {
	Packages []Package
	Held     []string // names that the world file pins to a version, sorted
	Problems []string // records that were left out, and why
}

// maxInstalled bounds the database. One of 3,000 packages, with all their files, has 20 MB.
const maxInstalled = 1 << 30

// Read reads the database below root. ErrNoDatabase when there is none.
func Read(root *pkgmgr.Root) (Database, error) {
	for _, name := range databases {
		f, err := root.OpenUpTo(name, maxInstalled)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return Database{}, err
		}
		db, err := Parse(f)
		if err = errors.Join(err, f.Close()); err != nil {
			return Database{}, fmt.Errorf("%s: %w", name, err)
		}
		if world, err := root.ReadFile(World, 1<<20); err == nil {
			db.Held = parseWorld(world)
		}
		return db, nil
	}
	return Database{}, ErrNoDatabase
}

// maxLine is what is kept of one line; P, V, A and o are short, and lists of dependencies, which are long, are not kept.
const maxLine = 64 << 10

// Parse reads a database: records of lines X:value, parted by blank lines. F:, R: and the like speak of files and are skipped.
// The error is that of reading, or of a file with absurdly many packages.
func Parse(r io.Reader) (Database, error) {
	var (
		p        record
		out      []Package
		problems pkgmgr.Problems
		lines    = bufio.NewReaderSize(r, maxLine)
	)
	for n := 1; ; n++ {
		line, err := lines.ReadSlice('\n')
		for errors.Is(err, bufio.ErrBufferFull) { // a line this long is not one of ours: the rest of it is skipped
			line = nil
			p.in = true
			_, err = lines.ReadSlice('\n')
			if !errors.Is(err, bufio.ErrBufferFull) {
				line = []byte("D:\n")
			}
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return Database{}, err
		}
		text := bytes.TrimRight(line, "\r\n")
		if len(text) > 0 {
			p.line(text, n)
		}
		if (len(text) == 0 || err != nil) && p.in {
			if pkg, why := p.finish(); why != "" {
				problems.Add("record at line %d: %s", p.at, why)
			} else if len(out) >= pkgmgr.MaxPackages {
				return Database{}, fmt.Errorf("more than %d packages", pkgmgr.MaxPackages)
			} else {
				out = append(out, pkg)
			}
			p = record{}
		}
		if err != nil {
			break
		}
	}
	slices.SortFunc(out, compare)
	out = slices.CompactFunc(out, func(a, b Package) bool {
		same := a.Name == b.Name && a.Arch == b.Arch && a.Version == b.Version
		if same {
			problems.Add("package %q (%s) twice: one of them counts", a.Name, a.Version)
		}
		return same
	})
	return Database{Packages: out, Problems: problems.List()}, nil
}

func compare(a, b Package) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Arch, b.Arch), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Origin, b.Origin))
}

// record is a package being read. Files come after the package's own fields and have lines with the same letters' case apart.
type record struct {
	Package
	in  bool
	at  int
	why string
}

func (p *record) line(text []byte, n int) {
	if !p.in {
		p.in, p.at = true, n
	}
	if len(text) < 2 || text[1] != ':' {
		p.fail("a line that is no field")
		return
	}
	var field *string
	switch text[0] {
	case 'P':
		field = &p.Name
	case 'V':
		field = &p.Version
	case 'A':
		field = &p.Arch
	case 'o':
		field = &p.Origin
	default:
		return
	}
	if *field != "" {
		p.fail(fmt.Sprintf("field %c twice", text[0]))
		return
	}
	*field = string(text[2:])
}

func (p *record) fail(why string) {
	if p.why == "" {
		p.why = why
	}
}

func (p *record) finish() (Package, string) {
	pkg := p.Package
	pkg.Origin = cmp.Or(pkg.Origin, pkg.Name)
	switch {
	case p.why != "":
		return pkg, p.why
	case !pkgmgr.Plain(pkg.Name) || !pkgmgr.Plain(pkg.Origin):
		return pkg, fmt.Sprintf("%q of %q is not a package name", pkgmgr.Printable(pkg.Name, 64), pkgmgr.Printable(pkg.Origin, 64))
	case !pkgmgr.Plain(pkg.Version):
		return pkg, fmt.Sprintf("package %q: %q is not a version", pkg.Name, pkgmgr.Printable(pkg.Version, 64))
	case pkg.Arch != "" && (!pkgmgr.Plain(pkg.Arch) || len(pkg.Arch) > 32):
		return pkg, fmt.Sprintf("package %q: %q is not an architecture", pkg.Name, pkgmgr.Printable(pkg.Arch, 64))
	}
	return pkg, ""
}

// parseWorld gives the names that stand with a fixed version (name=1.2, name<2, name~1.2): apk upgrade leaves them there.
func parseWorld(b []byte) []string {
	held := []string{}
	for _, word := range strings.Fields(string(b)) {
		i := strings.IndexAny(word, "=<~")
		if i > 0 && word[0] != '!' && pkgmgr.Plain(word[:i]) {
			held = append(held, strings.TrimRight(word[:i], ">"))
		}
	}
	slices.Sort(held)
	return slices.Compact(held)
}

package rpmdb

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"github.com/staunch-dev/staunch/internal/pkgmgr"
	"github.com/staunch-dev/staunch/internal/pkgmgr/rpm"
)

// Backends, as rpm names them.
const (
	SQLite = "sqlite"
	NDB    = "ndb"
	BDB    = "bdb"
)

// maxFile bounds a database. A host of 3,000 packages has some 150 MB.
const maxFile = 4 << 30

// ErrNoDatabase says that the root has no database of rpm.
var ErrNoDatabase = errors.New("no rpm database")

// Database is what is installed, sorted by name, architecture, version.
type Database struct {
	Backend  string
	Packages []rpm.Package
	Problems []string // headers that were left out, and why
}

// Read reads the database below root: the first place and backend with a database that holds packages. ErrNoDatabase when there is none;
// other errors name a file that cannot be read.
func Read(root *pkgmgr.Root) (Database, error) {
	var empty *Database
	for _, name := range places() {
		b := &builder{}
		backend, err := readFile(root, name, b.header)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return Database{}, fmt.Errorf("%s: %w", name, err)
		}
		db := b.database(backend)
		if len(db.Packages) > 0 {
			return db, nil
		}
		if empty == nil {
			empty = &db
		}
	}
	if empty == nil {
		return Database{}, ErrNoDatabase
	}
	return *empty, nil
}

// places are where a database can be, in the order in which they are tried.
func places() []string {
	var out []string
	for _, dir := range rpm.Databases() {
		for _, name := range rpm.Files() {
			out = append(out, path.Join(dir, name))
		}
	}
	return out
}

// each gives every header of the first database that is there.
func each(root *pkgmgr.Root, give func([]byte) error) error {
	for _, name := range places() {
		_, err := readFile(root, name, give)
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return ErrNoDatabase
}

func readFile(root *pkgmgr.Root, name string, give func([]byte) error) (backend string, err error) {
	f, size, err := open(root, name)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	if path.Base(name) != "rpmdb.sqlite" {
		return walk(f, size, nil, 0, give)
	}
	wal, walSize, err := open(root, name+"-wal") // what rpm wrote last, where nobody has moved it into the file yet
	if errors.Is(err, fs.ErrNotExist) {
		return walk(f, size, nil, 0, give)
	}
	if err != nil {
		return "", err
	}
	defer func() { _ = wal.Close() }()
	return walk(f, size, wal, walSize, give)
}

type file interface {
	io.ReaderAt
	io.Closer
}

func open(root *pkgmgr.Root, name string) (file, int64, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && info.Size() > maxFile {
		err = fmt.Errorf("%w (%d bytes)", pkgmgr.ErrTooLarge, info.Size())
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// Parse reads a database of size bytes, of whichever backend its first bytes say. wal is the log beside a database of SQLite; nil when
// there is none. The error is a file that is damaged as a whole; a header that is damaged is named in Problems.
func Parse(r io.ReaderAt, size int64, wal io.ReaderAt, walSize int64) (Database, error) {
	b := &builder{}
	backend, err := walk(r, size, wal, walSize, b.header)
	if err != nil {
		return Database{}, err
	}
	return b.database(backend), nil
}

// walk gives every header.
func walk(r io.ReaderAt, size int64, wal io.ReaderAt, walSize int64, give func([]byte) error) (backend string, err error) {
	backend, read := identify(r, size)
	switch {
	case backend == SQLite:
		err = readSQLite(r, size, wal, walSize, give)
	case backend != "":
		err = read(r, size, give)
	default:
		err = errors.New("it is no database of rpm that we know: not SQLite, not NDB, not a BerkeleyDB hash")
	}
	return backend, err
}

// identify looks at the magic numbers.
func identify(r io.ReaderAt, size int64) (string, func(io.ReaderAt, int64, func([]byte) error) error) {
	head := make([]byte, 32)
	if size < int64(len(head)) {
		return "", nil
	}
	if _, err := r.ReadAt(head, 0); err != nil {
		return "", nil
	}
	switch {
	case string(head[:16]) == sqliteMagic:
		return SQLite, nil
	case string(head[:4]) == ndbMagic:
		return NDB, readNDB
	case bdbOrder(head) != nil:
		return BDB, readBDB
	}
	return "", nil
}

// builder makes packages of headers.
type builder struct {
	packages []rpm.Package
	problems pkgmgr.Problems
	seen     int
}

func (b *builder) database(backend string) Database {
	return Database{Backend: backend, Packages: rpm.Sorted(b.packages), Problems: b.problems.List()}
}

func (b *builder) header(blob []byte) error {
	if b.seen++; b.seen > 2*pkgmgr.MaxPackages { // keys and damaged ones count too
		return fmt.Errorf("more than %d headers", 2*pkgmgr.MaxPackages)
	}
	tags, err := parseHeader(blob)
	if err != nil {
		b.problems.Add("rpm: header %d of the database: %s", b.seen, err)
		return nil
	}
	p, ok, err := rpm.Make(tags)
	switch {
	case err != nil:
		b.problems.Add("rpm: header %d of the database: %s", b.seen, err)
	case ok && len(b.packages) >= pkgmgr.MaxPackages:
		return fmt.Errorf("more than %d packages", pkgmgr.MaxPackages)
	case ok:
		b.packages = append(b.packages, p)
	}
	return nil
}

// budget bounds what is read in all: no byte of a sound database is read twice, so one that makes us read more than its size goes in circles.
type budget struct{ left int64 }

var errCircles = errors.New("its pages lead in circles")

func (b *budget) take(n int64) error {
	if b.left -= n; b.left < 0 {
		return errCircles
	}
	return nil
}

// maxBlob bounds one header; the largest real ones, of packages with 100,000 files, have some 20 MB.
const maxBlob = 64 << 20

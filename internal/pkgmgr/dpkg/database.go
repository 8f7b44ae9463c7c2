package dpkg

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/pkgmgr"
)

// Where dpkg keeps its database, below the root.
const (
	StatusFile = "var/lib/dpkg/status"
	StatusDir  = "var/lib/dpkg/status.d" // distroless images: one file a package
	UpdatesDir = "var/lib/dpkg/updates"  // the journal: numbered files while a run is unfinished
)

const (
	maxPackages = 100_000
	maxStatus   = 1 << 30 // of one file; Debian's longest, with every package there is, would have 100 MB
	maxProblems = 100
	maxJournal  = 10_000 // files; dpkg itself merges at 250
)

// ErrNoDatabase says that the root has no dpkg database.
var ErrNoDatabase = errors.New("no dpkg database")

// Package is one package that dpkg knows, in any state.
type Package struct {
	Name, Arch, Version   string
	Source, SourceVersion string // equal to Name and Version when the stanza names none
	Origin                string // the package's own Origin field: who built it, by its own word
	Want                  string // install, hold, deinstall, purge, unknown
	Flag                  string // ok, reinstreq
	State                 string // installed, unpacked, half-configured, …
	MultiArch             string
}

// OnDisk reports whether any of its files are (or may be) there: every state but the two that leave none.
func (p Package) OnDisk() bool { return p.State != "not-installed" && p.State != "config-files" }

// Broken reports whether dpkg has unfinished business with it.
func (p Package) Broken() bool { return p.OnDisk() && (p.State != "installed" || p.Flag != "ok") }

// Held reports whether the administrator holds it.
func (p Package) Held() bool { return p.OnDisk() && p.Want == "hold" }

// Database is the truth of the status file with the journal applied, sorted by name, architecture, version.
type Database struct {
	Packages    []Package
	Interrupted bool     // the journal is not empty: a run was cut off or goes on now
	Problems    []string // stanzas that were skipped, and why; at most a hundred and a closing line
}

// Read reads the database below root. A stanza that cannot be read is named in Problems and skipped. ErrNoDatabase when there is none.
func Read(root *pkgmgr.Root) (Database, error) {
	b := newBuilder()
	found, err := b.file(root, StatusFile, "")
	if err != nil {
		return Database{}, err
	}
	more, err := b.distroless(root)
	if err != nil {
		return Database{}, err
	}
	if !found && !more {
		return Database{}, ErrNoDatabase
	}
	interrupted, err := b.journal(root)
	if err != nil {
		return Database{}, err
	}
	return Database{Packages: b.sorted(), Interrupted: interrupted, Problems: b.problemList()}, nil
}

// Parse reads one status file's bytes.
func Parse(r io.Reader) (Database, error) {
	b := newBuilder()
	if err := b.parse(r, "status", "", false); err != nil {
		return Database{}, err
	}
	return Database{Packages: b.sorted(), Problems: b.problemList()}, nil
}

type key struct{ name, arch string }

// builder gathers stanzas; a later one replaces an earlier one of the same package, as dpkg has it.
type builder struct {
	packages map[key]Package
	archs    map[string][]string // name to the architectures present
	problems []string
	skipped  int
}

func newBuilder() *builder {
	return &builder{packages: map[key]Package{}, archs: map[string][]string{}}
}

func (b *builder) file(root *pkgmgr.Root, name, defaultStatus string) (found bool, err error) {
	f, err := root.OpenUpTo(name, maxStatus)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }()
	return true, b.parse(f, path.Base(name), defaultStatus, path.Dir(name) == UpdatesDir)
}

func (b *builder) distroless(root *pkgmgr.Root) (found bool, err error) {
	entries, err := root.ReadDir(StatusDir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for i, e := range entries {
		if i >= maxPackages {
			b.problem("%s: more than %d files", StatusDir, maxPackages)
			break
		}
		if e.IsDir() || strings.HasSuffix(e.Name(), ".md5sums") {
			continue
		}
		if _, err := b.file(root, path.Join(StatusDir, e.Name()), "install ok installed"); err != nil {
			b.problem("%s/%s: cannot be read", StatusDir, printable(e.Name()))
			continue
		}
		found = true
	}
	return found, nil
}

// journal applies the numbered files in order. Other names (tmp.i) are dpkg's scratch and mean nothing.
func (b *builder) journal(root *pkgmgr.Root) (interrupted bool, err error) {
	entries, err := root.ReadDir(UpdatesDir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	n := 0
	for _, e := range entries {
		if strings.Trim(e.Name(), "0123456789") != "" {
			continue
		}
		interrupted = true
		if n++; n > maxJournal {
			b.problem("%s: more than %d files", UpdatesDir, maxJournal)
			break
		}
		if _, err := b.file(root, path.Join(UpdatesDir, e.Name()), ""); err != nil {
			b.problem("%s/%s: cannot be read", UpdatesDir, e.Name())
		}
	}
	return interrupted, nil
}

// parse reads stanzas from r; the error is that of reading, or of a file with absurdly many packages.
func (b *builder) parse(r io.Reader, file, defaultStatus string, journal bool) error {
	reader := NewReader(r, "Package", "Status", "Architecture", "Version", "Source", "Origin", "Multi-Arch")
	for {
		s, err := reader.Next()
		var bad *Malformed
		switch {
		case errors.Is(err, io.EOF):
			if reader.open && file == path.Base(StatusFile) { // dpkg ends each stanza with an empty line
				b.problem("%s: what comes after line %d: the file ends there in the middle of a line", file, reader.line-1)
			}
			return nil
		case errors.As(err, &bad):
			b.problem("%s: %s", printable(file), bad.Error())
			continue
		case err != nil:
			return err
		}
		p, err := fromStanza(s, defaultStatus)
		if err != nil {
			b.problem("%s: stanza at line %d: %s", printable(file), s.Line, err.Error())
			continue
		}
		if len(b.packages) >= maxPackages {
			return fmt.Errorf("%s: more than %d packages", file, maxPackages)
		}
		b.put(p, file, journal)
	}
}

// put adds or replaces. A package that may exist once only (not Multi-Arch: same) replaces its one predecessor whatever that one's
// architecture was: that is how the journal says that a package went from amd64 to all.
func (b *builder) put(p Package, file string, journal bool) {
	k := key{p.Name, p.Arch}
	_, again := b.packages[k]
	if again && !journal {
		b.problem("%s: package %q (%s) twice: the later one counts", printable(file), p.Name, p.Arch)
	}
	if archs := b.archs[p.Name]; journal && !again && len(archs) == 1 && p.MultiArch != "same" {
		if old := (key{p.Name, archs[0]}); b.packages[old].MultiArch != "same" {
			delete(b.packages, old)
			b.archs[p.Name] = nil
		}
	}
	if !again {
		b.archs[p.Name] = append(b.archs[p.Name], p.Arch)
	}
	b.packages[k] = p
}

func (b *builder) problem(format string, args ...any) {
	if len(b.problems) >= maxProblems {
		b.skipped++
		return
	}
	b.problems = append(b.problems, fmt.Sprintf(format, args...))
}

func (b *builder) problemList() []string {
	if b.skipped > 0 {
		return append(b.problems, fmt.Sprintf("and %d more", b.skipped))
	}
	return b.problems
}

func (b *builder) sorted() []Package {
	ps := make([]Package, 0, len(b.packages))
	for _, p := range b.packages {
		ps = append(ps, p)
	}
	slices.SortFunc(ps, func(x, y Package) int {
		return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.Arch, y.Arch), cmp.Compare(x.Version, y.Version))
	})
	return ps
}

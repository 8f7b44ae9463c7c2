package rpmdb

import (
	"bytes"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	_ "modernc.org/sqlite"

	"github.com/staunch-dev/staunch/internal/pkgmgr"
	"github.com/staunch-dev/staunch/internal/pkgmgr/rpm"
)

// packagesInSpec is enough for a tree of three levels.
const packagesInSpec = 150

// spec describes packages of one source: of different versions, with long and short headers, in a module.
func spec() string {
	var b strings.Builder
	b.WriteString("Name: staunch-a\nEpoch: 1\nVersion: 2.0\nRelease: 3.el9\nSummary: x\nLicense: MIT\nVendor: Somebody, Inc.\nModularitylabel: stuff:18:8090:abc\nBuildArch: noarch\n%description\nx\n%files\n")
	for i := range packagesInSpec {
		fmt.Fprintf(&b, "%%package -n staunch-b%d\nVersion: 9.%d\nSummary: y\n%%description -n staunch-b%d\n%s\n%%files -n staunch-b%d\n", i, i, i, strings.Repeat(fmt.Sprintf("word%d ", i*7919), i*i%3000), i)
	}
	return b.String()
}

// realDatabase has rpmbuild and rpm make a database, and says what rpm -qa answers from it.
func realDatabase(t *testing.T) (dir string, want []rpm.Package) {
	t.Helper()
	for _, program := range []string{"rpm", "rpmbuild"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("no %s here", program)
		}
	}
	dir = t.TempDir()
	file := filepath.Join(dir, "a.spec")
	if err := os.WriteFile(file, []byte(spec()), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "rpmbuild", "-bb", "--define", "_topdir "+dir+"/top", "--define", "_binary_payload w1.gzdio", file)
	rpms, err := filepath.Glob(dir + "/top/RPMS/noarch/*.rpm")
	if err != nil || len(rpms) != packagesInSpec+1 {
		t.Fatalf("built %d, %v", len(rpms), err)
	}
	root := filepath.Join(dir, "root")
	db := filepath.Join(root, "var/lib/rpm")
	run(t, "rpm", append([]string{"--dbpath", db, "--justdb", "--nodeps", "--noscripts", "-i"}, rpms...)...)
	answer, err := rpm.Query(t.Context(), rpm.Config{DBPath: db})
	if err != nil || len(answer.Packages) != packagesInSpec+1 {
		t.Fatalf("rpm -qa: %d packages, %v", len(answer.Packages), err)
	}
	return root, answer.Packages
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", name, err, out)
	}
}

// blobs are the headers of a real database, as SQLite itself gives them.
func blobs(t *testing.T, file string) [][]byte {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	rows, err := db.Query("SELECT blob FROM Packages ORDER BY hnum")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var out [][]byte
	for rows.Next() {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			t.Fatal(err)
		}
		out = append(out, b)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// All three backends give what rpm -qa gives: SQLite as rpm wrote it, BerkeleyDB as libdb writes it, NDB as its format says.
func TestEveryBackendGivesWhatRpmSays(t *testing.T) {
	t.Parallel()
	root, want := realDatabase(t)
	headers := blobs(t, filepath.Join(root, "var/lib/rpm/rpmdb.sqlite"))
	long := 0
	for _, h := range headers {
		long = max(long, len(h))
	}
	if len(headers) < packagesInSpec || long < 10_000 {
		t.Fatalf("%d headers, the longest %d bytes: too few and too short to lead beyond one page", len(headers), long)
	}
	t.Run("sqlite", func(t *testing.T) { check(t, root, SQLite, want) })
	t.Run("ndb", func(t *testing.T) {
		check(t, place(t, "usr/lib/sysimage/rpm/Packages.db", ndbFile(headers)), NDB, want)
	})
	t.Run("bdb_by_libdb", func(t *testing.T) {
		root := t.TempDir()
		writeWithLibdb(t, filepath.Join(root, "var/lib/rpm/Packages"), headers)
		check(t, root, BDB, want)
	})
	t.Run("bdb_big_endian", func(t *testing.T) {
		check(t, place(t, "var/lib/rpm/Packages", bdbFile(binary.BigEndian, headers)), BDB, want)
	})
}

func check(t *testing.T, dir, backend string, want []rpm.Package) {
	t.Helper()
	root, err := pkgmgr.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	got, err := Read(root)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Database{Backend: backend, Packages: want}, got); diff != "" {
		t.Error(diff)
	}
}

func place(t *testing.T, name string, b []byte) string {
	t.Helper()
	root := t.TempDir()
	name = filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return root
}

// writeWithLibdb has Perl's DB_File, which is libdb, write the pairs that rpm would: a number and a header, and under 0 the last number.
func writeWithLibdb(t *testing.T, file string, headers [][]byte) {
	t.Helper()
	if err := exec.Command("perl", "-MDB_File", "-e", "1").Run(); err != nil {
		t.Skip("no perl with DB_File here")
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	in := binary.LittleEndian.AppendUint32(nil, uint32(len(headers)))
	for _, h := range headers {
		in = append(binary.LittleEndian.AppendUint32(in, uint32(len(h))), h...)
	}
	const script = `use DB_File; use Fcntl; binmode STDIN; tie my %h, "DB_File", $ARGV[0], O_RDWR|O_CREAT, 0600, $DB_HASH or die $!;
		sub u { read(STDIN, my $b, 4) == 4 or die; return unpack("V", $b) } my $n = u(); $h{pack("V", 0)} = pack("V", $n);
		for my $i (1..$n) { my $l = u(); my $b = ""; read(STDIN, $b, $l) == $l or die; $h{pack("V", $i)} = $b } untie %h;`
	cmd := exec.Command("perl", "-e", script, file)
	cmd.Stdin = bytes.NewReader(in)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("perl: %v: %s", err, out)
	}
}

// What rpm has written to SQLite's log but not yet to the file counts; a transaction that is not whole does not.
func TestLogBesideTheFileCounts(t *testing.T) {
	t.Parallel()
	root, want := realDatabase(t)
	file := filepath.Join(root, "var/lib/rpm/rpmdb.sqlite")
	headers := blobs(t, file)
	db, err := sql.Open("sqlite", file+"?_pragma=journal_mode(wal)&_pragma=wal_autocheckpoint(0)")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for _, statement := range []string{"DELETE FROM Packages WHERE hnum > 1", "INSERT INTO Packages(blob) SELECT zeroblob(9000)"} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := parseHeader(headers[0])
	if err != nil {
		t.Fatal(err)
	}
	only, _, err := rpm.Make(kept)
	if err != nil {
		t.Fatal(err)
	}
	wal, err := os.ReadFile(file + "-wal")
	if err != nil || len(wal) < 5000 {
		t.Fatalf("log of %d bytes, %v", len(wal), err)
	}
	f, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	parse := func(wal []byte) Database {
		t.Helper()
		got, err := Parse(bytes.NewReader(f), int64(len(f)), bytes.NewReader(wal), int64(len(wal)))
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	got := parse(wal)
	if diff := cmp.Diff([]rpm.Package{only}, got.Packages); diff != "" || len(got.Problems) != 1 {
		t.Errorf("%s %q", diff, got.Problems)
	}
	if got := parse(wal[:len(wal)-100]); len(got.Packages) != 1 || len(got.Problems) != 0 { // the insertion is cut off
		t.Errorf("%d packages, %q", len(got.Packages), got.Problems)
	}
	damaged := bytes.Clone(wal)
	damaged[walHeader+walFrame+100] ^= 1
	if got := parse(damaged); len(got.Packages) != len(want) { // of nothing the checksum is right
		t.Errorf("%d packages", len(got.Packages))
	}
}

func TestReadSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	h := header("a", "1", "1")
	small := func(change func(b []byte)) []byte {
		b := ndbFile([][]byte{h})
		change(b)
		return b
	}
	bdb := func(change func(b []byte)) []byte {
		b := bdbFile(binary.LittleEndian, [][]byte{bytes.Repeat(h, 40)})
		change(b)
		return b
	}
	le := binary.LittleEndian
	for name, c := range map[string]struct {
		in  []byte
		err string
	}{
		"nothing_known":     {bytes.Repeat([]byte("x"), 100), "it is no database of rpm"},
		"empty":             {nil, "it is no database of rpm"},
		"sqlite_cut_off":    {[]byte(sqliteMagic + strings.Repeat("\x00", 40)), "it is cut off"},
		"sqlite_no_pages":   {[]byte(sqliteMagic + "\x10\x00" + strings.Repeat("\x00", 200)), "page 1 is outside the file"},
		"ndb_version":       {small(func(b []byte) { b[4] = 9 }), "it is of version 9"},
		"ndb_cut_off":       {small(func(b []byte) { le.PutUint32(b[12:], 1<<31) }), "cut off within its slots"},
		"ndb_blob_outside":  {small(func(b []byte) { le.PutUint32(b[ndbHeader+8:], 1<<31) }), "outside the file"},
		"ndb_gigantic_blob": {small(func(b []byte) { le.PutUint32(b[ndbPage+12:], 1<<31) }), "longer than its room"},
		"ndb_one_blob_often": {small(func(b []byte) {
			for at := ndbHeader + ndbSlot; at < ndbPage; at += ndbSlot {
				copy(b[at:], b[ndbHeader:ndbHeader+ndbSlot])
			}
		}), "in circles"},
		"bdb_page_size": {bdb(func(b []byte) { le.PutUint32(b[20:], 1) }), "its pages have 1 bytes"},
		"bdb_encrypted": {bdb(func(b []byte) { b[24] = 1 }), "encrypted"},
		"bdb_endless":   {bdb(func(b []byte) { le.PutUint32(b[2*4096+16:], 2); le.PutUint32(b[4096*2-5-bdbOffItem+8:], 40_000_000) }), "longer than the file"},
		"bdb_circle":    {bdb(func(b []byte) { le.PutUint32(b[2*4096+16:], 2); le.PutUint16(b[2*4096+22:], 1) }), "in circles"},
		"bdb_foreign":   {bdb(func(b []byte) { b[2*4096+25] = 5 }), "not its"},
		"bdb_items":     {bdb(func(b []byte) { le.PutUint16(b[4096+20:], 60_000) }), "more items than it can hold"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := Parse(bytes.NewReader(c.in), int64(len(c.in)), nil, 0); err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%v, want %q", err, c.err)
			}
		})
	}
	root, err := pkgmgr.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	if _, err := Read(root); !errors.Is(err, ErrNoDatabase) {
		t.Errorf("empty root: %v, want ErrNoDatabase", err)
	}
}

// One damaged header costs itself alone.
func TestDamagedHeadersAreNamed(t *testing.T) {
	t.Parallel()
	outside := header("c", "1", "1")
	binary.BigEndian.PutUint32(outside[8+8:], 1<<30)
	b := ndbFile([][]byte{header("a", "1", "1"), []byte("short"), outside, header("", "1", "1"), header("gpg-pubkey", "1", "1"), header("b", "2", "1")})
	got, err := Parse(bytes.NewReader(b), int64(len(b)), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := Database{Backend: NDB, Packages: []rpm.Package{{Name: "a", Version: "1-1", Source: "a", SourceVersion: "1-1"}, {Name: "b", Version: "2-1", Source: "b", SourceVersion: "2-1"}},
		Problems: []string{"rpm: header 2 of the database: it is cut off", "rpm: header 3 of the database: tag 1000 is outside its data", `rpm: header 4 of the database: "" is not a package name`}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// The file was written by rpm 4.18's own code for NDB (lib/backend/ndb/rpmpkg.c, called by a program of a few lines): twelve headers of
// ours, staunch-0 to staunch-11, of which the fourth was deleted again.
func TestReadsWhatRpmsOwnNDBWrote(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/ndb-by-rpm-4.18.db")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for i := range 12 {
		version := fmt.Sprintf("2.%d-3", i)
		if i%2 == 1 {
			version = fmt.Sprintf("%d:%s", i, version)
		}
		if i != 3 {
			want = append(want, fmt.Sprintf("staunch-%d %s staunch", i, version))
		}
	}
	slices.Sort(want)
	db, err := Parse(bytes.NewReader(b), int64(len(b)), nil, 0)
	if err != nil || db.Backend != NDB || db.Problems != nil {
		t.Fatalf("%s %q %v", db.Backend, db.Problems, err)
	}
	var got []string
	for _, p := range db.Packages {
		got = append(got, p.Name+" "+p.Version+" "+p.Source)
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

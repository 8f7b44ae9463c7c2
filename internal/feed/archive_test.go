package feed

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
)

type file struct{ name, text string }

// zipOf makes an archive of files, in their order, names as they are.
func zipOf(t testing.TB, files ...file) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range files {
		in, err := w.Create(f.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(in, f.text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// debianRecord is a record of the Debian bucket that fixes one CVE in package p.
func debianRecord(n int) file {
	id := fmt.Sprintf("DEBIAN-CVE-2026-%04d", n)
	return file{id + ".json", record(id, `"affected":[`+affected("Debian:12", "p", `{"introduced":"0"},{"fixed":"1"}`)+`]`)}
}

func debians(n int) []file {
	var all []file
	for i := range n {
		all = append(all, debianRecord(i+1))
	}
	return all
}

// readAll surveys an archive as the service does.
func readAll(t testing.TB, data []byte, limits intake.Limits) (intake.Survey, []advisory.Advisory, error) {
	t.Helper()
	a, err := intake.OpenArchive(bytes.NewReader(data), int64(len(data)), limits)
	if err != nil {
		return intake.Survey{}, nil, err
	}
	var all []advisory.Advisory
	s, err := readOSV(t.Context(), a, "Debian", nil, func(r advisory.Advisory) error {
		all = append(all, r)
		return nil
	})
	return s, all, err
}

func TestReadOSVSkipsBadRecordsAndNamesThem(t *testing.T) {
	t.Parallel()
	good := debianRecord(1)
	s, all, err := readAll(t, zipOf(t,
		good,
		file{"../../etc/passwd", "root:x"},
		file{"/absolute.json", debianRecord(2).text},
		file{"nested/", ""},
		file{"nested/all.zip", string(zipOf(t, debianRecord(9)))},
		file{"again.json", good.text},
		file{good.name, debianRecord(3).text}, // the same name, another record
		file{"odd\x00\xff\x1b[31m.json", "{"},
		file{"big.json", `{"id":"` + strings.Repeat("x", 5000) + `"}`},
		file{"npm.json", record("GHSA-1", `"affected":[`+affected("npm", "p", `{"introduced":"0"}`)+`]`)},
	), intake.Limits{MaxRecord: 4000})
	if err != nil {
		t.Fatal(err)
	}
	if s.Records != 3 || len(all) != 3 || s.Skipped != 6 || len(s.Problems) != 6 {
		t.Errorf("%d records, %d skipped, want 3 and 6: %+v", s.Records, s.Skipped, s.Problems)
	}
	for i, want := range []string{"not an OSV record", "not an OSV record", "a second record with the id DEBIAN-CVE-2026-0001", "not an OSV record", "longer than 4000 bytes", "names no package of this ecosystem"} {
		if !strings.Contains(s.Problems[i].Reason, want) {
			t.Errorf("problem %d is %+v, want %q", i, s.Problems[i], want)
		}
	}
	if name := s.Problems[3].Record; strings.ContainsAny(name, "\x00\x1b") || !utf8.ValidString(name) {
		t.Errorf("%q can be shown", name)
	}
}

func TestProblemsAreCountedPastTheFirstHundred(t *testing.T) {
	t.Parallel()
	files := []file{debianRecord(1)}
	for i := range 150 {
		files = append(files, file{fmt.Sprintf("bad%d.json", i), "?"})
	}
	s, _, err := readAll(t, zipOf(t, files...), intake.Limits{})
	if err != nil || s.Skipped != 150 || len(s.Problems) != 100 {
		t.Errorf("%v: %d skipped, %d named", err, s.Skipped, len(s.Problems))
	}
}

func TestDamagedArchivesAreRefusedWhole(t *testing.T) {
	t.Parallel()
	whole := zipOf(t, debians(50)...)
	end := bytes.LastIndex(whole, []byte("PK\x05\x06"))
	patched := func(at int, value uint32, size int) []byte {
		b := bytes.Clone(whole)
		if size == 2 {
			binary.LittleEndian.PutUint16(b[end+at:], uint16(value))
		} else {
			binary.LittleEndian.PutUint32(b[end+at:], value)
		}
		return b
	}
	for name, tc := range map[string]struct {
		data   []byte
		limits intake.Limits
		want   string
	}{
		"empty":                       {nil, intake.Limits{}, "not a zip"},
		"not a zip":                   {[]byte("<html>not found</html>"), intake.Limits{}, "not a zip"},
		"truncated":                   {whole[:len(whole)-10], intake.Limits{}, "not a zip"},
		"cut in the middle":           {whole[:len(whole)/2], intake.Limits{}, "not a zip"},
		"directory outside":           {patched(16, 1<<30, 4), intake.Limits{}, "outside the file"},
		"directory too long":          {patched(12, 1<<30, 4), intake.Limits{}, "outside the file"},
		"directory elsewhere":         {patched(16, 5, 4), intake.Limits{}, "directory ends after 0 of 50"},
		"more entries than there are": {patched(10, 60, 2), intake.Limits{}, "directory ends after 50 of 60"},
		"zip64 pointing nowhere":      {append(append(bytes.Clone(whole[:end]), locator(t, 1<<60)...), patched(16, 0xffffffff, 4)[end:]...), intake.Limits{}, "outside the file"},
		"too many entries":            {whole, intake.Limits{MaxEntries: 49}, "the limit is 49"},
		"too long a file":             {whole, intake.Limits{MaxArchive: 100}, "the limit is 100"},
		"too much in all":             {whole, intake.Limits{MaxTotal: 3000}, "holds more than 3000"},
		"no record":                   {zipOf(t, file{"a.json", "{}"}), intake.Limits{}, "no record that can be read"},
		"no entry":                    {zipOf(t), intake.Limits{}, "no record that can be read"},
		"wrong ecosystem throughout":  {zipOf(t, file{"a.json", record("A", `"affected":[`+affected("npm", "p", `{"introduced":"0"}`)+`]`)}), intake.Limits{}, "none of its records names a package of Debian"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			_, _, err := readAll(t, tc.data, tc.limits)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %q", err, tc.want)
			}
		})
	}
}

func locator(t testing.TB, at uint64) []byte {
	t.Helper()
	b := zip64Tail(t)[zip64Locator : zip64Locator+20]
	binary.LittleEndian.PutUint64(b[8:], at)
	return b
}

func TestDamagedEntriesAreSkipped(t *testing.T) {
	t.Parallel()
	files := debians(3)
	flip := func(change func(whole []byte, header int)) []byte {
		whole := zipOf(t, files...)
		change(whole, bytes.Index(whole, []byte("PK\x01\x02"))) // the first entry's header
		return whole
	}
	for name, tc := range map[string]struct {
		data []byte
		want string
	}{
		"checksum":      {flip(func(b []byte, h int) { b[h+16] ^= 1 }), "checksum"},
		"data":          {flip(func(b []byte, h int) { b[60] ^= 0xff; b[61] ^= 0xff }), "unreadable"},
		"method":        {flip(func(b []byte, h int) { b[h+10] = 99 }), "compression method 99"},
		"encrypted":     {flip(func(b []byte, h int) { b[h+8] |= 1 }), "encrypted"},
		"offset":        {flip(func(b []byte, h int) { b[h+42] = 1 }), "not where"},
		"offset beyond": {flip(func(b []byte, h int) { b[h+45] = 0x7f }), "not where"},
		"length":        {flip(func(b []byte, h int) { b[h+22] = 0x7f }), "outside the file"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			s, _, err := readAll(t, tc.data, intake.Limits{})
			if err != nil || s.Records != 2 || s.Skipped != 1 || !strings.Contains(s.Problems[0].Reason, tc.want) {
				t.Errorf("%v: %+v, want %q", err, s, tc.want)
			}
		})
	}
}

// An archive of zip64's shape, as every bucket of more than 65,535 records is.
func TestReadOSVZip64(t *testing.T) {
	t.Parallel()
	const n = 70_000
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for i := range n {
		in, err := w.CreateHeader(&zip.FileHeader{Name: "a", Method: zip.Store})
		if err != nil {
			t.Fatal(err)
		}
		text := "{}"
		if i == n-1 {
			text = debianRecord(1).text
		}
		if _, err := io.WriteString(in, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	a, err := intake.OpenArchive(bytes.NewReader(out.Bytes()), int64(out.Len()), intake.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	long := func(raw []byte) bool { return len(raw) > 2 }
	s, err := readOSV(t.Context(), a, "Debian", long, func(advisory.Advisory) error { return nil })
	if err != nil || s.Records != 1 || s.Left != n-1 {
		t.Errorf("%v: %+v", err, s)
	}
}

// heapDuring is the most heap in use while fn runs, as seen at its calls of look, above what was in use before.
func heapDuring(fn func(look func())) uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	before, most := m.HeapAlloc, uint64(0)
	fn(func() {
		runtime.GC() // what is in use, not what is about to be swept
		runtime.ReadMemStats(&m)
		if m.HeapAlloc > before {
			most = max(most, m.HeapAlloc-before)
		}
	})
	return most
}

// Not parallel: they measure the heap.

func TestZipBombOfOneGigabyteStaysSmall(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bomb.zip")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // a test's file
	w := zip.NewWriter(f)
	w.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) { return flate.NewWriter(out, flate.BestSpeed) })
	in, err := w.Create("DEBIAN-CVE-2026-0001.json")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(in, io.LimitReader(spaces{}, 1<<30)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	most := heapDuring(func(look func()) {
		a, err := intake.OpenArchive(f, info.Size(), intake.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		s, err := readOSV(t.Context(), a, "Debian", func([]byte) bool { look(); return true }, func(advisory.Advisory) error { return nil })
		look()
		if !errors.Is(err, intake.ErrDamaged) || s.Skipped != 1 || !strings.Contains(s.Problems[0].Reason, "longer than 16777216 bytes") {
			t.Errorf("%v: %+v", err, s)
		}
	})
	if most > 64<<20 {
		t.Errorf("%d MiB of heap for an archive of %d bytes", most>>20, info.Size())
	}
}

// spaces is endless white space, which is JSON so far.
type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// Many entries that share one body: small in the file, huge when read. The ratio ends it.
func TestOverlappingEntriesEndByRatio(t *testing.T) {
	t.Parallel()
	body := `{"id":"` + strings.Repeat(" ", 8<<20) + `"}`
	data := zipOf(t, file{"a.json", body})
	end := bytes.LastIndex(data, []byte("PK\x05\x06"))
	header := bytes.Index(data, []byte("PK\x01\x02"))
	one := bytes.Clone(data[header:end])
	const n = 1000
	tail := bytes.Clone(data[end:])
	binary.LittleEndian.PutUint16(tail[10:], n)
	binary.LittleEndian.PutUint32(tail[12:], uint32(n*len(one)))
	data = append(append(data[:header:header], bytes.Repeat(one, n)...), tail...)
	_, _, err := readAll(t, data, intake.Limits{})
	if err == nil || !strings.Contains(err.Error(), "200 times its size") {
		t.Errorf("%v", err)
	}
}

func TestAMillionTinyEntries(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 100 MB")
	}
	const n = 1_000_000
	data := tiny(t, n)
	if _, _, err := readAll(t, data, intake.Limits{}); err == nil || !strings.Contains(err.Error(), "the limit is 500000") {
		t.Errorf("%v", err)
	}
	most := heapDuring(func(look func()) {
		a, err := intake.OpenArchive(bytes.NewReader(data), int64(len(data)), intake.Limits{MaxEntries: n})
		if err != nil {
			t.Fatal(err)
		}
		seen := 0
		s, err := readOSV(t.Context(), a, "Debian", func([]byte) bool {
			if seen++; seen%100_000 == 0 {
				look()
			}
			return seen <= 1000
		}, func(advisory.Advisory) error { return nil })
		if err != nil || s.Skipped != 1000 || s.Left != n-1000 || len(s.Problems) != 100 {
			t.Errorf("%v: %d skipped, %d left, %d named", err, s.Skipped, s.Left, len(s.Problems))
		}
	})
	if most > 32<<20 {
		t.Errorf("%d MiB of heap for a million entries", most>>20)
	}
}

// tiny is an archive of n entries of two bytes, "{}", made of one entry's bytes again and again: archive/zip would keep them all.
func tiny(t testing.TB, n int) []byte {
	t.Helper()
	one := zipOf(t, file{"a", "{}"})
	from, to := bytes.Index(one, []byte("PK\x01\x02")), bytes.LastIndex(one, []byte("PK\x05\x06"))
	entry, header, tail := one[:from], bytes.Clone(one[from:to]), zip64Tail(t)
	out := make([]byte, 0, n*(len(entry)+len(header))+len(tail))
	for range n {
		out = append(out, entry...)
	}
	directory := len(out)
	for i := range n {
		binary.LittleEndian.PutUint32(header[42:], uint32(i*len(entry)))
		out = append(out, header...)
	}
	for at, value := range map[int]int{24: n, 32: n, 40: len(out) - directory, 48: directory, zip64Locator + 8: len(out)} {
		binary.LittleEndian.PutUint64(tail[at:], uint64(value))
	}
	return append(out, tail...)
}

const (
	zip64Locator = 56 // in zip64Tail, behind the end record
	zip64Length  = zip64Locator + 20 + 22
)

// zip64Tail is what stands behind a directory that the old end record cannot count: zip64's end record, its locator and the old one, as
// archive/zip writes them.
func zip64Tail(t testing.TB) []byte {
	t.Helper()
	files := make([]file, 1<<16)
	for i := range files {
		files[i].name = "a"
	}
	all := zipOf(t, files...)
	return bytes.Clone(all[len(all)-zip64Length:])
}

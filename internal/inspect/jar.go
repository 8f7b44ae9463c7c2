package inspect

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/google/osv-scalibr/extractor/filesystem"
	"github.com/google/osv-scalibr/extractor/filesystem/language/java/archive"
)

// Bounds of one Java archive with all those in it.
const (
	maxOpened     = 512 << 20 // unpacked; an archive that lies in another is in memory
	maxJarDepth   = 8
	maxJarEntries = 500_000 // of one; each costs some 300 bytes of memory and may have 46 in the file. The largest real ones have 150,000
	maxJarText    = 4 << 20 // of a manifest, in which a signed archive names every file
	maxJarPoms    = 10_000  // that one holds
	smallestJar   = 30      // bytes: an empty one has 22
	zipEntry      = "PK\x01\x02"
)

var errJar = errors.New("it is larger, or archives are in each other deeper, than is read")

// jars reads a Java archive and those in it. osv-scalibr's extractor would read whatever is in one whole, and does not ask how many names it
// has: so it is given, for each, one made anew with nothing in it but the texts that it looks at, none of them longer than real ones are.
type jars struct {
	left int64 // bytes that may still be unpacked
	take func(ctx context.Context, name string, info fs.FileInfo, small *bytes.Reader) error
}

// read gives the archive and those in it. The error is the first; what could be read is given all the same.
func (j *jars) read(ctx context.Context, name string, in io.ReaderAt, size int64, depth int) error {
	if depth > maxJarDepth {
		return errJar
	}
	if size < smallestJar {
		return nil
	}
	if size/46 > maxJarEntries {
		if n, err := countIn(io.NewSectionReader(in, 0, size), zipEntry); err != nil || n > maxJarEntries {
			return errors.Join(err, errJar)
		}
	}
	all, err := zip.NewReader(in, size)
	if err != nil {
		return err
	}
	var (
		small bytes.Buffer
		out   = zip.NewWriter(&small)
		texts int
		first error
	)
	for _, f := range all.File {
		if err := ctx.Err(); err != nil {
			return err
		}
		var err error
		switch base := path.Base(f.Name); {
		case base == "pom.properties" || strings.EqualFold(base, "manifest.mf"):
			if texts++; texts > maxJarPoms {
				err = errJar
				break
			}
			err = j.text(out, f)
		case archive.IsArchive(f.Name):
			err = j.inner(ctx, path.Join(name, f.Name), f, depth+1)
		}
		if first == nil {
			first = err
		}
	}
	if err := out.Close(); err != nil {
		return err
	}
	err = j.take(ctx, name, sized{bytes: int64(small.Len())}, bytes.NewReader(small.Bytes()))
	if first == nil {
		first = err
	}
	return first
}

// text copies a text, up to the last line that is whole when it is too long.
func (j *jars) text(out *zip.Writer, f *zip.File) error {
	b, err := j.unpack(f, maxJarText)
	if err != nil {
		return err
	}
	if len(b) > maxJarText {
		b = b[:bytes.LastIndexByte(b[:maxJarText], '\n')+1]
	}
	w, err := out.CreateHeader(&zip.FileHeader{Name: f.Name, Method: zip.Store})
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	return err
}

func (j *jars) inner(ctx context.Context, name string, f *zip.File, depth int) error {
	if depth > maxJarDepth || f.UncompressedSize64 > uint64(max(0, j.left)) { //nolint:gosec // not negative
		return errJar
	}
	b, err := j.unpack(f, j.left)
	if err != nil {
		return err
	}
	return j.read(ctx, name, bytes.NewReader(b), int64(len(b)), depth)
}

// unpack reads a file, but at most one byte more than limit.
func (j *jars) unpack(f *zip.File, limit int64) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	b, err := io.ReadAll(io.LimitReader(r, min(limit, j.left)+1))
	if j.left -= int64(len(b)); err == nil && j.left < 0 {
		err = errJar
	}
	return b, err
}

// countIn counts how often a text is in what r reads.
func countIn(r io.Reader, text string) (int, error) {
	var (
		buf  = make([]byte, 1<<20)
		keep int
		n    int
	)
	for {
		m, err := r.Read(buf[keep:])
		b := buf[:keep+m]
		n += bytes.Count(b, []byte(text))
		keep = copy(buf, b[max(0, len(b)-len(text)+1):])
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, fmt.Errorf("it cannot be read: %w", err)
		}
	}
}

// sized is a file of which the extractor asks how large it is, and nothing else.
type sized struct {
	fs.FileInfo
	bytes int64
}

// Size is how large it is.
func (s sized) Size() int64 { return s.bytes }

// extractJar reads a Java archive of the tree.
func (r *reader) extractJar(ctx context.Context, e filesystem.Extractor, name string, file io.ReaderAt, info fs.FileInfo) error {
	j := &jars{left: maxOpened, take: func(ctx context.Context, at string, info fs.FileInfo, small *bytes.Reader) error {
		found, err := extract(ctx, e, &filesystem.ScanInput{FS: treeFS{r.tree}, Path: at, Info: info, Reader: small})
		r.take(name, found)
		return err
	}}
	return j.read(ctx, name, file, info.Size(), 1)
}

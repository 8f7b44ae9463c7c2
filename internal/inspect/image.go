package inspect

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"syscall"

	"github.com/staunch-dev/staunch/internal/fault"
)

// Bounds of an image archive.
const (
	maxImage    = 64 << 30 // of the archive itself, uncompressed
	maxMembers  = 100_000
	maxMember   = 512      // bytes of a member's name; a blob's has 80
	maxDocument = 16 << 20 // a manifest
	maxLayers   = 1_000
)

// Image reads what is installed in a container image: the archive that docker save or podman save writes, or an OCI image layout as a
// tar archive; whole or its layers compressed with gzip or zstd. The layers are applied in order, and of the result only the files that
// say what is installed are put into a folder of their own, which is removed again. An archive of several images: the first is read and
// the others are named in Warnings. fault.NotFound: no such file; fault.Invalid: it is no such archive, is damaged, or breaks a bound.
func Image(ctx context.Context, file string, opts Options) (Result, error) {
	dir, err := os.MkdirTemp("", "staunch-image-")
	if err != nil {
		return Result{}, fault.Wrap(err, fault.Internal, "no temporary folder")
	}
	defer func() { _ = os.RemoveAll(dir) }()
	a, err := openArchive(ctx, file, dir)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return Result{}, fault.Wrap(err, fault.NotFound, "there is no file %q", file)
		}
		return Result{}, fault.Wrap(err, fault.Invalid, "%q cannot be read as a container image: %s", file, why(err))
	}
	defer func() { _ = a.file.Close() }()
	layers, others, err := a.layers()
	if err != nil {
		return Result{}, fault.Wrap(err, fault.Invalid, "%q cannot be read as a container image: %s", file, why(err))
	}
	t := newTree(dir, opts.Languages).of(a.size)
	for i, name := range layers {
		if err := a.apply(ctx, t, name); err != nil {
			return Result{}, fault.Wrap(err, fault.Invalid, "layer %d of %q cannot be read: %s", i+1, file, clip(err.Error(), 300))
		}
	}
	root, err := t.write()
	if errors.Is(err, syscall.ENAMETOOLONG) || errors.Is(err, syscall.EMLINK) {
		return Result{}, fault.Wrap(err, fault.Invalid, "%q cannot be read as a container image: its folders are in each other too often, or a file has too many names", file)
	}
	if err != nil {
		return Result{}, fault.Wrap(err, fault.Internal, "the image's files cannot be put into a folder")
	}
	r, err := Root(ctx, root, opts)
	if err != nil {
		return Result{}, err
	}
	if len(others) > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("the archive holds more than one image; not read: %s", clip(strings.Join(others, ", "), 500)))
	}
	return r, nil
}

// imageFile is a tar archive on disk and where its members lie in it.
type imageFile struct {
	file    *os.File
	size    int64 // as it was named, before it was unpacked
	members map[string]member
}

type member struct {
	offset, size int64
	link         string // another member's name
}

// openArchive opens and indexes the archive; a compressed one is unpacked into dir first.
func openArchive(ctx context.Context, name, dir string) (*imageFile, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is not a regular file")
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if plain, err := unpacked(f, dir, min(maxImage, grace+fold*info.Size())); err != nil {
		return nil, errors.Join(err, f.Close())
	} else if plain != f {
		_ = f.Close()
		f = plain
	}
	a := &imageFile{file: f, size: info.Size(), members: map[string]member{}}
	if err := a.index(ctx); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return a, nil
}

// unpacked gives the file itself, or what it holds when it is compressed.
func unpacked(f *os.File, dir string, most int64) (*os.File, error) {
	r, compressed, err := decompress(f)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if !compressed {
		_, err := f.Seek(0, io.SeekStart)
		return f, err
	}
	out, err := os.CreateTemp(dir, "archive-*")
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(out, &limited{r: r, left: most})
	if err == nil {
		_, err = out.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, out.Close())
	}
	return out, nil
}

func (a *imageFile) index(ctx context.Context) error {
	counted := &position{r: a.file}
	in := tar.NewReader(counted)
	for n := 0; ; n++ {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err == nil && n >= maxMembers {
			err = fmt.Errorf("it has more than %d members", maxMembers)
		}
		if err != nil {
			return err
		}
		if len(h.Name) > maxMember || len(h.Linkname) > maxMember {
			continue // no member of an image, and a hundred thousand of them would fill the memory
		}
		name := path.Clean("/" + h.Name)[1:]
		switch h.Typeflag {
		case tar.TypeReg:
			a.members[name] = member{offset: counted.n, size: h.Size}
		case tar.TypeSymlink: // docker before 25 links a layer that is there already
			a.members[name] = member{link: path.Join(path.Dir(name), h.Linkname)}
		case tar.TypeLink:
			a.members[name] = member{link: path.Clean("/" + h.Linkname)[1:]}
		}
	}
}

// position counts what was read, and skips by seeking, so that indexing reads no layer.
type position struct {
	r *os.File
	n int64
}

// Read reads on.
func (p *position) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.n += int64(n)
	return n, err
}

// Seek moves on.
func (p *position) Seek(offset int64, whence int) (int64, error) {
	n, err := p.r.Seek(offset, whence)
	if err == nil {
		p.n = n
	}
	return n, err
}

func (a *imageFile) open(name string) (*io.SectionReader, error) {
	name = path.Clean("/" + name)[1:]
	m, ok := a.members[name]
	for hops := 0; ok && m.link != "" && hops < 10; hops++ {
		m, ok = a.members[m.link]
	}
	if !ok || m.link != "" {
		return nil, fmt.Errorf("it has no member %q", clip(name, 200))
	}
	return io.NewSectionReader(a.file, m.offset, m.size), nil
}

func (a *imageFile) document(name string, into any) error {
	r, err := a.open(name)
	if err != nil {
		return err
	}
	if r.Size() > maxDocument {
		return fmt.Errorf("%q has %d bytes", clip(name, 200), r.Size())
	}
	if err := json.NewDecoder(r).Decode(into); err != nil {
		return fmt.Errorf("%q: %w", clip(name, 200), err)
	}
	return nil
}

// layers gives the members that are the layers of the first image, in order, and the names of other images.
func (a *imageFile) layers() (layers, others []string, err error) {
	var saved []struct {
		Tags   []string `json:"RepoTags"`
		Layers []string `json:"Layers"`
	}
	if _, docker := a.members["manifest.json"]; docker {
		if err := a.document("manifest.json", &saved); err != nil {
			return nil, nil, err
		}
		if len(saved) == 0 {
			return nil, nil, errors.New("it holds no image")
		}
		for _, image := range saved[1:] {
			others = append(others, strings.Join(image.Tags, " "))
		}
		layers = saved[0].Layers
	} else if layers, others, err = a.oci(); err != nil {
		return nil, nil, err
	}
	if len(layers) > maxLayers {
		return nil, nil, fmt.Errorf("it has %d layers; at most %d are read", len(layers), maxLayers)
	}
	return layers, others, nil
}

// descriptor is how OCI documents name each other.
type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Platform  struct {
		Architecture string `json:"architecture"`
		OS           string `json:"os"`
	} `json:"platform"`
	Annotations map[string]string `json:"annotations"`
}

func (d descriptor) blob() string { return "blobs/" + strings.Replace(d.Digest, ":", "/", 1) }

// oci follows index.json, and an index of platforms below it, to the first manifest of Linux that is an image and not a statement about one.
func (a *imageFile) oci() (layers, others []string, err error) {
	if _, ok := a.members["index.json"]; !ok {
		return nil, nil, errors.New("it has neither a manifest.json nor an index.json")
	}
	name := "index.json"
	for range 5 {
		var doc struct {
			Manifests []descriptor `json:"manifests"`
			Layers    []descriptor `json:"layers"`
		}
		if err := a.document(name, &doc); err != nil {
			return nil, nil, err
		}
		if len(doc.Manifests) == 0 {
			for _, l := range doc.Layers {
				layers = append(layers, l.blob())
			}
			return layers, others, nil
		}
		name = ""
		for _, m := range doc.Manifests {
			switch said := m.Platform.OS + "/" + m.Platform.Architecture; {
			case m.Platform.OS == "unknown" || m.Annotations["vnd.docker.reference.type"] != "": // an attestation
			case name == "" && (m.Platform.OS == "" || m.Platform.OS == "linux"):
				name = m.blob()
			default:
				others = append(others, strings.Trim(said+" "+m.Annotations["org.opencontainers.image.ref.name"], "/ "))
			}
		}
		if name == "" {
			return nil, nil, errors.New("it holds no image for Linux")
		}
	}
	return nil, nil, errors.New("its indexes lead to indexes without end")
}

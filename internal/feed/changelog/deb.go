package changelog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// Deb is what we use of a .deb.
type Deb struct {
	Package, Architecture, Version string
	Source, SourceVersion          string  // of which it was built; the package's own where it names none
	Entries                        []Entry // of its changelog; none where it has none of its own
}

const (
	arMagic     = "!<arch>\n"
	arHead      = 60
	maxControl  = 1 << 20
	maxLog      = 128 << 20 // bytes of an unpacked changelog; the kernel's has 6 MB
	maxName     = 128
	maxFieldLen = 1 << 10
)

// errEnough ends a pass over a tar early.
var errEnough = errors.New("enough")

// ReadDeb reads a .deb as a stream: its control file, and its changelog where want, asked with the control's fields, says so. What is
// wrong with the file is intake.ErrDamaged or intake.ErrTooLong.
func ReadDeb(ctx context.Context, r io.Reader, limits intake.Limits, want func(Deb) bool) (Deb, error) {
	var d Deb
	magic := make([]byte, len(arMagic))
	if _, err := io.ReadFull(r, magic); err != nil || string(magic) != arMagic {
		return d, intake.Damaged("it is no .deb: it does not begin as an ar archive")
	}
	for {
		name, body, err := arMember(r)
		switch {
		case errors.Is(err, io.EOF):
			return d, intake.Damaged("it has no data, or nothing before it that says of which package")
		case err != nil:
			return d, err
		case strings.HasPrefix(name, "control.tar") && d.Package == "":
			err = d.control(ctx, body, limits)
			if err == nil && !want(d) {
				return d, nil
			}
		case strings.HasPrefix(name, "data.tar") && d.Package != "":
			return d, d.data(ctx, body, limits)
		}
		if err == nil {
			_, err = io.Copy(io.Discard, body)
		}
		if err == nil && body.left > 0 {
			err = intake.Damaged("it ends inside %s", name)
		}
		if err != nil {
			return d, err
		}
	}
}

// member reads one member of an ar archive, and the byte that pads it.
type member struct {
	r    io.Reader
	left int64
	odd  bool
}

func (m *member) Read(p []byte) (int, error) {
	if m.left <= 0 {
		if m.odd {
			m.odd = false
			_, _ = m.r.Read(make([]byte, 1)) // an archive may end without it
		}
		return 0, io.EOF
	}
	n, err := m.r.Read(p[:min(int64(len(p)), m.left)])
	m.left -= int64(n)
	return n, err
}

// arMember reads the head of the next member; io.EOF: there is none.
func arMember(r io.Reader) (name string, body *member, err error) {
	head := make([]byte, arHead)
	switch _, err := io.ReadFull(r, head); {
	case errors.Is(err, io.EOF):
		return "", nil, io.EOF
	case err != nil:
		return "", nil, intake.Damaged("it ends inside the head of a member")
	}
	size, err := strconv.ParseInt(strings.TrimRight(string(head[48:58]), " "), 10, 64)
	if err != nil || size < 0 || string(head[58:]) != "`\n" {
		return "", nil, intake.Damaged("the head of a member cannot be read")
	}
	return strings.TrimRight(string(head[:16]), " /"), &member{r, size, size%2 == 1}, nil
}

// control reads the fields of the control file.
func (d *Deb) control(ctx context.Context, body io.Reader, limits intake.Limits) error {
	var text []byte
	err := intake.Members(ctx, body, limits, func(name string, _ int64, in io.Reader) error {
		if path.Clean(name) != "control" {
			return nil
		}
		var err error
		if text, err = io.ReadAll(io.LimitReader(in, maxControl)); err != nil {
			return err
		}
		return errEnough
	})
	if err != nil && !errors.Is(err, errEnough) {
		return damage(err)
	}
	var source string
	fields := map[string]*string{"package": &d.Package, "architecture": &d.Architecture, "version": &d.Version, "source": &source}
	for line := range bytes.Lines(text) {
		key, value, ok := strings.Cut(string(line), ":")
		if field := fields[strings.ToLower(key)]; ok && field != nil && len(value) <= maxFieldLen {
			*field = strings.TrimSpace(value)
		}
	}
	d.Source, d.SourceVersion = d.Package, d.Version
	if name, version, ok := strings.Cut(strings.TrimSuffix(source, ")"), "("); source != "" {
		d.Source = strings.TrimSpace(name)
		if ok {
			d.SourceVersion = strings.TrimSpace(version)
		}
	}
	if !intake.Fit(d.Package, maxName) || !intake.Fit(d.Source, maxName) || strings.ContainsAny(d.Package+d.Source, "/ ") {
		return intake.Damaged("its control file names no package")
	}
	for _, version := range []string{d.Version, d.SourceVersion} {
		if err := vercmp.Valid(vercmp.Deb, version); err != nil {
			return intake.Damaged("%v", err)
		}
	}
	return nil
}

// data looks for the changelog. A native package's is changelog.gz, which elsewhere is upstream's and has no entry of the source.
func (d *Deb) data(ctx context.Context, body io.Reader, limits intake.Limits) error {
	err := intake.Members(ctx, body, limits, func(name string, _ int64, in io.Reader) error {
		dir, file := path.Split(strings.TrimPrefix(path.Clean(name), "/"))
		native := file == "changelog.gz" || file == "changelog"
		if !native && file != "changelog.Debian.gz" && file != "changelog.Debian" || path.Dir(path.Clean(dir)) != "usr/share/doc" {
			return nil
		}
		plain, err := intake.Unpack(in, intake.Limits{MaxTotal: maxLog})
		if err != nil {
			return err
		}
		entries, err := Debian(plain)
		switch {
		case len(entries) == 0 || entries[0].Source != d.Source:
			return nil
		case err != nil:
			return fmt.Errorf("its changelog: %w", damage(err))
		}
		d.Entries = entries
		return errEnough
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return damage(err)
}

// damage marks what a decompressor or tar says of the file, and leaves alone what says so already or is the caller's own.
func damage(err error) error {
	for _, known := range []error{nil, intake.ErrDamaged, intake.ErrTooLong, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, known) {
			return err
		}
	}
	return intake.Damaged("it cannot be read: %v", err)
}

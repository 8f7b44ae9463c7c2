package inspect

import (
	"compress/zlib"
	"debug/elf"
	"encoding/json"
	"errors"
	"io"
	"os"
)

// Bounds of what a program says it was built from. Kubernetes, with some 200 modules, says 20 KB of them; Firefox, with 900 crates, 100 KB.
const (
	maxAudit   = 8 << 20  // unpacked
	maxProbing = 64 << 20 // bytes of the program that are read to find it
)

var errAudit = errors.New("what it says of its crates is longer than is read")

// crates reads what cargo auditable puts into a program (github.com/rust-secure-code/cargo-auditable): JSON in zlib in a section. The library
// that osv-scalibr uses unpacks it whole, and a megabyte of it may be a gigabyte. Nothing, and no error: it is no such program.
func crates(in io.ReaderAt) ([][2]string, error) {
	f, err := elf.NewFile(in)
	if err != nil {
		return nil, nil //nolint:nilerr // damaged, or for another machine: not for us to judge
	}
	defer func() { _ = f.Close() }()
	section := f.Section(".dep-v0")
	if section == nil {
		section = f.Section(".rust-deps-v0") // of its first versions
	}
	if section == nil {
		return nil, nil
	}
	z, err := zlib.NewReader(section.Open())
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(z, maxAudit+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxAudit:
		return nil, errAudit
	}
	var audit struct {
		Packages []struct {
			Name    string `json:"name"`
			Version string `json:"version"`
			Kind    string `json:"kind"` // absent: runtime
		} `json:"packages"`
	}
	if err := json.Unmarshal(text, &audit); err != nil {
		return nil, err
	}
	var out [][2]string
	for _, p := range audit.Packages {
		if p.Kind == "" || p.Kind == "runtime" {
			out = append(out, [2]string{p.Name, p.Version})
		}
	}
	return out, nil
}

// probed is a program of which only so much is read: what it was built from is at its beginning, and what Go's reader of it takes for a text
// may be all of it.
type probed struct {
	*os.File
	left int64
}

var errProbed = errors.New("no such thing in the part of it that is read")

// ReadAt reads while there is something left.
func (p *probed) ReadAt(b []byte, at int64) (int, error) {
	if p.left -= int64(len(b)); p.left < 0 {
		return 0, errProbed
	}
	return p.File.ReadAt(b, at)
}

package inspect

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/fault"
)

// maxSBOM bounds a document. The largest seen, of an image with 3,000 packages and all their files, has 60 MB.
const maxSBOM = 256 << 20

// Bounds of a document's entries. Nothing but what is kept of them is ever in memory at once.
const (
	maxComponents = 1_000_000
	maxValue      = 16 << 20 // of one text; the longest are licences, with some 100 KB
	maxNested     = 100      // components in each other; real ones have three
)

const operatingSystem = "operating-system"

// propertiesRead are those of the tools that say where a package comes from.
var propertiesRead = []string{
	"aquasecurity:trivy:SrcName", "aquasecurity:trivy:SrcVersion", "aquasecurity:trivy:SrcRelease", "aquasecurity:trivy:SrcEpoch", "aquasecurity:trivy:Modularitylabel",
	"syft:metadata:source", "syft:metadata:sourceVersion", "syft:metadata:originPackage", "syft:metadata:modularityLabel", "syft:metadata:vendor",
}

func (c *component) property(name, value string) {
	if slices.Contains(propertiesRead, name) {
		if c.properties == nil {
			c.properties = map[string]string{}
		}
		c.properties[name] = strings.TrimSpace(value)
	}
}

// SBOM reads a software bill of materials: CycloneDX in JSON or XML, SPDX 2 in JSON or as tag-value. Components are known by their
// package URLs; what has none, or one of a kind without advisories, is counted in Warnings. fault.Invalid: it is none of these formats,
// cut off, or too large.
func SBOM(r io.Reader) (Result, error) {
	in := bufio.NewReaderSize(&limited{r: r, left: maxSBOM}, 64<<10)
	first, err := firstByte(in)
	if err != nil {
		return Result{}, fault.Wrap(err, fault.Invalid, "the SBOM cannot be read, or is empty")
	}
	var d document
	switch first {
	case '{':
		err = d.readJSON(in)
	case '<':
		err = d.readXML(in)
	default:
		err = d.tagValue(in)
	}
	if err != nil {
		return Result{}, fault.Wrap(err, fault.Invalid, "the SBOM cannot be read: %s", why(err))
	}
	return d.make(), nil
}

// why is an error in words; that of a file which is cut off is a programmer's.
func why(err error) string {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) { // tokens end in the one, values in the other
		return "it ends in the middle"
	}
	return clip(err.Error(), 300)
}

// limited reads at most left bytes and says so when there are more.
type limited struct {
	r    io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errors.New("it is too large")
	}
	if int64(len(p)) > l.left {
		p = p[:l.left]
	}
	n, err := l.r.Read(p)
	l.left -= int64(n)
	return n, err
}

// firstByte is the first that is no blank; a byte order mark is skipped.
func firstByte(in *bufio.Reader) (byte, error) {
	if b, err := in.Peek(3); err == nil && string(b) == "\ufeff" {
		_, _ = in.Discard(3)
	}
	for {
		b, err := in.ReadByte()
		if err != nil {
			return 0, err
		}
		if b != ' ' && b != '\t' && b != '\n' && b != '\r' {
			return b, in.UnreadByte()
		}
	}
}

// take keeps a component that can say anything: the files of an image's packages, of which there may be a hundred to each, do not.
func (d *document) take(c component) error {
	if c.purl = strings.TrimSpace(c.purl); c.purl == "" && c.kind != operatingSystem {
		if c.kind == "library" || c.kind == "framework" {
			d.unnamed++
		}
		return nil
	}
	if len(d.components) >= maxComponents {
		return errors.New("it has more than a million components")
	}
	d.components = append(d.components, c)
	return nil
}

// tagValue reads SPDX 2 as lines Tag: value. Text between <text> and </text> over several lines is skipped.
func (d *document) tagValue(r io.Reader) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	var (
		c      component
		within bool // a package
		text   bool
		spdx   bool
		err    error
	)
	end := func() {
		if within && err == nil {
			err = d.take(c)
		}
		c = component{}
	}
	for lines.Scan() && err == nil {
		line := bytes.TrimSpace(lines.Bytes())
		if text {
			text = !bytes.Contains(line, []byte("</text>"))
			continue
		}
		tag, value, ok := strings.Cut(string(line), ":")
		if !ok || strings.HasPrefix(tag, "#") {
			continue
		}
		value = strings.TrimSpace(value)
		if inner, opens := strings.CutPrefix(value, "<text>"); opens {
			text = !strings.HasSuffix(inner, "</text>")
			value = strings.TrimSuffix(inner, "</text>")
		}
		switch tag {
		case "SPDXVersion":
			spdx = strings.HasPrefix(value, "SPDX-2.")
		case "PackageName":
			end()
			within, c.name = true, value
		case "PackageVersion":
			c.version = value
		case "PackageSourceInfo":
			c.sourceInfo = value
		case "PrimaryPackagePurpose":
			c.kind = strings.ToLower(value)
		case "ExternalRef":
			if f := strings.Fields(value); len(f) == 3 && strings.HasSuffix(f[1], "purl") {
				c.purl = f[2]
			}
		case "FileName", "Relationship", "SnippetSPDXID", "LicenseID":
			end()
			within = false
		}
	}
	end()
	if err == nil {
		err = lines.Err()
	}
	if err == nil && !spdx {
		err = errors.New("it is neither CycloneDX nor SPDX 2")
	}
	return err
}

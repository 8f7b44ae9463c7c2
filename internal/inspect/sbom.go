package inspect

import (
	"bufio"
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"github.com/staunch-dev/staunch/internal/fault"
)

// maxSBOM bounds a document. The largest seen, of an image with 3,000 packages and all their files, has 60 MB.
const maxSBOM = 256 << 20

// maxComponents bounds the entries of a document.
const maxComponents = 1_000_000

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
		err = d.json(in)
	case '<':
		err = d.cyclonedxXML(in)
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
	if errors.Is(err, io.ErrUnexpectedEOF) {
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

// anyJSON is what both formats in JSON have of what we need.
type anyJSON struct {
	BOMFormat   string          `json:"bomFormat"`
	SPDXVersion string          `json:"spdxVersion"`
	Context     json.RawMessage `json:"@context"`
	Metadata    struct {
		Component *cdxComponent `json:"component"`
	} `json:"metadata"`
	Components []cdxComponent `json:"components"`
	Packages   []spdxPackage  `json:"packages"`
}

func (d *document) json(r io.Reader) error {
	var in anyJSON
	if err := json.NewDecoder(r).Decode(&in); err != nil {
		return err
	}
	switch {
	case strings.EqualFold(in.BOMFormat, "CycloneDX"):
		if in.Metadata.Component != nil {
			in.Components = append(in.Components, *in.Metadata.Component)
		}
		return d.cyclonedx(in.Components)
	case strings.HasPrefix(in.SPDXVersion, "SPDX-2."):
		return d.spdx(in.Packages)
	case in.SPDXVersion != "" || in.Context != nil:
		return errors.New("of SPDX only version 2 is read")
	}
	return errors.New("it is neither CycloneDX nor SPDX")
}

// cdxComponent is a component of CycloneDX, 1.2 to 1.6.
type cdxComponent struct {
	Type       string         `json:"type" xml:"type,attr"`
	Name       string         `json:"name" xml:"name"`
	Version    string         `json:"version" xml:"version"`
	PURL       string         `json:"purl" xml:"purl"`
	Properties []cdxProperty  `json:"properties" xml:"properties>property"`
	Components []cdxComponent `json:"components" xml:"components>component"`
}

type cdxProperty struct {
	Name  string `json:"name" xml:"name,attr"`
	Value string `json:"value" xml:",chardata"`
}

func (d *document) cyclonedxXML(r io.Reader) error {
	var in struct {
		XMLName    xml.Name
		Metadata   cdxComponent   `xml:"metadata>component"`
		Components []cdxComponent `xml:"components>component"`
	}
	if err := xml.NewDecoder(r).Decode(&in); err != nil {
		return err
	}
	if in.XMLName.Local != "bom" || !strings.Contains(in.XMLName.Space, "cyclonedx.org") {
		return errors.New("it is XML, but not CycloneDX")
	}
	return d.cyclonedx(append(in.Components, in.Metadata))
}

// cyclonedx takes components and those inside them over; the decoders bound how deep they nest.
func (d *document) cyclonedx(components []cdxComponent) error {
	for _, c := range components {
		one := component{kind: strings.ToLower(c.Type), name: c.Name, version: c.Version, purl: strings.TrimSpace(c.PURL)}
		for _, p := range c.Properties {
			if strings.HasPrefix(p.Name, "aquasecurity:") || strings.HasPrefix(p.Name, "syft:") {
				if one.properties == nil {
					one.properties = map[string]string{}
				}
				one.properties[p.Name] = strings.TrimSpace(p.Value)
			}
		}
		if err := d.take(one); err != nil {
			return err
		}
		if err := d.cyclonedx(c.Components); err != nil {
			return err
		}
	}
	return nil
}

func (d *document) take(c component) error {
	if len(d.components) >= maxComponents {
		return errors.New("it has more than a million components")
	}
	d.components = append(d.components, c)
	return nil
}

// spdxPackage is a package of SPDX 2.2 or 2.3.
type spdxPackage struct {
	Name       string `json:"name"`
	Version    string `json:"versionInfo"`
	Purpose    string `json:"primaryPackagePurpose"`
	SourceInfo string `json:"sourceInfo"`
	References []struct {
		Type    string `json:"referenceType"`
		Locator string `json:"referenceLocator"`
	} `json:"externalRefs"`
}

func (d *document) spdx(packages []spdxPackage) error {
	for _, p := range packages {
		c := component{kind: strings.ToLower(p.Purpose), name: p.Name, version: p.Version, sourceInfo: p.SourceInfo}
		for _, ref := range p.References {
			if strings.HasSuffix(ref.Type, "purl") { // some write the whole URI of the type
				c.purl = ref.Locator
			}
		}
		if err := d.take(c); err != nil {
			return err
		}
	}
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

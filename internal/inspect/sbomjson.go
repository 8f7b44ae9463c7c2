package inspect

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// jsonSBOM reads a document token by token: an array of ten million empty objects has 30 MB as text, and gigabytes once it is decoded.
type jsonSBOM struct {
	*json.Decoder
	in *window
	d  *document
}

// window ends with an error when one value is longer than maxValue.
type window struct {
	r    io.Reader
	left int
}

// Read reads on.
func (w *window) Read(p []byte) (int, error) {
	if w.left <= 0 {
		return 0, fmt.Errorf("one of its values has more than %d bytes", maxValue)
	}
	n, err := w.r.Read(p[:min(len(p), w.left)])
	w.left -= n
	return n, err
}

// maxOpen bounds arrays and objects in each other in what is passed over; encoding/json has the same limit for what it decodes.
const maxOpen = 10_000

// readJSON reads CycloneDX 1.2 to 1.6 or SPDX 2.2 or 2.3. Which of them it is may stand at the end.
func (d *document) readJSON(r io.Reader) error {
	in := &window{r: r, left: maxValue}
	j := &jsonSBOM{json.NewDecoder(in), in, d}
	var format, version string
	spdx3 := false
	err := j.object(func(name string) error {
		switch name {
		case "bomformat":
			return j.text(&format)
		case "spdxversion":
			return j.text(&version)
		case "@context":
			spdx3 = true
		case "metadata":
			return j.object(func(name string) error {
				if name == "component" {
					return j.component(0, true)
				}
				return j.pass()
			})
		case "components":
			return j.array(func() error { return j.component(0, false) })
		case "packages":
			return j.array(j.spdx)
		}
		return j.pass()
	})
	switch {
	case err != nil:
		return err
	case strings.EqualFold(format, "CycloneDX"), strings.HasPrefix(version, "SPDX-2."):
		return nil
	case version != "" || spdx3:
		return errors.New("of SPDX only version 2 is read")
	}
	return errors.New("it is neither CycloneDX nor SPDX")
}

// component reads one of CycloneDX and those inside it; about is what the document is about.
func (j *jsonSBOM) component(depth int, about bool) error {
	if depth > maxNested {
		return fmt.Errorf("more than %d components in each other", maxNested)
	}
	c := component{about: about}
	err := j.object(func(name string) error {
		switch name {
		case "type":
			return j.text(&c.kind)
		case "name":
			return j.text(&c.name)
		case "version":
			return j.text(&c.version)
		case "purl":
			return j.text(&c.purl)
		case "properties":
			return j.array(func() error { return j.property(&c) })
		case "components":
			return j.array(func() error { return j.component(depth+1, about) })
		}
		return j.pass()
	})
	if err != nil {
		return err
	}
	c.kind = strings.ToLower(c.kind)
	return j.d.take(c)
}

func (j *jsonSBOM) property(c *component) error {
	var key, value string
	err := j.object(func(name string) error {
		switch name {
		case "name":
			return j.text(&key)
		case "value":
			return j.text(&value)
		}
		return j.pass()
	})
	c.property(key, value)
	return err
}

// spdx reads a package of SPDX.
func (j *jsonSBOM) spdx() error {
	var c component
	err := j.object(func(name string) error {
		switch name {
		case "name":
			return j.text(&c.name)
		case "versioninfo":
			return j.text(&c.version)
		case "primarypackagepurpose":
			return j.text(&c.kind)
		case "sourceinfo":
			return j.text(&c.sourceInfo)
		case "externalrefs":
			return j.array(func() error { return j.reference(&c) })
		}
		return j.pass()
	})
	if err != nil {
		return err
	}
	c.kind = strings.ToLower(c.kind)
	return j.d.take(c)
}

func (j *jsonSBOM) reference(c *component) error {
	var kind, locator string
	err := j.object(func(name string) error {
		switch name {
		case "referencetype":
			return j.text(&kind)
		case "referencelocator":
			return j.text(&locator)
		}
		return j.pass()
	})
	if strings.HasSuffix(kind, "purl") { // some write the whole URI of the type
		c.purl = locator
	}
	return err
}

// next is the next token.
func (j *jsonSBOM) next() (json.Token, error) {
	j.in.left = maxValue
	return j.Token()
}

// object calls field with each name, in lower case, as encoding/json would match it; field consumes the value. null is an empty one.
func (j *jsonSBOM) object(field func(name string) error) error {
	token, err := j.next()
	if err != nil || token == nil {
		return err
	}
	if token != json.Delim('{') {
		return errors.New("something else stands where an object should")
	}
	for j.More() {
		token, err := j.next()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		if err := field(strings.ToLower(name)); err != nil {
			return err
		}
	}
	_, err = j.next()
	return err
}

// array calls element before each element, which that consumes. null is an empty one.
func (j *jsonSBOM) array(element func() error) error {
	token, err := j.next()
	if err != nil || token == nil {
		return err
	}
	if token != json.Delim('[') {
		return errors.New("something else stands where an array should")
	}
	for j.More() {
		if err := element(); err != nil {
			return err
		}
	}
	_, err = j.next()
	return err
}

// text reads a text; null leaves what is there.
func (j *jsonSBOM) text(into *string) error {
	token, err := j.next()
	if err != nil || token == nil {
		return err
	}
	text, ok := token.(string)
	if !ok {
		return errors.New("something else stands where a text should")
	}
	*into = text
	return nil
}

// pass reads over a value, whatever its length.
func (j *jsonSBOM) pass() error {
	for depth := 0; ; {
		token, err := j.next()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		switch {
		case depth <= 0:
			return nil
		case depth > maxOpen:
			return fmt.Errorf("more than %d arrays and objects in each other", maxOpen)
		}
	}
}

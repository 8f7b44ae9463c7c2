package inspect

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// maxElements bounds elements in each other: the decoder keeps every one that is open. Components nest by two elements each.
const maxElements = 3 * maxNested

// readXML reads CycloneDX's XML element by element, for the reason that jsonSBOM gives. Entities of the document's own are an error of
// encoding/xml, and nothing is ever fetched.
func (d *document) readXML(r io.Reader) error {
	in := &window{r: r, left: maxValue}
	x := &xmlSBOM{d: d}
	for decoder := xml.NewDecoder(in); ; {
		in.left = maxValue
		token, err := decoder.Token()
		switch {
		case errors.Is(err, io.EOF) && x.began && len(x.path) == 0:
			return nil
		case errors.Is(err, io.EOF):
			return io.ErrUnexpectedEOF
		case err != nil:
			return err
		}
		switch t := token.(type) {
		case xml.StartElement:
			err = x.start(t)
		case xml.CharData:
			err = x.chars(t)
		case xml.EndElement:
			err = x.end()
		}
		if err != nil {
			return err
		}
	}
}

// xmlSBOM is where in the document the reading is.
type xmlSBOM struct {
	d     *document
	began bool
	path  []string    // names of the elements that are open
	open  []component // those that are being read, each inside the one before
	level []int       // len(path) of each: a pedigree names components too, which are not installed
	text  strings.Builder
	name  string // of a property
}

// within is the name of the element that is so many above the innermost.
func (x *xmlSBOM) within(above int) string {
	if above >= len(x.path) {
		return ""
	}
	return x.path[len(x.path)-1-above]
}

func (x *xmlSBOM) start(t xml.StartElement) error {
	if !x.began && (t.Name.Local != "bom" || !strings.Contains(t.Name.Space, "cyclonedx.org")) {
		return errors.New("it is XML, but not CycloneDX")
	}
	x.began = true
	if len(x.path) >= maxElements {
		return fmt.Errorf("more than %d elements in each other", maxElements)
	}
	x.path = append(x.path, t.Name.Local)
	x.text.Reset()
	switch {
	case x.isComponent():
		x.open, x.level = append(x.open, component{kind: strings.ToLower(attribute(t, "type")), about: slices.Contains(x.path, "metadata")}), append(x.level, len(x.path))
	case t.Name.Local == "property":
		x.name = attribute(t, "name")
	}
	return nil
}

// isComponent: the innermost element is a component, of the list or of what the document is about.
func (x *xmlSBOM) isComponent() bool {
	above := x.within(1)
	return x.within(0) == "component" && (above == "components" || above == "metadata" && len(x.path) == 3)
}

func attribute(t xml.StartElement, name string) string {
	for _, a := range t.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// below is how many elements the innermost is below the component that it is of; 0: it is that, or of none.
func (x *xmlSBOM) below() int {
	if len(x.level) == 0 {
		return 0
	}
	return len(x.path) - x.level[len(x.level)-1]
}

// chars keeps text where it may be of use.
func (x *xmlSBOM) chars(text []byte) error {
	if n := x.below(); n != 1 && n != 2 {
		return nil
	}
	if x.text.Len()+len(text) > maxValue {
		return fmt.Errorf("one of its values has more than %d bytes", maxValue)
	}
	x.text.Write(text)
	return nil
}

func (x *xmlSBOM) end() error {
	defer func() { x.path = x.path[:len(x.path)-1]; x.text.Reset() }()
	if len(x.open) == 0 {
		return nil
	}
	c := &x.open[len(x.open)-1]
	switch n := x.below(); {
	case n == 0:
		done := *c
		x.open, x.level = x.open[:len(x.open)-1], x.level[:len(x.level)-1]
		return x.d.take(done)
	case n == 2 && x.within(0) == "property" && x.within(1) == "properties":
		c.property(x.name, x.text.String())
	case n != 1:
	case x.within(0) == "name":
		c.name = x.text.String()
	case x.within(0) == "version":
		c.version = x.text.String()
	case x.within(0) == "purl":
		c.purl = x.text.String()
	}
	return nil
}

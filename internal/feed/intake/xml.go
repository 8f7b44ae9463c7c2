package intake

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
)

// maxDepth bounds elements in each other around those that are decoded: the decoder keeps every one that is open. Real files have five.
const maxDepth = 100

// EachXML calls fn with each element of a name, decoded, in the file's order, until the element called within ends; the rest is read but
// not parsed, so that the checksum of a packed file counts. Names are without their space. Memory is one element: one of more than
// limits.MaxRecord bytes is ErrTooLong and ends the reading, for where it ends is not known. T takes texts only, so that no value is an
// error of decoding. What fn returns comes back as it is; damage is Damaged.
func EachXML[T any](ctx context.Context, r io.Reader, limits Limits, within, name string, fn func(*T) error) error {
	in := &allowance{r: r, each: limits.OrDefault().MaxRecord}
	d := xml.NewDecoder(in)
	for depth := 0; ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		in.left = in.each
		token, err := d.Token()
		if err != nil {
			return damagedXML(err)
		}
		switch t := token.(type) {
		case xml.EndElement:
			depth--
			if t.Name.Local != within {
				continue
			}
			if _, err := io.Copy(io.Discard, r); err != nil {
				return damagedXML(err)
			}
			return nil
		case xml.StartElement:
			if t.Name.Local != name {
				if depth++; depth > maxDepth {
					return Damaged("not the XML that it should be: more than %d elements in each other", maxDepth)
				}
				continue
			}
			var element T
			if err := d.DecodeElement(&element, &t); err != nil {
				return damagedXML(err)
			}
			if err := fn(&element); err != nil {
				return err
			}
		}
	}
}

// damagedXML says what an error of reading is: a limit passed, or damage.
func damagedXML(err error) error {
	if errors.Is(err, ErrTooLong) {
		return err
	}
	return Damaged("not the XML that it should be: %v", err)
}

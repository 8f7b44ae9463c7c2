package intake

import (
	"encoding/json"
	"fmt"
)

// EachField calls fn at each value of the object that d stands before; fn consumes the value.
func EachField(d *json.Decoder, fn func(name string) error) error {
	if err := Expect(d, json.Delim('{')); err != nil {
		return err
	}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		if err := fn(name); err != nil {
			return err
		}
	}
	return Expect(d, json.Delim('}'))
}

// EachElement calls fn at each element of the array that d stands before, counted from 1; fn consumes the element.
func EachElement(d *json.Decoder, fn func(n int) error) error {
	if err := Expect(d, json.Delim('[')); err != nil {
		return err
	}
	for n := 1; d.More(); n++ {
		if err := fn(n); err != nil {
			return err
		}
	}
	return Expect(d, json.Delim(']'))
}

func Expect(d *json.Decoder, want json.Delim) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	if token != want {
		return fmt.Errorf("%v instead of %v", Shown(fmt.Sprint(token)), want)
	}
	return nil
}

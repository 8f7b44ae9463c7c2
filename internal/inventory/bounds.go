package inventory

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/staunch-dev/staunch/internal/fault"
)

// prose are the fields that carry another program's words, line breaks included. Every other string is a name or a version.
var prose = []string{"problem", "reason", "reasons", "error", "refresh_error"}

// bounded checks a decoded message against the limits written in its apiv1 tags (minLength, maxLength, maxItems, enum, minimum,
// maximum), so that they are stated once, and refuses control characters. It is a fault.Invalid or fault.TooLarge that names the field.
func bounded(message any) error {
	return boundedValue(reflect.ValueOf(message), "", "")
}

func boundedValue(v reflect.Value, path string, tag reflect.StructTag) error {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return boundedValue(v.Elem(), path, tag)
	case reflect.Struct:
		return boundedStruct(v, path)
	case reflect.Slice:
		if most, ok := limit(tag, "maxItems"); ok && int64(v.Len()) > most {
			return fault.New(fault.TooLarge, "%s has %d entries; at most %d are taken", path, v.Len(), most)
		}
		for i := range v.Len() {
			if err := boundedValue(v.Index(i), path+"["+strconv.Itoa(i)+"]", tag); err != nil {
				return err
			}
		}
	case reflect.String:
		return boundedString(v.String(), path, tag)
	case reflect.Int, reflect.Int64:
		if least, ok := limit(tag, "minimum"); ok && v.Int() < least {
			return fault.New(fault.Invalid, "%s is %d; the least is %d", path, v.Int(), least)
		}
		if most, ok := limit(tag, "maximum"); ok && v.Int() > most {
			return fault.New(fault.Invalid, "%s is %d; the most is %d", path, v.Int(), most)
		}
	}
	return nil
}

func boundedStruct(v reflect.Value, path string) error {
	t := v.Type()
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() {
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if path != "" {
			name = path + "." + name
		}
		if err := boundedValue(v.Field(i), name, f.Tag); err != nil {
			return err
		}
	}
	return nil
}

func boundedString(s, path string, tag reflect.StructTag) error {
	if most, ok := limit(tag, "maxLength"); ok && int64(utf8.RuneCountInString(s)) > most {
		return fault.New(fault.TooLarge, "%s is longer than %d characters", path, most)
	}
	if least, ok := limit(tag, "minLength"); ok && int64(utf8.RuneCountInString(s)) < least {
		return fault.New(fault.Invalid, "%s is shorter than %d characters", path, least)
	}
	if enum := tag.Get("enum"); enum != "" && !slices.Contains(strings.Split(enum, ","), s) {
		return fault.New(fault.Invalid, "%s is %q; it is one of %s", path, s, enum)
	}
	name, _, _ := strings.Cut(tag.Get("json"), ",")
	lines := slices.Contains(prose, name)
	for _, r := range s {
		if unicode.IsControl(r) && (!lines || (r != '\n' && r != '\t')) {
			return fault.New(fault.Invalid, "%s holds the character %U", path, r)
		}
	}
	return nil
}

func limit(tag reflect.StructTag, key string) (int64, bool) {
	text := tag.Get(key)
	if text == "" {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		panic(fmt.Sprintf("inventory: tag %s:%q is no number", key, text)) // a mistake in apiv1 that every test meets
	}
	return n, true
}

package intake

import (
	"errors"
	"io"
	"strings"
	"testing"
)

func TestRecordsHoldOneAtATime(t *testing.T) {
	t.Parallel()
	one := `"` + strings.Repeat("x", 900) + `"`
	text := `[` + strings.TrimSuffix(strings.Repeat(one+",", 50), ",") + `]`
	r := NewRecords(strings.NewReader(text), Limits{MaxRecord: 2000})
	seen := 0
	err := EachElement(r.Decoder, func(int) error {
		r.Next()
		seen++
		var s string
		return r.Decode(&s)
	})
	if err != nil || seen != 50 {
		t.Errorf("%d records: %v", seen, err)
	}
	r = NewRecords(strings.NewReader(`["`+strings.Repeat("x", 9000)+`"]`), Limits{MaxRecord: 2000})
	err = EachElement(r.Decoder, func(int) error {
		var s string
		return r.Decode(&s)
	})
	if !errors.Is(err, ErrTooLong) {
		t.Errorf("%v, want too long", err)
	}
}

func TestRecordsPass(t *testing.T) {
	t.Parallel()
	long := strings.Repeat(`{"x":[1,"`+strings.Repeat("y", 500)+`"]},`, 50)
	r := NewRecords(strings.NewReader(`{"a":[`+long+`0],"b":7}`), Limits{MaxRecord: 2000})
	got := 0
	err := EachField(r.Decoder, func(name string) error {
		if name != "b" {
			return r.Pass()
		}
		return r.Decode(&got)
	})
	if err != nil || got != 7 {
		t.Errorf("%d: %v", got, err)
	}
	if err := NewRecords(strings.NewReader(`[1,`), Limits{}).Pass(); !errors.Is(err, io.EOF) {
		t.Errorf("%v, want the end of the file", err)
	}
}

// The decoder keeps every array and object that is open, so a value of nothing but their beginnings must not be read to its end.
func TestPassRefusesEndlessNesting(t *testing.T) {
	t.Parallel()
	for name, one := range map[string]string{"arrays": `[`, "objects": `{"a":`} {
		in := strings.NewReader(`{"x":` + strings.Repeat(one, 1<<20))
		r := NewRecords(in, Limits{})
		err := EachField(r.Decoder, func(string) error { return r.Pass() })
		if !errors.Is(err, ErrDamaged) || in.Len() < 1<<19 {
			t.Errorf("%s: %v, with %d bytes unread", name, err, in.Len())
		}
	}
	deep := strings.Repeat(`[`, 1000) + strings.Repeat(`]`, 1000)
	if err := NewRecords(strings.NewReader(deep), Limits{}).Pass(); err != nil {
		t.Errorf("a thousand levels: %v", err)
	}
}

func TestFit(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{"": false, "a": true, "12345": true, "123456": false, "a\x00": false, "a\xff": false, "é": true} {
		if got := Fit(s, 5); got != want {
			t.Errorf("%q: %v", s, got)
		}
	}
	if !Fit(strings.Repeat("a", 300), 300) {
		t.Error("a long name does not fit its own length")
	}
}

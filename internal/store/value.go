package store

import (
	"database/sql"
	"encoding/json"
	"time"
)

// Times are microseconds UTC; the zero time is NULL where a column may be empty.

func micros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

func fromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }

// instant scans a time; NULL is the zero time.
type instant struct{ to *time.Time }

func (i instant) Scan(v any) error {
	var us sql.NullInt64
	if err := us.Scan(v); err != nil {
		return err
	}
	*i.to = time.Time{}
	if us.Valid {
		*i.to = fromMicros(us.Int64)
	}
	return nil
}

// document scans JSON text into a value.
type document struct{ to any }

func (d document) Scan(v any) error {
	var text sql.NullString
	if err := text.Scan(v); err != nil {
		return err
	}
	return json.Unmarshal([]byte(text.String), d.to)
}

// encodeMap is the JSON of labels or event data: keys sorted, an empty map for none.
func encodeMap(m map[string]string) (string, error) {
	if m == nil {
		return "{}", nil
	}
	text, err := json.Marshal(m)
	return string(text), err
}

// bytes is NULL for nil.
func bytes(b []byte) any {
	if b == nil {
		return nil
	}
	return b
}

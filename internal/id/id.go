// Package id makes the identifiers of everything but packages and host ordinals: text, unique, and sortable by the time they were made.
package id

import (
	"crypto/rand"
	"encoding/binary"
	"strings"
	"time"
)

// alphabet is Crockford's base 32 in lower case: no i, l, o or u, so an id can be read aloud, and it sorts like its bytes.
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// New is a fresh id: prefix, "_", then 10 characters of the time (48 bits of milliseconds, as ULID has) and 16 random ones (80 bits).
// Ids of later milliseconds sort after earlier ones. Panics only if the system has no randomness, as crypto/rand does.
func New(prefix string, now time.Time) string {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], uint64(now.UnixMilli())<<16) //nolint:gosec // times before 1970 do not occur
	_, _ = rand.Read(raw[6:])                                        // documented never to fail
	return prefix + "_" + encode(raw)
}

// encode writes 128 bits as 26 characters, five bits each, the first carrying three.
func encode(raw [16]byte) string {
	hi, lo := binary.BigEndian.Uint64(raw[:8]), binary.BigEndian.Uint64(raw[8:])
	var out [26]byte
	for i := 25; i >= 0; i-- {
		out[i] = alphabet[lo&31]
		lo = lo>>5 | hi<<59
		hi >>= 5
	}
	return string(out[:])
}

// Valid reports whether s could be an id made with prefix: outside input is checked before it reaches a query or a path.
func Valid(prefix, s string) bool {
	rest, ok := strings.CutPrefix(s, prefix+"_")
	if !ok || len(rest) != 26 {
		return false
	}
	return strings.Trim(rest, alphabet) == ""
}

// Secret is 128 random bits as 26 characters of the same alphabet: for tokens and first passwords.
func Secret() string {
	var raw [16]byte
	_, _ = rand.Read(raw[:])
	return encode(raw)
}

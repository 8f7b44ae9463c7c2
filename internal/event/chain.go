package event

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
)

// Chain is the hash of e when it follows an event whose hash is before ("" for the first): sha256 over the previous hash and a
// fixed-order JSON of e. Changing, dropping or reordering any earlier event changes every hash after it.
func Chain(before string, e Event) string {
	type pair struct{ K, V string }
	data := make([]pair, 0, len(e.Data))
	for k, v := range e.Data {
		data = append(data, pair{k, v})
	}
	slices.SortFunc(data, func(a, b pair) int {
		if a.K < b.K {
			return -1
		}
		return 1
	})
	text, err := json.Marshal([]any{before, e.Seq, e.At.UnixMicro(), e.Kind, e.Actor, e.Host, e.Text, data})
	if err != nil {
		panic("event: strings and numbers always encode: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

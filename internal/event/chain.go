package event

import "github.com/staunch-dev/staunch/internal/apiv1"

// Chain is the hash of e when it follows an event whose hash is before ("" for the first). Changing, dropping or reordering any earlier
// event changes every hash after it. What exactly it covers is apiv1's to say, since whoever exports the log recomputes it.
func Chain(before string, e Event) string { return e.Record().Chain(before) }

// Record is e with everything that its place in the chain is made of.
func (e Event) Record() apiv1.EventRecord {
	r := apiv1.EventRecord{Seq: e.Seq, At: e.At.UnixMicro(), Kind: e.Kind, Actor: e.Actor, Host: e.Host, Text: e.Text, Data: e.Data, Hash: e.Hash}
	if r.Data == nil {
		r.Data = map[string]string{}
	}
	return r
}

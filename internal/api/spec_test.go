package api

import (
	"bytes"
	"os"
	"testing"
)

// The committed document is what web types and other people's clients are made of: make openapi (staunch openapi) writes it anew.
func TestCommittedSpecIsCurrent(t *testing.T) {
	t.Parallel()
	want, err := Spec()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../api/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("api/openapi.yaml is not what the code says: run go run ./cmd/staunch openapi > api/openapi.yaml")
	}
}

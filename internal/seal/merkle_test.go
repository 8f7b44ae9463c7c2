package seal

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

func leavesOf(n int) []Hash {
	out := make([]Hash, n)
	for i := range out {
		out[i] = Leaf(fmt.Sprintf("host_%d", i), "lock")
	}
	return out
}

// The hashes of the empty tree and of the empty leaf are those that RFC 6962's reference implementations print.
func TestRFC6962KnownHashes(t *testing.T) {
	t.Parallel()
	empty := Root(nil)
	if got := hex.EncodeToString(empty[:]); got != "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" {
		t.Errorf("root of nothing: %s", got)
	}
	leaf := sha256.Sum256([]byte{0})
	if got := hex.EncodeToString(leaf[:]); got != "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d" {
		t.Errorf("empty leaf: %s", got)
	}
}

func TestEveryLeafIsIncludedAndNothingElseIs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 70).Draw(t, "n")
		i := rapid.IntRange(0, n-1).Draw(t, "i")
		leaves := leavesOf(n)
		root, proof := Root(leaves), Proof(leaves, i)
		if !Includes(root, leaves[i], i, n, proof) {
			t.Fatalf("leaf %d of %d is not included", i, n)
		}
		if Includes(root, Leaf("stranger", "lock"), i, n, proof) {
			t.Fatal("a stranger is included")
		}
		if Includes(root, Leaf(fmt.Sprintf("host_%d", i), "other lock"), i, n, proof) {
			t.Fatal("a host is included with another lock")
		}
		if n > 1 {
			if Includes(root, leaves[i], (i+1)%n, n, proof) {
				t.Fatal("a leaf is included in another place")
			}
			if Includes(root, leaves[i], i, n, proof[:len(proof)-1]) || Includes(root, leaves[i], i, n, append(proof, Hash{})) {
				t.Fatal("a proof of another length holds")
			}
			at := rapid.IntRange(0, len(proof)-1).Draw(t, "at")
			proof[at][rapid.IntRange(0, 31).Draw(t, "byte")] ^= 1
			if Includes(root, leaves[i], i, n, proof) {
				t.Fatal("a changed proof holds")
			}
		}
	})
}

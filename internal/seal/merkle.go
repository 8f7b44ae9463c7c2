package seal

import (
	"crypto/sha256"
	"errors"
	"math/bits"
)

// Hash is a node of the tree of hosts.
type Hash = [sha256.Size]byte

// Leaf is the leaf hash of one host with its lock (RFC 6962 §2.1: a zero byte before the data, a one byte before two children, so that
// neither can be taken for the other). The lock is in it: a host cannot be given another cohort's.
func Leaf(hostID, lockSHA256 string) Hash {
	return sha256.Sum256([]byte("\x00" + hostID + "\n" + lockSHA256))
}

func node(left, right Hash) Hash {
	var buf [1 + 2*sha256.Size]byte
	buf[0] = 1
	copy(buf[1:], left[:])
	copy(buf[1+sha256.Size:], right[:])
	return sha256.Sum256(buf[:])
}

// split is the largest power of two smaller than n, for n > 1.
func split(n int) int { return 1 << (bits.Len(uint(n-1)) - 1) } //nolint:gosec // n > 1

// Root is the Merkle tree hash over leaves; of none it is the hash of nothing.
func Root(leaves []Hash) Hash {
	switch len(leaves) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return leaves[0]
	}
	k := split(len(leaves))
	return node(Root(leaves[:k]), Root(leaves[k:]))
}

// Proof is the audit path of leaf i: the sibling hashes from the leaf up (RFC 6962 §2.1.1).
func Proof(leaves []Hash, i int) []Hash {
	if len(leaves) <= 1 {
		return nil
	}
	k := split(len(leaves))
	if i < k {
		return append(Proof(leaves[:k], i), Root(leaves[k:]))
	}
	return append(Proof(leaves[k:], i-k), Root(leaves[:k]))
}

// Includes reports whether proof leads from leaf, as number i of n, to root.
func Includes(root, leaf Hash, i, n int, proof []Hash) bool {
	got, err := climb(leaf, i, n, proof)
	return err == nil && got == root
}

// climb is the recursion of Proof run upward: the last element of the path belongs to the top split.
func climb(leaf Hash, i, n int, proof []Hash) (Hash, error) {
	if i < 0 || i >= n {
		return Hash{}, errors.New("no such leaf")
	}
	if n == 1 {
		if len(proof) != 0 {
			return Hash{}, errors.New("proof is too long")
		}
		return leaf, nil
	}
	if len(proof) == 0 {
		return Hash{}, errors.New("proof is too short")
	}
	k, last, rest := split(n), proof[len(proof)-1], proof[:len(proof)-1]
	if i < k {
		left, err := climb(leaf, i, k, rest)
		return node(left, last), err
	}
	right, err := climb(leaf, i-k, n-k, rest)
	return node(last, right), err
}

package vercmp

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// chain is a line of testdata/orders.txt: versions in order, with what stands before each.
type chain struct {
	scheme   Scheme
	versions []string
	rise     []bool // whether versions[i] is after versions[i-1], or equal
	invalid  bool   // the last version is none
}

func chains(t testing.TB) []chain {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "orders.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var all []chain
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, rest, _ := strings.Cut(line, ": ")
		c := chain{scheme: Scheme(name)}
		rest, c.invalid = strings.CutSuffix(rest, " invalid")
		for i, up := range strings.Split(rest, " < ") {
			for j, v := range strings.Split(up, " = ") {
				c.versions = append(c.versions, v)
				c.rise = append(c.rise, i > 0 && j == 0)
			}
		}
		all = append(all, c)
	}
	return all
}

func TestChains(t *testing.T) {
	t.Parallel()
	seen := map[Scheme]bool{}
	for _, c := range chains(t) {
		seen[c.scheme] = true
		versions := c.versions
		if c.invalid {
			last := versions[len(versions)-1]
			versions = versions[:len(versions)-1]
			if err := Valid(c.scheme, last); err == nil {
				t.Errorf("%s: %q is valid", c.scheme, last)
			}
		}
		for i := range versions {
			op := "="
			for j := i; j < len(versions); j++ {
				if j > i && c.rise[j] {
					op = "<"
				}
				checkVector(t, c.scheme, vector{line: string(c.scheme) + " chain", a: versions[i], op: op, b: versions[j]})
			}
		}
	}
	for _, s := range Schemes() {
		if !seen[s] {
			t.Errorf("no chain for %s", s)
		}
	}
}

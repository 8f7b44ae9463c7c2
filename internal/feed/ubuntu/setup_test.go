package ubuntu

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake/intaketest"
)

// samples are the documents below some folders of the samples, in the order of their paths.
func samples(t testing.TB, folders ...string) []intaketest.Member {
	t.Helper()
	root := intaketest.Shared(t, "samples", "vunnel", "ubuntu", "test-fixtures")
	var all []intaketest.Member
	for _, folder := range folders {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			all = append(all, intaketest.Member{strings.TrimPrefix(path, root), string(data)})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// entry finds what an advisory says of a package of a release, with or without an entitlement.
func entry(a advisory.Advisory, ecosystem, name, entitlement string) advisory.Affected {
	for _, e := range a.Affected {
		if e.Ecosystem == ecosystem && e.Package == name && e.Entitlement == entitlement {
			return e
		}
	}
	return advisory.Affected{}
}

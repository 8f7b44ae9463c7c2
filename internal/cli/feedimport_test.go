package cli

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every place of the table in docs/feeds.md is sent, and nothing that is at no such place: feed import /etc is a slip of the hand.
func TestOnlyWhatMayBeAFeedIsSent(t *testing.T) {
	t.Parallel()
	docs, err := os.ReadFile("../../docs/feeds.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(docs), "| in a mirror's folder |")
	table, _, _ = strings.Cut(table, "\n\n")
	place := regexp.MustCompile("`([a-z-]+/[^`]+)`")
	dir := t.TempDir()
	put := func(name string) string {
		name = strings.NewReplacer("*", "1", "{main,community}", "main", "{debian,ubuntu}", "debian", "NAME", "Debian").Replace(name)
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	var want []string
	for row := range strings.Lines(table) {
		cells := strings.Split(row, "|")
		if len(cells) < 5 {
			continue
		}
		for _, m := range place.FindAllStringSubmatch(cells[4], -1) {
			want = append(want, put(m[1]))
		}
	}
	if len(want) < 20 {
		t.Fatalf("only %d places are in the table", len(want))
	}
	for _, foreign := range []string{"shadow", "ssh/ssh_host_ed25519_key", "ssl/private/key.pem", "osv/.cache/all.zip"} {
		put(foreign)
	}
	var got []string
	if err := eachFile(dir, func(name string, _ fs.FileInfo) error {
		got = append(got, name)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(slices.Compact(want), got); diff != "" {
		t.Error(diff)
	}
}

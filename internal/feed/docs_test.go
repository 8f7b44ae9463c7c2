package feed

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The page says of every source what the registry says: that it is there, where its first file is in a mirror, and whether it is supported.
func TestThePageOfFeedsIsTheRegistry(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "feeds.md"))
	if err != nil {
		t.Fatal(err)
	}
	marks := strings.NewReplacer("{bucket}", "NAME", "alpine/{release}", "alpine/vX.Y", "{release}", "RELEASE", "{major}", "MAJOR", "{number}", "NUMBER")
	rows := map[string][]string{}
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if len(cells) == 5 {
			rows[strings.Trim(cells[0], " `")] = cells
		}
	}
	for _, s := range registry() {
		name := marks.Replace(s.name)
		row := rows[name]
		if row == nil {
			t.Errorf("no row for %s", name)
			continue
		}
		if supported := strings.TrimSpace(row[4]) == "supported"; supported != s.supported() || !supported && !strings.HasPrefix(strings.TrimSpace(row[4]), "not supported: ") {
			t.Errorf("%s: the page says %q; supported is %v", name, row[4], s.supported())
		}
		folder, _, _ := strings.Cut(s.files[0].paths[0], "/")
		if !strings.Contains(row[3], "`"+folder+"/") {
			t.Errorf("%s: its file is at %s, the page says %s", name, s.files[0].paths[0], row[3])
		}
		delete(rows, name)
	}
	delete(rows, "feed")
	delete(rows, "---")
	for name := range rows {
		if !strings.Contains(name, "---") {
			t.Errorf("the page has %s, which the registry does not", name)
		}
	}
}

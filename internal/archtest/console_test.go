package archtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What hosts and feeds say reaches the console's pages as text alone: nothing in them writes HTML or makes code of text, and an address
// outside is made in one place, from ids of known shapes.
func TestTheConsoleShowsForeignTextAsText(t *testing.T) {
	t.Parallel()
	html := regexp.MustCompile(`dangerouslySetInnerHTML|\.(inner|outer)HTML|insertAdjacentHTML|document\.write|\beval\(|new Function\(|srcdoc|createContextualFragment`)
	address := regexp.MustCompile(`(href|src|action|formAction)=\{|window\.open\(|location\.(assign|replace)\(|location(\.href)?\s*=[^=]`)
	allowed := map[string]string{
		"parts/Outside.tsx": "href={page}",                 // of format/links.ts
		"shell/Missing.tsx": "href={window.location.href}", // the page itself
	}
	root := filepath.Join("..", "..", "web", "src")
	seen := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".ts") && !strings.HasSuffix(path, ".tsx") {
			return err
		}
		seen++
		text, err := os.ReadFile(path) //nolint:gosec // of this tree
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(text)) {
			if html.MatchString(line) {
				t.Errorf("%s writes HTML or code: %s", name, strings.TrimSpace(line))
			}
			if ours := allowed[filepath.ToSlash(name)]; address.MatchString(line) && (ours == "" || !strings.Contains(line, ours)) {
				t.Errorf("%s makes an address: %s", name, strings.TrimSpace(line))
			}
		}
		return nil
	})
	if err != nil || seen < 50 {
		t.Fatalf("%d files, %v", seen, err)
	}
}

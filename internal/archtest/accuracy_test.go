package archtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// testNamed finds `TestName` and `TestName/row` in the tables of docs/accuracy.md.
var testNamed = regexp.MustCompile("`(Test[A-Za-z0-9_]+)(?:/([^`]+))?`")

// Every test that docs/accuracy.md names is there, and so is every row it names of one.
func TestEveryTestThatTheAccuracyTableNamesExists(t *testing.T) {
	t.Parallel()
	sources := testSources(t)
	named := 0
	for _, doc := range []string{"accuracy.md", "priority.md"} {
		text, err := os.ReadFile(filepath.Join("../../docs", doc)) //nolint:gosec // our own document
		if err != nil {
			t.Fatal(err)
		}
		for line, one := range strings.Split(string(text), "\n") {
			for _, m := range testNamed.FindAllStringSubmatch(one, -1) {
				named++
				in := sources[m[1]]
				if in == "" {
					t.Errorf("docs/%s:%d names %s, and there is no such test", doc, line+1, m[1])
				} else if m[2] != "" && !strings.Contains(in, `"`+m[2]+`"`) {
					t.Errorf("docs/%s:%d names %s/%s, and that test has no such row", doc, line+1, m[1], m[2])
				}
			}
			if strings.HasPrefix(one, "| ") && doc == "accuracy.md" && !testNamed.MatchString(one) && !strings.Contains(one, "| test") && !strings.Contains(one, "not supported") {
				t.Errorf("docs/%s:%d is a row without a test: %s", doc, line+1, one)
			}
		}
	}
	if named < 50 {
		t.Errorf("only %d tests are named", named)
	}
}

// testSources maps each test to the text of its file.
func testSources(t *testing.T) map[string]string {
	t.Helper()
	function := regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9_]+)\(`)
	out := map[string]string{}
	for _, root := range []string{"../../internal", "../../test"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path) //nolint:gosec // a test's own tree
			if err != nil {
				return err
			}
			for _, m := range function.FindAllStringSubmatch(string(text), -1) {
				out[m[1]] += string(text) // two packages may have a test of one name
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

package apt

import (
	"context"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/pkgmgr/dpkg"
)

// preferenceFiles are those that apt reads and that say anything, in its order: by name, the main file last.
func (m *Manager) preferenceFiles() []string {
	var files []string
	entries, _ := os.ReadDir(m.path("etc/apt/preferences.d"))
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); !e.IsDir() && (ext == "" || ext == ".pref") {
			files = append(files, filepath.Join(m.path("etc/apt/preferences.d"), e.Name()))
		}
	}
	return append(files, m.path("etc/apt/preferences"))
}

// pinPatterns reads a preferences file: the Package fields of its records, without records that say nothing.
func pinPatterns(r io.Reader) []string {
	reader := dpkg.NewReader(r, "Package", "Pin", "Pin-Priority")
	var out []string
	for len(out) < 10_000 {
		s, err := reader.Next()
		var bad *dpkg.Malformed
		switch {
		case errors.As(err, &bad):
			continue
		case err != nil:
			return out
		}
		if s.Has("Pin") {
			out = append(out, strings.Fields(s.Get("Package"))...)
		}
	}
	return out
}

func (m *Manager) pins(file string) []string {
	f, err := os.Open(file)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	return pinPatterns(io.LimitReader(f, 4<<20))
}

// pinned finds what only pins hold back: packages that a simulation without preferences would upgrade (or keep back) and this one
// does not mention. Without pins there is nothing to simulate.
func (m *Manager) pinned(ctx context.Context, whose string, with Simulation) []Kept {
	if !slices.ContainsFunc(m.preferenceFiles(), func(f string) bool { return len(m.pins(f)) > 0 }) {
		return nil
	}
	without, out, err := m.simulate(ctx, whose, "-o", "Dir::Etc::preferences=/dev/null", "-o", "Dir::Etc::preferencesparts=/dev/null", "dist-upgrade")
	if err != nil || out.Code != 0 {
		return nil
	}
	mentioned := map[string]bool{}
	for _, c := range with.Changes {
		mentioned[c.Name] = true
	}
	for _, k := range with.Kept {
		mentioned[k.Name] = true
	}
	var pinned []Kept
	for _, c := range without.Changes {
		if !c.Remove && c.From != "" && !mentioned[c.Name] {
			pinned = append(pinned, Kept{Name: c.Name, Arch: c.Arch, From: c.From, To: c.To})
		}
	}
	for _, k := range without.Kept {
		if !mentioned[k.Name] {
			pinned = append(pinned, k)
		}
	}
	return pinned
}

// pinnedBy names the file whose pin fits a package best: one that names it, else one for everything.
func (m *Manager) pinnedBy(name string) string {
	general := ""
	for _, file := range m.preferenceFiles() {
		for _, pattern := range m.pins(file) {
			ok, err := path.Match(pattern, name)
			switch {
			case pattern == "*":
				if general == "" {
					general = file
				}
			case err == nil && ok, strings.HasPrefix(pattern, "src:"), strings.HasPrefix(pattern, "/"):
				return "pinned by " + clip(m.shown(file), 900)
			}
		}
	}
	if general == "" {
		return "pinned"
	}
	return "pinned by " + clip(m.shown(general), 900)
}

// shown is a path as the host knows it.
func (m *Manager) shown(file string) string {
	if rel, err := filepath.Rel(m.path(""), file); err == nil {
		return "/" + rel
	}
	return file
}

package apt

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/pkgmgr/dpkg"
)

// maxSources bounds one sources file; the key blocks in them are the long part.
const maxSources = 4 << 20

// ParseList reads a one-line-style sources file: every enabled source of binary packages. apt lists a repository as a target only once
// it has been fetched, so those that never answered are known from here alone.
func ParseList(b []byte) []apiv1.Repository {
	var out []apiv1.Repository
	for line := range strings.Lines(string(b)) {
		line, _, _ = strings.Cut(line, "#")
		word, rest, _ := strings.Cut(strings.TrimSpace(strings.ReplaceAll(line, "\t", " ")), " ")
		rest = strings.TrimSpace(rest)
		if word != "deb" {
			continue
		}
		if strings.HasPrefix(rest, "[") {
			_, after, ok := strings.Cut(rest, "]")
			if !ok {
				continue
			}
			rest = after
		}
		f := strings.Fields(rest)
		if len(f) >= 2 {
			out = append(out, repository(f[0], f[1], f[2:]))
		}
	}
	return out
}

// ParseSources reads a deb822-style sources file.
func ParseSources(b []byte) []apiv1.Repository {
	var out []apiv1.Repository
	r := dpkg.NewReader(bytes.NewReader(b), "Types", "URIs", "Suites", "Components", "Enabled")
	for len(out) < maxTargets {
		s, err := r.Next()
		var bad *dpkg.Malformed
		switch {
		case errors.As(err, &bad):
			continue
		case err != nil:
			return out
		}
		off := slices.Contains([]string{"no", "false", "without", "off", "disable"}, strings.ToLower(s.Get("Enabled")))
		if off || !slices.Contains(strings.Fields(s.Get("Types")), "deb") {
			continue
		}
		for _, uri := range strings.Fields(s.Get("URIs")) {
			for _, suite := range strings.Fields(s.Get("Suites")) {
				out = append(out, repository(uri, suite, strings.Fields(s.Get("Components"))))
			}
		}
	}
	return out
}

func repository(uri, suite string, components []string) apiv1.Repository {
	uri, suite = clip(withoutCredentials(uri), 768), clip(suite, 255)
	r := apiv1.Repository{ID: uri + " " + suite, URI: uri, Suite: suite, Components: []string{}}
	for _, c := range components {
		if len(r.Components) < 100 {
			r.Components = append(r.Components, clip(c, 128))
		}
	}
	return r
}

// configured reads all sources files that we can read.
func (m *Manager) configured() []apiv1.Repository {
	files := []string{m.path("etc/apt/sources.list")}
	entries, _ := os.ReadDir(m.path("etc/apt/sources.list.d"))
	for _, e := range entries {
		files = append(files, filepath.Join(m.path("etc/apt/sources.list.d"), e.Name()))
	}
	arch := strings.NewReplacer("$(ARCH)", m.nativeArch())
	var out []apiv1.Repository
	for _, file := range files {
		parse := ParseList
		switch filepath.Ext(file) {
		case ".list":
		case ".sources":
			parse = ParseSources
		default:
			continue // apt reads no others
		}
		for _, r := range parse(readBounded(file, maxSources)) {
			r.ID, r.Suite, r.File = arch.Replace(r.ID), arch.Replace(r.Suite), clip(file, 1024)
			if len(out) < maxTargets {
				out = append(out, r)
			}
		}
	}
	return out
}

// nativeArch is the first line of dpkg's list where there is one; else what this program was built for, in Debian's words.
func (m *Manager) nativeArch() string {
	first, _, _ := strings.Cut(string(readBounded(m.path("var/lib/dpkg/arch"), 4096)), "\n")
	return cmp.Or(clip(first, 32), dpkg.Arch(runtime.GOARCH))
}

// readBounded gives up to limit bytes of a regular file, none when it cannot be read.
func readBounded(name string, limit int64) []byte {
	if info, err := os.Stat(name); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, limit))
	if err != nil {
		return nil
	}
	return b
}

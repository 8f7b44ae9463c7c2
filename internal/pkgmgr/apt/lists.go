package apt

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// answerFormat is part of the fingerprint: raise it when the meaning of answer.json changes.
const answerFormat = "1"

// index is what a lists folder holds.
type index struct {
	files map[string]time.Time // Packages, InRelease and Release files
	at    time.Time            // when apt last worked in it
}

// readIndex looks at a lists folder. apt gives each file the time it has on the mirror; when it was fetched is in the times of the
// folders, which change with every refresh.
func readIndex(dir string) index {
	ix := index{files: map[string]time.Time{}}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return ix
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() || e.Name() == "lock" {
			continue
		}
		ix.files[e.Name()] = info.ModTime()
	}
	for _, d := range []string{dir, filepath.Join(dir, "partial")} {
		if info, err := os.Stat(d); err == nil && info.ModTime().After(ix.at) {
			ix.at = info.ModTime()
		}
	}
	return ix
}

// chooseLists says whose lists are fresher: the repositories' own dates decide, and where these do not differ the time of the last
// refresh. fetched is that time for the system's lists.
func (m *Manager) chooseLists(refresh refreshState) (whose string, fetched time.Time) {
	system, own := readIndex(m.listsDir(ListsSystem)), readIndex(m.listsDir(ListsAgent))
	switch {
	case len(system.files) == 0 && len(own.files) == 0:
		return "", time.Time{}
	case len(own.files) == 0 || refresh.Finished.IsZero():
		return ListsSystem, system.at
	case len(system.files) == 0:
		return ListsAgent, time.Time{}
	}
	ownNewer, systemNewer := 0, 0
	for name := range system.files {
		if _, both := own.files[name]; !both || !strings.HasSuffix(name, "Release") {
			continue
		}
		a, b := m.released(ListsSystem, name), m.released(ListsAgent, name)
		switch {
		case a.After(b):
			systemNewer++
		case b.After(a):
			ownNewer++
		}
	}
	switch {
	case ownNewer > 0 && systemNewer == 0:
		return ListsAgent, time.Time{}
	case systemNewer > 0 && ownNewer == 0, system.at.After(refresh.Finished):
		return ListsSystem, system.at
	}
	return ListsAgent, time.Time{}
}

func (m *Manager) released(whose, name string) time.Time {
	f, err := os.Open(filepath.Join(m.listsDir(whose), name))
	if err != nil {
		return time.Time{}
	}
	defer func() { _ = f.Close() }()
	return ParseRelease(f).Date
}

// fingerprint covers everything apt reads for its answer, by name, size and time: the lists, the status and its journal, marks,
// sources, pins, configuration, and who we are.
func (m *Manager) fingerprint(whose string) string {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%s %s %d\n", answerFormat, whose, os.Geteuid())
	note := func(name string, info fs.FileInfo) {
		_, _ = fmt.Fprintf(h, "%q %d %d %v\n", name, info.Size(), info.ModTime().UnixNano(), info.Mode())
	}
	folders := append([]string{m.listsDir(whose), m.path("var/lib/dpkg/updates")}, m.inputFolders()...)
	for _, dir := range folders {
		entries, err := os.ReadDir(dir)
		if err != nil {
			_, _ = fmt.Fprintf(h, "%q %v\n", dir, errors.Is(err, fs.ErrPermission))
		}
		for _, e := range entries {
			if e.IsDir() || e.Name() == "lock" {
				continue
			}
			if info, err := os.Stat(filepath.Join(dir, e.Name())); err == nil { // what a link leads to
				note(filepath.Join(dir, e.Name()), info)
			}
		}
	}
	for _, name := range append([]string{m.path("var/lib/dpkg/status"), m.path("var/lib/dpkg/arch"), m.path("var/lib/apt/extended_states"), "/etc/machine-id"}, m.inputFiles()...) {
		if info, err := os.Stat(name); err == nil {
			note(name, info)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (m *Manager) inputFiles() []string {
	return []string{m.path("etc/apt/sources.list"), m.path("etc/apt/preferences"), m.path("etc/apt/apt.conf"), m.path("etc/apt/auth.conf"), m.path("etc/apt/trusted.gpg")}
}

func (m *Manager) inputFolders() []string {
	return []string{m.path("etc/apt/sources.list.d"), m.path("etc/apt/preferences.d"), m.path("etc/apt/apt.conf.d"), m.path("etc/apt/auth.conf.d"), m.path("etc/apt/trusted.gpg.d"), m.path("etc/apt/keyrings"), m.path("usr/share/keyrings")}
}

// Watched names the files and folders whose change may change the answer, for a caller that looks at their times now and then.
func (m *Manager) Watched() []string {
	return append(append([]string{m.path("var/lib/dpkg/status"), m.path("var/lib/dpkg/updates"), m.path("var/lib/apt/extended_states"),
		m.path("var/lib/apt/lists"), m.path("var/lib/apt/lists/partial")}, m.inputFiles()...), m.inputFolders()...)
}

// targetsFingerprint covers the Packages files alone.
func targetsFingerprint(targets []Target) string {
	h := sha256.New()
	for _, t := range targets {
		if info, err := os.Stat(t.File); err == nil {
			_, _ = fmt.Fprintf(h, "%q %d %d %q\n", filepath.Base(t.File), info.Size(), info.ModTime().UnixNano(), t.Origin)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// unreadable lists the files of dirs and files that are there and that we may not open.
func (m *Manager) unreadable(names ...string) []string {
	var out []string
	try := func(name string) {
		f, err := os.Open(name)
		if err == nil {
			_ = f.Close()
		} else if errors.Is(err, fs.ErrPermission) {
			out = append(out, name)
		}
	}
	for _, name := range names {
		entries, err := os.ReadDir(name)
		if err != nil {
			try(name)
			continue
		}
		for _, e := range entries {
			try(filepath.Join(name, e.Name()))
		}
	}
	return out
}

// unreadableSources lists sources files that we may not read: apt leaves their repositories out, so somebody has to say so.
func (m *Manager) unreadableSources() []apiv1.Repository {
	var out []apiv1.Repository
	for _, file := range m.unreadable(m.path("etc/apt/sources.list"), m.path("etc/apt/sources.list.d")) {
		file = clip(file, 1024)
		out = append(out, apiv1.Repository{ID: file, Components: []string{}, File: file, Problem: "this sources file is readable by root only: its repositories are not known to the agent"})
	}
	return out
}

// unreadablePreferences says that pins may be missing from the answer.
func (m *Manager) unreadablePreferences() string {
	files := m.unreadable(m.path("etc/apt/preferences"), m.path("etc/apt/preferences.d"))
	if len(files) == 0 {
		return ""
	}
	return "readable by root only, so the pins in them are not in this answer: " + clip(strings.Join(files, ", "), 1000)
}

// standing turns the error of one refresh into a property of the repository, which is in a digest: only what will not go away by
// trying again, without the words of the moment.
func (m *Manager) standing(problem string) string {
	refused := strings.Contains(problem, "401") || strings.Contains(problem, "403")
	switch {
	case refused && len(m.unreadable(m.path("etc/apt/auth.conf"), m.path("etc/apt/auth.conf.d"))) > 0:
		return "its credentials are readable by root only"
	case refused:
		return "it refuses the agent: credentials are missing or wrong"
	case strings.Contains(problem, "NO_PUBKEY"), strings.Contains(problem, "is not signed"), strings.Contains(problem, "not readable by user"):
		if len(m.unreadable(m.path("etc/apt/trusted.gpg"), m.path("etc/apt/trusted.gpg.d"), m.path("etc/apt/keyrings"), m.path("usr/share/keyrings"))) > 0 {
			return "its signature cannot be verified: a key file is readable by root only"
		}
		return "its signature cannot be verified"
	case strings.Contains(problem, "does not have a Release file"):
		return "it has no such suite"
	}
	return ""
}

package main

import (
	"archive/zip"
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// What the figures are of: a Debian 12 host and the advisories for its release.
const (
	packages = 830
	rows     = 110_000
)

// world is a folder with a root and feeds.
type world struct{ root, feeds string }

// makeWorld builds both from the shared data: the real host's 793 packages and 2,155 records, with made ones up to the full number. KEV,
// EPSS and SSVC are the real ones. The same seed makes the same world.
func makeWorld(dir, shared string) (world, error) {
	w := world{root: filepath.Join(dir, "root"), feeds: filepath.Join(dir, "feeds")}
	status, err := os.ReadFile(filepath.Join(shared, "debian12/dpkg-status")) //nolint:gosec // a path of the caller
	if err != nil {
		return w, err
	}
	have := strings.Count("\n"+string(status), "\nPackage: ")
	var b strings.Builder
	b.WriteString(strings.TrimRight(string(status), "\n") + "\n")
	for i := have; i < packages; i++ {
		fmt.Fprintf(&b, "\nPackage: made-%d\nStatus: install ok installed\nPriority: optional\nSection: libs\nInstalled-Size: 100\nMaintainer: Nobody <nobody@example.org>\n"+
			"Architecture: amd64\nSource: made\nVersion: 1.%d-1\nDescription: made for a measurement\n", i, i)
	}
	if err := put(filepath.Join(w.root, "var/lib/dpkg/status"), b.String()); err != nil {
		return w, err
	}
	if err := put(filepath.Join(w.root, "etc/os-release"), "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_ID=\"12\"\n"); err != nil {
		return w, err
	}
	for _, name := range []string{"kev", "epss", "ssvc", "eol"} {
		if err := os.MkdirAll(w.feeds, 0o750); err != nil {
			return w, err
		}
		if err := os.Symlink(filepath.Join(shared, "feeds", name), filepath.Join(w.feeds, name)); err != nil {
			return w, err
		}
	}
	return w, w.records(filepath.Join(shared, "feeds/osv/Debian/all.zip"), sourcesOf(string(status)))
}

func put(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o600)
}

type source struct{ name, version string }

// sourcesOf are the source packages of a dpkg status file.
func sourcesOf(status string) []source {
	seen := map[string]bool{}
	var out []source
	for stanza := range strings.SplitSeq(status, "\n\n") {
		fields := map[string]string{}
		for line := range strings.Lines(stanza) {
			if name, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok && line[0] != ' ' {
				fields[name] = value
			}
		}
		s := source{fields["Package"], fields["Version"]}
		if name, version, ok := strings.Cut(fields["Source"], " ("); name != "" {
			s.name = name
			if ok {
				s.version = strings.TrimSuffix(version, ")")
			}
		}
		if s.name != "" && !seen[s.name] {
			seen[s.name] = true
			out = append(out, s)
		}
	}
	return out
}

// records writes the archive. Of the made records 3 in 10 name a source that the host has, the kernel's 8,000 among them, and are fixed
// below what is installed, as nearly all that is known of a patched host is; 7 in 10 name one of 3,500 that it has not.
func (w world) records(from string, installed []source) error {
	path := filepath.Join(w.feeds, "osv/Debian/all.zip")
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	f, err := os.Create(path) //nolint:gosec // a path of the caller
	if err != nil {
		return err
	}
	defer f.Close()
	out := bufio.NewWriterSize(f, 1<<20)
	z := zip.NewWriter(out)
	copied, err := copyRecords(z, from)
	if err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(4, 2026)) //nolint:gosec // the same each time
	for i := copied; i < rows; i++ {
		s, fixed := source{name: fmt.Sprintf("absent-%d", random.IntN(3500))}, fmt.Sprintf("%d.%d-%d", random.IntN(9), random.IntN(99), 1+random.IntN(5))
		switch n := i - copied; {
		case n < 8_000:
			s = source{name: "linux"}
			fixed = fmt.Sprintf("5.%d.%d-1", random.IntN(19), random.IntN(200))
		case n%100 < 24:
			s = installed[random.IntN(len(installed))]
			fixed = "0~" + fixed
			if epoch, _, ok := strings.Cut(s.version, ":"); ok {
				fixed = epoch + ":" + fixed
			}
		}
		year, number := 2005+i%21, 10_000+i
		id := fmt.Sprintf("DEBIAN-CVE-%d-%d", year, number)
		e, err := z.Create(id + ".json")
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(e, `{"schema_version":"1.7.0","id":%q,"upstream":["CVE-%d-%d"],"published":"%d-03-04T05:06:07Z","modified":"2026-01-02T03:04:05Z",`+
			`"details":"In %s a value that somebody else chose reaches a place that was not made for it, and what happens next is up to them. This text is as long as such texts are in the middle.",`+
			`"affected":[{"package":{"ecosystem":"Debian:12","name":%q,"purl":"pkg:deb/debian/x?arch=source"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":%q}]}],`+
			`"ecosystem_specific":{"urgency":"not yet assigned"}}]}`, id, year, number, year, s.name, s.name, fixed)
		if err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	old := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	return os.Chtimes(path, old, old)
}

func copyRecords(z *zip.Writer, from string) (int, error) {
	r, err := zip.OpenReader(from)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	for _, f := range r.File {
		e, err := z.Create(f.Name)
		if err != nil {
			return 0, err
		}
		body, err := f.Open()
		if err != nil {
			return 0, err
		}
		if _, err := io.Copy(e, body); err != nil { //nolint:gosec // our own data
			return 0, err
		}
		_ = body.Close()
	}
	return len(r.File), nil
}

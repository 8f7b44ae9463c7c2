package apt

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/pkgmgr"
	"github.com/staunch-dev/staunch/internal/pkgmgr/dpkg"
)

// Carrier says which repository carries a version.
type Carrier struct {
	Origin   string `json:"o,omitempty"`
	Archive  string `json:"a,omitempty"`
	Security bool   `json:"s,omitempty"`
}

// originMemory knows the carriers of the versions that were ever asked for and are still installed or on offer. A version keeps its
// origin after it has left the archive, so that a point release does not make half a host's packages change.
type originMemory struct {
	Lists string             // fingerprint of the lists of the last scan
	Known map[string]Carrier // Key to carrier; the zero Carrier: looked for and not found
}

func (m *Manager) loadOrigins() *originMemory {
	o := &originMemory{}
	m.load("origins.json", o)
	if o.Known == nil {
		o.Known = map[string]Carrier{}
	}
	return o
}

func (o *originMemory) get(key string) Carrier { return o.Known[key] }

// installed gives the known origins of what is installed.
func (o *originMemory) installed(db dpkg.Database) map[string]string {
	out := map[string]string{}
	for _, p := range db.Packages {
		if c := o.Known[Key(p.Name, p.Arch, p.Version)]; p.OnDisk() && c.Origin != "" {
			out[Key(p.Name, p.Arch, p.Version)] = c.Origin
		}
	}
	return out
}

// scan finds the carriers of what is installed in db and of the versions in more, unless it knows them already from these very lists.
// What is neither any longer is forgotten.
func (o *originMemory) scan(ctx context.Context, m *Manager, targets []Target, db dpkg.Database, more []string) {
	wanted := map[string]bool{}
	for _, p := range db.Packages {
		if p.OnDisk() && p.Version != "" {
			wanted[Key(p.Name, p.Arch, p.Version)] = true
		}
	}
	for _, key := range more {
		wanted[key] = true
	}
	lists := targetsFingerprint(targets)
	complete := o.Lists == lists
	for key := range wanted {
		_, known := o.Known[key]
		complete = complete && known
	}
	if !complete {
		found, whole := m.carriers(ctx, targets, wanted)
		for key, carriers := range found {
			o.Known[key] = m.choose(carriers, o.Known[key])
		}
		o.Lists = ""
		if whole {
			o.Lists = lists
		}
	}
	for key := range wanted {
		if _, ok := o.Known[key]; !ok {
			o.Known[key] = Carrier{}
		}
	}
	for key := range o.Known {
		if !wanted[key] {
			delete(o.Known, key)
		}
	}
}

// choose picks among the repositories that carry the same version: the origin remembered, else the distribution's own, else the first
// in order of the sources. Of equal origins one for security updates comes first.
func (m *Manager) choose(carriers []Carrier, before Carrier) Carrier {
	rank := func(c Carrier) int {
		switch {
		case before.Origin != "" && c.Origin == before.Origin:
			return 0
		case m.cfg.Distribution != "" && strings.EqualFold(c.Origin, m.cfg.Distribution):
			return 1
		}
		return 2
	}
	security := func(c Carrier) int {
		if c.Security {
			return 0
		}
		return 1
	}
	sorted := slices.Clone(carriers)
	slices.SortStableFunc(sorted, func(a, b Carrier) int { return cmp.Or(rank(a)-rank(b), security(a)-security(b)) })
	return sorted[0]
}

// carriers reads the Packages files once. whole is false when one of them could not be read.
func (m *Manager) carriers(ctx context.Context, targets []Target, wanted map[string]bool) (found map[string][]Carrier, whole bool) {
	found, whole = map[string][]Carrier{}, true
	for _, t := range targets {
		release := ReleaseFile{Label: t.Label, Archive: t.Archive}
		c := Carrier{Origin: t.Origin, Archive: cmp.Or(t.Archive, t.Codename), Security: release.Security()}
		if strings.HasSuffix(t.Codename, "-security") {
			c.Security = true
		}
		err := m.readPackages(ctx, t.File, func(r io.Reader) error {
			return eachPackage(r, func(name, arch, version string) {
				if key := Key(name, arch, version); wanted[key] {
					found[key] = append(found[key], c)
				}
			})
		})
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			whole = false
			if m.cfg.Log != nil {
				m.cfg.Log.Warn("a package list cannot be read, so origins may stay unknown", "file", t.File, "error", err)
			}
		}
	}
	return found, whole
}

// eachPackage calls f for each stanza of a Packages file; damaged ones are skipped.
func eachPackage(r io.Reader, f func(name, arch, version string)) error {
	return eachStanza(dpkg.NewReader(r, "Package", "Architecture", "Version"), func(s dpkg.Stanza) {
		f(s.Get("Package"), s.Get("Architecture"), s.Get("Version"))
	})
}

// eachStanza calls f for each stanza; damaged ones are skipped.
func eachStanza(in *dpkg.Reader, f func(s dpkg.Stanza)) error {
	for {
		s, err := in.Next()
		var bad *dpkg.Malformed
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, &bad):
			continue
		case err != nil:
			return err
		}
		f(s)
	}
}

// readPackages reads a Packages file in any compression: plain ones directly, the others through apt's own helper, which knows
// whatever apt itself may have stored.
func (m *Manager) readPackages(ctx context.Context, file string, read func(io.Reader) error) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if strings.HasSuffix(file, "Packages") {
		return read(f)
	}
	const helper = "/usr/lib/apt/apt-helper"
	if _, err := os.Stat(helper); err != nil {
		return errors.New("it is compressed and apt-helper is not installed")
	}
	return pkgmgr.Stream(ctx, pkgmgr.Command{Name: helper, Args: []string{"cat-file", file}, Timeout: 5 * time.Minute}, read)
}

package apt

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/pkgmgr"
)

// File is one package file, known by its bytes.
type File struct {
	Wanted
	SHA256 string // lower-case hex
	Size   int64
}

// Base is the file's name, as apt makes it: name_version_arch.deb with : as %3a. No part of it can lead out of its folder.
func (f File) Base() string {
	return f.Name + "_" + strings.ReplaceAll(f.Version, ":", "%3a") + "_" + f.Arch + ".deb"
}

// Gone is the error that the exact bytes are not to be had here: no list or mirror has the version any more, or it has other bytes
// under its name. Trying again does not help; a new plan does.
type Gone struct{ Reason string }

func (g *Gone) Error() string { return g.Reason }

// NoSpace is the error that a download would not fit.
type NoSpace struct{ Need, Free int64 }

func (n *NoSpace) Error() string {
	return fmt.Sprintf("the download needs %d MiB and %d MiB are free", (n.Need+(1<<20)-1)>>20, n.Free>>20)
}

// spareSpace is left free by a download: the host goes on writing meanwhile.
const spareSpace = 32 << 20

// fetchAttempts is how often a mirror that does not answer is tried, with growing pauses.
const fetchAttempts = 4

// StageLists copies the lists that Ask answers from into dir, whole or not at all; what a simulation does not read (translations,
// contents) is left out. A dir that is there already stays as it is.
func (m *Manager) StageLists(ctx context.Context, dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := m.take(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	whose, _ := m.chooseLists(m.loadRefresh())
	if whose == "" {
		return &Gone{"no package lists have been fetched"}
	}
	tmp := dir + ".new"
	if err := os.RemoveAll(tmp); err != nil {
		return err
	}
	if err := os.MkdirAll(tmp, 0o755); err != nil {
		return err
	}
	from := m.listsDir(whose)
	for name, at := range readIndex(from).files {
		if !strings.HasSuffix(name, "Release") && !strings.HasSuffix(name, "Release.gpg") && !strings.Contains(name, "Packages") {
			continue
		}
		if err := copyFile(filepath.Join(from, name), filepath.Join(tmp, name), at); err != nil {
			return err
		}
		if err := pkgmgr.Sync(filepath.Join(tmp, name)); err != nil {
			return err
		}
	}
	return errors.Join(pkgmgr.Sync(tmp), os.Rename(tmp, dir), pkgmgr.Sync(filepath.Dir(dir)))
}

// Download fetches files into dir, with the lists that StageLists made. Files that are there already and whole are kept, parts of
// files are continued, and every file's size and sha256 are verified and its bytes are on the disk before it counts. say hears how many
// bytes of how many are there, now and then. Errors: *Gone, *NoSpace, and others, after which another attempt may succeed.
func (m *Manager) Download(ctx context.Context, lists, dir string, files []File, say func(done, total int64)) error {
	if err := os.MkdirAll(filepath.Join(dir, "partial"), 0o755); err != nil {
		return err
	}
	var missing []File
	total, need := int64(0), int64(0)
	for _, f := range files {
		if err := f.Validate(); err != nil {
			return &Gone{err.Error()}
		}
		total += f.Size
		switch err := f.verify(ctx, dir); {
		case err == nil:
			continue
		case ctx.Err() != nil:
			return ctx.Err()
		}
		if err := os.RemoveAll(filepath.Join(dir, f.Base())); err != nil { // half a file, or none
			return err
		}
		missing, need = append(missing, f), need+f.Size
	}
	if free, known := freeSpace(dir); known && len(missing) > 0 && need+spareSpace > free {
		return &NoSpace{need + spareSpace, free}
	}
	stop := m.watchDownload(ctx, dir, total, say)
	defer stop()
	var err error
	for attempt := range fetchAttempts {
		if missing, err = m.fetch(ctx, lists, dir, missing); len(missing) == 0 || isGone(err) || ctx.Err() != nil || attempt == fetchAttempts-1 {
			break
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second << (2 * attempt)):
		}
	}
	if len(missing) == 0 {
		return errors.Join(os.RemoveAll(filepath.Join(dir, "partial")), pkgmgr.Sync(dir))
	}
	return cmp.Or(err, ctx.Err())
}

func isGone(err error) bool {
	var gone *Gone
	return errors.As(err, &gone)
}

// fetch has apt download files once and gives those that are still missing, with why.
func (m *Manager) fetch(ctx context.Context, lists, dir string, files []File) ([]File, error) {
	if len(files) == 0 {
		return nil, nil
	}
	wanted := make([]Wanted, len(files))
	for i, f := range files {
		wanted[i] = f.Wanted
	}
	args, err := arguments(wanted)
	if err != nil {
		return files, &Gone{err.Error()}
	}
	seconds := fmt.Sprint(int(m.cfg.FetchTimeout.Seconds()))
	opts := m.options("")
	for _, o := range []string{
		"Dir::State::lists=" + lists, "Dir::Cache::pkgcache=", "Debug::NoLocking=1", "APT::Cmd::Pattern-Only=true",
		"Acquire::http::Timeout=" + seconds, "Acquire::https::Timeout=" + seconds, "Acquire::Retries=2",
	} {
		opts = append(opts, "-o", o)
	}
	stalls, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go m.watchGrowth(stalls, cancel, func() int64 { return folderBytes(dir) + folderBytes(filepath.Join(dir, "partial")) })
	out, err := pkgmgr.Run(stalls, pkgmgr.Command{Name: "apt-get", Args: append(append(opts, "--quiet=2", "download"), args...), Dir: dir, Timeout: m.cfg.RefreshLimit, Limit: 1 << 20})
	var stalled stallError
	switch {
	case ctx.Err() != nil:
		return files, ctx.Err()
	case errors.As(context.Cause(stalls), &stalled):
		err = stalled
	case err == nil && out.Code != 0:
		err = downloadError(out)
	}
	var missing []File
	for _, f := range files {
		why := f.verify(ctx, dir)
		if ctx.Err() != nil {
			return files, ctx.Err()
		}
		if why == nil {
			continue
		}
		missing = append(missing, f)
		if !errors.Is(why, os.ErrNotExist) { // apt has checked it against the list: the list has other bytes than were asked for
			err = &Gone{why.Error()}
		}
	}
	if len(missing) > 0 && err == nil {
		err = fmt.Errorf("apt says that it has downloaded %s, and has not", missing[0].Base())
	}
	return missing, err
}

// downloadError reads why apt-get download failed.
func downloadError(out pkgmgr.Output) error {
	text := complaints(out)
	for line := range strings.Lines(string(out.Stderr)) {
		line = strings.TrimSpace(line)
		notFound := strings.HasPrefix(line, "E: Version '") && strings.HasSuffix(line, "was not found") ||
			strings.HasPrefix(line, "E: Unable to locate package ") || strings.HasPrefix(line, "E: Can't find a source to download version")
		vanished := strings.HasPrefix(line, "E: Failed to fetch ") && (strings.Contains(line, "  404  ") || strings.Contains(line, "  File not found - "))
		if notFound || vanished {
			return &Gone{clip(redact(strings.TrimPrefix(line, "E: ")), 1000)}
		}
	}
	return errors.New(text)
}

// verify reads the file once: nil means that it is whole, is what was asked for, and is on the disk.
func (f File) verify(ctx context.Context, dir string) error {
	file, err := os.Open(filepath.Join(dir, f.Base()))
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Size() != f.Size {
		return fmt.Errorf("%s has %d bytes, not %d", f.Base(), info.Size(), f.Size)
	}
	h := sha256.New()
	if _, err := io.Copy(h, &contextReader{ctx, file}); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != f.SHA256 {
		return fmt.Errorf("%s has the sha256 %s, not %s", f.Base(), got, f.SHA256)
	}
	return file.Sync()
}

// contextReader ends a long read with its context.
type contextReader struct {
	ctx context.Context //nolint:containedctx // lives for one copy
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// sayEvery is how often a download says how far it is.
const sayEvery = 2 * time.Second

// watchDownload calls say now and then, when there is something new, until stop; calls do not overlap.
func (m *Manager) watchDownload(ctx context.Context, dir string, total int64, say func(done, total int64)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(sayEvery)
		defer tick.Stop()
		last := int64(-1)
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if done := folderBytes(dir) + folderBytes(filepath.Join(dir, "partial")); done != last {
				last = done
				say(min(done, total), total)
			}
		}
	}()
	return func() { cancel(); <-ended }
}

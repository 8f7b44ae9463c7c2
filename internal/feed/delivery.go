package feed

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// delivery is every file of one feed, as it was fetched or given.
type delivery struct {
	files  []*spooled
	digest string // of all files, with the source's revision before it

	// In place of files, a member of a bundle:
	packed []intake.File
	at     time.Time // its origin's "as of"
}

func (d *delivery) discard() {
	if d != nil {
		for _, f := range d.files {
			f.discard()
		}
	}
}

// live: the source answered just now.
func (d *delivery) live() bool {
	if d.packed != nil {
		return false
	}
	for _, f := range d.files {
		if !f.live {
			return false
		}
	}
	return true
}

// modified is when the oldest file was written; zero when that is not known.
func (d *delivery) modified() time.Time {
	oldest := d.at
	for _, f := range d.files {
		if oldest.IsZero() || f.modified.Before(oldest) {
			oldest = f.modified
		}
	}
	return oldest
}

// opened are the files as an adapter reads them.
func (d *delivery) opened() []intake.File {
	files := slices.Clone(d.packed)
	for _, f := range d.files {
		files = append(files, intake.File{ReaderAt: f.file, Size: f.size, Name: f.name, Modified: f.modified})
	}
	return files
}

// delivered is a delivery of files. The same files under another revision are another delivery.
func delivered(s source, files []*spooled) *delivery {
	d := &delivery{files: files}
	if len(files) == 1 {
		d.digest = s.revision + ":" + files[0].sum
		return d
	}
	h := sha256.New()
	for _, f := range files {
		fmt.Fprintln(h, f.sum) //nolint:errcheck // a hash takes every write
	}
	d.digest = s.revision + ":" + hex.EncodeToString(h.Sum(nil))
	return d
}

// stamp keeps where the files came from and what to ask the source with next time: a line for each file.
func (d *delivery) stamp(state *advisory.FeedState) {
	var urls, etags, modified []string
	for _, f := range d.files {
		urls, etags, modified = append(urls, f.url), append(etags, f.etag), append(modified, f.lastModified)
	}
	state.URL, state.ETag, state.LastModified = strings.TrimRight(strings.Join(urls, "\n"), "\n"), strings.Join(etags, "\n"), strings.Join(modified, "\n")
}

// validators are what a source gave with its last good answer.
type validators struct{ url, etag, lastModified string }

// validatorsOf are what to ask for each file with; none when an older parser read the last answer. CISA's server ignores ETags.
func validatorsOf(s source, state advisory.FeedState) []validators {
	all := make([]validators, len(s.files))
	if !strings.HasPrefix(state.SHA256, s.revision+":") {
		return all
	}
	urls, etags, modified := strings.Split(state.URL, "\n"), strings.Split(state.ETag, "\n"), strings.Split(state.LastModified, "\n")
	if len(urls) != len(all) || len(etags) != len(all) || len(modified) != len(all) {
		return all
	}
	for i := range all {
		all[i] = validators{url: urls[i], etag: etags[i], lastModified: modified[i]}
		if s.name == kevFeed {
			all[i].etag = ""
		}
	}
	return all
}

// fetcher gets files from the sources or from a mirror.
type fetcher struct {
	client *http.Client
	base   string // "" the official sources, else a folder or the URL of a mirror
	temp   string
	limits intake.Limits
}

func (s *Service) fetcher() fetcher {
	return fetcher{client: s.client, base: s.cfg.Base, temp: s.cfg.Temp, limits: s.cfg.Limits}
}

// fetch gets a feed's files; nil when the source says that none has changed since it gave the validators, one for each file.
func (s fetcher) fetch(ctx context.Context, f source, known []validators) (_ *delivery, err error) {
	files := make([]*spooled, len(f.files))
	defer func() {
		if err != nil {
			(&delivery{files: files}).discard()
		}
	}()
	changed := 0
	for i, v := range known {
		if files[i], err = s.fetchFile(ctx, f, i, v); i > 0 && errors.Is(err, errNotThere) {
			return nil, fmt.Errorf("it is there in part, and its files belong together: %v", err) //nolint:errorlint // this is damage, and not that it is not there
		} else if err != nil {
			return nil, err
		}
		if files[i] != nil {
			changed++
		}
	}
	if changed == 0 {
		return nil, nil //nolint:nilnil // nothing new is an answer of its own
	}
	for i := range files {
		if files[i] != nil {
			continue
		}
		// One file has changed and this has not: the feed is read from all.
		if files[i], err = s.fetchFile(ctx, f, i, validators{}); err != nil {
			return nil, err
		}
	}
	return delivered(f, files), nil
}

// fetchFile gets one file; nil when the source says that it has not changed since known.
func (s fetcher) fetchFile(ctx context.Context, f source, i int, known validators) (*spooled, error) {
	limit := s.limits.MaxArchive
	if f.limit > 0 {
		limit = min(limit, f.limit)
	}
	in := f.files[i]
	if s.base != "" && !remote(s.base) {
		path, err := in.findIn(s.base)
		if err != nil {
			return nil, err
		}
		if path == "" {
			if _, err := os.Stat(s.base); err != nil {
				return nil, fmt.Errorf("the folder %q cannot be read: %w", s.base, err)
			}
			path = filepath.Join(s.base, filepath.FromSlash(in.paths[0]))
		}
		return open(path, s.temp, limit)
	}
	if s.base == "" && in.latest {
		return s.fetchLatest(ctx, in.url, limit, known)
	}
	got, err := (*spooled)(nil), errNotThere
	for _, address := range in.addresses(s.base) {
		got, err = download(ctx, s.client, address, s.temp, limit, s.limits.Stall, known)
		if !errors.Is(err, errNotThere) {
			break
		}
	}
	return got, err
}

// addresses are the URLs that a file may have, at the source or at a mirror, which cannot be asked for patterns.
func (p place) addresses(base string) []string {
	if base == "" {
		return []string{p.url}
	}
	var all []string
	for _, path := range p.paths {
		if !strings.Contains(path, "*") {
			all = append(all, strings.TrimSuffix(base, "/")+"/"+(&url.URL{Path: path}).EscapedPath())
		}
	}
	return all
}

// looked is where a feed is looked for first, to be shown.
func (s fetcher) looked(f source) string {
	if s.base != "" && !remote(s.base) {
		return filepath.Join(s.base, filepath.FromSlash(f.files[0].paths[0]))
	}
	u, err := url.Parse(f.files[0].addresses(s.base)[0])
	if err != nil {
		return ""
	}
	return withoutSecrets(u)
}

// maxPointer bounds a file that holds nothing but the name of another.
const maxPointer = 4 << 10

// fetchLatest reads the name of the newest archive and gets that, from beside it.
func (s fetcher) fetchLatest(ctx context.Context, address string, limit int64, known validators) (*spooled, error) {
	pointer, err := download(ctx, s.client, address, s.temp, maxPointer, s.limits.Stall, validators{})
	if err != nil {
		return nil, err
	}
	defer pointer.discard()
	if _, err := pointer.file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(pointer.file)
	if err != nil {
		return nil, err
	}
	name := strings.TrimSpace(string(text))
	if !safeName(name) || strings.Contains(name, " ") {
		return nil, fmt.Errorf("%s names no file: %q", pointer.url, intake.Shown(name))
	}
	return download(ctx, s.client, address[:strings.LastIndex(address, "/")+1]+name, s.temp, limit, s.limits.Stall, known)
}

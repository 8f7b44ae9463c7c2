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
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// maxTransfer bounds a transfer that drips on for ever without stalling.
const maxTransfer = 30 * time.Minute

// spooled is a feed's file in a place of our own: what is read twice must not change in between.
type spooled struct {
	file         *os.File
	name         string // at the source
	size         int64
	sum          string // sha256, in hex
	url          string // as shown: without credentials
	etag         string
	lastModified string
	live         bool      // the source answered just now, rather than a file of unknown age
	modified     time.Time // of a file
}

// discard closes and removes the file.
func (s *spooled) discard() {
	if s != nil && s.file != nil {
		_ = s.file.Close()
		_ = os.Remove(s.file.Name())
	}
}

// RemoveLeftovers removes what a process that was killed had unpacked or fetched into a folder, where no other works.
func RemoveLeftovers(dir string) error {
	var failed []error
	for _, pattern := range []string{"staunch-feed-*", "staunch-feeds-*", "staunch-bundle-*"} {
		left, err := filepath.Glob(filepath.Join(escaped(dir), pattern))
		failed = append(failed, err)
		for _, path := range left {
			failed = append(failed, os.RemoveAll(path))
		}
	}
	return errors.Join(failed...)
}

// escaped is a path in which nothing is a pattern.
func escaped(path string) string {
	if filepath.Separator == '\\' { // nothing can be escaped there, and no name holds * or ?
		return path
	}
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}

// spool copies r to a temporary file, up to the limit.
func spool(r io.Reader, dir string, limit int64) (_ *spooled, err error) {
	f, err := os.CreateTemp(dir, "staunch-feed-*")
	if err != nil {
		return nil, err
	}
	s := &spooled{file: f}
	defer func() {
		if err != nil {
			s.discard()
		}
	}()
	h := sha256.New()
	s.size, err = io.Copy(io.MultiWriter(f, h), io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if s.size > limit {
		return nil, fmt.Errorf("the file is longer than %d bytes", limit)
	}
	s.sum = hex.EncodeToString(h.Sum(nil))
	return s, nil
}

func remote(base string) bool {
	return strings.HasPrefix(base, "https://") || strings.HasPrefix(base, "http://")
}

var (
	errNotThere = errors.New("the source has no such file")
	errStalled  = errors.New("the source sent nothing for too long")
)

// openPlain opens a regular file, also behind a link. Anything else is not even opened: a FIFO would make us wait for ever.
func openPlain(at string) (*os.File, error) {
	info, err := os.Stat(at)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%q is not a regular file", at)
	}
	if err != nil {
		return nil, err
	}
	return os.Open(at)
}

// open spools a file of a mirror folder.
func open(at, temp string, limit int64) (*spooled, error) {
	f, err := openPlain(at)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", errNotThere, at)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // read only
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	s, err := spool(f, temp, limit)
	if err != nil {
		return nil, err
	}
	s.url, s.name, s.modified = at, filepath.Base(at), info.ModTime()
	return s, nil
}

// download is one conditional request, streamed to a file. A source that stalls, or that takes longer than maxTransfer, is given up.
func download(ctx context.Context, client *http.Client, address, temp string, limit int64, stall time.Duration, known validators) (*spooled, error) {
	ctx, cancel := context.WithTimeout(ctx, maxTransfer)
	defer cancel()
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	watch := time.AfterFunc(stall, func() { giveUp(errStalled) })
	defer watch.Stop()

	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, errors.New("the feeds' address is not a URL")
	}
	request.Header.Set("User-Agent", "staunch")
	request.Header.Set("Accept-Encoding", "identity") // the digest and the limit are of the file as it is
	shownURL := withoutSecrets(request.URL)
	if known.url == shownURL {
		setIf(request.Header, "If-None-Match", known.etag)
		setIf(request.Header, "If-Modified-Since", known.lastModified)
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, transferError(ctx, request.URL.Host, err)
	}
	defer response.Body.Close() //nolint:errcheck // read only
	switch {
	case response.StatusCode == http.StatusNotModified && known.url == shownURL:
		return nil, nil //nolint:nilnil // nothing new is an answer of its own
	case response.StatusCode == http.StatusNotFound:
		return nil, fmt.Errorf("%w: %s", errNotThere, shownURL)
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%s answers %s", shownURL, intake.Shown(response.Status))
	case response.ContentLength > limit:
		return nil, fmt.Errorf("the file has %d bytes, the limit is %d", response.ContentLength, limit)
	}
	s, err := spool(&watched{response.Body, watch, stall}, temp, limit)
	if err != nil {
		return nil, transferError(ctx, request.URL.Host, err)
	}
	s.url, s.name, s.live = shownURL, path.Base(request.URL.Path), true
	s.etag, s.lastModified = header(response, "ETag"), header(response, "Last-Modified")
	return s, nil
}

// watched puts off the watch at every read that brings something.
type watched struct {
	r     io.Reader
	watch *time.Timer
	stall time.Duration
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if n > 0 {
		w.watch.Reset(w.stall)
	}
	return n, err
}

func setIf(h http.Header, name, value string) {
	if value != "" {
		h.Set(name, value)
	}
}

// header keeps validators short: what a source sends is stored and sent back.
func header(r *http.Response, name string) string {
	if v := r.Header.Get(name); len(v) <= maxSeverity && intake.Shown(v) == v {
		return v
	}
	return ""
}

// withoutSecrets is an address without user, password and query, which may hold a token.
func withoutSecrets(u *url.URL) string {
	bare := *u
	bare.User, bare.RawQuery, bare.Fragment = nil, "", ""
	return bare.String()
}

// cautious is the client with redirects bounded, and never from https to http.
func cautious(client *http.Client) *http.Client {
	var c http.Client
	if client != nil {
		c = *client
	}
	c.CheckRedirect = func(request *http.Request, via []*http.Request) error {
		if len(via) > 5 {
			return errors.New("more than 5 redirects")
		}
		if via[0].URL.Scheme == "https" && request.URL.Scheme != "https" {
			return errors.New("a redirect from https to http")
		}
		return nil
	}
	return &c
}

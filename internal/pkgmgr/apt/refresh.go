package apt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/staunch-dev/staunch/internal/pkgmgr"
)

// retryAfter is how soon a refresh that did not fully succeed is tried again.
const retryAfter = 30 * time.Minute

// refreshState is what refresh.json keeps of our own refreshes.
type refreshState struct {
	Tried     time.Time            // last attempt
	Finished  time.Time            // last attempt in which any repository answered
	Succeeded time.Time            // last attempt in which every repository answered
	Fetched   map[string]time.Time // repository id to its last good answer
	Problems  map[string]string    // repository id to what was wrong in the last attempt
	Error     string               // of the last attempt, for people
	Sources   string               // fingerprint of the sources it was made with
}

func (m *Manager) loadRefresh() refreshState {
	var r refreshState
	m.load("refresh.json", &r)
	if r.Fetched == nil {
		r.Fetched = map[string]time.Time{}
	}
	return r
}

// NextRefresh says when our lists are to be refreshed: every after the last refresh, whoever made it, ± a tenth that differs from host
// to host; soon after one that failed; at once when the sources have changed since.
func (m *Manager) NextRefresh(every time.Duration) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.loadRefresh()
	system := readIndex(m.listsDir(ListsSystem))
	if len(system.files) == 0 {
		system.at = time.Time{}
	}
	return nextRefresh(r, system.at, every, r.Sources != "" && r.Sources != m.sourcesFingerprint(), m.jitter())
}

// nextRefresh decides; jitter is in [-0.1, 0.1).
func nextRefresh(r refreshState, system time.Time, every time.Duration, changed bool, jitter float64) time.Time {
	last := r.Succeeded
	if system.After(last) {
		last = system
	}
	if changed {
		return r.Tried
	}
	if last.IsZero() && r.Tried.IsZero() {
		return time.Time{}
	}
	next := last.Add(every + time.Duration(jitter*float64(every)))
	if r.Tried.After(last) {
		if retry := r.Tried.Add(min(retryAfter, every)); retry.After(next) {
			return retry
		}
	}
	return next
}

// jitter is this host's own share, the same at every call.
func (m *Manager) jitter() float64 {
	h := fnv.New32a()
	id, _ := os.ReadFile("/etc/machine-id")
	name, _ := os.Hostname()
	_, _ = fmt.Fprintf(h, "%s %s", id, name)
	return float64(h.Sum32()%2000)/10_000 - 0.1
}

// Refresh fetches the package lists of all configured repositories into our own folder. One that fails does not keep the others from
// being fetched, and its old lists stay. What failed is remembered and reported by Ask; the error here is that nothing could be tried.
func (m *Manager) Refresh(ctx context.Context, now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.prepare(); err != nil {
		return err
	}
	if err := m.seed(); err != nil {
		return err
	}
	var ids []string
	for _, r := range m.configured() {
		if !slices.Contains(ids, r.ID) {
			ids = append(ids, r.ID)
		}
	}
	out, runErr := m.update(ctx)
	if err := ctx.Err(); err != nil {
		return err // we are stopping; the attempt says nothing of the repositories
	}
	r := m.loadRefresh()
	r.conclude(now, ids, out, runErr)
	r.Sources = m.sourcesFingerprint()
	return m.save("refresh.json", r)
}

// conclude reads one attempt's outcome.
func (r *refreshState) conclude(now time.Time, ids []string, out pkgmgr.Output, err error) {
	problems, rest := ParseUpdate(slices.Concat(out.Stdout, []byte("\n"), out.Stderr), ids)
	r.Tried, r.Problems, r.Error = now.UTC(), problems, ""
	switch {
	case err != nil:
		r.Error = clip(err.Error(), 500)
		for _, id := range ids {
			problems[id] = cmp.Or(problems[id], r.Error)
		}
	case out.Code != 0 && len(problems) == 0:
		r.Error = cmp.Or(clip(strings.Join(rest, "; "), 2000), fmt.Sprintf("apt-get update ended with code %d", out.Code))
		for _, id := range ids {
			problems[id] = clip(r.Error, 500)
		}
	case len(problems) > 0:
		r.Error = fmt.Sprintf("%d of %d repositories could not be refreshed", len(problems), len(ids))
	}
	fetched := map[string]time.Time{}
	for _, id := range ids {
		if problems[id] == "" {
			fetched[id], r.Finished = r.Tried, r.Tried
		} else if t, ok := r.Fetched[id]; ok {
			fetched[id] = t
		}
	}
	r.Fetched = fetched
	if r.Error == "" && len(ids) > 0 {
		r.Succeeded = r.Tried
	}
}

// update runs apt-get update with a limit on each fetch, on the whole, and on standing still.
func (m *Manager) update(ctx context.Context) (pkgmgr.Output, error) {
	seconds := fmt.Sprint(int(m.cfg.FetchTimeout.Seconds()))
	args := m.options(ListsAgent)
	for _, o := range []string{
		"Acquire::http::Timeout=" + seconds, "Acquire::https::Timeout=" + seconds, "Acquire::ftp::Timeout=" + seconds, "Acquire::Retries=2",
		"APT::Update::Error-Mode=any", // else a fetch that failed "for now" is called a success
		"Acquire::Languages=none",     // descriptions, sources and desktop data have no part in the answer
		"Acquire::IndexTargets::deb-src::Sources::DefaultEnabled=false",
		"Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
		"Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false",
		"APT::Periodic::Enable=0",
	} {
		args = append(args, "-o", o)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wrote atomic.Int64
	go m.watchStall(ctx, cancel, &wrote)
	out, err := pkgmgr.Run(ctx, pkgmgr.Command{
		Name: "apt-get", Args: append(args, "update"), Timeout: m.cfg.RefreshLimit, Limit: 1 << 20, Grew: func() { wrote.Add(1) },
	})
	var stalled stallError
	if errors.As(context.Cause(ctx), &stalled) {
		err = stalled
	}
	return out, err
}

type stallError struct{ after time.Duration }

func (e stallError) Error() string {
	return fmt.Sprintf("apt stood still for %s and was stopped", e.after)
}

// watchStall ends a refresh that neither says nor fetches anything for StallAfter. It ends with ctx.
func (m *Manager) watchStall(ctx context.Context, cancel context.CancelCauseFunc, wrote *atomic.Int64) {
	m.watchGrowth(ctx, cancel, func() int64 { return wrote.Load() + m.partialBytes() })
}

// watchGrowth ends what stands still, as grown tells, for StallAfter. It ends with ctx.
func (m *Manager) watchGrowth(ctx context.Context, cancel context.CancelCauseFunc, grown func() int64) {
	tick := time.NewTicker(max(m.cfg.StallAfter/10, time.Millisecond))
	defer tick.Stop()
	last, since := int64(-1), time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if at := grown(); at != last {
			last, since = at, time.Now()
		} else if time.Since(since) >= m.cfg.StallAfter {
			cancel(stallError{m.cfg.StallAfter})
			return
		}
	}
}

func (m *Manager) partialBytes() int64 { return folderBytes(m.state("lists/partial")) }

// folderBytes is the size of the files directly in a folder.
func folderBytes(dir string) (n int64) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			n += info.Size()
		}
	}
	return n
}

func (m *Manager) sourcesFingerprint() string {
	var parts []string
	for _, name := range []string{"etc/apt/sources.list", "etc/apt/sources.list.d"} {
		files := []string{m.path(name)}
		entries, err := os.ReadDir(m.path(name))
		if err == nil {
			files = files[:0]
		}
		for _, e := range entries {
			files = append(files, filepath.Join(m.path(name), e.Name()))
		}
		for _, f := range files {
			if info, err := os.Stat(f); err == nil {
				parts = append(parts, fmt.Sprintf("%s %d %d", f, info.Size(), info.ModTime().UnixNano()))
			}
		}
	}
	return strings.Join(parts, "\n") + "\n"
}

// seed copies what the system has newer or we do not have, so that apt fetches only what has changed since, and a repository that we
// may not fetch ourselves still has the lists that root fetched. Files that we cannot read are left out.
func (m *Manager) seed() error {
	from, to := m.listsDir(ListsSystem), m.listsDir(ListsAgent)
	system, own := readIndex(from), readIndex(to)
	for name, at := range system.files {
		if have, ok := own.files[name]; ok && !at.After(have) {
			continue
		}
		if err := copyFile(filepath.Join(from, name), filepath.Join(to, name), at); err != nil && !errors.Is(err, os.ErrPermission) && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// copyFile copies by way of a temporary name, so that apt never sees half a list, and keeps the time, which apt compares with the mirror's.
func copyFile(from, to string, at time.Time) (err error) {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = src.Close() }()
	tmp, err := os.CreateTemp(filepath.Dir(to), ".seed.*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(tmp.Name())
		}
	}()
	_, err = io.Copy(tmp, src)
	if err = errors.Join(err, tmp.Chmod(0o644), tmp.Close()); err != nil {
		return err
	}
	if err = os.Chtimes(tmp.Name(), at, at); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), to)
}

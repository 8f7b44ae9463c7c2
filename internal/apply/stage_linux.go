package apply

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
)

// stage copies what the lock names from the spool to a folder of ours, and proves every byte of it.
func (r *run) stage(ctx context.Context) (string, any, error) {
	if r.spool == nil {
		return "", nil, &ending{"failed", "internal", "the spool is gone"}
	}
	e, err := r.spool.open(r.id)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil, &ending{"failed", "internal", "its packages are gone from the spool"}
	}
	if err != nil {
		return "", nil, err
	}
	defer func() { _ = e.close() }()
	for _, d := range []string{"archives/partial", "lists/partial", "raw/partial", "cache", "work"} {
		top, _, _ := strings.Cut(d, "/")
		if err := errors.Join(os.RemoveAll(r.file(top)), os.MkdirAll(r.file(d), 0o755)); err != nil {
			return "", nil, err
		}
	}
	bytes := int64(0)
	for _, c := range r.lock.Changes {
		if c.Action == "remove" {
			continue
		}
		sum, size, err := e.copy("debs", debFile(c), r.file("archives", debFile(c)), c.Size)
		if err != nil {
			return "", nil, stageError(err)
		}
		if size != c.Size || sum != c.SHA256 {
			return "", nil, &ending{"refused", "refused", fmt.Sprintf("the file of %s %s is not the one that the lock names: its sha256 differs", c.Name, c.To)}
		}
		bytes += size
		if err := r.reports.alive(); err != nil {
			return "", nil, err
		}
	}
	if err := r.stageLists(e); err != nil {
		return "", nil, stageError(err)
	}
	l := lists{raw: r.file("raw"), verified: r.file("lists"), work: r.file("work"), arch: dpkgArch()}
	if err := l.verify(ctx, r.lock.Changes); err != nil {
		return "", nil, stageError(err)
	}
	if err := errors.Join(os.RemoveAll(r.file("raw")), os.RemoveAll(r.file("work")), syncDir(r.file("archives")), syncDir(r.file("lists"))); err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("%d files, %d bytes, each as the lock and a signed list name it", len(r.lock.Changes), bytes), nil, nil
}

// stageError makes the end of the run out of what an entry turned out to be.
func stageError(err error) error {
	var bad *hostile
	var un *unsigned
	switch {
	case errors.As(err, &bad):
		return &ending{"refused", "refused", bad.text}
	case errors.As(err, &un):
		return &ending{"refused", "refused", un.text}
	case errors.Is(err, errNoSpace):
		return &ending{"failed", "disk", "there is not enough free space for the packages"}
	case errors.Is(err, os.ErrNotExist):
		return &ending{"refused", "refused", "the entry is not whole"}
	}
	return err
}

// stageLists copies signed indexes and package lists; what else apt keeps in its lists folder is not needed.
func (r *run) stageLists(e *entry) error {
	all, err := names(e.dir, "lists", maxListFiles)
	if err != nil {
		return err
	}
	left := int64(maxAllLists)
	for _, n := range all {
		plain := strings.TrimSuffix(n, compression(n))
		if !listName(n) || !(strings.HasSuffix(plain, "Release") || strings.HasSuffix(plain, "Release.gpg") || strings.HasSuffix(plain, "Packages")) {
			continue
		}
		_, size, err := e.copy("lists", n, r.file("raw", n), min(maxListBytes, left))
		if err != nil {
			return err
		}
		left -= size
	}
	return nil
}

// listName reports whether a name is one that apt gives to a list.
func listName(n string) bool {
	if n == "" || n[0] == '.' || n[0] == '-' || len(n) > 255 {
		return false
	}
	return !strings.ContainsFunc(n, func(c rune) bool { return c <= ' ' || c > '~' || c == '/' || c == '\'' || c == '"' || c == '\\' })
}

// dropEntry takes the spool's entry away once everything of it is ours.
func (r *run) dropEntry() {
	if r.spool == nil {
		return
	}
	e, err := r.spool.open(r.id)
	if err != nil {
		if !errors.Is(err, os.ErrNotExist) {
			r.Log.Warn("spool entry left", "run", r.id, "error", err)
		}
		return
	}
	defer func() { _ = e.close() }()
	var debs []string
	for _, c := range r.lock.Changes {
		debs = append(debs, debFile(c))
	}
	if err := r.spool.remove(e, debs); err != nil {
		r.Log.Warn("spool entry left", "run", r.id, "error", err)
	}
}

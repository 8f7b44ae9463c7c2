package redhat

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// Change is a line of changes.csv or deletions.csv: a document below the folder of the list, and when it changed or went.
type Change struct {
	Path string // 2024/rhsa-2024_0010.json
	At   time.Time
}

// maxChanges bounds a list; the real ones name each document once, some 300,000.
const maxChanges = 3_000_000

// ReadChanges reads a list as Red Hat keeps it, "path","time" by line, newest first, giving each line to yield; an error of yield ends
// it. A path that does not stay below the folder, or names no JSON document, is an error: it becomes a part of a URL.
func ReadChanges(r io.Reader, yield func(Change) error) error {
	in := csv.NewReader(r)
	in.FieldsPerRecord = 2
	in.ReuseRecord = true
	for n := 1; ; n++ {
		line, err := in.Read()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return intake.Damaged("not a list of changes: %v", err)
		case n > maxChanges:
			return fmt.Errorf("%w: it has more than %d lines", intake.ErrTooLong, maxChanges)
		}
		at, err := time.Parse(time.RFC3339, line[1])
		if err != nil {
			return intake.Damaged("line %d of the changes has no time", n)
		}
		if !isDocument(line[0]) {
			return intake.Damaged("line %d of the changes names no document: %s", n, intake.Shown(line[0]))
		}
		if err := yield(Change{Path: strings.Clone(line[0]), At: at.UTC()}); err != nil {
			return err
		}
	}
}

// isDocument: YEAR/name.json of plain characters.
func isDocument(p string) bool {
	year, name, ok := strings.Cut(p, "/")
	if !ok || len(year) != 4 || !intake.AllDigits(year) || len(name) > intake.MaxID || path.Ext(name) != ".json" || len(name) == len(".json") {
		return false
	}
	return strings.IndexFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.'
	}) < 0
}

// ReadLatest reads archive_latest.txt: the name of the newest archive, as csaf_vex_2025-02-15.tar.zst.
func ReadLatest(r io.Reader) (string, error) {
	raw, err := io.ReadAll(io.LimitReader(r, intake.MaxID+1))
	if err != nil {
		return "", err
	}
	name := strings.TrimSpace(string(raw))
	if !strings.HasPrefix(name, "csaf_") || !strings.HasSuffix(name, ".tar.zst") || strings.ContainsAny(name, `/\?#%`) || intake.Shown(name) != name || len(name) > intake.MaxID {
		return "", intake.Damaged("it names no archive: %s", intake.Shown(name))
	}
	return name, nil
}

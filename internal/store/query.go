package store

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/staunch-dev/staunch/internal/fault"
)

// handle is what a database and a transaction share.
type handle interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// scanner is a row to read.
type scanner interface{ Scan(dest ...any) error }

// exec runs a statement and gives the number of rows it changed.
func exec(ctx context.Context, h handle, query string, args ...any) (int64, error) {
	if err := checkText(args); err != nil {
		return 0, err
	}
	r, err := h.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// one reads the only row of a query; sql.ErrNoRows when there is none.
func one[T any](ctx context.Context, h handle, scan func(scanner) (T, error), query string, args ...any) (T, error) {
	if err := checkText(args); err != nil {
		var zero T
		return zero, err
	}
	return scan(h.QueryRowContext(ctx, query, args...))
}

// each calls fn for every row of a query.
func each(ctx context.Context, h handle, fn func(scanner) error, query string, args ...any) error {
	if err := checkText(args); err != nil {
		return err
	}
	rows, err := h.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// list reads every row of a query; it is never nil.
func list[T any](ctx context.Context, h handle, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	all := []T{}
	err := each(ctx, h, func(r scanner) error {
		v, err := scan(r)
		all = append(all, v)
		return err
	}, query, args...)
	return all, err
}

// scalar reads a row of one column.
func scalar[T any](r scanner) (v T, err error) {
	err = r.Scan(&v)
	return v, err
}

// checkText refuses text that PostgreSQL cannot keep, so that SQLite refuses it too.
func checkText(args []any) error {
	for _, a := range args {
		if text, ok := a.(string); ok && storable(text) != text {
			return fault.New(fault.Invalid, "text with a NUL or broken UTF-8 cannot be stored: %.60q", text)
		}
	}
	return nil
}

// storable is text with what cannot be stored replaced by U+FFFD.
func storable(text string) string {
	if strings.IndexByte(text, 0) < 0 && utf8.ValidString(text) {
		return text
	}
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", "\uFFFD"), "\uFFFD")
}

// mostRows bounds what one call returns when the caller names no bound.
const mostRows = 100_000

func bounded(limit int) int {
	if limit <= 0 || limit > mostRows {
		return mostRows
	}
	return limit
}

// tuples is "($1,$2),($3,$4)": rows of columns placeholders.
func tuples(rows, columns int) string {
	var b strings.Builder
	for i := range rows * columns {
		switch {
		case i == 0:
			b.WriteByte('(')
		case i%columns == 0:
			b.WriteString("),(")
		default:
			b.WriteByte(',')
		}
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(i + 1))
	}
	b.WriteByte(')')
	return b.String()
}

package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/staunch-dev/staunch/internal/fault"
)

// record is what one request leaves in the log: filled along the way, written once at the end. It never holds a query string, a
// header or a body, so no secret can reach the log through it.
type record struct {
	operation string
	remote    string
	actor     string // user:NAME or host:ID, once known
	err       error  // why it was refused or failed
	status    int
	written   int64
}

type recordKey struct{}

// recordOf is never nil: outside a request what is recorded goes nowhere.
func recordOf(ctx context.Context) *record {
	if rec, ok := ctx.Value(recordKey{}).(*record); ok {
		return rec
	}
	return &record{}
}

// fail keeps the first reason: what comes after is its consequence.
func (rec *record) fail(err error) {
	if rec.err == nil {
		rec.err = err
	}
}

// guard is the outermost handler: it starts the record, bounds the body, turns a panic into a 500, and logs once.
func (a *API) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		rec := &record{remote: hostOnly(r.RemoteAddr)}
		r = r.WithContext(context.WithValue(r.Context(), recordKey{}, rec))
		rw := &recorder{ResponseWriter: w, record: rec}
		deadlines(rw, requestTimeout) // of every request: a connection would keep those of the one before
		var stack []byte
		func() {
			defer func() {
				p := recover()
				if p == nil {
					return
				}
				if p == http.ErrAbortHandler { //nolint:errorlint // the documented way to compare it
					panic(p)
				}
				stack = debug.Stack()
				rec.err = fmt.Errorf("panic: %v", p)
				if rec.status == 0 {
					writeProblem(rw, r, fault.New(fault.Internal, "panic"))
				}
			}()
			next.ServeHTTP(rw, r)
		}()
		a.report(r, rec, time.Since(start), stack)
	})
}

// deadlines bounds how long a request may take to arrive, and its answer to be taken; 0 means not at all. The connection outlives the
// handler by a little, so that the answer "took too long" can still be written.
func deadlines(w http.ResponseWriter, limit time.Duration) {
	control, read, write := http.NewResponseController(w), time.Time{}, time.Time{}
	if limit > 0 {
		read = time.Now().Add(limit)
		write = read.Add(10 * time.Second)
	}
	_ = control.SetReadDeadline(read) // not every writer in tests has them
	_ = control.SetWriteDeadline(write)
}

// report writes the one log record of a request: failures of ours as errors, refusals as warnings, reading and polling for debugging.
func (a *API) report(r *http.Request, rec *record, took time.Duration, stack []byte) {
	if rec.status == 0 {
		rec.status = http.StatusOK
	}
	name := rec.operation
	if name == "" {
		name = "other"
	}
	if a.Meters != nil {
		a.Meters.Request(name, rec.status, took)
	}
	level := slog.LevelDebug
	switch {
	case (rec.status >= 500 || rec.status < 400) && rec.err != nil && fault.KindOf(rec.err) == fault.Internal: // a stream fails after its 200
		level = slog.LevelError
	case rec.status >= 400:
		level = slog.LevelWarn
	case r.Method != http.MethodGet && r.Method != http.MethodHead && rec.operation != opCheckin && rec.operation != opPutSection:
		level = slog.LevelInfo
	}
	attrs := []slog.Attr{
		slog.String("operation", name), slog.String("method", r.Method), slog.String("path", clip(r.URL.Path, 200)),
		slog.Int("status", rec.status), slog.Int64("bytes", rec.written), slog.Duration("took", took.Round(time.Microsecond)),
		slog.String("remote", rec.remote),
	}
	if rec.actor != "" {
		attrs = append(attrs, slog.String("actor", rec.actor))
	}
	if rec.err != nil {
		attrs = append(attrs, slog.String("error", clip(rec.err.Error(), 1000)))
	}
	if stack != nil {
		attrs = append(attrs, slog.String("stack", string(stack)))
	}
	a.Log.LogAttrs(r.Context(), level, "request", attrs...)
}

func clip(s string, most int) string {
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

// recorder notes the status and counts bytes. Unwrap gives http.ResponseController the deadlines and Flush of what is below.
type recorder struct {
	http.ResponseWriter
	record *record
}

func (w *recorder) WriteHeader(status int) {
	if w.record.status == 0 {
		w.record.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.record.status == 0 {
		w.record.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.record.written += int64(n)
	return n, err
}

// Unwrap is for http.ResponseController.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

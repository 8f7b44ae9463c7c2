package cli

import (
	"context"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// Env is everything of the process that commands touch, so that tests can be another process.
type Env struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	StdinTerminal  bool
	StdoutTerminal bool
	StderrTerminal bool
	Width          int // columns of the terminal on Stdout; 0 when there is none
	// Size is columns and lines of the terminal on Stdout as they are now; nil when there is none.
	Size func() (width, height int)
	// ReadPassword reads a line from the terminal without showing it; used only when StdinTerminal.
	ReadPassword func() (string, error)
	Hostname     func() (string, error)
	Now          func() time.Time
	Version      string
}

// errorWidth is where text on standard error is broken; 0: nowhere, for it is no terminal.
func (e Env) errorWidth() int {
	if !e.StderrTerminal {
		return 0
	}
	return e.Width
}

// Process is the Env of this process: the only place in this package that asks for the real one.
func Process(version string) Env {
	e := Env{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv,
		StdinTerminal:  term.IsTerminal(int(os.Stdin.Fd())),  //nolint:gosec // a descriptor fits
		StdoutTerminal: term.IsTerminal(int(os.Stdout.Fd())), //nolint:gosec // a descriptor fits
		StderrTerminal: term.IsTerminal(int(os.Stderr.Fd())), //nolint:gosec // a descriptor fits
		ReadPassword: func() (string, error) {
			text, err := term.ReadPassword(int(os.Stdin.Fd())) //nolint:gosec // a descriptor fits
			return string(text), err
		},
		Hostname: os.Hostname, Now: time.Now, Version: version,
	}
	if e.StdoutTerminal {
		if width, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil { //nolint:gosec // a descriptor fits
			e.Width = width
			e.Size = func() (int, int) {
				if width, height, err := term.GetSize(int(os.Stdout.Fd())); err == nil { //nolint:gosec // a descriptor fits
					return width, height
				}
				return width, 0
			}
		}
	}
	return e
}

// await runs f, which reads from a person, until it ends or ctx does: an interrupt must not have to wait for the Enter key. What f
// left running ends with the process.
func await[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		v, err := f()
		done <- result{v, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var zero T
		return zero, ctx.Err()
	}
}

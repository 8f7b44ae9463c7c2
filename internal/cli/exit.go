package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/staunch-dev/staunch/internal/fault"
)

// Exit codes. Scripts rely on them: they are never renumbered.
const (
	exitOK           = 0
	exitFailure      = 1
	exitUsage        = 2
	exitNotFound     = 3
	exitUnauthorized = 4
	exitUnreachable  = 5
	exitMatched      = 6 // scan has it
	exitNoRoom       = 7 // server has it too
)

// exitCodes is the table that "staunch help exit-codes" prints.
func exitCodes() []struct {
	code    int
	meaning string
} {
	return []struct {
		code    int
		meaning string
	}{
		{exitOK, "done"},
		{exitFailure, "it failed, and the message says why"},
		{exitUsage, "the command line, or something it names, is not valid"},
		{exitNotFound, "there is no such host, plan, file or the like, or no data to assess with"},
		{exitUnauthorized, "not signed in, not allowed, or the server is not the one that is trusted"},
		{exitUnreachable, "the server cannot be reached or cannot answer now: try again later"},
		{exitMatched, "scan: findings fall under --fail-on"},
		{exitNoRoom, "too little memory for the fleet, when a server starts, or for an answer"},
	}
}

// usageError is a command line that cannot be carried out.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func usage(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// Exit is the exit code that err means.
func Exit(err error) int {
	var u *usageError
	var own interface{ ExitCode() int }
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &own): // a command beside this package has a code of its own, which its help explains
		return own.ExitCode()
	case errors.As(err, &u):
		return exitUsage
	}
	switch fault.KindOf(err) {
	case fault.Invalid:
		return exitUsage
	case fault.NotFound:
		return exitNotFound
	case fault.Unauthorized, fault.Forbidden, fault.Expired:
		return exitUnauthorized
	case fault.Unavailable:
		return exitUnreachable
	case fault.NoRoom:
		return exitNoRoom
	case fault.Internal, fault.Conflict, fault.TooLarge, fault.TooMany:
	}
	return exitFailure
}

// Message is err in one line that is safe for a terminal. What fault.Message hides from a server's users the person at the keyboard
// may see, since it happened here.
func Message(err error) string {
	var f *fault.Error
	if errors.As(err, &f) && f.Kind != fault.Internal {
		return oneLine(f.Message)
	}
	return oneLine(err.Error())
}

// Run carries out one command line and gives the exit code; extra commands join those of this package, or of the group that their
// annotation "under" names.
func Run(ctx context.Context, env Env, args []string, extra ...*cobra.Command) int {
	return run(ctx, New(env), env, args, extra...)
}

// RunAlone is Run with one command and nothing beside it: a command that is done in a few milliseconds need not make a hundred others first.
func RunAlone(ctx context.Context, env Env, args []string, only *cobra.Command) int {
	return run(ctx, newRoot(env), env, args, only)
}

func run(ctx context.Context, root *cobra.Command, env Env, args []string, commands ...*cobra.Command) int {
	for _, c := range commands {
		parent := root
		if group := c.Annotations["under"]; group != "" {
			if found, _, err := root.Find([]string{group}); err == nil {
				parent = found
			}
		}
		parent.AddCommand(c)
	}
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil {
		tellError(env, err)
	}
	return Exit(err)
}

// tellError says on standard error what was wrong: on a terminal broken between words where that ends, elsewhere as it is.
func tellError(env Env, err error) {
	for line := range strings.SplitSeq("staunch: "+Message(err), "\n") {
		for _, part := range wrap(line, env.errorWidth()) {
			write(env.Stderr, "%s\n", part)
		}
	}
}

// write ignores that a reader may have gone, as head does: there is nobody left to tell.
func write(w io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }

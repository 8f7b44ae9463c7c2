// Command staunch is the server and every operator's command.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/staunch-dev/staunch/internal/app"
	"github.com/staunch-dev/staunch/internal/cli"
	"github.com/staunch-dev/staunch/internal/scan"
)

// version is set by the linker.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	env := cli.Process(version)
	streams := scan.Streams{
		Out: env.Stdout, Err: env.Stderr, ErrTerminal: env.StderrTerminal, Version: version, Folders: scan.FoldersOf(env.Getenv, os.Geteuid()),
	}
	scanning := scan.Command(streams)
	if len(os.Args) > 1 && os.Args[1] == scanning.Name() {
		forgetStart()
		debug.SetGCPercent(400) // a scan ends before most of what it allocates is garbage
		os.Exit(cli.RunAlone(ctx, env, os.Args[1:], scanning))
	}
	commands := app.Commands(app.Streams{Out: env.Stdout, Err: env.Stderr, Terminal: env.StdoutTerminal, Getenv: env.Getenv, Version: version})
	commands = append(commands, scanning, scan.MirrorCommand(streams))
	os.Exit(cli.Run(ctx, env, os.Args[1:], commands...))
}

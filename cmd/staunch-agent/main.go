// Command staunch-agent runs on every host: enroll, run, status.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/staunch-dev/staunch/internal/agent"
)

// version is set by the linker.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cmd := agent.Command(agent.Env{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv, Euid: os.Geteuid(), Version: version,
	})
	err := cmd.ExecuteContext(ctx)
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "staunch-agent: "+agent.Message(err))
	}
	stop()
	os.Exit(agent.ExitCode(err))
}

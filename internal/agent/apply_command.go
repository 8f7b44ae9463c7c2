package agent

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"github.com/staunch-dev/staunch/internal/apply"
	"github.com/staunch-dev/staunch/internal/fault"
)

func applyCommand(env Env) *cobra.Command {
	o := apply.Options{}
	var level string
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "The root half: carry out what the other half put into the spool",
		Long: `The root half of the agent. It proves every offer in the spool against what this
host trusts, carries the good ones out one at a time with the host's own package
manager, and ends. It has no network. systemd starts it when an offer appears,
after a crash and after a reboot; started by hand it does the same.

What was begun before is finished first. That an offer was refused or a run
failed is in its report, and no error here.` + exitStatus,
		Example: "  staunch-agent apply\n  staunch-agent apply --spool /var/lib/staunch-agent/spool --log-level debug",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var lv slog.Level
			if err := lv.UnmarshalText([]byte(level)); err != nil {
				return usageError{fmt.Errorf("--log-level is debug, info, warn or error, not %q", level)}
			}
			if env.Euid != 0 {
				return fault.New(fault.Forbidden, "only root can install packages")
			}
			if env.Getenv("GOGC") == "" && env.Getenv("GOMEMLIMIT") == "" {
				debug.SetGCPercent(50)
				debug.SetMemoryLimit(20 << 20)
			}
			o.Log = slog.New(slog.NewTextHandler(env.Stderr, &slog.HandlerOptions{Level: lv}))
			return apply.Run(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Spool, "spool", apply.DefaultSpool, "folder in which the unprivileged half puts offers")
	f.StringVar(&o.State, "state", apply.DefaultState, "folder of the journal and the staged packages, root's own") // in place of the agent's
	f.StringVar(&o.Trust, "trust", apply.DefaultTrust, "what this host trusts: its id, the server's plan key, how many people must sign")
	f.StringVar(&o.Signers, "allowed-signers", apply.DefaultSigners, "people whose signatures count, as OpenSSH's allowed_signers; may be absent")
	f.DurationVar(&o.LockTimeout, "lock-timeout", 10*time.Minute, "how long to wait for somebody else's work on the package database")
	f.StringVar(&level, "log-level", "info", "debug, info, warn or error")
	return cmd
}

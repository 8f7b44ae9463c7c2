package agent

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/collect"
)

// collected is what the collect command prints: the sections as they would be sent, and the vitals.
type collected struct {
	Facts        apiv1.Facts        `json:"facts"`
	Packages     apiv1.Packages     `json:"packages"`
	Repositories apiv1.Repositories `json:"repositories"`
	Updates      apiv1.Updates      `json:"updates"`
	Hardware     apiv1.Hardware     `json:"hardware"`
	Vitals       apiv1.Vitals       `json:"vitals"`
}

// collectCommand shows what the agent would send: the answer to "what does it tell them about me?". It needs no enrollment.
func collectCommand(env Env) *cobra.Command {
	var root string
	cmd := &cobra.Command{
		Use:   "collect [--root DIR]",
		Short: "Print what the agent would send, and send nothing",
		Long: `Print what the agent would send, as JSON, and send nothing. With --root the
files of a mounted system are read and nothing that runs: its packages, release,
kernels and units, without updates and hardware. Updates are those of the
system's own package lists; the agent's may be fresher.` + exitStatus,
		Example: "  staunch-agent collect\n  staunch-agent collect --root /mnt",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := os.MkdirTemp("", "staunch-agent-") // never the agent's own: root would leave files there that it cannot write
			if err != nil {
				return err
			}
			defer func() { _ = os.RemoveAll(dir) }()
			if abs, err := filepath.Abs(root); err == nil {
				root = abs
			}
			log := slog.New(slog.NewTextHandler(env.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
			s, err := collect.New(collect.Options{Root: root, StateDir: dir, Log: log}).Collect(cmd.Context(), time.Now())
			if err != nil {
				return err
			}
			encoder := json.NewEncoder(env.Stdout)
			encoder.SetIndent("", "  ")
			return encoder.Encode(collected{s.Facts, s.Packages, s.Repositories, s.Updates, s.Hardware, s.Vitals})
		},
	}
	cmd.Flags().StringVar(&root, "root", "/", "root of the system to look at")
	return cmd
}

package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/staunch-dev/staunch/internal/api"
	"github.com/staunch-dev/staunch/internal/fault"
)

// stopWithin bounds a graceful stop: after it, open requests are cut off. systemd's own limit is longer.
const stopWithin = 15 * time.Second

// Streams is everything of the process that the commands touch.
type Streams struct {
	Out, Err io.Writer
	Terminal bool // Out is one: the first password is shown there, and not kept in a file
	Getenv   func(string) string
	Version  string
}

// Commands are the commands of this program that run or describe the server.
func Commands(s Streams) []*cobra.Command {
	return []*cobra.Command{serverCommand(s), openapiCommand(s)}
}

func serverCommand(s Streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "server --data DIR",
		Short: "Run the server: console, API, and the address that agents call",
		Long: `Run the server. The data folder is made at the first start, with its CA and the first
administrator, whose password is shown once on a terminal and otherwise written to
DIR/first-login until it has been changed.

Settings come from --config FILE (YAML), then STAUNCH_* in the environment, then flags;
the later wins. SIGTERM and SIGINT stop it gracefully.`,
		Example: "  staunch server --data /var/lib/staunch --name patch.example.org",
		Args:    cobra.NoArgs,
	}
	file := cmd.Flags().String("config", "", "YAML `file` of settings, named like the flags with _ for -")
	given := addFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := load(*file, s.Getenv, given)
		if err != nil {
			return err
		}
		return serve(cmd.Context(), cfg, s)
	}
	return cmd
}

// addFlags makes a flag of each setting; what it gives applies those that were set.
func addFlags(cmd *cobra.Command) func(*Config) error {
	read := map[string]func() []string{}
	for _, st := range settings() {
		name := st.flagName()
		if st.many {
			read[name] = func() []string { v, _ := cmd.Flags().GetStringArray(name); return v }
			cmd.Flags().StringArray(name, nil, st.usage)
			continue
		}
		read[name] = func() []string { return []string{cmd.Flag(name).Value.String()} }
		cmd.Flags().String(name, "", st.usage)
	}
	return func(c *Config) error {
		for _, st := range settings() {
			name := st.flagName()
			if !cmd.Flags().Changed(name) {
				continue
			}
			if err := st.set(c, read[name]()); err != nil {
				return fault.Wrap(err, fault.Invalid, "--%s: %s", name, message(err))
			}
		}
		return nil
	}
}

func (s setting) flagName() string {
	if s.flag != "" {
		return s.flag
	}
	return strings.ReplaceAll(s.key, "_", "-")
}

// load reads the configuration: file, environment, flags, later wins.
func load(file string, getenv func(string) string, flags func(*Config) error) (Config, error) {
	var cfg Config
	if file == "" {
		file = getenv("STAUNCH_CONFIG")
	}
	if file != "" {
		if err := cfg.fromFile(file); err != nil {
			return Config{}, err
		}
	}
	if err := cfg.fromEnv(getenv); err != nil {
		return Config{}, err
	}
	if err := flags(&cfg); err != nil {
		return Config{}, err
	}
	return cfg, nil
}

// serve is the life of a server: until ctx ends.
func serve(ctx context.Context, cfg Config, s Streams) error {
	cfg.Version = s.Version
	var handler slog.Handler = slog.NewTextHandler(s.Err, &slog.HandlerOptions{Level: cfg.LogLevel})
	if cfg.LogFormat == "json" {
		handler = slog.NewJSONHandler(s.Err, &slog.HandlerOptions{Level: cfg.LogLevel})
	}
	log := slog.New(handler)
	cfg.Welcome = welcome(s)
	a, err := New(cfg, log)
	if err != nil {
		return err
	}
	if err = a.Start(ctx); err == nil {
		_, _ = fmt.Fprintf(s.Out, "Staunch is at %s\nCA fingerprint: %s\n", a.URL(), a.Fingerprint())
		select {
		case <-ctx.Done():
			log.Info("stopping")
		case err = <-a.Failed():
		}
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	if stopErr := a.Stop(stopping); err == nil {
		err = stopErr
	}
	return err
}

// welcome shows the first login on a terminal; elsewhere, where output may be kept in a log for ever, it only says where to look.
func welcome(s Streams) func(name, password, file string) (shown bool) {
	return func(name, password, file string) bool {
		if s.Terminal {
			_, _ = fmt.Fprintf(s.Out, "First login, shown only now: user %s, password %s\n", name, password)
			return true
		}
		_, _ = fmt.Fprintf(s.Out, "First login: in %s until the password is changed\n", file)
		return false
	}
}

func openapiCommand(s Streams) *cobra.Command {
	return &cobra.Command{
		Use: "openapi", Short: "Print the OpenAPI document", Hidden: true, Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			spec, err := api.Spec()
			if err != nil {
				return err
			}
			_, err = s.Out.Write(spec)
			return err
		},
	}
}

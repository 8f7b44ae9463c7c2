package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/apply"
	"github.com/staunch-dev/staunch/internal/client"
	"github.com/staunch-dev/staunch/internal/fault"
)

// Env is what the commands need of the process.
type Env struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	Euid           int
	Version        string
}

// Exit codes.
const (
	ExitOK          = 0
	ExitFailed      = 1
	ExitUsage       = 2
	ExitNotEnrolled = 3 // or enrolled so long ago that only enrolling again helps
)

const exitStatus = `

Exit status: 0 done, 1 failed, 2 wrong usage, 3 not enrolled (any more)`

// usageError is a command line that makes no sense.
type usageError struct{ error }

// ExitCode is the exit code that err means; nil means 0.
func ExitCode(err error) int {
	switch e := err.(type) { //nolint:errorlint // made by the commands themselves, never wrapped
	case nil:
		return ExitOK
	case usageError:
		return ExitUsage
	default:
		if k := fault.KindOf(e); k == fault.NotFound || k == fault.Expired {
			return ExitNotEnrolled
		}
	}
	return ExitFailed
}

// Message is what to print for err.
func Message(err error) string {
	if fault.KindOf(err) == fault.Internal {
		return err.Error()
	}
	return fault.Message(err)
}

// Command is staunch-agent.
func Command(env Env) *cobra.Command {
	state := DefaultState(env.Getenv, env.Euid)
	root := &cobra.Command{
		Use:   "staunch-agent",
		Short: "The agent of Staunch: tells its server what this host has",
		Long: `The agent of Staunch runs on every host, without privilege. It tells its server
what is installed, what could be updated and why something is not, and waits for
work. It listens on nothing and changes nothing.` + exitStatus,
		Example:       "  staunch-agent enroll --server https://staunch.example.org:8443 --token-file t\n  staunch-agent status",
		SilenceErrors: true, SilenceUsage: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("%q is no command of staunch-agent: see staunch-agent --help", args[0])}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(*cobra.Command, []string) (err error) {
			state, err = filepath.Abs(state) // the programs we run have another working directory
			return err
		},
	}
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetUsageFunc(usage)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.PersistentFlags().StringVar(&state, "state", state, "folder of the agent's identity and package lists")
	root.AddCommand(enrollCommand(env, &state), runCommand(env, &state), collectCommand(env), statusCommand(env, &state), versionCommand(env), applyCommand(env), lookCommand(env))
	return root
}

// usage prints what cobra's own does, with flags in 80 columns. It is no template: with text/template in the program the linker keeps every
// method that anything exports, and the agent grows by two megabytes.
func usage(c *cobra.Command) error {
	var b strings.Builder
	b.WriteString("Usage:\n")
	if c.Runnable() {
		fmt.Fprintf(&b, "  %s\n", c.UseLine())
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "  %s [command]\n", c.CommandPath())
	}
	if c.HasExample() {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", c.Example)
	}
	if c.HasAvailableSubCommands() {
		b.WriteString("\nAvailable Commands:\n")
		for _, one := range c.Commands() {
			if one.IsAvailableCommand() || one.Name() == "help" {
				fmt.Fprintf(&b, "  %-*s %s\n", one.NamePadding(), one.Name(), one.Short)
			}
		}
	}
	for _, part := range []struct {
		title string
		flags *pflag.FlagSet
	}{{"Flags", c.LocalFlags()}, {"Global Flags", c.InheritedFlags()}} {
		if part.flags.HasAvailableFlags() {
			fmt.Fprintf(&b, "\n%s:\n%s\n", part.title, strings.TrimRight(part.flags.FlagUsagesWrapped(80), " \n"))
		}
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\nUse \"%s [command] --help\" for more information about a command.\n", c.CommandPath())
	}
	_, err := fmt.Fprint(c.OutOrStderr(), b.String())
	return err
}

func noArgs(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("unexpected argument %q", args[0])}
	}
	return nil
}

func enrollCommand(env Env, state *string) *cobra.Command {
	o := EnrollOptions{Version: env.Version}
	var file, token string
	cmd := &cobra.Command{
		Use:   "enroll --server URL [--token-file FILE]",
		Short: "Make this machine a host of a server",
		Long: `Make this machine a host of a server, with a token that "staunch enroll-token
create" printed there. The token comes from --token-file, else from
STAUNCH_ENROLL_TOKEN, else from standard input. It names the server's CA, so it
is shown to no other server. The key is made here and never leaves this machine.` + exitStatus,
		Example: "  echo TOKEN | staunch-agent enroll --server https://staunch.example.org:8443\n" +
			"  staunch-agent enroll --server https://staunch.example.org:8443 \\\n      --token-file /root/token",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Server == "" {
				return usageError{fmt.Errorf("--server is needed: the address that the server gives its agents")}
			}
			var err error
			if o.Token, err = readToken(env, file, token); err != nil {
				return err
			}
			o.StateDir, o.Now = *state, time.Now()
			if !cmd.Flags().Changed("trust") && (env.Euid != 0 || *state != DefaultState(env.Getenv, env.Euid)) {
				o.TrustFile = "" // not this machine's own agent, or not for us to say whom its root half believes
			}
			answer, err := Enroll(cmd.Context(), o)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(env.Stdout, "enrolled as %s\n", answer.HostID)
			if err == nil && answer.State == apiv1.HostPending {
				_, err = fmt.Fprintln(env.Stdout, "it awaits approval on the server; until then it reads nothing and gets no work")
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Server, "server", "", "address of the server, https://HOST:PORT")
	f.StringVar(&file, "token-file", "", "file that holds the token; - is standard input")
	f.StringVar(&token, "token", "", "the token itself; every user of this machine can see it there, so prefer a file")
	f.StringVar(&o.TrustFile, "trust", apply.DefaultTrust, "as root: where to pin the server's plan key, for the root half; empty to leave it")
	f.BoolVar(&o.Force, "force", false, "replace the identity of a machine that is enrolled already")
	return cmd
}

// maxToken is far above any token.
const maxToken = 4 << 10

// readToken takes the token from where it is safest.
func readToken(env Env, file, argument string) (string, error) {
	var text []byte
	var err error
	switch {
	case file != "" && argument != "":
		return "", usageError{fmt.Errorf("--token and --token-file exclude each other")}
	case argument != "":
		_, _ = fmt.Fprintln(env.Stderr, "warning: a token on the command line can be seen by every user of this machine: use --token-file or standard input")
		text = []byte(argument)
	case file != "" && file != "-":
		var f *os.File
		if f, err = os.Open(file); err == nil {
			text, err = io.ReadAll(io.LimitReader(f, maxToken))
			_ = f.Close()
		}
	case file == "" && env.Getenv("STAUNCH_ENROLL_TOKEN") != "":
		text = []byte(env.Getenv("STAUNCH_ENROLL_TOKEN"))
	default:
		text, err = io.ReadAll(io.LimitReader(env.Stdin, maxToken))
	}
	if err != nil {
		return "", fault.Wrap(err, fault.Invalid, "the token cannot be read from %q", file)
	}
	token := string(bytes.TrimSpace(text))
	if _, err := client.SplitToken(token); err != nil {
		return "", err
	}
	return token, nil
}

func runCommand(env Env, state *string) *cobra.Command {
	cfg := Config{Version: env.Version}
	var level string
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Collect, check in and wait for work until stopped",
		Long: `Collect, check in and wait for work until stopped by SIGTERM or SIGINT. Needs no
privilege: package lists are refreshed in the state folder, and what only root
may read is reported as such. A server that is away is tried again and again,
ever more rarely; an expired certificate is renewed for 30 days.` + exitStatus,
		Example: "  staunch-agent run --state /var/lib/staunch-agent",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var lv slog.Level
			if err := lv.UnmarshalText([]byte(level)); err != nil {
				return usageError{fmt.Errorf("--log-level is debug, info, warn or error, not %q", level)}
			}
			if cfg.RefreshEvery < 10*time.Minute {
				return usageError{fmt.Errorf("--refresh-every is at least 10m, for the mirrors' sake")}
			}
			cfg.Log = slog.New(slog.NewTextHandler(env.Stderr, &slog.HandlerOptions{Level: lv}))
			cfg.StateDir = *state
			return run(cmd.Context(), env, cfg)
		},
	}
	f := cmd.Flags()
	f.DurationVar(&cfg.RefreshEvery, "refresh-every", 6*time.Hour, "how old package lists may grow")
	f.DurationVar(&cfg.FetchTimeout, "fetch-timeout", 30*time.Second, "time limit of each fetch of a package list")
	f.StringVar(&cfg.Spool, "spool", "", "folder in which offers are handed to the root half (default: spool in the state folder, if "+applyUnit+" is active)")
	f.StringVar(&cfg.Out, "reports", filepath.Join(apply.DefaultState, "out"), "folder in which the root half reports")
	f.StringVar(&cfg.Trust, "trust", apply.DefaultTrust, "what the root half believes")
	f.StringVar(&cfg.Signers, "allowed-signers", apply.DefaultSigners, "people whose signatures count, as OpenSSH's allowed_signers; may be absent")
	f.StringVar(&level, "log-level", "info", "debug, info, warn or error")
	return cmd
}

// run holds the lock of the state folder while the loop runs: two agents with one identity would undo each other's renewals.
func run(ctx context.Context, env Env, cfg Config) error {
	if env.Getenv("GOGC") == "" && env.Getenv("GOMEMLIMIT") == "" {
		debug.SetGCPercent(50) // an inventory is read within a small heap, and given back afterwards
		debug.SetMemoryLimit(40 << 20)
	}
	if _, err := Load(cfg.StateDir); err != nil {
		return err
	}
	unlock, err := lock(cfg.StateDir)
	if err != nil {
		return err
	}
	defer unlock()
	loop, err := NewLoop(cfg)
	if err != nil {
		return err
	}
	return loop.Run(ctx)
}

func statusCommand(env Env, state *string) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say how the agent on this machine is doing",
		Long: `Say how the agent on this machine is doing: its state, its server, its last
check-in, the end of its certificate. Exits with 0 whatever the state is; 3 when
this machine is not enrolled.` + exitStatus,
		Example: "  staunch-agent status\n  staunch-agent status -o json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			if output != "table" && output != "json" {
				return usageError{fmt.Errorf("-o is table or json, not %q", output)}
			}
			s, err := ReadStatus(*state)
			if err != nil {
				return err
			}
			if err := printStatus(env.Stdout, s, output); err != nil {
				return err
			}
			if s.State == StateNotEnrolled {
				return fault.New(fault.NotFound, "this machine is not enrolled")
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table or json")
	return cmd
}

func printStatus(w io.Writer, s Status, output string) error {
	if output == "json" {
		return json.NewEncoder(w).Encode(s)
	}
	at := func(t time.Time) string {
		if t.IsZero() {
			return "never"
		}
		return t.Local().Format(time.RFC3339)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	rows := [][2]string{{"state", strings.TrimSpace(s.State + " " + s.Problem)}, {"server", s.Server}, {"host", s.HostID}, {"last check-in", at(s.LastCheckin)}, {"certificate until", at(s.CertificateExpires)}, {"state folder", s.StateDir}}
	for _, row := range rows {
		if _, err := fmt.Fprintf(t, "%s\t%s\n", row[0], row[1]); err != nil {
			return err
		}
	}
	return t.Flush()
}

func versionCommand(env Env) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Long:    "Print the version of this program and of the protocol it speaks." + exitStatus,
		Example: "  staunch-agent version",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(env.Stdout, "staunch-agent %s, protocol %d\n", env.Version, apiv1.ProtocolVersion)
			return err
		},
	}
}

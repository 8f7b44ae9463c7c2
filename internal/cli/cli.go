package cli

import (
	"bufio"
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/staunch-dev/staunch/internal/client"
)

// program is one command line: where it runs and the flags that every remote command has.
type program struct {
	env       Env
	in        *bufio.Reader
	format    format
	server    string
	tokenFile string
}

// New is the root command with every command of this package.
func New(env Env) *cobra.Command {
	p := &program{env: env, in: bufio.NewReader(env.Stdin), format: formatTable}
	root := newRoot(env)
	root.AddCommand(
		p.login(), p.logout(), p.whoami(),
		p.overview(), p.hosts(), p.host(), p.updates(), p.findings(), p.cve(), p.vulnerabilities(),
		p.plan(), p.rollout(), p.report(),
		p.enrollToken(), p.feed(), p.events(), p.watch(), p.vercmp(),
		exitCodesTopic(), selectorsTopic(),
	)
	return root
}

// newRoot is the root command without any other.
func newRoot(env Env) *cobra.Command {
	root := &cobra.Command{
		Use:   "staunch",
		Short: "Keep a fleet of servers patched",
		Long: `Staunch keeps a fleet of servers patched: it knows what each host has, what of
that is vulnerable or out of date, and what fixes it.

Sign in with "staunch login URL". Programs set STAUNCH_URL, STAUNCH_TOKEN and
STAUNCH_CA_FINGERPRINT instead.`,
		Example: `  staunch login https://staunch.example.org:8443
  staunch hosts -l env=prod
  staunch scan --feeds /srv/feeds`,
		Version:                    env.Version,
		SilenceErrors:              true,
		SilenceUsage:               true,
		SuggestionsMinimumDistance: 2,
		Args:                       unknownCommand,
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetUsageTemplate(usageTemplate(root.UsageTemplate()))
	root.SetHelpFunc(help(root.HelpFunc()))
	root.PersistentPreRunE = refuseEmpty
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	root.SetFlagErrorFunc(flagError)
	return root
}

// group is a command that only holds others.
func group(use, short, example string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short, Example: example, Args: unknownCommand,
		SuggestionsMinimumDistance: 2,
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(commands...)
	return c
}

func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return usage("unknown command %q: did you mean %s?", args[0], strings.Join(near, " or "))
	}
	return usage("unknown command %q; see %s --help", args[0], cmd.CommandPath())
}

// exactly is cobra.ExactArgs with a message that names what is missing.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return usage("%s is missing; see %s --help", names[len(args)], cmd.CommandPath())
		case len(args) > len(names):
			return usage("%q is one argument too many; see %s --help", args[len(names)], cmd.CommandPath())
		}
		for i, arg := range args {
			if strings.TrimSpace(arg) == "" { // a variable that nobody set
				return usage("%s is empty; see %s --help", names[i], cmd.CommandPath())
			}
		}
		return nil
	}
}

// remote makes a command that calls the server: it gets the common flags, and a client that is closed after it.
func (p *program) remote(c *cobra.Command, run func(ctx context.Context, o *client.Operator, args []string) error) *cobra.Command {
	if c.Args == nil {
		c.Args = exactly()
	}
	p.serverFlags(c)
	c.Flags().VarP(&p.format, "output", "o", "format of the output")
	c.RunE = func(cmd *cobra.Command, args []string) error {
		o, err := p.connect()
		if err != nil {
			return err
		}
		defer o.Close()
		return run(cmd.Context(), o, args)
	}
	return c
}

func (p *program) serverFlags(c *cobra.Command) {
	c.Flags().StringVar(&p.server, "server", "", "`URL` of the server, instead of the one signed in to")
	c.Flags().StringVar(&p.tokenFile, "token-file", "", "`FILE` with an API token, - for standard input")
}

// listFlags are those of commands that list.
type listFlags struct {
	client.List
	limit int
}

func (l *listFlags) add(c *cobra.Command, sorts string) {
	l.selector(c)
	c.Flags().StringVarP(&l.Search, "search", "q", "", "only rows with this `TEXT`")
	if sorts != "" {
		c.Flags().StringVar(&l.Sort, "sort", "", "sort by `COLUMN`: "+sorts)
		c.Flags().BoolVar(&l.Desc, "desc", false, "sort the other way round")
	}
	l.limitFlag(c)
}

func (l *listFlags) selector(c *cobra.Command) {
	c.Flags().StringVarP(&l.Selector, "selector", "l", "", "only hosts that this `SELECTOR` names, as env=prod,role in (web,api),!retired")
}

func (l *listFlags) limitFlag(c *cobra.Command) {
	c.Flags().IntVar(&l.limit, "limit", 0, "at most this many rows; 0 is all")
}

// page is the request for one page.
func (l *listFlags) page(cursor string, size int) client.List {
	list := l.List
	list.Cursor, list.Limit = cursor, size
	return list
}

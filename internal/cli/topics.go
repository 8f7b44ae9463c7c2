package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// exitCodesTopic is "staunch help exit-codes".
func exitCodesTopic() *cobra.Command {
	var b strings.Builder
	b.WriteString("Every command ends with one of these codes:\n\n")
	for _, e := range exitCodes() {
		fmt.Fprintf(&b, "  %d  %s\n", e.code, e.meaning)
	}
	return &cobra.Command{Use: "exit-codes", Short: "What the exit codes mean", Long: strings.TrimRight(b.String(), "\n")}
}

// selectorsTopic is "staunch help selectors". A test gives its examples to the server's own parser.
func selectorsTopic() *cobra.Command {
	return &cobra.Command{Use: "selectors", Short: "How -l names hosts", Long: `A selector names hosts by their labels and by what they are. Its terms, all of which must hold,
are joined by commas:

  env=prod                the label env is prod
  env!=prod               it is anything else, or there is none
  role in (web,api)       it is one of these
  role notin (web,api)    it is none of these, or there is none
  env                     there is such a label
  !retired                there is none

Besides labels there is what a host is:

  host.name=web1          also host.arch=amd64, host.os=debian:12
  host.state=pending      or approved, revoked
  host.online=no          also host.assessed, host.reboot, host.failed-units and
                          host.security-updates
  host.metadata=stale     or fresh: its package lists
  host.updates=unknown    or known
  host.lifecycle=ended    or supported, extended, unknown: its release

A value with spaces or ,()=!"\ in it stands between double quotes:

  site="Frankfurt (east)",host.os=debian:12

Quote the whole for your shell: -l 'role in (web,api)'.`}
}

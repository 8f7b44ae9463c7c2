package cli

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/client"
)

func (p *program) enrollToken() *cobra.Command {
	return group("enroll-token", "Make, list and revoke the tokens that let hosts in",
		"  staunch enroll-token create --labels env=prod\n  staunch enroll-token list",
		p.enrollTokenCreate(), p.enrollTokenList(), p.enrollTokenRevoke())
}

func (p *program) enrollTokenCreate() *cobra.Command {
	var labels, approve string
	var req apiv1.CreateEnrollToken
	c := p.remote(&cobra.Command{
		Use: "create", Short: "Make an enroll-token",
		Long: `Make an enroll-token. It is printed on standard output, this once; it carries the fingerprint of
the server's CA, so that a host knows its server from the first contact on.

Hosts of a single-use token are approved at once; those of any other wait for
"staunch host approve", unless --approve=yes.`,
		Example: `  staunch enroll-token create --labels env=prod,role=web
  staunch enroll-token create --uses 50 --ttl 8h > token`,
	}, func(ctx context.Context, o *client.Operator, _ []string) error {
		var err error
		if req.Labels, err = parseLabels(labels); err != nil {
			return err
		}
		switch approve {
		case "":
		case "yes", "no":
			yes := approve == "yes"
			req.Approve = &yes
		default:
			return usage("--approve is yes or no, not %q", approve)
		}
		t, err := o.CreateEnrollToken(ctx, req)
		if err != nil {
			return err
		}
		return p.showEnrollToken(t)
	})
	c.Flags().StringVar(&labels, "labels", "", "`LABELS` of its hosts, as env=prod,role=web")
	c.Flags().StringVar(&req.TTL, "ttl", "1h", "`DURATION` it is good for, up to 24h")
	c.Flags().IntVar(&req.Uses, "uses", 1, "how many hosts it lets in, up to 10000")
	c.Flags().StringVar(&approve, "approve", "", "`yes|no`: approve its hosts at once; default yes for one use, no for more")
	return c
}

func (p *program) showEnrollToken(t apiv1.EnrollToken) error {
	switch p.format {
	case formatJSON:
		return p.json(t)
	case formatCSV:
		return p.csv(cells([]apiv1.EnrollToken{t}, append(enrollTokenColumns(),
			column[apiv1.EnrollToken]{name: "token", text: func(t apiv1.EnrollToken) string { return t.Token }}), inCSV))
	}
	write(p.env.Stdout, "%s\n", clean(t.Token))
	p.note("good for %s until %s; its hosts are %s", plural(t.Uses, "host"), moment(&t.Expires), approval(t.Approve))
	if t.Command != "" {
		p.note("on the host: %s", t.Command)
	}
	return nil
}

func approval(approve bool) string {
	if approve {
		return "approved at once"
	}
	return "pending until approved"
}

func enrollTokenColumns() []column[apiv1.EnrollToken] {
	return []column[apiv1.EnrollToken]{
		{name: "id", text: func(t apiv1.EnrollToken) string { return t.ID }},
		{name: "uses_left", text: func(t apiv1.EnrollToken) string { return strconv.Itoa(t.UsesLeft) }, right: true},
		{name: "uses", text: func(t apiv1.EnrollToken) string { return strconv.Itoa(t.Uses) }, right: true, where: inCSV},
		{name: "approve", text: func(t apiv1.EnrollToken) string { return yesNo(t.Approve) }},
		{name: "revoked", text: func(t apiv1.EnrollToken) string { return yesNo(t.Revoked) }, tone: func(t apiv1.EnrollToken) tone { return unless(!t.Revoked, bad) }},
		{name: "expires", text: func(t apiv1.EnrollToken) string { return stamp(&t.Expires) }},
		{name: "labels", text: func(t apiv1.EnrollToken) string { return labelText(t.Labels) }, least: 6},
		{name: "by", text: func(t apiv1.EnrollToken) string { return t.By }, where: inCSV},
		{name: "created", text: func(t apiv1.EnrollToken) string { return stamp(&t.Created) }, where: inCSV},
	}
}

func (p *program) enrollTokenList() *cobra.Command {
	return p.remote(&cobra.Command{
		Use: "list", Short: "List enroll-tokens, newest first",
		Example: "  staunch enroll-token list",
	}, func(ctx context.Context, o *client.Operator, _ []string) error {
		list, err := o.EnrollTokens(ctx)
		if err != nil {
			return err
		}
		return show(p, list, list.Items, enrollTokenColumns())
	})
}

func (p *program) enrollTokenRevoke() *cobra.Command {
	return p.remote(&cobra.Command{
		Use: "revoke ID", Short: "Revoke an enroll-token; hosts that used it stay",
		Example: "  staunch enroll-token revoke enr_01jd…",
		Args:    exactly("the id of the enroll-token"),
	}, func(ctx context.Context, o *client.Operator, args []string) error {
		if err := o.RevokeEnrollToken(ctx, args[0]); err != nil {
			return err
		}
		p.note("enroll-token %s revoked", args[0])
		return nil
	})
}

package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/client"
)

func (p *program) host() *cobra.Command {
	return group("host", "Show or change one host", "  staunch host show web1\n  staunch host approve host_01jd…",
		p.hostShow(), p.hostPackages(), p.hostUpdates(), p.hostFindings(), p.hostHistory(), p.hostLabel(),
		p.hostVerb("approve HOST", "Let a pending host take part", "approved", "", (*client.Operator).ApproveHost),
		p.hostVerb("refresh HOST", "Ask a host to refresh its package lists and check in", "was asked to refresh", "", (*client.Operator).RefreshHost),
		p.hostVerb("revoke HOST", "Refuse a host's certificates from now on", "revoked",
			"It can come back only by enrolling again, as another host.", (*client.Operator).RevokeHost),
		p.hostVerb("delete HOST", "Remove a host from the fleet; its history stays", "deleted",
			"It can come back only by enrolling again, as another host.", (*client.Operator).DeleteHost),
	)
}

// hostVerb is a command that does one thing to one host. warning is what cannot be undone: then it asks first.
func (p *program) hostVerb(use, short, done, warning string, call func(*client.Operator, context.Context, string) error) *cobra.Command {
	verb, _, _ := strings.Cut(use, " ")
	var yes bool
	c := p.remote(&cobra.Command{
		Use: use, Short: short, Long: strings.TrimSpace(short + ".\n\n" + warning),
		Example: "  staunch host " + verb + " web1",
		Args:    exactly("the id or name of the host"),
	}, func(ctx context.Context, o *client.Operator, args []string) error {
		if warning != "" && !yes {
			if !p.env.StdinTerminal {
				return usage("host %s cannot be undone: confirm with --yes", verb)
			}
			ok, err := p.confirm(ctx, fmt.Sprintf("%s %s? %s", strings.ToUpper(verb[:1])+verb[1:], clean(args[0]), warning))
			if err != nil {
				return err
			}
			if !ok {
				return fmt.Errorf("host %s: nothing was done", verb)
			}
		}
		if err := call(o, ctx, args[0]); err != nil {
			return err
		}
		p.note("host %s %s", args[0], done)
		return nil
	})
	if warning != "" {
		c.Example += " --yes"
		c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	}
	return c
}

func (p *program) hostShow() *cobra.Command {
	return p.remote(&cobra.Command{
		Use: "show HOST", Short: "Show a host: what it is, how it is, what it has",
		Example: "  staunch host show web1\n  staunch host show web1 -o json",
		Args:    exactly("the id or name of the host"),
	}, func(ctx context.Context, o *client.Operator, args []string) error {
		d, err := o.Host(ctx, args[0])
		if err != nil {
			return err
		}
		return p.details(d, p.hostPairs(d))
	})
}

func (p *program) hostPairs(d apiv1.HostDetail) pairs {
	h, now := d.Host, p.env.Now()
	list := pairs{
		{"id", h.ID}, {"name", h.Name}, {"state", h.State}, {"online", yesNo(h.Online)}, {"seen", ago(h.LastSeen, now)},
		{"labels", labelText(h.Labels)}, {"os", h.OS}, {"ecosystem", h.Ecosystem}, {"arch", h.Arch}, {"kernel", h.Kernel},
		{"findings", countsWords(h.Findings)}, {"updates", updatesWords(h.Updates)}, {"packages", fmt.Sprint(h.Packages)},
		{"package_lists", metadataWords(h.Metadata)}, {"lifecycle", lifecycleWords(h.Lifecycle)}, {"reboot_required", yesNo(h.RebootRequired)},
	}
	if f := d.Facts; f != nil {
		list = append(list, pairs{
			{"reboot_reasons", strings.Join(f.Reboot.Reasons, "; ")},
			{"newest_kernel", f.Kernel.Newest},
			{"virtualization", f.Virtualization},
			{"failed_units", strings.Join(failedUnits(f.Units), ", ")},
			{"held_packages", strings.Join(f.PackageManager.Held, ", ")},
			{"broken_packages", brokenWords(f.PackageManager)},
		}...)
	}
	if hw := d.Hardware; hw != nil {
		list = append(list, pairs{
			{"cpu", strings.TrimSpace(fmt.Sprintf("%s, %s", hw.CPU.Model, plural(hw.CPU.Threads, "thread")))},
			{"memory", size(hw.MemoryBytes)},
			{"disks", disksWords(hw.Disks)},
			{"machine", strings.TrimSpace(hw.DMI.Vendor + " " + hw.DMI.Product)},
		}...)
	}
	if v := d.Vitals; v != nil && v.BootedAt != nil {
		list = append(list, [2]string{"booted", ago(v.BootedAt, now)})
	}
	return append(list, pairs{
		{"agent", h.AgentVersion}, {"enrolled", moment(&h.EnrolledAt)}, {"enroll_token", d.EnrolledBy},
		{"approved_by", d.ApprovedBy}, {"certificate_until", moment(d.CertExpires)},
	}...)
}

// lifecycleWords say how a release is looked after: supported until 2028-08-09.
func lifecycleWords(l apiv1.HostLifecycle) string {
	text := l.State
	switch {
	case l.State == "ended" && l.Until != "":
		text += " on " + l.Until
	case l.Until != "":
		text += " until " + l.Until
	}
	if l.EntitlementNeeded != "" {
		text += ", which needs " + l.EntitlementNeeded
	}
	if l.Source != "" {
		text += " (" + l.Source + ")"
	}
	return text
}

func lifecycleTone(l apiv1.HostLifecycle) tone {
	if l.State == "ended" {
		return bad
	}
	return unless(l.EntitlementNeeded == "", warn)
}

func metadataWords(m apiv1.MetadataState) string {
	text := "refreshed " + moment(m.AsOf)
	if m.AsOf == nil {
		text = "never refreshed"
	}
	if m.Stale {
		text = "STALE, " + text
	}
	if m.Reason != "" {
		text += ": " + m.Reason
	}
	return text
}

func failedUnits(units []apiv1.Unit) []string {
	var names []string
	for _, u := range units {
		if u.Failed {
			names = append(names, u.Name)
		}
	}
	return names
}

func brokenWords(m apiv1.PackageManager) string {
	var parts []string
	if m.Interrupted {
		parts = append(parts, "a transaction was interrupted")
	}
	for _, b := range m.Broken {
		parts = append(parts, b.Name+" "+b.State)
	}
	return strings.Join(parts, ", ")
}

func disksWords(disks []apiv1.Disk) string {
	var parts []string
	for _, d := range disks {
		parts = append(parts, d.Name+" "+size(d.Bytes))
	}
	return strings.Join(parts, ", ")
}

func (p *program) hostLabel() *cobra.Command {
	return p.remote(&cobra.Command{
		Use: "label HOST KEY=VALUE… KEY-…", Short: "Set and remove labels of a host",
		Example: "  staunch host label web1 env=prod role=web\n  staunch host label web1 role-",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 2 {
				return usage("a host and at least one KEY=VALUE or KEY- are needed; see %s --help", cmd.CommandPath())
			}
			return nil
		},
	}, func(ctx context.Context, o *client.Operator, args []string) error {
		d, err := o.Host(ctx, args[0])
		if err != nil {
			return err
		}
		labels, err := changeLabels(d.Host.Labels, args[1:])
		if err != nil {
			return err
		}
		if err := o.SetLabels(ctx, d.Host.ID, labels); err != nil {
			return err
		}
		p.note("labels of %s: %s", d.Host.Name, labelText(labels))
		return nil
	})
}

func (p *program) hostPackages() *cobra.Command {
	return p.remote(&cobra.Command{
		Use: "packages HOST", Short: "List what is installed on a host",
		Example: "  staunch host packages web1 -o csv",
		Args:    exactly("the id or name of the host"),
	}, func(ctx context.Context, o *client.Operator, args []string) error {
		all, err := o.HostPackages(ctx, args[0])
		if err != nil {
			return err
		}
		if err := show(p, all, all.Packages, []column[apiv1.Package]{
			{name: "name", text: func(k apiv1.Package) string { return k.Name }, least: 20},
			{name: "arch", text: func(k apiv1.Package) string { return k.Arch }},
			{name: "version", text: func(k apiv1.Package) string { return k.Version }, least: 12, ends: true},
			{name: "source", text: func(k apiv1.Package) string { return or(k.Source, k.Name) }, least: 8},
			{name: "source_version", text: func(k apiv1.Package) string { return or(k.SourceVersion, k.Version) }, where: inCSV},
			{name: "origin", text: func(k apiv1.Package) string { return or(k.Origin, "unknown") }, least: 7},
		}); err != nil {
			return err
		}
		if all.AsOf == nil {
			p.note("this host has not reported its packages yet")
		}
		return nil
	})
}

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

func (p *program) hostHistory() *cobra.Command {
	var list listFlags
	c := p.remote(&cobra.Command{
		Use: "history HOST", Short: "Show what happened to a host, newest first",
		Example: "  staunch host history web1 --limit 20",
		Args:    exactly("the id or name of the host"),
	}, func(ctx context.Context, o *client.Operator, args []string) error {
		items, next, err := pages(list.limit, func(cursor string, size int) ([]apiv1.HistoryEntry, string, error) {
			got, err := o.HostHistory(ctx, args[0], list.page(cursor, size))
			return got.Items, got.Next, err
		})
		if err != nil {
			return err
		}
		return show(p, apiv1.HistoryPage{Items: items, Next: next}, items, []column[apiv1.HistoryEntry]{
			{name: "at", text: func(e apiv1.HistoryEntry) string { return stamp(&e.At) }},
			{name: "kind", text: func(e apiv1.HistoryEntry) string { return e.Kind }, least: 8},
			{name: "actor", text: func(e apiv1.HistoryEntry) string { return e.Actor }, where: inCSV},
			{name: "text", text: historyText, least: 20},
		})
	})
	list.limitFlag(c)
	return c
}

// historyText adds the package changes to what happened.
func historyText(e apiv1.HistoryEntry) string {
	var parts []string
	for _, c := range e.Changes {
		switch {
		case c.From == "":
			parts = append(parts, "+"+c.Name+" "+c.To)
		case c.To == "":
			parts = append(parts, "-"+c.Name+" "+c.From)
		default:
			parts = append(parts, c.Name+" "+c.From+" → "+c.To)
		}
	}
	if len(parts) == 0 {
		return e.Text
	}
	return e.Text + ": " + strings.Join(parts, ", ")
}

package cli

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/client"
	"github.com/staunch-dev/staunch/internal/fault"
)

func (p *program) eventsVerify() *cobra.Command {
	var expect string
	c := p.remote(&cobra.Command{
		Use: "verify", Short: "Check that the log of events is whole and unchanged",
		Long: `Check that the log of events is whole and unchanged: the server goes through its hash chain, and so
does this program by itself, from the first event on. It ends with 1 when an event does not hold.

Who can write the server's database can rewrite the log with all its hashes, or cut off its end. So
keep what is printed, SEQ:HASH, somewhere else: --expect shows later that nothing up to there was
touched.`,
		Example: "  staunch events verify\n  staunch events verify --expect 1042:9f86d081…",
	}, func(ctx context.Context, o *client.Operator, _ []string) error {
		kept, err := parseExpected(expect)
		if err != nil {
			return err
		}
		return p.verifyEvents(ctx, o, kept)
	})
	c.Flags().StringVar(&expect, "expect", "", "`SEQ:HASH` that an earlier verification printed: the log must still hold it")
	return c
}

// expected is a place in the log that was kept elsewhere; zero: none.
type expected struct {
	seq  int64
	hash string
}

func parseExpected(text string) (expected, error) {
	if text == "" {
		return expected{}, nil
	}
	number, hash, ok := strings.Cut(text, ":")
	seq, err := strconv.ParseInt(number, 10, 64)
	if !ok || err != nil || seq < 1 || len(hash) != 64 || strings.Trim(hash, "0123456789abcdef") != "" {
		return expected{}, usage("--expect is SEQ:HASH as staunch events verify prints it, not %q", text)
	}
	return expected{seq, hash}, nil
}

func (p *program) verifyEvents(ctx context.Context, o *client.Operator, kept expected) error {
	server, err := o.VerifyEvents(ctx)
	if err != nil {
		return err
	}
	chain := &chain{kept: kept}
	err = o.ExportEvents(ctx, 0, func(e apiv1.EventRecord) error {
		chain.add(e)
		return nil
	})
	if err != nil {
		return err
	}
	mine := chain.verdict(server)
	if err := p.details(mine, pairs{
		{"whole", yesNo(mine.Whole)}, {"events", itoa(mine.Events)}, {"head", itoa(mine.Seq) + ":" + mine.Hash},
		{"broken", brokenAt(mine)}, {"reason", mine.Reason},
	}); err != nil {
		return err
	}
	if !mine.Whole {
		return fault.New(fault.Conflict, "the log is broken at %s: %s", brokenAt(mine), mine.Reason)
	}
	return nil
}

func brokenAt(v apiv1.EventVerification) string {
	if v.Broken == 0 {
		return ""
	}
	return "event " + itoa(v.Broken)
}

// chain recomputes the log's hashes from its first event on.
type chain struct {
	kept expected
	at   apiv1.EventVerification
}

// add takes the next event. After the first that does not hold, nothing more is believed.
func (c *chain) add(e apiv1.EventRecord) {
	switch {
	case c.at.Broken != 0:
		return
	case e.Seq != c.at.Seq+1:
		c.at.Broken, c.at.Reason = e.Seq, "it follows event "+itoa(c.at.Seq)+": what was between is gone"
		return
	case e.Chain(c.at.Hash) != e.Hash:
		c.at.Broken, c.at.Reason = e.Seq, "its hash does not fit its contents and the event before it"
		return
	}
	c.at.Events, c.at.Seq, c.at.Hash = c.at.Events+1, e.Seq, e.Hash
	if e.Seq == c.kept.seq && e.Hash != c.kept.hash {
		c.at.Broken, c.at.Reason = e.Seq, "it is not the one that was kept: it or an event before it was rewritten"
	}
}

// verdict joins what was found here with what the server says of itself, which looked a moment earlier.
func (c *chain) verdict(server apiv1.EventVerification) apiv1.EventVerification {
	v := c.at
	switch {
	case v.Broken != 0:
	case !server.Whole:
		v.Broken, v.Reason = server.Broken, "the server says: "+server.Reason
	case server.Seq > v.Seq:
		v.Broken, v.Reason = v.Seq+1, "the server gave out fewer events than it says it has"
	case c.kept.seq > v.Seq:
		v.Broken, v.Reason = v.Seq+1, "the log ends before the event that was kept: its end was cut off"
	}
	v.Whole = v.Broken == 0
	return v
}

package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// pastFlags ask about a time in the past.
func (l *listFlags) pastFlags(p *program, c *cobra.Command) {
	var asOf string
	c.Flags().StringVar(&asOf, "as-of", "", "the hosts and what they had at `WHEN`, judged with what was known then:\na date as 2026-07-01 (its last moment, UTC), a time, or how long ago, as 30d")
	c.Flags().BoolVar(&l.Hindsight, "hindsight", false, "with --as-of: judged with what is known today")
	c.PreRunE = func(*cobra.Command, []string) error {
		var err error
		switch {
		case asOf != "":
			l.AsOf, err = dayOrInstant(asOf, p.env.Now())
		case l.Hindsight:
			err = usage("--hindsight is about a time: say which with --as-of")
		}
		return err
	}
}

// dayOrInstant is pastInstant, but for a date, which stands for the whole day: its last moment, or now when the day is not over.
func dayOrInstant(text string, now time.Time) (time.Time, error) {
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return pastInstant(text, now)
	}
	end := day.AddDate(0, 0, 1).Add(-time.Microsecond)
	if day.Before(now) && end.After(now) {
		end = now
	}
	return end, nil
}

// period reads --from and --to; the zero time where one is left out.
func period(from, to string, now time.Time) (begin, end time.Time, err error) {
	if from != "" {
		if begin, err = pastInstant(from, now); err != nil {
			return begin, end, err
		}
	}
	if to != "" {
		end, err = pastInstant(to, now)
	}
	return begin, end, err
}

// pastNote says of what time an answer is.
func (p *program) pastNote(past *apiv1.Past) {
	if past == nil {
		return
	}
	how := "judged with what was known then"
	if past.Knowledge == apiv1.KnowledgeToday {
		how = "judged with what is known today"
	}
	p.sentence(fmt.Sprintf("as of %s, %s; names and labels are today's", moment(&past.AsOf), how))
}

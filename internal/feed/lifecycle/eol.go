package lifecycle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// Bounds. The real catalogue has 464 products, 437 releases of the longest, names of 40 bytes and some 7 MB as the API gives it.
const (
	maxCatalogue = 128 << 20
	maxName      = 100
	maxReleases  = 10_000
)

// ReadEOL reads endoflife.date's products, plain or packed, in one of two forms: the answer of its API (/api/v1/products/full, products
// under "result"), and its published catalogue (one field a product). Survey.Newest is when the answer was made, or the newest change of a
// product, where it says.
func ReadEOL(ctx context.Context, f intake.File, o intake.Options, to intake.Sink) (intake.Survey, error) {
	r := &reader{feed: o.Feed, to: to, seen: intake.NewSeen()}
	limits := o.Limits.OrDefault()
	limits.MaxTotal = min(limits.MaxTotal, maxCatalogue)
	plain, err := intake.Unpack(f.Reader(), limits)
	if err != nil {
		return r.survey, err
	}
	d := json.NewDecoder(plain)
	err = intake.EachField(d, func(field string) error {
		switch field {
		case "result":
			return intake.EachElement(d, func(n int) error { return r.product(ctx, d, "", fmt.Sprintf("product %d", n)) })
		case "schema_version", "total":
			var skip json.RawMessage
			return d.Decode(&skip)
		case "generated_at":
			var at string
			err := d.Decode(&at)
			r.newest(at)
			return err
		}
		return r.product(ctx, d, field, field)
	})
	if err == nil {
		if _, err = d.Token(); errors.Is(err, io.EOF) {
			err = nil
		} else if err == nil {
			err = errors.New("something follows its end")
		}
	}
	switch {
	case r.stopped != nil:
		return r.survey, r.stopped
	case errors.Is(err, intake.ErrTooLong):
		return r.survey, err
	case err != nil:
		return r.survey, intake.Damaged("not endoflife.date's products: %v", err)
	case r.survey.Records == 0:
		return r.survey, intake.Damaged("it holds no release that can be read")
	}
	return r.survey, nil
}

// reader gathers what one pass finds.
type reader struct {
	feed    string
	to      intake.Sink
	survey  intake.Survey
	seen    intake.Seen
	stopped error // by the taker or the context: no damage of the file
}

// newest takes a time of the source, if it is one.
func (r *reader) newest(text string) {
	if at, err := time.Parse(time.RFC3339, text); err == nil && at.After(r.survey.Newest) {
		r.survey.Newest = at.UTC()
	}
}

// give gives a sound release that is not yet known.
func (r *reader) give(l advisory.Lifecycle) error {
	if !r.seen.Add(l.Product + "\n" + l.Release) {
		r.survey.Skip(l.Product+" "+l.Release, "a second record of this release")
		return nil
	}
	r.survey.Records++
	l.Feed = r.feed
	r.stopped = r.to.GiveLifecycle(l)
	return r.stopped
}

// product reads one product; in the catalogue its name is that of the field.
func (r *reader) product(ctx context.Context, d *json.Decoder, name, where string) error {
	if r.stopped = ctx.Err(); r.stopped != nil {
		return r.stopped
	}
	var raw json.RawMessage
	if err := d.Decode(&raw); err != nil {
		return err
	}
	var p product
	if err := json.Unmarshal(raw, &p); err != nil {
		r.survey.Skip(where, fmt.Sprintf("not a product: %v", err))
		return nil
	}
	if name == "" {
		name = p.Name
	}
	switch {
	case !sound(name):
		r.survey.Skip(where, "it has no name, or one that is too long or not printable")
		return nil
	case len(p.Releases) > maxReleases:
		r.survey.Skip(where, fmt.Sprintf("it has more than %d releases", maxReleases))
		return nil
	}
	r.newest(p.Modified)
	for _, rel := range p.Releases {
		l, err := rel.lifecycle(name)
		if err != nil {
			r.survey.Skip(name+" "+l.Release, err.Error())
			continue
		}
		if err := r.give(l); err != nil {
			return err
		}
	}
	return nil
}

// sound: a name of a product or a release can be stored, shown and compared.
func sound(name string) bool {
	return name != "" && len(name) <= maxName && intake.Shown(name) == name
}

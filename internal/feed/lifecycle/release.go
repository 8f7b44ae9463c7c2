package lifecycle

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// product is what we use of one, in both forms.
type product struct {
	Name     string    `json:"name"`
	Modified string    `json:"last_modified"`
	Releases []release `json:"releases"`
}

// release is what we use of one: of the API the fields with is… and …From, of the catalogue those that are a date or a yes or no.
type release struct {
	Name     string `json:"name"`
	Codename string `json:"codename"`
	Released string `json:"releaseDate"`
	Latest   latest `json:"latest"`
	IsEOL    bool   `json:"isEol"`
	EOASFrom string `json:"eoasFrom"`
	EOLFrom  string `json:"eolFrom"`
	EOESFrom string `json:"eoesFrom"`

	Cycle string `json:"releaseCycle"`
	EOAS  when   `json:"eoas"`
	EOL   when   `json:"eol"`
	EOES  when   `json:"eoes"`
}

// lifecycle makes a record of a release. A yes without a date is known of the end of support only (Ended); that active or extended support
// is over or not, without a date, is not kept: the former changes nothing, and the latter is an offer of a third party wherever it occurs.
func (r release) lifecycle(product string) (advisory.Lifecycle, error) {
	l := advisory.Lifecycle{
		Product: product, Release: either(r.Name, r.Cycle), Codename: intake.Cut(intake.Shown(r.Codename), maxName), Latest: intake.Cut(intake.Shown(string(r.Latest)), maxName),
		Released: r.Released, Support: either(r.EOASFrom, r.EOAS.date), EOL: either(r.EOLFrom, r.EOL.date), Extended: either(r.EOESFrom, r.EOES.date),
	}
	if !sound(l.Release) {
		return advisory.Lifecycle{}, errors.New("a release without a name, or with one that is too long or not printable")
	}
	l.Ended = l.EOL == "" && (r.IsEOL || r.EOL.yes)
	return l, checkDates(l)
}

func checkDates(l advisory.Lifecycle) error {
	for _, date := range []string{l.Released, l.Support, l.EOL, l.Extended} {
		if _, err := time.Parse(time.DateOnly, date); date != "" && err != nil {
			return fmt.Errorf("%q is not a date", intake.Shown(date))
		}
	}
	return nil
}

func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// when is a date, or a yes or no without one.
type when struct {
	date string
	yes  bool
}

// UnmarshalJSON takes "2026-06-30", true, false and null.
func (w *when) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '"' {
		return json.Unmarshal(raw, &w.date)
	}
	return json.Unmarshal(raw, &w.yes)
}

// latest is a version, or an object that names it.
type latest string

// UnmarshalJSON takes "1.2.3", {"name":"1.2.3"} and null.
func (l *latest) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '{' {
		var o struct {
			Name string `json:"name"`
		}
		err := json.Unmarshal(raw, &o)
		*l = latest(o.Name)
		return err
	}
	return json.Unmarshal(raw, (*string)(l))
}

package threat

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// ReadEPSS reads FIRST's epss_scores CSV, plain or packed: a comment with score_date, a header that names the columns cve and epss, and a
// row for each CVE. Survey.Newest is the date of the scores; a file without one is refused, since a score counts only with its age.
func ReadEPSS(ctx context.Context, f intake.File, o intake.Options, to intake.Sink) (intake.Survey, error) {
	var s intake.Survey
	lines, err := intake.OpenLines(f, o.Limits)
	if err != nil {
		return s, err
	}
	comment, _ := lines.Next()
	header, _ := lines.Next()
	if err := lines.Damage(); err != nil {
		return s, err
	}
	if s.Newest, err = scoreDate(comment); err != nil {
		return s, intake.Damaged("not EPSS scores: %v", err)
	}
	columns := strings.Split(header, ",")
	cve, score := slices.Index(columns, "cve"), slices.Index(columns, "epss")
	if cve < 0 || score < 0 {
		return s, intake.Damaged("not EPSS scores: its header is %q, without the columns cve and epss", intake.Shown(header))
	}
	seen := intake.NewSeen()
	for line, ok := lines.Next(); ok; line, ok = lines.Next() {
		if err := lines.Pause(ctx); err != nil {
			return s, err
		}
		overlay, err := parseScore(strings.Split(line, ","), len(columns), cve, score)
		switch {
		case err != nil:
			s.Skip(lines.Where(), err.Error())
			continue
		case !seen.Add(overlay.CVE):
			s.Skip(overlay.CVE, "a second score for this CVE")
			continue
		}
		s.Records++
		overlay.Feed = o.Feed
		if err := to.GiveOverlay(overlay); err != nil {
			return s, err
		}
	}
	if err := lines.Damage(); err != nil {
		return s, err
	}
	if s.Records == 0 {
		return s, intake.Damaged("it holds no score that can be read")
	}
	return s, nil
}

// scoreDate finds the date in the first line, as #model_version:v2026.03.14,score_date:2026-08-16T00:00:00+0000.
func scoreDate(comment string) (time.Time, error) {
	_, text, ok := strings.Cut(comment, "score_date:")
	if !ok || !strings.HasPrefix(comment, "#") {
		return time.Time{}, errors.New("its first line has no score_date")
	}
	text, _, _ = strings.Cut(text, ",")
	for _, layout := range []string{"2006-01-02T15:04:05Z0700", time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("its score_date %q is not a time", intake.Shown(text))
}

func parseScore(fields []string, want, cve, score int) (advisory.Overlay, error) {
	if len(fields) != want {
		return advisory.Overlay{}, fmt.Errorf("%d columns instead of %d", len(fields), want)
	}
	if !intake.IsCVE(fields[cve]) {
		return advisory.Overlay{}, fmt.Errorf("%q is not a CVE id", intake.Shown(fields[cve]))
	}
	value, err := strconv.ParseFloat(fields[score], 64)
	if err != nil || !(value >= 0 && value <= 1) {
		return advisory.Overlay{}, fmt.Errorf("%s: the score %q is not between 0 and 1", fields[cve], intake.Shown(fields[score]))
	}
	// the CVE is cloned: it is part of a line, which would stay in memory with it
	return advisory.Overlay{CVE: strings.Clone(fields[cve]), EPSS: &advisory.EPSS{Score: math.Round(value*1000) / 1000}}, nil
}

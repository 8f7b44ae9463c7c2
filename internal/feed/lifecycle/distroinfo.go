package lifecycle

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// ReadDistroInfo reads distro-info's table of Debian's or Ubuntu's releases, or a packed tar of its repository with both (debian.csv,
// ubuntu.csv). Whose table it is, the columns tell: only Debian's has eol-lts, only Ubuntu's has eol-server.
func ReadDistroInfo(ctx context.Context, f intake.File, o intake.Options, to intake.Sink) (intake.Survey, error) {
	r := &reader{feed: o.Feed, to: to, seen: intake.NewSeen()}
	limits := o.Limits.OrDefault()
	limits.MaxTotal = min(limits.MaxTotal, maxCatalogue)
	plain, err := intake.Unpack(f.Reader(), limits)
	if err != nil {
		return r.survey, err
	}
	head := make([]byte, len("version,"))
	n, _ := io.ReadFull(plain, head)
	if string(head[:n]) == "version," {
		err = r.table(ctx, io.MultiReader(bytes.NewReader(head), plain))
	} else {
		err = intake.Members(ctx, f.Reader(), limits, func(name string, _ int64, body io.Reader) error {
			if base := path.Base(name); base != "debian.csv" && base != "ubuntu.csv" {
				return nil
			}
			return r.table(ctx, body)
		})
	}
	switch {
	case r.stopped != nil:
		return r.survey, r.stopped
	case err != nil:
		return r.survey, err
	case r.survey.Records == 0:
		return r.survey, intake.Damaged("it holds no release that can be read")
	}
	return r.survey, nil
}

// table reads one distribution's releases. A row may end early: what it does not say is not decided yet.
func (r *reader) table(ctx context.Context, plain io.Reader) error {
	lines := intake.NewLines(plain)
	header, _ := lines.Next()
	names := strings.Split(header, ",")
	of := distribution(names)
	if of == nil {
		if err := lines.Damage(); err != nil {
			return err
		}
		return intake.Damaged("not distro-info's: its header is %q", intake.Shown(header))
	}
	for line, ok := lines.Next(); ok; line, ok = lines.Next() {
		if r.stopped = ctx.Err(); r.stopped != nil {
			return r.stopped
		}
		fields, err := csv.NewReader(strings.NewReader(line)).Read()
		if err == nil && len(fields) > len(names) {
			err = errors.New("it has more columns than the header")
		}
		if err != nil {
			r.survey.Skip(lines.Where(), err.Error())
			continue
		}
		row := map[string]string{}
		for i, field := range fields {
			row[names[i]] = strings.TrimSpace(field)
		}
		l := of(row)
		switch {
		case l.Release == "":
			r.survey.Left++ // sid and experimental only roll
			continue
		case !sound(l.Release):
			err = fmt.Errorf("the version %q is too long or not printable", intake.Shown(l.Release))
		default:
			err = checkDates(l)
		}
		if err != nil {
			r.survey.Skip(lines.Where(), err.Error())
			continue
		}
		if err := r.give(l); err != nil {
			return err
		}
	}
	return lines.Damage()
}

// distribution is how the rows under a header are read; nil for a header of another table.
func distribution(names []string) func(map[string]string) advisory.Lifecycle {
	has := map[string]bool{}
	for _, name := range names {
		has[name] = true
	}
	switch {
	case !has["version"] || !has["codename"] || !has["release"] || !has["eol"]:
		return nil
	case has["eol-lts"]:
		return debian
	case has["eol-server"]:
		return ubuntu
	}
	return nil
}

// debian: LTS is Debian's own, by another team. ELTS is not: a company sells it, from repositories of its own.
func debian(row map[string]string) advisory.Lifecycle {
	release := row["version"]
	if len(release) > 1 && release[0] >= '4' { // 4.0, 5.0 and 6.0 were followed by 4.0r1, 5.0.1, …: endoflife.date counts them as 4, 5 and 6
		release = strings.TrimSuffix(release, ".0")
	}
	return advisory.Lifecycle{
		Product: "debian", Release: release, Codename: intake.Cut(intake.Shown(row["codename"]), maxName),
		Released: row["release"], EOL: row["eol"], Extended: row["eol-lts"],
	}
}

// ubuntu: where servers were looked after longer than desktops, servers count. ESM needs Ubuntu Pro; what comes after it (eol-legacy) is
// bought apart from that.
func ubuntu(row map[string]string) advisory.Lifecycle {
	release, _, _ := strings.Cut(row["version"], " ") // 24.04 LTS
	return advisory.Lifecycle{
		Product: "ubuntu", Release: release, Codename: intake.Cut(intake.Shown(row["codename"]), maxName),
		Released: row["release"], EOL: either(row["eol-server"], row["eol"]), Extended: row["eol-esm"],
	}
}

package apt

import (
	"bufio"
	"io"
	"strings"
	"time"
)

// Release is what a repository's index says of itself; zero times are absent or unreadable ones.
type Release struct {
	Date, ValidUntil     time.Time
	Origin, Label, Suite string
}

// maxReleaseHeader is how far the fields before the lists of hashes may reach.
const maxReleaseHeader = 256 << 10

// ParseRelease reads an InRelease or Release file up to its lists of hashes. The signature was apt's to check, when it fetched the file.
func ParseRelease(r io.Reader) Release {
	var rel Release
	lines := bufio.NewScanner(io.LimitReader(r, maxReleaseHeader))
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimSpace(value)
		switch strings.ToLower(name) {
		case "date":
			rel.Date = parseTime(value)
		case "valid-until":
			rel.ValidUntil = parseTime(value)
		case "origin":
			rel.Origin = clip(value, 128)
		case "label":
			rel.Label = clip(value, 128)
		case "suite":
			rel.Suite = clip(value, 128)
		case "md5sum", "sha1", "sha256", "sha512":
			if rel.Origin != "" || !rel.Date.IsZero() {
				return rel
			}
		}
	}
	return rel
}

// parseTime reads the dates of archives: RFC 1123 in UTC, by name or with an offset, the day with one digit or two.
func parseTime(s string) time.Time {
	for _, zone := range []string{" UTC", " GMT", " Z"} {
		if rest, ok := strings.CutSuffix(s, zone); ok {
			s = rest + " +0000"
		}
	}
	t, err := time.Parse("Mon, _2 Jan 2006 15:04:05 -0700", s)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

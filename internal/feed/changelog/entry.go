package changelog

import (
	"bufio"
	"errors"
	"io"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// Entry is what a changelog says of one version.
type Entry struct {
	Source       string // Debian's only
	Version      string
	Distribution string // Debian's only: bookworm-security; several with blanks between them
	Urgency      string // Debian's only: low, medium, high, emergency, critical
	Date         time.Time
	CVEs         []string // sorted
}

// Bounds of a changelog. The kernel's has 1,500 entries, and one of them names 600 CVEs.
const (
	maxLine    = 1 << 20
	maxEntries = 50_000
	maxNamed   = 200_000 // CVEs in all
	maxWords   = 128     // bytes of a distribution or urgency
)

var (
	cveInText = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)\bCVE-\d{4}-\d{4,19}\b`) })
	// CVE-2026-3832 only applied to release 3.8.9 and later, no patch needed.
	denial = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)\b(?:no patch(?:es)? (?:is |are )?needed|not affected|not vulnerable|not applicable)\b`)
	})
	// apt (2.6.1) bookworm-security; urgency=medium
	debianHead = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^([a-z0-9][a-z0-9+.-]*) \(([^()\s]+)\)((?: +[A-Za-z0-9.+~-]+)*) *; *(.*)$`)
	})
	urgency = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)\burgency=([a-z]+)`) })
	// * Tue Mar 12 2024 Jane Doe <jane@example.org> - 1:2.3-4
	rpmHead = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^\* (\w{3} \w{3} {1,2}\d{1,2}) (?:\d\d:\d\d:\d\d \w+ )?(\d{4}) (.*)$`)
	})
)

// Debian reads a Debian changelog, newest entry first as it stands. Lines that belong to no entry, such as older formats at the end of
// some changelogs, are left out, as are entries whose version is none. Plain text; reading too long a line is intake.ErrDamaged.
func Debian(r io.Reader) ([]Entry, error) {
	var b builder
	err := lines(r, func(line string) bool {
		switch {
		case line == "":
		case line[0] != ' ' && line[0] != '\t':
			b.end()
			if m := debianHead().FindStringSubmatch(line); m != nil && vercmp.Valid(vercmp.Deb, m[2]) == nil {
				b.begin(Entry{Source: intake.Cut(m[1], maxWords), Version: m[2], Distribution: intake.Cut(strings.TrimSpace(m[3]), maxWords)})
				if u := urgency().FindStringSubmatch(m[4]); u != nil {
					b.entry.Urgency = intake.Cut(strings.ToLower(u[1]), maxWords)
				}
			}
		case strings.HasPrefix(line, " -- "):
			if _, date, ok := strings.Cut(line, ">  "); ok && b.open {
				b.entry.Date = instant(strings.TrimSpace(date), "Mon, 2 Jan 2006 15:04:05 -0700")
			}
			b.end()
		default:
			b.text(line)
		}
		return !b.full()
	})
	return b.done(err)
}

// RPM reads what rpm -q --changelog prints, newest entry first as it stands. Entries that name no version are left out: SUSE's name none.
func RPM(r io.Reader) ([]Entry, error) {
	var b builder
	err := lines(r, func(line string) bool {
		m := rpmHead().FindStringSubmatch(line)
		switch {
		case m != nil:
			b.end()
			if version := rpmVersion(m[3]); version != "" {
				b.begin(Entry{Version: version, Date: instant(strings.Join(strings.Fields(m[1]+" "+m[2]), " "), "Mon Jan 2 2006")})
			}
		case strings.HasPrefix(line, "* "):
			b.end()
		default:
			b.text(line)
		}
		return !b.full()
	})
	return b.done(err)
}

// rpmVersion is the last word of a head line, where that is a version with its release: "- 2.3-4", "[4.18.0-513.el8]".
func rpmVersion(rest string) string {
	words := strings.Fields(rest)
	if len(words) == 0 {
		return ""
	}
	last := strings.Trim(words[len(words)-1], "[]()-")
	if last == "" || last[0] < '0' || last[0] > '9' || !strings.Contains(last, "-") || vercmp.Valid(vercmp.RPM, last) != nil {
		return ""
	}
	return last
}

// instant is zero where the text is no such time.
func instant(text, layout string) time.Time {
	at, err := time.Parse(layout, text)
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}

// lines calls fn for each line until it says false.
func lines(r io.Reader, fn func(line string) bool) error {
	in := bufio.NewScanner(r)
	in.Buffer(make([]byte, 0, 64<<10), maxLine)
	for in.Scan() {
		if !fn(strings.TrimRight(in.Text(), " \t\r")) {
			return nil
		}
	}
	if errors.Is(in.Err(), bufio.ErrTooLong) {
		return intake.Damaged("a line of the changelog has more than %d bytes", maxLine)
	}
	return in.Err()
}

// builder collects entries.
type builder struct {
	open  bool
	entry Entry
	all   []Entry
	named int
}

func (b *builder) begin(e Entry) { b.entry, b.open = e, true }

// text takes the CVEs of a line. Misspelled ids are nobody's, and are left out; so are those of a line that says there was nothing to fix.
func (b *builder) text(line string) {
	if !b.open {
		return
	}
	ids := cveInText().FindAllString(line, -1)
	if len(ids) == 0 || denial().MatchString(line) {
		return
	}
	for _, id := range ids {
		if b.named++; b.named > maxNamed {
			return
		}
		b.entry.CVEs = append(b.entry.CVEs, strings.ToUpper(id))
	}
}

func (b *builder) end() {
	if !b.open {
		return
	}
	if len(b.entry.CVEs) > 0 {
		b.entry.CVEs = intake.Sorted(b.entry.CVEs)
	}
	b.open = false
	if len(b.all) < maxEntries {
		b.all = append(b.all, b.entry)
	}
}

func (b *builder) full() bool { return len(b.all) >= maxEntries || b.named > maxNamed }

func (b *builder) done(err error) ([]Entry, error) {
	b.end()
	if err == nil && b.full() {
		err = intake.Damaged("the changelog has more than %d entries, or names more than %d CVEs", maxEntries, maxNamed)
	}
	return b.all, err
}

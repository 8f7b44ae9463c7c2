package cli

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// clean makes foreign text safe to show: characters that a terminal may act on, and ones that turn text round or hide in it, are
// written as escapes. Hosts, feeds and package databases choose these texts, not we.
func clean(s string) string {
	if utf8.ValidString(s) && !strings.ContainsFunc(s, isUnsafe) {
		return s
	}
	var b strings.Builder
	for s != "" {
		r, width := utf8.DecodeRuneInString(s)
		first := s[0]
		s = s[width:]
		switch {
		case r == utf8.RuneError && width == 1:
			fmt.Fprintf(&b, `\x%02x`, first)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case r < 0x100 && isUnsafe(r):
			fmt.Fprintf(&b, `\x%02x`, r)
		case isUnsafe(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// isUnsafe: controls (C0, DEL, C1), format characters such as direction overrides, separators that end a line, private use.
func isUnsafe(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Cs)
}

// oneLine is clean with line ends as spaces: for messages.
func oneLine(s string) string {
	return clean(strings.Join(strings.Fields(s), " "))
}

// paragraphs is clean text that keeps its lines, wrapped at width (0: not at all).
func paragraphs(s string, width int) string {
	var out []string
	for line := range strings.SplitSeq(strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n")), "\n") {
		out = append(out, wrap(clean(line), width)...)
	}
	return strings.Join(out, "\n")
}

func wrap(line string, width int) []string {
	if width <= 0 || columns(line) <= width {
		return []string{line}
	}
	var lines []string
	current := ""
	for _, word := range strings.Fields(line) {
		if current != "" && columns(current)+1+columns(word) > width {
			lines = append(lines, current)
			current = ""
		}
		if current != "" {
			current += " "
		}
		current += word
	}
	return append(lines, current)
}

// harmless keeps a spreadsheet from taking a CSV cell for a formula: such a cell gets a leading apostrophe.
func harmless(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + clean(s)
	}
	return clean(s)
}

// columns is how many columns a terminal gives clean text. Characters of the scripts that are usually drawn wide count two, which
// can leave a gap but never breaks a line.
func columns(s string) int {
	n := 0
	for _, r := range s {
		switch {
		case unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Me, r):
		case r >= 0x1100 && r <= 0x115f, r >= 0x2e80 && r <= 0xa4cf, r >= 0xac00 && r <= 0xd7a3, r >= 0xf900 && r <= 0xfaff,
			r >= 0xfe30 && r <= 0xfe6f, r >= 0xff00 && r <= 0xff60, r >= 0xffe0 && r <= 0xffe6, r >= 0x1f300 && r <= 0x3fffd:
			n += 2
		default:
			n++
		}
	}
	return n
}

// cut shortens clean text to at most width columns, the last of them an ellipsis.
func cut(s string, width int) string {
	if columns(s) <= width {
		return s
	}
	if width < 1 {
		return ""
	}
	used := 0
	for i, r := range s {
		w := columns(string(r))
		if used+w > width-1 {
			return s[:i] + "…"
		}
		used += w
	}
	return s
}

// cutMiddle is cut for text whose end matters as much as its beginning: 1:9.2…deb12u3.
func cutMiddle(s string, width int) string {
	if columns(s) <= width || width < 5 {
		return cut(s, width)
	}
	tail := (width - 1) / 2
	runes := []rune(s)
	from := len(runes)
	for from > 0 && columns(string(runes[from-1:])) <= tail {
		from--
	}
	return cut(s, width-columns(string(runes[from:]))) + string(runes[from:])
}

// cutApart is cutMiddle, but where that would make a text look like another one it shows where the two part: 252.33-1~deb12u1 beside
// 252.39-1~deb12u1 is not 252.…12u1 twice.
func cutApart(s, other string, width int) string {
	short := cutMiddle(s, width)
	if s == other || short == s || width < 5 || short != cutMiddle(other, width) {
		return short
	}
	const before = 2 // what is shown of what both have
	runes, others := []rune(s), []rune(other)
	at := 0
	for at < len(runes) && at < len(others) && runes[at] == others[at] {
		at++
	}
	return "…" + cut(string(runes[max(0, at-before):]), width-1)
}

// ago is a time as people ask for it.
func ago(t *time.Time, now time.Time) string {
	if t == nil {
		return "never"
	}
	d := now.Sub(*t)
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return fmt.Sprintf("%dm ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh ago", int(d.Hours()))
	}
	return fmt.Sprintf("%dd ago", int(d.Hours()/24))
}

// stamp is a time for machines; empty for none.
func stamp(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// moment is a time for people.
func moment(t *time.Time) string {
	if t == nil || t.IsZero() {
		return "never"
	}
	return t.UTC().Format("2006-01-02 15:04 UTC")
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// plural is a number of things.
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// size is a number of bytes for people.
func size(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	v, i := float64(n), 0
	for v >= 1024 && i < len(units)-1 {
		v /= 1024
		i++
	}
	if i == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", v, units[i])
}

package scan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// width is the terminal that the table fits.
const width = 80

// column of the table. least is how narrow it may become; tail says that its end matters more than its beginning, as versions do.
type column struct {
	title string
	least int
	tail  bool
	cell  func(apiv1.Finding) string
}

func columns() []column {
	return []column{
		{"VULNERABILITY", 13, false, func(f apiv1.Finding) string { return f.Vulnerability }},
		{"SOURCE", 12, false, func(f apiv1.Finding) string { return f.Source }},
		{"INSTALLED", 15, true, func(f apiv1.Finding) string { return f.Installed }},
		{"FIXED", 15, true, func(f apiv1.Finding) string { return cmp.Or(f.Fixed, "-") }},
		{"PRIORITY", 8, false, func(f apiv1.Finding) string {
			if f.KEV != nil {
				return f.Priority + "*"
			}
			return f.Priority
		}},
	}
}

// Table is a scan for people: worst first, no line over 80 columns but for names that do not fit. Findings of code that cannot run are
// one line per source, since two thousand lines about kernel headers hide the ten that matter; JSON lists each.
func Table(s apiv1.Scan) string {
	var b strings.Builder
	if s.Assessment.Status == notAssessed {
		paragraph(&b, fmt.Sprintf("NOT ASSESSED: %s.", visible(s.Assessment.Reason)))
		paragraph(&b, "This does not mean that nothing is vulnerable: nobody looked. Installed: "+plural(s.Packages, "package")+".")
		warnings(&b, s)
		return b.String()
	}
	rows(&b, s.Findings)
	idleLines(&b, s.Findings)
	footer(&b, s)
	warnings(&b, s)
	return b.String()
}

// idle: nothing runs it.
func idle(f apiv1.Finding) bool { return f.Priority == apiv1.PriorityLowest }

// rows writes those that are not idle.
func rows(b *strings.Builder, findings []apiv1.Finding) {
	cols := columns()
	header := make([]string, len(cols))
	widths := make([]int, len(cols))
	for i, c := range cols {
		header[i], widths[i] = c.title, len(c.title)
	}
	var cells [][]string
	for i := range findings {
		if idle(findings[i]) {
			continue
		}
		row := make([]string, len(cols))
		for j, c := range cols {
			row[j] = visible(c.cell(findings[i]))
			widths[j] = max(widths[j], utf8.RuneCountInString(row[j]))
		}
		cells = append(cells, row)
	}
	if len(cells) == 0 {
		return
	}
	narrow(cols, widths)
	for _, row := range slices.Concat([][]string{header}, cells) {
		var text strings.Builder
		for i, cell := range row {
			cell = fit(cell, widths[i], cols[i].tail)
			text.WriteString(cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2))
		}
		b.WriteString(strings.TrimRight(text.String(), " ") + "\n")
	}
}

// narrow takes columns' room, one by one from the widest, until the table fits.
func narrow(cols []column, widths []int) {
	total := 2 * (len(widths) - 1)
	for _, w := range widths {
		total += w
	}
	for ; total > width; total-- {
		widest := -1
		for i, w := range widths {
			if w > cols[i].least && (widest < 0 || w > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return
		}
		widths[widest]--
	}
}

// fit cuts text to a width, and shows where it did.
func fit(text string, room int, tail bool) string {
	runes := []rune(text)
	switch {
	case len(runes) <= room:
		return text
	case tail:
		return "…" + string(runes[len(runes)-room+1:])
	}
	return string(runes[:room-1]) + "…"
}

func idleLines(b *strings.Builder, findings []apiv1.Finding) {
	type group struct{ source, installed, status string }
	counts := map[group]int{}
	var order []group
	for _, f := range findings {
		if !idle(f) {
			continue
		}
		g := group{f.Source, f.Installed, f.Status}
		if counts[g] == 0 {
			order = append(order, g)
		}
		counts[g]++
	}
	for _, g := range order {
		fmt.Fprintf(b, "and %d of %s %s, priority lowest:\n  %s (-o json lists each)\n", counts[g], visible(g.source), visible(g.installed), g.status)
	}
}

func footer(b *strings.Builder, s apiv1.Scan) {
	if len(s.Findings) > 0 {
		b.WriteString("\n")
	}
	vulnerabilities := "1 vulnerability"
	if s.Count.Total != 1 {
		vulnerabilities = fmt.Sprintf("%d vulnerabilities", s.Count.Total)
	}
	fmt.Fprintf(b, "%s, %s in %s of %s:\n", plural(len(s.Findings), "finding"), vulnerabilities, plural(s.Packages, "package"), visible(s.Ecosystem))
	fmt.Fprintf(b, "  urgent %d, high %d, normal %d, low %d, lowest %d\n", s.Count.Urgent, s.Count.High, s.Count.Normal, s.Count.Low, s.Count.Lowest)
	kev := false
	for _, f := range s.Findings {
		kev = kev || (f.KEV != nil && !idle(f))
	}
	if kev {
		b.WriteString("  * known to be exploited (CISA KEV)\n")
	}
	for _, f := range s.Feeds {
		if f.AsOf != nil {
			fmt.Fprintf(b, "Feed %s as of %s, %s.\n", visible(f.Name), inventory.Instant(*f.AsOf), plural(f.Records, "record"))
		}
	}
	writeTodo(b, s)
}

func warnings(b *strings.Builder, s apiv1.Scan) {
	for _, w := range s.Warnings {
		paragraph(b, "Warning: "+visible(w)+".")
	}
}

// plural is a number of things.
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// paragraph writes text in lines of at most width, broken between words; a word that is longer stands alone.
func paragraph(b *strings.Builder, text string) {
	line := ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width:
			b.WriteString(line + "\n")
			line = "  " + word
		default:
			line += " " + word
		}
	}
	b.WriteString(line + "\n")
}

// visible makes foreign text safe to show: whatever a terminal might act on is written as an escape.
func visible(s string) string {
	plain := true
	for i := range len(s) {
		plain = plain && s[i] >= ' ' && s[i] < 0x7f
	}
	if plain {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if r == utf8.RuneError || unsafe(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// unsafe: a terminal may act on it, or it turns text round, or hides in it.
func unsafe(r rune) bool {
	return !unicode.IsPrint(r)
}

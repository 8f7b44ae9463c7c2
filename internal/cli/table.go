package cli

import (
	"cmp"
	"slices"
	"strings"
)

const (
	gap   = 2 // the room between two columns
	under = 4 // how far what stands below a row is moved in
)

// table is text in columns. All text in it is clean.
type table struct {
	header []string
	rows   [][]string
	tones  [][]tone
	right  []bool
	ends   []bool
	least  []int
	apart  [][]string // beside rows
	below  [][]string // of each row: what stands below it
	narrow *table     // the same where not all of its columns fit
}

func tableOf[T any](rows []T, cols []column[T]) table {
	cols = slices.DeleteFunc(slices.Clone(cols), func(c column[T]) bool { return c.where == inCSV })
	t := layout(rows, cols)
	n := layout(rows, narrowed(rows, cols))
	for i, row := range rows {
		n.below = append(n.below, nil)
		for _, c := range cols {
			if c.below != nil && c.below(row) != "" {
				n.below[i] = append(n.below[i], clean(c.below(row)))
			}
		}
	}
	t.narrow = &n
	return t
}

// narrowed are the columns of a table that has no room for all of them.
func narrowed[T any](rows []T, cols []column[T]) []column[T] {
	var some []column[T]
	for _, c := range cols {
		telling := c.usual == "" || slices.ContainsFunc(rows, func(row T) bool { return c.text(row) != c.usual })
		if c.short != nil {
			c.text = c.short
		}
		if telling && c.below == nil {
			some = append(some, c)
		}
	}
	return some
}

func layout[T any](rows []T, cols []column[T]) table {
	all := cells(rows, cols, inTable)
	t := table{header: all[0], rows: all[1:]}
	for i, row := range rows {
		tones, apart := make([]tone, len(cols)), make([]string, len(cols))
		for j, c := range cols {
			t.rows[i][j] = clean(t.rows[i][j])
			if c.tone != nil {
				tones[j] = c.tone(row)
			}
			if c.apart != nil {
				apart[j] = clean(c.apart(row))
			}
		}
		t.tones, t.apart = append(t.tones, tones), append(t.apart, apart)
	}
	for i, c := range cols {
		t.header[i] = strings.ToUpper(strings.ReplaceAll(cmp.Or(c.head, c.name), "_", " "))
		t.right = append(t.right, c.right)
		t.ends = append(t.ends, c.ends)
		t.least = append(t.least, c.least)
	}
	return t
}

// render lays the table out in at most width columns (0: as many as it takes). No line of a row ever wraps; what stands below one does.
func (t table) render(width int, colour bool) string {
	if _, total := t.natural(); width > 0 && total > width && t.narrow != nil {
		t = *t.narrow
	}
	widths := t.widths(width)
	var b strings.Builder
	t.line(&b, t.header, nil, nil, widths, width, colour)
	for i, row := range t.rows {
		t.line(&b, row, t.apart[i], t.tones[i], widths, width, colour)
		if t.below == nil {
			continue
		}
		for _, text := range t.below[i] {
			for _, line := range wrap(text, max(20, width-under)) {
				b.WriteString(strings.Repeat(" ", under) + line + "\n")
			}
		}
	}
	return b.String()
}

// natural are the widths at which nothing is cut, and what they come to.
func (t table) natural() (widths []int, total int) {
	widths = make([]int, len(t.header))
	total = gap * (len(widths) - 1)
	for i, h := range t.header {
		widths[i] = columns(h)
		for _, row := range t.rows {
			widths[i] = max(widths[i], columns(row[i]))
		}
		total += widths[i]
	}
	return widths, total
}

// widths are the natural ones, made narrower from the right until the table fits: what stands left matters most.
func (t table) widths(width int) []int {
	widths, total := t.natural()
	for i := len(widths) - 1; i >= 0 && width > 0 && total > width; i-- {
		if t.least[i] == 0 {
			continue
		}
		less := min(total-width, max(0, widths[i]-max(t.least[i], columns(t.header[i]))))
		widths[i] -= less
		total -= less
	}
	return widths
}

func (t table) line(b *strings.Builder, row, apart []string, tones []tone, widths []int, width int, colour bool) {
	pad := 0 // owed before the next text, so that no line ends in spaces
	used := 0
	for i, text := range row {
		if i > 0 {
			used += gap
			pad += gap
		}
		room := widths[i]
		if width > 0 {
			if room = min(room, width-used); room <= 0 {
				break
			}
		}
		switch {
		case !t.ends[i]:
			text = cut(text, room)
		case apart == nil || apart[i] == "":
			text = cutMiddle(text, room)
		default:
			text = cutApart(text, apart[i], room)
		}
		rest := max(0, room-columns(text))
		if t.right[i] {
			pad, rest = pad+rest, 0
		}
		if text != "" {
			b.WriteString(strings.Repeat(" ", pad))
			pad = 0
		}
		if colour && tones != nil && tones[i] != plain && text != "" {
			text = "\x1b[" + string(tones[i]) + "m" + text + "\x1b[0m"
		}
		b.WriteString(text)
		pad += rest
		used += room
	}
	b.WriteByte('\n')
}

package cli

import "strings"

// gap is the room between two columns.
const gap = 2

// table is text in columns. All text in it is clean.
type table struct {
	header []string
	rows   [][]string
	tones  [][]tone
	right  []bool
	ends   []bool
	least  []int
}

func tableOf[T any](rows []T, cols []column[T]) table {
	all := cells(rows, cols, inTable)
	t := table{header: all[0], rows: all[1:]}
	for i := range t.header {
		t.header[i] = strings.ToUpper(strings.ReplaceAll(t.header[i], "_", " "))
	}
	for i, row := range rows {
		var tones []tone
		for _, c := range cols {
			switch {
			case c.where == inCSV:
			case c.tone == nil:
				tones = append(tones, plain)
			default:
				tones = append(tones, c.tone(row))
			}
		}
		for j := range t.rows[i] {
			t.rows[i][j] = clean(t.rows[i][j])
		}
		t.tones = append(t.tones, tones)
	}
	for _, c := range cols {
		if c.where != inCSV {
			t.right = append(t.right, c.right)
			t.ends = append(t.ends, c.ends)
			t.least = append(t.least, c.least)
		}
	}
	return t
}

// render lays the table out in at most width columns (0: as many as it takes); no line ever wraps.
func (t table) render(width int, colour bool) string {
	widths := t.widths(width)
	var b strings.Builder
	t.line(&b, t.header, nil, widths, width, colour)
	for i, row := range t.rows {
		t.line(&b, row, t.tones[i], widths, width, colour)
	}
	return b.String()
}

// widths are the natural ones, made narrower from the right until the table fits: what stands left matters most.
func (t table) widths(width int) []int {
	widths := make([]int, len(t.header))
	total := gap * (len(widths) - 1)
	for i, h := range t.header {
		widths[i] = columns(h)
		for _, row := range t.rows {
			widths[i] = max(widths[i], columns(row[i]))
		}
		total += widths[i]
	}
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

func (t table) line(b *strings.Builder, row []string, tones []tone, widths []int, width int, colour bool) {
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
		text = t.cut(i, text, room)
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

func (t table) cut(i int, text string, room int) string {
	if t.ends[i] {
		return cutMiddle(text, room)
	}
	return cut(text, room)
}

package cli

import "strings"

// pairs are names and values of one thing, in order.
type pairs [][2]string

// details prints one thing: a line for each pair; CSV has one row. Pairs without a value are left out of the table.
func (p *program) details(answer any, list pairs) error {
	switch p.format {
	case formatJSON:
		return p.json(answer)
	case formatCSV:
		rows := make([][]string, 2)
		for _, pair := range list {
			rows[0] = append(rows[0], pair[0])
			rows[1] = append(rows[1], pair[1])
		}
		return p.csv(rows)
	}
	write(p.env.Stdout, "%s", list.render(p.env.Width))
	return nil
}

// render lays pairs out in two columns; long values go on below themselves.
func (list pairs) render(width int) string {
	wide := 0
	for _, pair := range list {
		wide = max(wide, columns(pair[0]))
	}
	room := 0
	if width > 0 {
		room = max(20, width-wide-gap)
	}
	var b strings.Builder
	for _, pair := range list {
		if pair[1] == "" {
			continue
		}
		name := strings.ReplaceAll(pair[0], "_", " ")
		for _, line := range wrap(clean(pair[1]), room) {
			b.WriteString(name + strings.Repeat(" ", wide+gap-columns(name)) + line + "\n")
			name = ""
		}
	}
	return b.String()
}

// heading separates the parts of a page.
func (p *program) heading(text string) { write(p.env.Stdout, "\n%s\n", clean(text)) }

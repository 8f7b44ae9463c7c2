package cli

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/staunch-dev/staunch/internal/fault"
)

// format of the output; a flag value that refuses what it does not know.
type format string

const (
	formatTable format = "table"
	formatJSON  format = "json"
	formatCSV   format = "csv"
)

func (f *format) String() string { return string(*f) }

// Type is what --help calls the value.
func (f *format) Type() string { return "table|json|csv" }

// Set takes a value from the command line.
func (f *format) Set(text string) error {
	switch format(text) {
	case formatTable, formatJSON, formatCSV:
		*f = format(text)
		return nil
	}
	return fmt.Errorf("%q is none of table, json, csv", text)
}

// place says where a column is shown: tables have little room, CSV has all.
type place int

const (
	everywhere place = iota
	inTable
	inCSV
)

// tone is what a cell's colour stands for. The text always says the same: colour is never alone.
type tone string

const (
	plain tone = ""
	good  tone = "32"
	warn  tone = "33"
	bad   tone = "31"
	faint tone = "2"
)

// column is one column of a list of T.
type column[T any] struct {
	name  string // CSV header; tables show it in capitals
	text  func(T) string
	tone  func(T) tone // nil: plain
	right bool         // a number
	least int          // how narrow a table may make it; 0: never narrower than its text
	ends  bool         // both ends tell things apart, as in versions: a table cuts the middle
	where place
	head  string         // what a table calls it, where that is shorter
	apart func(T) string // beside ends: the text that this one must not look like when both are cut

	// In a table whose columns do not all fit:
	usual string         // the column is left out when every row says this
	short func(T) string // what it says there
	below func(T) string // what stands in lines below the row, in place of the column
}

// show prints a list in the format that was asked for; answer is what JSON gives.
func show[T any](p *program, answer any, rows []T, cols []column[T]) error {
	switch p.format {
	case formatJSON:
		return p.json(answer)
	case formatCSV:
		return p.csv(cells(rows, cols, inCSV))
	}
	t := tableOf(rows, cols)
	write(p.env.Stdout, "%s", t.render(p.env.Width, p.colour()))
	return nil
}

// cells are header and rows of the columns shown in where.
func cells[T any](rows []T, cols []column[T], where place) [][]string {
	var header []string
	var used []column[T]
	for _, c := range cols {
		if c.where == everywhere || c.where == where {
			used = append(used, c)
			header = append(header, c.name)
		}
	}
	all := [][]string{header}
	for _, row := range rows {
		line := make([]string, len(used))
		for i, c := range used {
			line[i] = c.text(row)
		}
		all = append(all, line)
	}
	return all
}

// csv writes RFC 4180 with cells that neither a spreadsheet nor a terminal acts on.
func (p *program) csv(rows [][]string) error {
	w := csv.NewWriter(p.env.Stdout)
	for _, row := range rows {
		for i := range row {
			row[i] = harmless(row[i])
		}
		if err := w.Write(row); err != nil {
			return fault.Wrap(err, fault.Internal, "write the output")
		}
	}
	w.Flush()
	return w.Error()
}

// json writes the API's answer, indented.
func (p *program) json(answer any) error { return p.encode(answer, "  ") }

// jsonLine writes one line of JSON, for streams.
func (p *program) jsonLine(answer any) error { return p.encode(answer, "") }

// encode writes JSON in which what JSON itself leaves as it is, and a terminal acts on, is escaped too.
func (p *program) encode(answer any, indent string) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if err := e.Encode(answer); err != nil {
		return fmt.Errorf("encode the output: %w", err)
	}
	var safe strings.Builder
	for _, r := range b.String() {
		switch {
		case r == '\n' || !isUnsafe(r):
			safe.WriteRune(r)
		case r <= 0xffff:
			fmt.Fprintf(&safe, `\u%04x`, r)
		default:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&safe, `\u%04x\u%04x`, high, low)
		}
	}
	write(p.env.Stdout, "%s", safe.String())
	return nil
}

// itoa is a 64-bit number in decimal.
func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// colour is for terminals whose owner does not object (no-color.org).
func (p *program) colour() bool {
	return p.env.StdoutTerminal && p.env.Getenv("NO_COLOR") == "" && p.env.Getenv("TERM") != "dumb"
}

// note tells the person something beside the output: on standard error, so that a pipe gets the output alone.
func (p *program) note(text string, args ...any) {
	if p.format != formatJSON {
		write(p.env.Stderr, "%s\n", oneLine(fmt.Sprintf(text, args...)))
	}
}

// sentence is a note of words, broken between them where a terminal ends.
func (p *program) sentence(text string) {
	for _, line := range wrap(oneLine(text), p.env.errorWidth()) {
		p.note("%s", line)
	}
}

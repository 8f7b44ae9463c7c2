package vex

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
)

const (
	maxOverrides = 1 << 20 // bytes of the list; an entry has some 200
	maxShown     = 20      // mistakes that are shown at once
	maxReason    = 1 << 10
)

// override is one entry of the list: see docs/overrides.md.
type override struct {
	ID        string
	Ecosystem string
	Package   string
	Status    string
	Fixed     string
	Reason    string
	Author    string
	Until     string
	line      int
}

// ReadOverrides reads the local override list, YAML or JSON, as of now: entries whose day has passed are named and not given, the others
// carry their day as Until. It is written by hand and what it says counts above every other source; so
// nothing in it is skipped: a mistake, or several, is an error that names the lines. There is one advisory for each vulnerability id, by id.
// An empty list is sound, a file without a text is not.
func ReadOverrides(now time.Time) intake.Adapter {
	return func(ctx context.Context, f intake.File, o intake.Options, to intake.Sink) (intake.Survey, error) {
		var s intake.Survey
		if f.Size > maxOverrides {
			return s, fmt.Errorf("%w: the list has %d bytes, the limit is %d", intake.ErrTooLong, f.Size, maxOverrides)
		}
		text, err := io.ReadAll(f.Reader())
		if err != nil {
			return s, err
		}
		entries, err := parseOverrides(text)
		if err != nil {
			return s, err
		}
		byID := map[string]advisory.Advisory{}
		for _, e := range entries {
			if e.Until != "" && now.UTC().Format(time.DateOnly) > e.Until {
				s.Skip(fmt.Sprintf("line %d: %s in %s %s", e.line, e.ID, e.Ecosystem, e.Package), "expired: it was to count until "+e.Until)
				continue
			}
			a, known := byID[e.ID]
			if !known {
				a = advisory.Advisory{Feed: o.Feed, ID: e.ID} // of no time: saving the list is no news of a vulnerability
				if intake.IsCVE(e.ID) {
					a.CVEs = []string{e.ID}
				}
			}
			a.Affected = append(a.Affected, e.affected())
			byID[e.ID] = a
		}
		s.Newest = f.Modified.UTC()
		return s, giveAll(ctx, byID, &s, to)
	}
}

// giveAll gives advisories by id, their entries by ecosystem and package.
func giveAll(ctx context.Context, byID map[string]advisory.Advisory, s *intake.Survey, to intake.Sink) error {
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		if err := ctx.Err(); err != nil {
			return err
		}
		a := byID[id]
		slices.SortStableFunc(a.Affected, func(x, y advisory.Affected) int {
			return cmp.Or(strings.Compare(x.Ecosystem, y.Ecosystem), strings.Compare(x.Package, y.Package))
		})
		for _, f := range a.Affected {
			s.Ecosystems = append(s.Ecosystems, f.Ecosystem)
		}
		s.Records++
		if err := to.GiveAdvisory(a); err != nil {
			return err
		}
	}
	s.Ecosystems = intake.Sorted(s.Ecosystems)
	return nil
}

func (e override) affected() advisory.Affected {
	note := e.Reason
	if e.Author != "" {
		note += " (" + e.Author + ")"
	}
	a := advisory.Affected{Ecosystem: e.Ecosystem, Package: intake.PackageName(e.Ecosystem, e.Package), Note: noteOf(note), Until: e.Until}
	switch e.Status {
	case "not_affected":
		a.Status = advisory.StatusNotAffected
	case "affected":
		a.Ranges = []advisory.Range{{Introduced: "0"}}
	case "fixed":
		a.Ranges = []advisory.Range{{Introduced: "0", Fixed: e.Fixed}}
	}
	return a
}

// mistakes gathers what is wrong, with lines.
type mistakes []string

func (m *mistakes) add(line int, format string, args ...any) {
	*m = append(*m, fmt.Sprintf("line %d: ", line)+fmt.Sprintf(format, args...))
}

func (m mistakes) err() error {
	if n := len(m); n > maxShown {
		m = append(slices.Clone(m[:maxShown]), fmt.Sprintf("and %d more", n-maxShown))
	}
	if len(m) == 0 {
		return nil
	}
	return intake.Damaged("the override list has mistakes: %s", strings.Join(m, "; "))
}

func parseOverrides(text []byte) ([]override, error) {
	if len(strings.TrimSpace(string(text))) == 0 { // a file that was cut off or never written must not take the list away
		return nil, intake.Damaged("the file is empty: to have no overrides, say so with overrides: []")
	}
	d := yaml.NewDecoder(strings.NewReader(string(text)))
	var document yaml.Node
	if err := d.Decode(&document); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, intake.Damaged("the override list is neither YAML nor JSON: %s", intake.Shown(err.Error()))
	}
	var more yaml.Node
	if err := d.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, intake.Damaged("the override list has a second document, or something after its end")
	}
	var wrong mistakes
	list := listOf(document.Content[0], &wrong)
	entries := []override{}
	for _, node := range list {
		before := len(wrong)
		e := parseEntry(node, &wrong)
		if len(wrong) > before {
			continue
		}
		if same := slices.IndexFunc(entries, func(o override) bool { return o.ID == e.ID && o.Ecosystem == e.Ecosystem && o.Package == e.Package }); same >= 0 {
			wrong.add(e.line, "%s of %s in %s has an entry already, in line %d", e.ID, e.Package, e.Ecosystem, entries[same].line)
			continue
		}
		entries = append(entries, e)
	}
	return entries, wrong.err()
}

// listOf finds the entries under the only field, overrides; it may be empty.
func listOf(root *yaml.Node, wrong *mistakes) []*yaml.Node {
	var list []*yaml.Node
	found := false
	if root.Tag == "!!null" {
		return nil // nothing but comments
	}
	if root.Kind != yaml.MappingNode {
		wrong.add(max(root.Line, 1), "the list is to begin with overrides:")
		return nil
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		name, value := root.Content[i], root.Content[i+1]
		switch {
		case name.Value != "overrides":
			wrong.add(name.Line, "unknown field %q", intake.Shown(name.Value))
		case found:
			wrong.add(name.Line, "overrides is given twice")
		case value.Kind == yaml.SequenceNode:
			list, found = value.Content, true
		case value.Tag == "!!null":
			found = true
		default:
			wrong.add(value.Line, "overrides is not a list")
		}
	}
	if !found && len(*wrong) == 0 {
		wrong.add(max(root.Line, 1), "the list is to begin with overrides:")
	}
	return list
}

// parseEntry reads one entry by its nodes, since they know their lines and keep 1.10 as it is written.
func parseEntry(node *yaml.Node, wrong *mistakes) override {
	e := override{line: node.Line}
	if node.Kind != yaml.MappingNode {
		wrong.add(node.Line, "not an entry, which has the fields id, ecosystem, package, status and reason")
		return e
	}
	fields := map[string]*string{"id": &e.ID, "ecosystem": &e.Ecosystem, "package": &e.Package, "status": &e.Status, "fixed": &e.Fixed, "reason": &e.Reason, "author": &e.Author, "until": &e.Until}
	for i := 0; i+1 < len(node.Content); i += 2 {
		name, value := node.Content[i], node.Content[i+1]
		to := fields[name.Value]
		switch {
		case to == nil:
			wrong.add(name.Line, "unknown field %q", intake.Shown(name.Value))
		case *to != "":
			wrong.add(name.Line, "%s is given twice", name.Value)
		case value.Kind != yaml.ScalarNode || value.Tag == "!!null" || strings.TrimSpace(value.Value) == "":
			wrong.add(value.Line, "%s is not a text, or an empty one", name.Value)
		default:
			*to = strings.TrimSpace(value.Value)
		}
	}
	e.check(wrong)
	return e
}

// check holds an entry to what it may say.
func (e override) check(wrong *mistakes) {
	before := len(*wrong)
	for _, required := range []struct{ name, value string }{{"id", e.ID}, {"ecosystem", e.Ecosystem}, {"package", e.Package}, {"status", e.Status}, {"reason", e.Reason}} {
		if required.value == "" {
			wrong.add(e.line, "%s is missing", required.name)
		}
	}
	if len(*wrong) > before {
		return
	}
	if !sound(e.ID, maxID) || strings.HasPrefix(strings.ToUpper(e.ID), "CVE") && !intake.IsCVE(e.ID) {
		wrong.add(e.line, "%q is not the id of a vulnerability", intake.Shown(e.ID))
	}
	ecosystem := checkEcosystem(e.Ecosystem)
	if ecosystem != nil {
		wrong.add(e.line, "%v", ecosystem)
	}
	if !sound(e.Package, maxName) || strings.ContainsAny(e.Package, " \t") {
		wrong.add(e.line, "%q is not the name of a package", intake.Shown(e.Package))
	}
	switch e.Status {
	case "fixed":
		if e.Fixed == "" {
			wrong.add(e.line, "the status fixed needs the field fixed: the first version with the fix")
		} else if err := checkVersion(e.Ecosystem, e.Fixed); ecosystem == nil && err != nil {
			wrong.add(e.line, "%v", err)
		}
	case "affected", "not_affected":
		if e.Fixed != "" {
			wrong.add(e.line, "the field fixed goes with the status fixed only")
		}
	default:
		wrong.add(e.line, "the status %q is not one of not_affected, affected, fixed", intake.Shown(e.Status))
	}
	if _, err := time.Parse(time.DateOnly, e.Until); e.Until != "" && err != nil {
		wrong.add(e.line, "until is %q, not a date as 2027-03-01", intake.Shown(e.Until))
	}
	if len(e.Reason) > maxReason || len(e.Author) > maxName {
		wrong.add(e.line, "the reason is longer than %d bytes, or the author than %d", maxReason, maxName)
	}
}

package cli

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
)

//go:embed compliance.html
var compliancePage string

// complianceHTML writes a report as one page that needs nothing else: no script, no font, no picture, no address. What hosts and feeds
// said is escaped by the template, and characters that turn or hide text are spelled out.
func complianceHTML(w io.Writer, r apiv1.ComplianceReport) error {
	page, err := template.New("compliance").Funcs(template.FuncMap{
		"clean": clean,
		"join":  func(all []string) string { return clean(strings.Join(all, ", ")) },
		"day": func(at any) string {
			switch t := at.(type) {
			case time.Time:
				return dateOf(&t)
			case *time.Time:
				return dateOf(t)
			}
			return ""
		},
		"moment": func(at any) string {
			switch t := at.(type) {
			case time.Time:
				return moment(&t)
			case *time.Time:
				return moment(t)
			}
			return ""
		},
		"age": func(since, until time.Time) string { return plural(int(until.Sub(since).Hours()/24), "day") },
		"level": func(priority string) string {
			if priority == apiv1.PriorityUrgent || priority == apiv1.PriorityHigh {
				return "worst"
			}
			return "other"
		},
		"counts": func(h apiv1.ComplianceHost) string { return countsWords(openCounts(h)) },
		"sub":    func(a, b int) int { return a - b },
	}).Parse(compliancePage)
	if err != nil {
		return fmt.Errorf("reading the page's template: %w", err)
	}
	if err := page.Execute(w, r); err != nil {
		return fault.Wrap(err, fault.Internal, "write the output")
	}
	return nil
}

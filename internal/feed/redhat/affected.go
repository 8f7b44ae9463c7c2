package redhat

import (
	"fmt"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// entries are what a document says of packages, as they are gathered.
type entries struct {
	tree     tree
	wants    func(ecosystem string) bool
	severity string // of the document, in its own word
	all      []advisory.Affected
	problems []advisory.Problem
	foreign  bool // it names releases that are not wanted
}

// fixed takes product_status/fixed: packages of the given version have the fix, what is below does not. Binary packages are what hosts
// have; a source package counts only where a release names no binary one of the document, which happens in documents of source-only
// products.
func (e *entries) fixed(ids []string, impact map[string]string) {
	places := e.find(ids)
	binary := map[Product]bool{}
	for _, p := range places {
		if !isSource(p.arch) {
			binary[p.Product] = true
		}
	}
	for i, p := range places {
		if p.version == "" || isDebug(p.name) || isSource(p.arch) && binary[p.Product] {
			continue
		}
		a := e.about(p, impact[ids[i]])
		a.Ranges = []advisory.Range{{Introduced: "0", Fixed: p.version}}
		e.add(a, intake.CheckFixed(p.name, p.version))
	}
}

// status takes the other lists. What is affected is so in every version, whichever one an id names: it is the one that Red Hat looked at.
// What is not is so in every version where the id names a component, and in that one only where it names a build.
func (e *entries) status(ids []string, impact map[string]string, say func(id string) (advisory.Status, string)) {
	for i, p := range e.find(ids) {
		if p.Ecosystem == "" || isDebug(p.name) {
			continue
		}
		a := e.about(p, impact[ids[i]])
		var words string
		if a.Status, words = say(ids[i]); words != "" {
			a.Note = strings.TrimSpace(a.Note + " " + words)
		}
		wrong := intake.CheckPackage(p.name)
		if p.version != "" && a.Status == advisory.StatusNotAffected {
			a.Versions = []string{p.version}
			wrong = intake.CheckFixed(p.name, p.version)
		}
		e.add(a, wrong)
	}
}

// find resolves ids; the places of those that mean no wanted release of RHEL are zero.
func (e *entries) find(ids []string) []place {
	out := make([]place, len(ids))
	for i, id := range ids {
		p, ok := e.tree.find(id)
		switch {
		case ok && e.wants(p.Ecosystem):
			out[i] = p
		case ok:
			e.foreign = true
		}
	}
	return out
}

// about is the entry of a place, without what is said of it. The minor release that an entitlement stays on is its note: the fix for
// 9.2 is another version than that for 9.4.
func (e *entries) about(p place, impact string) advisory.Affected {
	a := advisory.Affected{Ecosystem: p.Ecosystem, Package: p.name, Stream: p.stream, Entitlement: p.Entitlement, Note: p.Minor}
	if !strings.EqualFold(impact, e.severity) {
		a.Severity = impact
	}
	return a
}

func (e *entries) add(a advisory.Affected, wrong error) {
	if wrong == nil && (len(a.Stream) > intake.MaxID || intake.Shown(a.Stream) != a.Stream) {
		wrong = fmt.Errorf("its module stream is longer than %d bytes or not printable", intake.MaxID)
	}
	if wrong == nil && len(e.all) >= maxEntries {
		wrong = fmt.Errorf("it has more than %d entries", maxEntries)
	}
	if wrong != nil {
		if len(e.problems) < intake.MaxProblems {
			e.problems = append(e.problems, advisory.Problem{Reason: fmt.Sprintf("%s in %s: %v", intake.Shown(a.Package), a.Ecosystem, wrong)})
		}
		return
	}
	e.all = append(e.all, a)
}

// maxEntries of one document before they are merged: each package once per architecture and product. The kernel's have some 100,000.
const maxEntries = 1_000_000

func isSource(arch string) bool { return arch == "src" || arch == "nosrc" }

// isDebug: packages that hold symbols and sources only, which nothing runs.
func isDebug(name string) bool {
	return strings.HasSuffix(name, "-debuginfo") || strings.HasSuffix(name, "-debugsource") || strings.Contains(name, "-debuginfo-")
}

// impacts are Red Hat's ratings by product id.
func (v *vulnerability) impacts() map[string]string {
	out := map[string]string{}
	for _, t := range v.Threats {
		if t.Category != "impact" {
			continue
		}
		for _, id := range t.Products {
			out[id] = intake.Cut(intake.Shown(t.Details), intake.MaxWord)
		}
	}
	return out
}

// plans are what Red Hat means to do about products that are affected, by product id: a status and its own words for it.
func (v *vulnerability) plans() map[string]plan {
	out := map[string]plan{}
	for _, r := range v.Remediations {
		words := intake.Cut(intake.Shown(strings.TrimSpace(r.Details)), intake.MaxWord)
		var p plan
		switch {
		case r.Category == "no_fix_planned": // "Will not fix", "Out of support scope"
			p = plan{advisory.StatusWontFix, words}
		case r.Category == "none_available" && strings.EqualFold(words, "Fix deferred"):
			p = plan{advisory.StatusDeferred, words}
		case r.Category == "none_available": // "Affected"
			p = plan{advisory.StatusOpen, words}
		default:
			continue // vendor_fix stands with the fixed, workaround and mitigation say nothing of a fix
		}
		for _, id := range r.Products {
			out[id] = p
		}
	}
	return out
}

type plan struct {
	status advisory.Status
	words  string
}

// vector is the CVSS 3 vector with the highest base score; empty for none.
func (v *vulnerability) vector() string {
	best, vector := -1.0, ""
	for _, s := range v.Scores {
		if s.V3.Vector != "" && s.V3.Base > best {
			best, vector = s.V3.Base, s.V3.Vector
		}
	}
	return intake.Cut(intake.Shown(vector), intake.MaxWord)
}

// text is the first note of a category.
func text(notes []note, category string) string {
	i := slices.IndexFunc(notes, func(n note) bool { return n.Category == category })
	if i < 0 {
		return ""
	}
	return intake.Cut(strings.ToValidUTF8(notes[i].Text, "\uFFFD"), intake.MaxDetails)
}

package alpine

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// Bounds of names; the longest real ones have some 60 bytes.
const (
	maxID   = 64
	maxName = 128
)

// never is the version under which a database lists what never affected a package.
const never = "0"

// anID is what the databases call vulnerabilities by: CVE-2024-1234, XSA-25, GHSA-jq35-85cj-fj4p, ALPINE-13661, CGA-…. They stand alone,
// or several of one vulnerability in one string, at times with words besides: "CVE-2017-2616 (+ regression fix)". Alpine's own database
// has CVE_2019-2426 and CVE-2021-35940.patch, too.
var anID = regexp.MustCompile(`^[A-Z][A-Z0-9]+-[A-Za-z0-9][A-Za-z0-9.:-]*$`)

// CVE-2020-14342 (Not affected, requires --with-systemd)
var notAffected = regexp.MustCompile(`(?i)\bnot affected\b`)

// fix is what is known of one vulnerability of a package.
type fix struct {
	aliases []string
	version string // that fixed it; empty: none does, or it never affected
	never   bool
}

// advisories makes one of each vulnerability that a package's fixes name, by id. What cannot be used is named, and the rest stays.
func (p pkg) advisories() (all []advisory.Advisory, wrong []string) {
	if !intake.Fit(p.Name, maxName) || strings.ContainsAny(p.Name, "/ ") {
		return nil, []string{"a package has no name that can be kept"}
	}
	fixes := map[string]*fix{}
	for _, version := range slices.Sorted(maps.Keys(p.Fixes)) {
		if err := vercmp.Valid(vercmp.APK, version); version != never && err != nil {
			wrong = append(wrong, err.Error())
			continue
		}
		for _, text := range p.Fixes[version] {
			version := version
			if notAffected.MatchString(text) {
				version = never
			}
			ids, others := idsIn(text)
			if len(ids) == 0 {
				wrong = append(wrong, "names no vulnerability: "+intake.Shown(text))
			}
			for _, id := range ids {
				if fixes[id] == nil {
					fixes[id] = &fix{}
				}
				fixes[id].add(version, others)
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(fixes)) {
		f := fixes[id]
		if f.never && f.version != "" {
			wrong = append(wrong, fmt.Sprintf("%s: listed both as fixed and as never affecting; the fix is taken", id))
		}
		all = append(all, f.advisory(id, p.Name))
	}
	return all, wrong
}

// idsIn finds the vulnerabilities in a string: its CVEs, the rest being other names of them; without a CVE each other id.
func idsIn(text string) (ids, others []string) {
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t,;()", r) }) {
		word = strings.TrimSuffix(word, ".patch")
		if number, ok := strings.CutPrefix(word, "CVE_"); ok {
			word = "CVE-" + number
		}
		switch {
		case intake.IsCVE(word):
			ids = append(ids, word)
		case !strings.HasPrefix(word, "CVE-") && len(word) <= maxID && anID.MatchString(word) && strings.ContainsAny(word, "0123456789"):
			others = append(others, word)
		}
	}
	if len(ids) == 0 {
		return others, nil
	}
	return ids, others
}

// add notes one listing. Of several versions the highest counts: the ones before it did not fix all of it.
func (f *fix) add(version string, others []string) {
	f.aliases = append(f.aliases, others...)
	if version == never {
		f.never = true
		return
	}
	if f.version == "" {
		f.version = version
	} else if n, _ := vercmp.Compare(vercmp.APK, version, f.version); n > 0 {
		f.version = version
	}
}

// advisory of a fix; its ecosystem is set by the reader.
func (f *fix) advisory(id, source string) advisory.Advisory {
	a := advisory.Advisory{ID: id + "/" + source, Affected: []advisory.Affected{{Package: source}}}
	if aliases := intake.Sorted(f.aliases); len(aliases) > 0 {
		a.Aliases = aliases
	}
	if intake.IsCVE(id) {
		a.CVEs = []string{id}
	}
	if f.version == "" {
		a.Affected[0].Status = advisory.StatusNotAffected
		return a
	}
	a.Affected[0].Ranges = []advisory.Range{{Introduced: "0", Fixed: f.version}}
	return a
}

package feed

import (
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// The RPM family's records name a module only in the summary, "Moderate: nodejs:18 security update", and a module's build only in its
// packages' releases, ".module_el8.9.0+3767+70b9d6fb" of AlmaLinux, ".module+el9.4.0+20787+4c237fd3" of Rocky and Red Hat.
const moduleMark = ".module"

// maxStreams bounds how many streams one summary may name; the real ones name two at most.
const maxStreams = 4

// streamsIn are the module streams that a summary names, as nodejs:18, sorted. A rating and an erratum's own id are none. More than
// maxStreams: none, for it cannot be told what they mean.
func streamsIn(summary string) []string {
	var out []string
	for _, word := range strings.Fields(summary) {
		word = strings.Trim(word, ".,;:()")
		name, stream, ok := strings.Cut(word, ":")
		if ok && isModuleWord(name) && isModuleWord(stream) && !isErratum(name) {
			out = append(out, word)
		}
	}
	slices.Sort(out)
	if out = slices.Compact(out); len(out) > maxStreams {
		return nil
	}
	return out
}

// isModuleWord: what names of modules and of streams are made of.
func isModuleWord(s string) bool {
	return s != "" && len(s) <= maxID && strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._+-", r)
	}) < 0
}

// isErratum: the part before the colon of ALSA-2022:5468.
func isErratum(name string) bool {
	kind, year, ok := strings.Cut(name, "-")
	return ok && len(kind) == 4 && strings.ToUpper(kind) == kind && len(year) == 4 && strings.Trim(year, "0123456789") == ""
}

// inStreams says of which streams the modular entries of a record are: with one stream in the summary, of that one. With several, the
// record speaks of several modules and does not say which package is of which: where it gives a package one source version for all of
// them, the entry holds for each, else its stream stays unknown.
func inStreams(merged []advisory.Affected, streams []string) []advisory.Affected {
	if len(streams) == 0 {
		return merged
	}
	out := make([]advisory.Affected, 0, len(merged))
	for _, a := range merged {
		if a.Stream != "" || !isModular(a) {
			out = append(out, a)
			continue
		}
		lowest := lowestBuilds(a.Ranges)
		if len(streams) > 1 && (len(lowest) > 1 || len(a.Versions) > 0) {
			out = append(out, a)
			continue
		}
		a.Ranges = lowest
		for _, stream := range streams {
			a.Stream = stream
			out = append(out, a)
		}
	}
	return out
}

// isModular says whether every version that an entry names is a module's.
func isModular(a advisory.Affected) bool {
	for _, r := range a.Ranges {
		if !strings.Contains(r.Fixed+r.Last, moduleMark) {
			return false
		}
	}
	for _, v := range a.Versions {
		if !strings.Contains(v, moduleMark) {
			return false
		}
	}
	return len(a.Ranges)+len(a.Versions) > 0
}

// lowestBuilds keeps, of ranges that end at builds of one and the same source version, the one that ends first. AlmaLinux lists the
// builds of every minor release and even of other streams into which the same source went: each has the fix, since all are built of the
// source that has it, and any build between them is one of that source too. Taken together they would call the earlier builds affected.
func lowestBuilds(ranges []advisory.Range) []advisory.Range {
	var out []advisory.Range
	for _, r := range ranges {
		same := slices.IndexFunc(out, func(o advisory.Range) bool {
			return o.Introduced == r.Introduced && o.Fixed != "" && r.Fixed != "" && sourceVersion(o.Fixed) == sourceVersion(r.Fixed)
		})
		switch {
		case same < 0:
			out = append(out, r)
		case compareBounds(vercmp.RPM, r.Fixed, out[same].Fixed) < 0:
			out[same] = r
		}
	}
	return out
}

// sourceVersion is a modular version without the module's build.
func sourceVersion(v string) string {
	source, _, _ := strings.Cut(v, moduleMark)
	return strings.TrimPrefix(source, "0:")
}

package feed

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// besides is what single databases say beside OSV's ranges, in an entry's free-form objects.
type besides struct {
	Informational string     `json:"informational"`                     // RustSec: unmaintained, notice, unsound; absent: a vulnerability
	LastKnown     string     `json:"last_known_affected_version_range"` // GitHub: "<= 1.2.3", where no version has the fix
	Custom        []osvRange `json:"custom_ranges"`                     // Go: of versions that are none of Go's modules
}

// besidesOf reads them; what is of another shape is not there.
func besidesOf(in *osvAffected) besides {
	return besides{
		Informational: besideIn(in.DatabaseSpecific, "informational").Informational,
		LastKnown:     besideIn(in.DatabaseSpecific, "last_known_affected").LastKnown,
		Custom:        besideIn(in.EcosystemSpecific, "custom_ranges").Custom,
	}
}

// besideIn: most objects have none, and reading JSON costs more than looking for a word.
func besideIn(object json.RawMessage, word string) besides {
	if !bytes.Contains(object, []byte(word)) {
		return besides{}
	}
	var b besides
	if json.Unmarshal(object, &b) != nil {
		return besides{}
	}
	return b
}

// notice: what is unsound can be a vulnerability of what uses it, so that stays.
func (b besides) notice() bool {
	return b.Informational == "unmaintained" || b.Informational == "notice"
}

// narrowed takes an entry's range that is open for want of a better word to what its database says of the end; false: it is as it was. The
// versions that such an entry lists are OSV's own reading of the open range, and say no more than it.
//
// GitHub knows the versions that are affected, and writes the end of a range as an event only when a version has the fix. Without one OSV's
// reading would be "all later versions too", which is not what its advisory says: < 1.70 of bcprov-jdk15on would have 1.70 affected.
//
// The Go database has ranges of modules' versions alone. Where a project's own are not such, as with the second major version of a module
// whose path does not say v2, its range is open from 0 and the project's versions are custom. An installed module has the one kind or
// the other: v0.0.0 with a date stays affected, and a tag is compared.
func (b besides) narrowed(scheme vercmp.Scheme, ranges []advisory.Range) ([]advisory.Range, bool) {
	if len(ranges) != 1 || ranges[0].Fixed != "" || ranges[0].Last != "" {
		return ranges, false
	}
	if custom := b.custom(scheme); len(custom) > 0 && ranges[0].Introduced == "0" {
		return append(custom, advisory.Range{Introduced: "0", Last: "0.0.0"}), true
	}
	operator, end, _ := strings.Cut(b.LastKnown, " ")
	if vercmp.Valid(scheme, end) != nil || compareBounds(scheme, ranges[0].Introduced, end) > 0 {
		return ranges, false
	}
	switch operator {
	case "<=":
		return []advisory.Range{{Introduced: ranges[0].Introduced, Last: end}}, true
	case "<":
		return []advisory.Range{{Introduced: ranges[0].Introduced, Fixed: end}}, true
	}
	return ranges, false
}

// custom ranges, if every one of them can be compared.
func (b besides) custom(scheme vercmp.Scheme) []advisory.Range {
	if scheme != vercmp.SemVer {
		return nil
	}
	var out []advisory.Range
	for _, r := range b.Custom {
		ranges, err := rangesOf(scheme, r.Events)
		if err != nil {
			return nil
		}
		for _, one := range ranges {
			if one.Fixed == "" && one.Last == "" {
				return nil // as open as the other
			}
		}
		out = append(out, ranges...)
	}
	return out
}

// malicious is the rating of a package that was made to do harm, which its database does not repeat in each record.
const malicious = "critical"

func (r *osvRecord) isMalicious() bool { return strings.HasPrefix(r.ID, "MAL-") }

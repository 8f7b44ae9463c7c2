package intake

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// Said is what an advisory says one thing of: entries that agree in it are one, others stay apart. An entry that names no versions
// speaks of every one, so it never joins one that names some.
type Said struct {
	Ecosystem, Package, Stream, Entitlement, Note, Severity string
	Status                                                  advisory.Status
	Every                                                   bool
}

// SaidBy gives an entry's Said.
func SaidBy(a advisory.Affected) Said {
	return Said{a.Ecosystem, a.Package, a.Stream, a.Entitlement, a.Note, a.Severity, a.Status, len(a.Ranges)+len(a.Versions) == 0}
}

// Merged joins entries that say the same of different versions, in a fixed order, without repeats.
func Merged(in []advisory.Affected) []advisory.Affected {
	var out []advisory.Affected
	index := make(map[Said]int, len(in))
	for _, a := range in {
		at, seen := index[SaidBy(a)]
		if !seen {
			at = len(out)
			index[SaidBy(a)] = at
			a.Ranges, a.Versions = slices.Clone(a.Ranges), slices.Clone(a.Versions)
			out = append(out, a)
			continue
		}
		out[at].Ranges = append(out[at].Ranges, a.Ranges...)
		out[at].Versions = append(out[at].Versions, a.Versions...)
	}
	for i := range out {
		slices.SortFunc(out[i].Ranges, func(a, b advisory.Range) int {
			return cmp.Or(cmp.Compare(a.Introduced, b.Introduced), cmp.Compare(a.Fixed, b.Fixed), cmp.Compare(a.Last, b.Last))
		})
		out[i].Ranges = slices.Compact(out[i].Ranges)
		out[i].Versions = Sorted(out[i].Versions)
	}
	slices.SortFunc(out, func(a, b advisory.Affected) int {
		return cmp.Or(cmp.Compare(a.Ecosystem, b.Ecosystem), cmp.Compare(a.Package, b.Package), cmp.Compare(a.Stream, b.Stream),
			cmp.Compare(a.Entitlement, b.Entitlement), cmp.Compare(a.Note, b.Note), cmp.Compare(a.Status, b.Status),
			cmp.Compare(a.Severity, b.Severity), cmp.Compare(len(a.Ranges)+len(a.Versions), len(b.Ranges)+len(b.Versions)))
	})
	return out
}

// Bounds of an advisory's parts, whatever its source. The largest real ones are the kernel's, with some 2,000 entries.
const (
	MaxID       = 128
	MaxPackage  = 512
	MaxAffected = 50_000
	MaxSummary  = 1 << 10
	MaxDetails  = 4 << 10
	MaxWord     = 256
)

// CheckID says what is wrong with a record's id.
func CheckID(id string) error {
	switch {
	case id == "":
		return errors.New("it has no id")
	case len(id) > MaxID || Shown(id) != id:
		return fmt.Errorf("its id is longer than %d bytes or not printable", MaxID)
	}
	return nil
}

// CheckFixed says what is wrong with a package of the RPM family and the version that fixes it. rpm itself takes what stands before a
// colon for a part of the version where it is no number; in a record that is a mistake.
func CheckFixed(name, version string) error {
	if err := CheckPackage(name); err != nil {
		return err
	}
	if epoch, _, ok := strings.Cut(version, ":"); ok && (epoch == "" || !AllDigits(epoch)) {
		return fmt.Errorf("invalid rpm version %q: its epoch is no number", Cut(Shown(version), MaxWord))
	}
	return vercmp.Valid(vercmp.RPM, version)
}

// CheckPackage says what is wrong with a package's name.
func CheckPackage(name string) error {
	if !Fit(name, MaxPackage) {
		return fmt.Errorf("its package name is empty, not printable or longer than %d bytes", MaxPackage)
	}
	return nil
}

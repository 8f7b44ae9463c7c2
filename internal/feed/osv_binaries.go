package feed

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// inBinaries makes entries of the binary packages that an entry of SUSE's lists. SUSE's records name a source package, openssl-1_1, which no
// host has under that name, and beside it what is built of it, libopenssl1_1 among others, each at a version of its own (OSV schema,
// ecosystems SUSE and openSUSE: ecosystem_specific.binaries). An entry that lists none stays as it is. The error names the first binary that
// cannot be used.
func inBinaries(a advisory.Affected, bucket string, specific json.RawMessage) (out []advisory.Affected, wrong error) {
	if bucket != "SUSE" && bucket != "openSUSE" || len(a.Versions) > 0 || len(a.Ranges) != 1 || a.Ranges[0].Fixed == "" {
		return []advisory.Affected{a}, nil
	}
	var listed struct {
		Binaries []map[string]string `json:"binaries"`
	}
	if len(specific) > 0 && json.Unmarshal(specific, &listed) != nil {
		listed.Binaries = nil
	}
	for _, one := range listed.Binaries {
		for _, name := range slices.Sorted(maps.Keys(one)) {
			if err := intake.CheckFixed(name, one[name]); err != nil {
				if wrong == nil {
					wrong = fmt.Errorf("its binary %s: %w", intake.Shown(name), err)
				}
				continue
			}
			built := a
			built.Package, built.Ranges = name, []advisory.Range{{Introduced: a.Ranges[0].Introduced, Fixed: one[name]}}
			out = append(out, built)
		}
	}
	if len(out) == 0 {
		return []advisory.Affected{a}, wrong
	}
	return out, wrong
}

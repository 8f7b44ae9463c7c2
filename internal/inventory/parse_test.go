package inventory

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"testing"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
)

func FuzzParseSection(f *testing.F) {
	for _, seed := range []any{
		apiv1.Packages{Ecosystem: "Debian:12", Packages: []apiv1.Package{{Name: "a", Arch: "amd64", Version: "1:1.0-1"}}},
		apiv1.Updates{Manager: "apt", Updates: []apiv1.Update{{Name: "a", Arch: "all", Action: "upgrade", State: "held"}}},
		apiv1.Facts{Hostname: "h"}, apiv1.Hardware{}, apiv1.Repositories{Repositories: []apiv1.Repository{{ID: "http://mirror.example.org/debian stable"}}},
	} {
		text, err := json.Marshal(seed)
		if err != nil {
			f.Fatal(err)
		}
		for _, section := range apiv1.SectionNames() {
			f.Add(section, text)
		}
	}
	f.Fuzz(func(t *testing.T, section string, body []byte) {
		sum := sha256.Sum256(body)
		parsed, err := parseSection(section, hex.EncodeToString(sum[:]), body)
		switch {
		case err != nil && fault.KindOf(err) == fault.Internal:
			t.Errorf("outside input is an internal error: %v", err)
		case err == nil && (parsed.Packages == nil) == (parsed.JSON == nil):
			t.Error("a body is packages or JSON")
		}
	})
}

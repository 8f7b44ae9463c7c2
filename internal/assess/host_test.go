package assess

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

func TestStoredFactsAreReadAsIfTheyWereDecodedWhole(t *testing.T) {
	t.Parallel()
	for name, units := range map[string]string{
		"none":                    `[]`,
		"null":                    `null`,
		"all well":                `[{"name":"a.service","enabled":"enabled"},{"name":"dev-disk-by\\x2duuid.mount"}]`,
		"one failed":              `[{"name":"a.service","failed":true},{"name":"b.service"}]`,
		"said not to have failed": `[{"name":"a.service","failed":false}]`,
		"in another case":         `[{"name":"a.service","FAILED" : true}]`,
		"escaped":                 `[{"name":"a.service","\u0066ailed":true}]`,
		"failed is only a name":   `[{"name":"failed"},{"name":"\"failed\":true"}]`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := []byte(`{"hostname":"h","arch":"x86_64","os":{"id":"debian","version_id":"12","name":"Debian","ecosystem":"Debian:12"},"kernel":{"running":"6.1"},
				"package_manager":{"name":"apt"},"reboot":{"required":true},"entitlements":["esm-infra"],"old_code":[{"name":"a","arch":"amd64","units":["b"]}],"units":` + units + `}`)
			var whole apiv1.Facts
			if err := json.Unmarshal(text, &whole); err != nil {
				t.Fatal(err)
			}
			got, err := readFacts(text)
			if err != nil {
				t.Fatal(err)
			}
			if want := factsOf(&whole); got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
		})
	}
	if _, err := readFacts([]byte(`{"units":7}`)); err == nil {
		t.Error("units that are no list were read")
	}
}

func TestNotedNumbersAreMembersInOrderAndOnce(t *testing.T) {
	t.Parallel()
	for _, hosts := range []uint32{0, 1, fewMembers, fewMembers + 1, noteRoom - 1, noteRoom, 3*noteRoom + 7} {
		var m, want members
		for i := range hosts {
			ordinal := i * 7919 % hosts * 3 // in no order, with gaps
			if i%7919 == 0 && i > 0 && hosts%7919 == 0 {
				continue
			}
			fresh := want.add(ordinal)
			if m.note(ordinal) != fresh {
				t.Fatalf("%d of %d hosts: noted as new: %t", ordinal, hosts, !fresh)
			}
			if m.note(ordinal) {
				t.Fatalf("%d of %d hosts was new twice", ordinal, hosts)
			}
		}
		m.settle()
		list := func(m members) (out []uint32) {
			m.each(func(n uint32) bool { out = append(out, n); return true })
			return out
		}
		if d := cmp.Diff(list(want), list(m)); d != "" {
			t.Errorf("%d hosts (-added +noted):\n%s", hosts, d)
		}
	}
}

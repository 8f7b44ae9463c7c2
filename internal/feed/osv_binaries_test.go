package feed

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/advisory"
)

// SUSE's records name sources, which hosts do not have under that name, and list the binaries.
func TestSUSERecordsSpeakOfTheirBinaries(t *testing.T) {
	t.Parallel()
	const head = `{"id":"SUSE-SU-2026:0001-1","modified":"2026-01-02T00:00:00Z","upstream":["CVE-2026-0001"],"affected":[{"package":{"ecosystem":`
	of := func(ecosystem, specific string) string {
		return head + `"` + ecosystem + `","name":"openssl-1_1"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1.1.1l-150500.17.1"}]}]` + specific + `}]}`
	}
	entry := func(ecosystem, entitlement, name, fixed string) advisory.Affected {
		return advisory.Affected{Ecosystem: ecosystem, Entitlement: entitlement, Package: name, Ranges: []advisory.Range{{Introduced: "0", Fixed: fixed}}}
	}
	const binaries = `,"ecosystem_specific":{"binaries":[{"libopenssl1_1":"1.1.1l-150500.17.1","openssl-1_1":"1.1.1l-150500.17.1","libopenssl1_1-hmac":"1.1.1l-150500.17.2"}]}`
	for name, tc := range map[string]struct {
		raw, bucket string
		want        []advisory.Affected
		wrong       string
	}{
		"sle": {of("SUSE:Linux Enterprise Server 15 SP5-LTSS", binaries), "SUSE", []advisory.Affected{entry("SUSE:15.5", "ltss", "libopenssl1_1", "1.1.1l-150500.17.1"),
			entry("SUSE:15.5", "ltss", "libopenssl1_1-hmac", "1.1.1l-150500.17.2"), entry("SUSE:15.5", "ltss", "openssl-1_1", "1.1.1l-150500.17.1")}, ""},
		"leap": {of("openSUSE:Leap 15.5", `,"ecosystem_specific":{"binaries":[{"libopenssl1_1":"1.1.1l-150500.17.1"}]}`), "openSUSE",
			[]advisory.Affected{entry("openSUSE:Leap 15.5", "", "libopenssl1_1", "1.1.1l-150500.17.1")}, ""},
		"none_listed": {of("openSUSE:Leap 15.5", ""), "openSUSE", []advisory.Affected{entry("openSUSE:Leap 15.5", "", "openssl-1_1", "1.1.1l-150500.17.1")}, ""},
		"of_another_shape": {of("openSUSE:Leap 15.5", `,"ecosystem_specific":{"binaries":[["x"]]}`), "openSUSE",
			[]advisory.Affected{entry("openSUSE:Leap 15.5", "", "openssl-1_1", "1.1.1l-150500.17.1")}, ""},
		"one_is_nonsense": {of("openSUSE:Leap 15.5", `,"ecosystem_specific":{"binaries":[{"a":"","libopenssl1_1":"1.1.1l-150500.17.1"}]}`), "openSUSE",
			[]advisory.Affected{entry("openSUSE:Leap 15.5", "", "libopenssl1_1", "1.1.1l-150500.17.1")}, "its binary a: "},
		"others_list_what_they_like": {of("AlmaLinux:9", binaries), "AlmaLinux", []advisory.Affected{entry("AlmaLinux:9", "", "openssl-1_1", "1.1.1l-150500.17.1")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, problems, err := parseOSV([]byte(tc.raw), tc.bucket)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, a.Affected); diff != "" {
				t.Error(diff)
			}
			if tc.wrong == "" && len(problems) > 0 || tc.wrong != "" && (len(problems) != 1 || !strings.Contains(problems[0].Reason, tc.wrong)) {
				t.Errorf("%+v", problems)
			}
		})
	}
}

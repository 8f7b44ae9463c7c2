package cli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// A host's updates at 80 columns: two versions never look alike when they are not, and why one is not installed stands there whole.
func TestUpdatesCanBeToldApartIn80Columns(t *testing.T) {
	t.Parallel()
	installable := func(name, from, to string) apiv1.Update {
		return apiv1.Update{Name: name, Action: apiv1.ActionUpgrade, State: apiv1.UpdateInstallable, Security: true, From: from, To: to}
	}
	held := installable("libxml2", "2.9.14+dfsg-1.3~deb12u1", "2.9.14+dfsg-1.3~deb12u4")
	held.State, held.Reason = "kept-back", "needs the removal of libxml2-utils-legacy-compat-tools, which nobody asked for"
	long := installable("linux-image-6.1.0-37-cloud-amd64-unsigned", "252.33-1~deb12u1+a-build-of-our-own", "252.39-1~deb12u1+a-build-of-our-own")
	install := long
	install.Action = "install"
	for name, tc := range map[string]struct {
		updates []apiv1.Update
		want    string
	}{
		"versions that differ in the middle": {[]apiv1.Update{long, held}, `
NAME                        SEC  STATE        FROM              TO
linux-image-6.1.0-37-clou…  yes  installable  252.33-1…our-own  252.39-1…our-own
libxml2                     yes  kept-back    2.9.14+d…deb12u1  2.9.14+d…deb12u4
    needs the removal of libxml2-utils-legacy-compat-tools, which nobody asked
    for
`},
		"an action that is not the usual one": {[]apiv1.Update{install, held}, ""},
		"room for all": {[]apiv1.Update{installable("curl", "1", "2")}, `
NAME  ACTION   SEC  STATE        FROM  TO  REASON
curl  upgrade  yes  installable  1     2
`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := tableOf(tc.updates, updateColumns()).render(80, false)
			for line := range strings.Lines(got) {
				if columns(strings.TrimSuffix(line, "\n")) > 80 {
					t.Errorf("wider than 80: %q", line)
				}
			}
			if tc.want == "" {
				if !strings.Contains(got, "install  ") {
					t.Errorf("the action is left out:\n%s", got)
				}
				return
			}
			if d := cmp.Diff(strings.TrimPrefix(tc.want, "\n"), got); d != "" {
				t.Error(d)
			}
		})
	}
}

// Two texts that differ look different when both are cut to the same width, and each fits it.
func TestTextsThatDifferNeverLookAlikeCut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[0-9a-z.~+:-]{1,40}`)
		a, b, width := word.Draw(t, "a"), word.Draw(t, "b"), rapid.IntRange(6, 40).Draw(t, "width")
		if rapid.Bool().Draw(t, "alike but for one place") {
			at := rapid.IntRange(0, len(a)-1).Draw(t, "at")
			b = a[:at] + string("0123456789abcdefghijklmnopqrstuvwxyz"[rapid.IntRange(0, 35).Draw(t, "letter")]) + a[at+1:]
		}
		one, other := cutApart(a, b, width), cutApart(b, a, width)
		if columns(one) > width || columns(other) > width {
			t.Fatalf("%q, %q are wider than %d", one, other, width)
		}
		if a != b && one == other {
			t.Fatalf("%q and %q both look like %q", a, b, one)
		}
	})
}

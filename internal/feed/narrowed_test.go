package feed

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// errorsOf are what was refused of a bundle, and why.
func errorsOf(got apiv1.BundleImport) map[string]string {
	all := map[string]string{}
	for _, f := range got.Items {
		if f.Error != "" {
			all[f.Name] = f.Error
		}
	}
	return all
}

// notices is a list of Debian's, one advisory for each of its releases in turn.
func notices(n int) string {
	var b strings.Builder
	for i := range n {
		release := []string{"bookworm", "trixie"}[i%2]
		fmt.Fprintf(&b, "[01 Nov 2026] DSA-%d-1 p%d - security update\n\t{CVE-2026-%04d}\n\t[%s] - p%d 1.2-3\n", 6000+i, i, 1000+i, release, i)
	}
	return b.String()
}

// Feeds that make no release assessed say of none in their state what they hold; a bundle for one release must not empty them of the others.
func TestABundleForAReleaseDoesNotTakeAwayWhatOnlyRecordsSay(t *testing.T) {
	t.Parallel()
	a := setup(t, "")
	a.cfg.Key = signer(t)
	for name, text := range map[string]string{"debian-dsa": notices(7), "override": overrides} {
		if _, err := a.ImportFile(t.Context(), name, strings.NewReader(text), false); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.Import(t.Context(), folder(t, map[string][]byte{"osv/Debian/all.zip": zipOf(t, debians(3)...)})); err != nil {
		t.Fatal(err)
	}
	everything, forOne := a.exported(t), a.exported(t, "Debian:12")
	b := setup(t, "")
	b.cfg.Key = a.cfg.Key
	if _, err := b.ImportBundle(t.Context(), bytes.NewReader(everything), BundleOptions{}); err != nil {
		t.Fatal(err)
	}
	was := b.everything(t)
	b.advance(time.Hour)
	got, err := b.ImportBundle(t.Context(), bytes.NewReader(forOne), BundleOptions{})
	if err != nil {
		t.Fatal(err)
	}
	why := "refused: the bundle was made for Debian:12, and would take away what is here of Debian:13: export that too, or use --force"
	if diff := cmp.Diff(map[string]string{"debian-dsa": why, "override": why}, errorsOf(got)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(was, b.everything(t)); diff != "" {
		t.Error(diff)
	}
	if got, err = b.ImportBundle(t.Context(), bytes.NewReader(forOne), BundleOptions{Force: true}); err != nil || len(errorsOf(got)) > 0 || states(t, b)["debian-dsa"].Records != 4 {
		t.Errorf("by force: %v %v %+v", err, errorsOf(got), states(t, b)["debian-dsa"])
	}
	// what is here is of that release alone now: nothing is taken away
	if got, err = b.ImportBundle(t.Context(), bytes.NewReader(forOne), BundleOptions{}); err != nil || len(errorsOf(got)) > 0 {
		t.Errorf("again: %v %v", err, errorsOf(got))
	}
}

// A server's own list in a bundle that came from it is the same list, and no other that would replace it.
func TestABundleWithTheListThatIsHereChangesNothing(t *testing.T) {
	t.Parallel()
	a := setup(t, "")
	a.cfg.Key = signer(t)
	if _, err := a.ImportFile(t.Context(), "override", strings.NewReader(overrides), false); err != nil {
		t.Fatal(err)
	}
	data, before, was := a.exported(t), states(t, a)["override"], a.everything(t)
	a.advance(time.Hour)
	got, err := a.ImportBundle(t.Context(), bytes.NewReader(data), BundleOptions{})
	if err != nil || len(errorsOf(got)) > 0 {
		t.Fatalf("%v %v", err, errorsOf(got))
	}
	if diff := cmp.Diff(before, states(t, a)["override"]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(was, a.everything(t)); diff != "" {
		t.Error(diff)
	}
	changed := strings.Replace(overrides, "not built in}", "built otherwise}", 1)
	if _, err := a.ImportFile(t.Context(), "override", strings.NewReader(changed), false); err != nil {
		t.Fatal(err)
	}
	was = a.everything(t)
	if got, err = a.ImportBundle(t.Context(), bytes.NewReader(data), BundleOptions{}); err != nil || !strings.Contains(errorsOf(got)["override"], "a list of its own") {
		t.Errorf("another word in one entry: %v %v", err, errorsOf(got))
	}
	if diff := cmp.Diff(was, a.everything(t)); diff != "" {
		t.Error(diff)
	}
}

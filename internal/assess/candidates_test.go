package assess

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fleet"
)

func TestCandidatesSayWhatEachUpdateFixes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.enroll("beta", fleet.Labels{"env": "prod"}), w.enroll("alpha", fleet.Labels{"env": "prod"})
	gone := w.enroll("gone", fleet.Labels{"env": "prod"})
	_, err := w.store.SetHostState(t.Context(), gone.ID, []fleet.State{fleet.Approved}, fleet.Revoked, "user:x", w.at, event.Event{At: w.at, Kind: event.HostRevoked, Host: gone.ID})
	w.must(err)
	w.facts(a.ID, "6.1.0-37-amd64")
	w.packages(a.ID, "Debian:12", deb("libssl3", "openssl", "3.0.16-1"),
		apiv1.Package{Name: "openssl", Arch: "amd64", Version: "3.0.16-1+b1", SourceVersion: "3.0.16-1"},
		apiv1.Package{Name: "bsdutils", Arch: "amd64", Version: "1:2.38.1-5", Source: "util-linux", SourceVersion: "2.38.1-5"},
		apiv1.Package{Name: "odd", Arch: "amd64", Version: "7", Source: "gcc-defaults", SourceVersion: "1.9"})
	w.importFeed("osv/Debian", []string{"Debian:12"}, fixes("CVE-2025-1", "openssl", "3.0.17-1"), fixes("CVE-2025-2", "openssl", "3.0.18-1"), fixes("CVE-2025-3", "openssl", "3.0.17-1"),
		fixes("CVE-2025-4", "util-linux", "2.38.1-6"), fixes("CVE-2025-5", "gcc-defaults", "2.0"))
	w.importKEV("CVE-2025-1")
	up := func(name, to string) apiv1.Update {
		return apiv1.Update{Name: name, Arch: "amd64", Action: apiv1.ActionUpgrade, From: "1", To: to, State: apiv1.UpdateInstallable}
	}
	w.put(a.ID, apiv1.SectionUpdates, apiv1.Updates{Manager: "apt", Known: true, Updates: []apiv1.Update{
		up("bsdutils", "1:2.38.1-6"), up("libssl3", "3.0.17-1"), up("odd", "8"), up("openssl", "3.0.17-1+b2")}})
	w.put(a.ID, apiv1.SectionRepositories, apiv1.Repositories{Repositories: []apiv1.Repository{}})
	w.start()
	t.Cleanup(w.stop)
	for _, when := range []string{"loaded", "followed"} {
		got, err := w.assess.Candidates(t.Context(), fleet.Selector{})
		w.must(err)
		if len(got) != 2 || got[0].HostName != "alpha" || got[1].HostName != "beta" {
			t.Fatalf("%s: %+v, want the two approved hosts by name", when, got)
		}
		if got[0].HostID != b.ID || got[0].Updates.Known || got[0].Fixes != nil {
			t.Errorf("%s: of a host that reported nothing: %+v", when, got[0])
		}
		want := map[string][]string{"libssl3": {"CVE-2025-1", "CVE-2025-3"}, "openssl": {"CVE-2025-1", "CVE-2025-3"}, "bsdutils": {"CVE-2025-4"}}
		if diff := cmp.Diff(want, got[1].Fixes); diff != "" {
			t.Errorf("%s: worst first, and nothing claimed where versions do not relate: %s", when, diff)
		}
		for _, section := range []string{apiv1.SectionPackages, apiv1.SectionUpdates, apiv1.SectionRepositories} {
			if len(got[1].Digests[section]) != 64 {
				t.Errorf("%s: no digest of %s", when, section)
			}
		}
		before := got[1].Digests[apiv1.SectionRepositories]
		w.put(a.ID, apiv1.SectionRepositories, apiv1.Repositories{Repositories: []apiv1.Repository{{ID: when}}})
		got, err = w.assess.Candidates(t.Context(), fleet.Selector{})
		w.must(err)
		if got[1].Digests[apiv1.SectionRepositories] == before {
			t.Errorf("%s: the answer does not include what was committed before it", when)
		}
	}
}

package suse

import (
	"bytes"
	"encoding/xml"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/feed/intake/intaketest"
	"github.com/staunch-dev/staunch/internal/feed/oval"
)

func TestRealDefinitions(t *testing.T) {
	t.Parallel()
	got, survey, err := intaketest.ByID(t.Context(), ReadOVAL, intaketest.Sample(t, "samples", "vunnel", "sles", "test-fixtures", "suse_truncated.xml"), intake.Options{Feed: "suse/oval/15"})
	if err != nil || survey.Records != 4 || survey.Skipped+survey.Left != 0 {
		t.Fatalf("%v: %+v", err, survey)
	}
	if diff := cmp.Diff([]string{"SUSE:15", "SUSE:15.1", "SUSE:15.2", "SUSE:15.3"}, survey.Ecosystems); diff != "" {
		t.Error(diff)
	}
	said := func(ecosystem, entitlement, name, fixed string) advisory.Affected {
		a := advisory.Affected{Ecosystem: ecosystem, Entitlement: entitlement, Package: name}
		if fixed == "" {
			a.Status = advisory.StatusNotAffected
		} else {
			a.Ranges = []advisory.Range{{Introduced: "0", Fixed: fixed}}
		}
		return a
	}
	if diff := cmp.Diff([]advisory.Affected{said("SUSE:15", "", "kernel-default", ""), said("SUSE:15", "", "kernel-source", "")}, got["CVE-1999-0524"].Affected); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]advisory.Affected{said("SUSE:15", "", "python3-cryptography", "")}, got["CVE-2026-34073"].Affected); diff != "" {
		t.Error(diff)
	}

	krb5 := got["CVE-2010-1323"]
	var want []advisory.Affected
	for _, name := range []string{"krb5", "krb5-32bit", "krb5-client", "krb5-devel", "krb5-plugin-kdb-ldap", "krb5-plugin-preauth-otp", "krb5-plugin-preauth-pkinit", "krb5-server"} {
		want = append(want, said("SUSE:15", "", name, "1.15.2-4.25"), said("SUSE:15", "sap", name, "1.15.2-4.25"))
	}
	if diff := cmp.Diff(want, krb5.Affected); diff != "" {
		t.Error(diff)
	}

	var kernel []advisory.Affected
	for _, a := range got["CVE-2021-29154"].Affected {
		if a.Package == "kernel-default" || strings.HasSuffix(a.Package, "-extra") {
			kernel = append(kernel, a)
		}
	}
	if diff := cmp.Diff([]advisory.Affected{
		said("SUSE:15", "ltss", "kernel-default", "4.12.14-150.72.1"), said("SUSE:15", "sap", "kernel-default", "4.12.14-150.72.1"),
		said("SUSE:15.1", "bcl", "kernel-default", "4.12.14-197.89.2"), said("SUSE:15.1", "ltss", "kernel-default", "4.12.14-197.89.2"), said("SUSE:15.1", "sap", "kernel-default", "4.12.14-197.89.2"),
		said("SUSE:15.2", "", "kernel-default-extra", "5.3.18-24.61.1"), said("SUSE:15.2", "", "kernel-preempt-extra", "5.3.18-24.61.1"),
		said("SUSE:15.3", "", "kernel-default-extra", "5.3.18-59.5.2"), said("SUSE:15.3", "", "kernel-preempt-extra", "5.3.18-59.5.2"),
	}, kernel); diff != "" {
		t.Error(diff)
	}
	if a := got["CVE-2021-29154"]; a.Severity != "Important" || a.Feed != "suse/oval/15" || a.Published.IsZero() || !a.Modified.After(a.Published) || len(a.CVEs) != 1 {
		t.Errorf("%q %v %v %v", a.Severity, a.Published, a.Modified, a.CVEs)
	}
}

// What we take from a criterion's comment is what the test that it names asks, for every test that the sample holds.
func TestCommentsSayWhatTheirTestsAsk(t *testing.T) {
	t.Parallel()
	type element struct {
		XMLName xml.Name
		ID      string `xml:"id,attr"`
		Name    string `xml:"name"`
		EVR     string `xml:"evr"`
		Version string `xml:"version"`
		Object  struct {
			Ref string `xml:"object_ref,attr"`
		} `xml:"object"`
		State struct {
			Ref string `xml:"state_ref,attr"`
		} `xml:"state"`
	}
	elements := map[string]element{}
	comments := map[string]string{}
	d := xml.NewDecoder(bytes.NewReader(intaketest.Sample(t, "samples", "vunnel", "sles", "test-fixtures", "suse_truncated.xml")))
	for {
		token, err := d.Token()
		if err != nil {
			break
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		switch start.Name.Local {
		case "rpminfo_test", "rpminfo_object", "rpminfo_state":
			var e element
			if err := d.DecodeElement(&e, &start); err != nil {
				t.Fatal(err)
			}
			elements[e.ID] = e
		case "criterion":
			var ref, comment string
			for _, a := range start.Attr {
				if a.Name.Local == "test_ref" {
					ref = a.Value
				}
				if a.Name.Local == "comment" {
					comment = a.Value
				}
			}
			comments[ref] = comment
		}
	}
	compared := 0
	for ref, comment := range comments {
		test, ok := elements[ref]
		if !ok {
			continue // cut away
		}
		object, state := elements[test.Object.Ref], elements[test.State.Ref]
		l := leaf(comment)
		if l.Kind != oval.Says {
			if l.Kind != oval.Installed || !strings.HasSuffix(object.Name, "-release") {
				t.Errorf("%s: %+v, its test asks for %s", comment, l, object.Name)
			}
			continue
		}
		if l.Package != object.Name {
			t.Errorf("%s: package %s, its test asks for %s", comment, l.Package, object.Name)
		}
		if state.ID != "" && l.Range.Fixed != "" {
			compared++
			if state.EVR != "0:"+l.Range.Fixed {
				t.Errorf("%s: %s, its test asks for %s", comment, l.Range.Fixed, state.EVR)
			}
		}
	}
	if compared < 8 {
		t.Errorf("%d versions compared", compared)
	}
}

func TestRelease(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][2]string{
		"SUSE Linux Enterprise Server 15":                               {"SUSE:15", ""},
		"SUSE Linux Enterprise Server 15 SP5":                           {"SUSE:15.5", ""},
		"SUSE Linux Enterprise Server 15-LTSS":                          {"SUSE:15", "ltss"},
		"SUSE Linux Enterprise Server 15 SP1-LTSS":                      {"SUSE:15.1", "ltss"},
		"SUSE Linux Enterprise Server 15 SP1-BCL":                       {"SUSE:15.1", "bcl"},
		"SUSE Linux Enterprise High Performance Computing 15 SP2-ESPOS": {"SUSE:15.2", "espos"},
		"SUSE Linux Enterprise Server for SAP Applications 15 SP1":      {"SUSE:15.1", "sap"},
		"SUSE Linux Enterprise Module for Basesystem 15 SP6":            {"SUSE:15.6", ""},
		"SUSE Linux Enterprise Server LTSS Extended Security 12 SP5":    {"SUSE:12.5", "ltss-extended-security"},
		"SUSE Linux Enterprise Server 12 SP5-LTSS Extended Security":    {"SUSE:12.5", "ltss-extended-security"},
		"SUSE Linux Enterprise Server 16.0":                             {"SUSE:16.0", ""},
		"SUSE Linux Enterprise Server 12 SP5":                           {"SUSE:12.5", ""},
		"openSUSE Leap 15.5":                                            {"openSUSE:Leap 15.5", ""},
		"openSUSE Tumbleweed":                                           {"openSUSE:Tumbleweed", ""},
		"SUSE Linux Enterprise Micro 5.1":                               {},
		"SUSE Linux Enterprise Storage 7":                               {},
		"SUSE Manager Server 4.1":                                       {},
		"SUSE OpenStack Cloud 9":                                        {},
	} {
		ecosystem, entitlement := Release(name)
		if diff := cmp.Diff(want, [2]string{ecosystem, entitlement}); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestLeaf(t *testing.T) {
	t.Parallel()
	fixed := func(name, v string) oval.Leaf {
		return oval.Leaf{Kind: oval.Says, Package: name, Range: advisory.Range{Introduced: "0", Fixed: v}}
	}
	for comment, want := range map[string]oval.Leaf{
		"kernel-default-4.12.14-150.72.1 is installed":           fixed("kernel-default", "4.12.14-150.72.1"),
		"libstdc++6-13.2.1+git7813-150000.1.3.3 is installed":    fixed("libstdc++6", "13.2.1+git7813-150000.1.3.3"),
		"libopenssl1_1-32bit-1.1.1l-150500.17.1 is installed":    fixed("libopenssl1_1-32bit", "1.1.1l-150500.17.1"),
		"kernel-default is not affected":                         {Kind: oval.Says, Package: "kernel-default", Status: advisory.StatusNotAffected},
		"kernel-default is affected":                             {Kind: oval.Says, Package: "kernel-default"},
		"SUSE Manager Server 4.1 is installed":                   {Kind: oval.Installed},
		"SUSE Linux Enterprise Server 15 SP5 is installed":       {Kind: oval.Installed, Ecosystem: "SUSE:15.5"},
		"kernel is installed":                                    {},
		"kernel-default-4.12.14-150.72.1 is signed with the key": {},
	} {
		if diff := cmp.Diff(want, leaf(comment)); diff != "" {
			t.Errorf("%s: %s", comment, diff)
		}
	}
}

func FuzzReadOVAL(f *testing.F) {
	f.Add([]byte(`<oval_definitions><definitions><definition id="d"><metadata><title>CVE-2026-0001</title><advisory><issued date="2026-01-01"/></advisory></metadata>
	<criteria operator="AND"><criterion comment="SUSE Linux Enterprise Server 15 SP1-LTSS is installed"/><criteria operator="OR"><criterion comment="p-1-1 is installed"/><criterion comment="q is not affected"/></criteria></criteria></definition></definitions></oval_definitions>`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, survey, err := intaketest.ByID(t.Context(), ReadOVAL, raw, intake.Options{Limits: intake.Limits{MaxRecord: 1 << 16, MaxTotal: 1 << 20}})
		if err == nil && survey.Records+survey.Left == 0 || survey.Records != len(got) {
			t.Errorf("%v: %+v, %d", err, survey, len(got))
		}
		for _, a := range got {
			for _, e := range a.Affected {
				if intake.CheckPackage(e.Package) != nil || !strings.HasPrefix(e.Ecosystem, "SUSE:") && !strings.HasPrefix(e.Ecosystem, "openSUSE:") {
					t.Errorf("%+v", e)
				}
			}
		}
	})
}

// Live patches are asked for together with the kernel that they patch: that part says nothing, is named, and takes nothing else with it.
func TestWhatIsAskedOfLivePatchesIsLeft(t *testing.T) {
	t.Parallel()
	raw := []byte(`<oval_definitions><definitions><definition id="d"><metadata><title>CVE-2026-0001</title><advisory><issued date="2026-01-01"/></advisory></metadata>
	<criteria operator="OR">
	 <criteria operator="AND"><criterion comment="SUSE Linux Enterprise Module for Live Patching 15 SP5 is installed"/><criteria operator="OR">
	  <criteria operator="AND"><criterion comment="kernel-default-5.14.21-150500.1.1 is installed"/><criterion comment="kernel-livepatch-5_14_21-150500_1-default-1-150500.1.1 is installed"/></criteria></criteria></criteria>
	 <criteria operator="AND"><criterion comment="SUSE Linux Enterprise Server 15 SP5 is installed"/><criterion comment="kernel-default-5.14.21-150500.2.1 is installed"/></criteria>
	</criteria></definition></definitions></oval_definitions>`)
	got, survey, err := intaketest.ByID(t.Context(), ReadOVAL, raw, intake.Options{})
	want := []advisory.Affected{{Ecosystem: "SUSE:15.5", Package: "kernel-default", Ranges: []advisory.Range{{Introduced: "0", Fixed: "5.14.21-150500.2.1"}}}}
	if diff := cmp.Diff(want, got["CVE-2026-0001"].Affected); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if survey.Records != 1 || survey.Skipped != 0 || len(survey.Problems) != 1 || !strings.Contains(survey.Problems[0].Reason, "several packages at once") {
		t.Errorf("%+v", survey)
	}
}

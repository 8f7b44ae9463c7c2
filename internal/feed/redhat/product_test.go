package redhat

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestProductOf(t *testing.T) {
	t.Parallel()
	for cpe, want := range map[string]Product{
		"cpe:/o:redhat:enterprise_linux:9":                   {Ecosystem: "Red Hat:9"},
		"cpe:/o:redhat:enterprise_linux:9::baseos":           {Ecosystem: "Red Hat:9"},
		"cpe:/a:redhat:enterprise_linux:9::appstream":        {Ecosystem: "Red Hat:9"},
		"cpe:/a:redhat:enterprise_linux:10.1::appstream":     {Ecosystem: "Red Hat:10"},
		"cpe:/a:redhat:rhel_eus:9.2::appstream":              {Ecosystem: "Red Hat:9", Entitlement: "eus", Minor: "9.2"},
		"cpe:/a:redhat:enterprise_linux_eus:10.0::appstream": {Ecosystem: "Red Hat:10", Entitlement: "eus", Minor: "10.0"},
		"cpe:/o:redhat:rhel_aus:8.4::baseos":                 {Ecosystem: "Red Hat:8", Entitlement: "aus", Minor: "8.4"},
		"cpe:/a:redhat:rhel_tus:8.6::appstream":              {Ecosystem: "Red Hat:8", Entitlement: "tus", Minor: "8.6"},
		"cpe:/a:redhat:rhel_e4s:9.0::appstream":              {Ecosystem: "Red Hat:9", Entitlement: "e4s", Minor: "9.0"},
		"cpe:/o:redhat:rhel_els:6":                           {Ecosystem: "Red Hat:6", Entitlement: "els"},
		"rhel_eus:9.2::appstream":                            {Ecosystem: "Red Hat:9", Entitlement: "eus", Minor: "9.2"},
		"cpe:/a:redhat:openshift:4.12::el8":                  {},
		"cpe:/a:redhat:rhel_software_collections:3::el7":     {},
		"cpe:/a:redhat:satellite:6.12::el8":                  {},
		"cpe:/o:oracle:linux:9":                              {},
		"cpe:/h:redhat:enterprise_linux:9":                   {},
		"cpe:/o:redhat:enterprise_linux":                     {},
		"cpe:/o:redhat:enterprise_linux:9x":                  {},
		"cpe:/o:redhat:enterprise_linux:99999":               {},
		"cpe:/a:redhat:rhel_eus:9.":                          {},
		"":                                                   {},
	} {
		got, ok := ProductOf(cpe)
		if diff := cmp.Diff(want, got); diff != "" || ok != (want != Product{}) {
			t.Errorf("%s: %v %s", cpe, ok, diff)
		}
	}
}

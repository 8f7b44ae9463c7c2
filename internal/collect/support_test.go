package collect

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

func TestLivepatches(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for name, states := range map[string][2]string{"lkp_Ubuntu_6_8": {"1", "0"}, "kpatch_5_14": {"1", "0"}, "moving": {"1", "1"}, "off": {"0", "0"}} {
		write(t, filepath.Join(root, "sys/kernel/livepatch", name, "enabled"), states[0]+"\n")
		write(t, filepath.Join(root, "sys/kernel/livepatch", name, "transition"), states[1]+"\n")
	}
	asked := 0
	got := livepatches(opened(t, root), func() []string { asked++; return []string{"CVE-2024-1086"} })
	want := []apiv1.Livepatch{{Name: "kpatch_5_14", CVEs: []string{}}, {Name: "lkp_Ubuntu_6_8", CVEs: []string{"CVE-2024-1086"}}}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(apiv1.Livepatch{})); diff != "" || asked != 1 {
		t.Errorf("asked %d times: %s", asked, diff)
	}
	if none := livepatches(opened(t, t.TempDir()), func() []string { t.Error("asked for nothing"); return nil }); none != nil {
		t.Errorf("%v", none)
	}
}

func TestParseLivepatchStatus(t *testing.T) {
	t.Parallel()
	in := `{"Client-Version":"10.8.3","Status":[
		{"Kernel":"6.8.0-40.40-generic","Running":true,"Livepatch":{"CheckState":"checked","State":"applied","Version":"107.1","Fixes":[
			{"Name":"cve-2024-1086","Patched":true},{"Name":"cve-2024-0193","Patched":true},{"Name":"cve-2024-1086","Patched":true},{"Name":"cve-2024-9999","Patched":false},{"Name":"LP-1","Patched":true}]}},
		{"Kernel":"6.8.0-31","Running":false,"Livepatch":{"State":"applied","Fixes":[{"Name":"cve-2020-0001","Patched":true}]}},
		{"Kernel":"x","Running":true,"Livepatch":{"State":"nothing-to-apply","Fixes":[{"Name":"cve-2020-0002","Patched":true}]}}]}`
	if diff := cmp.Diff([]string{"CVE-2024-0193", "CVE-2024-1086"}, parseLivepatchStatus([]byte(in))); diff != "" {
		t.Error(diff)
	}
	if got := parseLivepatchStatus([]byte("not json")); got != nil {
		t.Errorf("%v", got)
	}
}

func TestEntitlements(t *testing.T) {
	t.Parallel()
	const repo = "# managed\n[rhel-9-for-x86_64-baseos-eus-rpms]\nname = x\nenabled = 1\n[rhel-9-for-x86_64-appstream-e4s-rpms]\nenabled=0\n" +
		"[rhel-9-for-x86_64-baseos-rpms]\nenabled = 1\n[rhel-8-for-x86_64-baseos-aus-source-rpms]\nenabled = 1\n[rhel-8-for-x86_64-baseos-tus-rpms]\nenabled = 1\n"
	for name, c := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"none":         {nil, nil},
		"ubuntu_pro":   {map[string]string{"var/lib/ubuntu-advantage/status.json": `{"attached":true,"services":[{"name":"esm-infra","status":"enabled"},{"name":"esm-apps","status":"disabled"},{"name":"livepatch","status":"enabled"}]}`}, []string{"esm-infra"}},
		"not_attached": {map[string]string{"var/lib/ubuntu-advantage/status.json": `{"attached":false,"services":[{"name":"esm-infra","status":"enabled"}]}`}, nil},
		"red_hat":      {map[string]string{"etc/yum.repos.d/redhat.repo": repo}, []string{"eus", "tus"}},
		"suse_ltss":    {map[string]string{"etc/products.d/SLES.prod": "x", "etc/products.d/SLES-LTSS.prod": "x", "etc/products.d/sle-module-basesystem.prod": "x", "etc/products.d/notes-ltss.txt": "x"}, []string{"ltss"}},
		"suse_sap":     {map[string]string{"etc/products.d/SLES_SAP.prod": "x", "etc/products.d/SLES-LTSS-Extended-Security.prod": "x"}, []string{"ltss-extended-security", "sap"}},
		"suse_hpc":     {map[string]string{"etc/products.d/SLE_HPC-ESPOS.prod": "x", "etc/products.d/.prod": "x"}, []string{"espos"}},
		"nonsense":     {map[string]string{"etc/yum.repos.d/redhat.repo": "[\n=\n]", "var/lib/ubuntu-advantage/status.json": "{"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			for file, text := range c.files {
				write(t, filepath.Join(root, file), text)
			}
			if diff := cmp.Diff(c.want, entitlements(opened(t, root)), cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

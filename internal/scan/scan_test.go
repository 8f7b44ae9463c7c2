package scan

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
)

const status = `Package: libssl3
Status: install ok installed
Architecture: amd64
Source: openssl
Version: 3.0.16-1~deb12u1

Package: odd
Status: install ok installed
Architecture: amd64
Version: 1.0-1

`

const record = `{"schema_version":"1.7.0","id":"DEBIAN-CVE-2025-1234","upstream":["CVE-2025-1234"],"modified":"2026-01-01T00:00:00Z",
"affected":[{"package":{"ecosystem":"Debian:12","name":"openssl"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"3.0.17-1~deb12u3"}]}]}]}`

// feeds is a folder with one record for Debian and one entry in KEV.
func feeds(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	w, err := z.Create("DEBIAN-CVE-2025-1234.json")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(record)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{
		"osv/Debian/all.zip": archive.Bytes(),
		"kev/known_exploited_vulnerabilities.json": []byte(`{"title":"t","catalogVersion":"1","dateReleased":"2026-01-01T00:00:00.000Z","count":1,"vulnerabilities":[{"cveID":"CVE-2025-1234",
			"vendorProject":"v","product":"p","vulnerabilityName":"n","dateAdded":"2025-10-12","shortDescription":"d","requiredAction":"a","dueDate":"2025-11-02","knownRansomwareCampaignUse":"Unknown"}]}`),
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestAFindingSaysEverything(t *testing.T) {
	t.Parallel()
	out, err := scanned(t, "--root", rootWith(t, []byte(status), debian12), "--feeds", feeds(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Findings) != 1 || !out.Count.Assessed || out.Count.Urgent != 1 {
		t.Fatalf("%+v, %+v", out.Findings, out.Count)
	}
	f := out.Findings[0]
	if f.Vulnerability != "CVE-2025-1234" || f.Source != "openssl" || f.Package != "libssl3" || f.Installed != "3.0.16-1~deb12u1" || f.Fixed != "3.0.17-1~deb12u3" ||
		f.KEV == nil || f.Priority != apiv1.PriorityUrgent || !strings.Contains(f.Explanation, "known to be exploited, in CISA's KEV catalogue since 2025-10-12") {
		t.Errorf("%+v", f)
	}
	table := Table(out)
	for _, want := range []string{"CVE-2025-1234  openssl", "urgent*", "known to be exploited (CISA KEV)", "Feed osv/Debian as of"} {
		if !strings.Contains(table, want) {
			t.Errorf("no %q in\n%s", want, table)
		}
	}
}

func TestWhatCannotBeScannedIsRefusedAndSaysWhatToDo(t *testing.T) {
	t.Parallel()
	dir, root := feeds(t), rootWith(t, []byte(status), debian12)
	broken := t.TempDir()
	if err := os.MkdirAll(filepath.Join(broken, "osv/Debian"), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(broken, "osv/Debian/all.zip"), []byte("no zip"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"no feeds":         {[]string{"--root", root}, "--feeds DIR"},
		"no root":          {[]string{"--root", root + "/nowhere"}, `the root "` + root + `/nowhere" cannot be opened`},
		"no sbom":          {[]string{"--sbom", root + "/nowhere"}, `the SBOM "` + root + `/nowhere" cannot be opened`},
		"no image":         {[]string{"--image", root + "/nowhere"}, `the image "` + root + `/nowhere" cannot be opened`},
		"no such feeds":    {[]string{"--root", root, "--feeds", filepath.Join(dir, "none")}, "no folder of feeds"},
		"no such root":     {[]string{"--root", filepath.Join(root, "none"), "--feeds", dir}, "none\" cannot be opened"},
		"no release":       {[]string{"--root", rootWith(t, []byte(status), ""), "--feeds", dir}, "--distro debian:12"},
		"no database":      {[]string{"--root", t.TempDir(), "--feeds", dir, "--distro", "debian:12"}, "no package database"},
		"strange distro":   {[]string{"--root", root, "--feeds", dir, "--distro", "beos"}, "debian:12"},
		"damaged feed":     {[]string{"--root", root, "--feeds", broken}, "all.zip"},
		"unknown format":   {[]string{"--root", root, "--feeds", dir, "-o", "xml"}, "table, json, sarif, cyclonedx-vex or junit"},
		"stray argument":   {[]string{"--feeds", dir, root}, "--root"},
		"other package db": {[]string{"--root", root, "--feeds", dir, "--distro", "almalinux:9"}, "no package database"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := tc.args
			if name != "unknown format" {
				args = append([]string{"-o", "json"}, args...)
			}
			var out bytes.Buffer
			cmd := Command(Streams{Out: &out, Err: &bytes.Buffer{}})
			cmd.SetArgs(args)
			err := cmd.ExecuteContext(t.Context())
			if !errors.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), tc.want) || out.Len() > 0 {
				t.Errorf("%v (printed %q), want Invalid with %q", err, out.String(), tc.want)
			}
		})
	}
}

func TestNothingFromAHostReachesTheTerminalRaw(t *testing.T) {
	t.Parallel()
	table := Table(apiv1.Scan{
		Ecosystem: "Debian:12", Assessment: apiv1.Assessment{Status: assessed}, Warnings: []string{"package \x1b]0;owned\a is \u202ebroken"},
		Findings: []apiv1.Finding{{Vulnerability: "CVE-1", Source: "a\x1b[2Jb", Installed: "1\r\n2", Fixed: "3\x9b", Priority: "normal", Status: "fix available"}},
	})
	for _, r := range strings.ReplaceAll(table, "\n", "") {
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) || r == 0x202e {
			t.Fatalf("%U in %q", r, table)
		}
	}
	if !strings.Contains(table, `a\u001b[2Jb`) {
		t.Errorf("the escape is not shown: %s", table)
	}
	hostile := apiv1.Finding{Vulnerability: "CVE-1", Source: "é\u009b2J\u202ex\U000e0041", Explanation: "ends with \u2066", Priority: "normal", Status: "fix available"}
	s := &session{out: apiv1.Scan{Root: "/\u009b", Ecosystem: "Debian:12", Assessment: apiv1.Assessment{Status: assessed}, Findings: []apiv1.Finding{hostile}}, now: time.Now()}
	for _, format := range []string{"json", "sarif", "cyclonedx-vex", "junit"} {
		var b bytes.Buffer
		if err := write(&b, s, format, "1"); err != nil {
			t.Fatal(err)
		}
		for _, r := range strings.ReplaceAll(b.String(), "\n", "") {
			if r < ' ' || unsafe(r) {
				t.Fatalf("%s: %U in %q", format, r, b.String())
			}
		}
		var back apiv1.Scan
		if format == "json" && (json.Unmarshal(b.Bytes(), &back) != nil || back.Root != s.out.Root || back.Findings[0].Source != hostile.Source) {
			t.Errorf("JSON has lost something: %s", b.String())
		}
	}
}

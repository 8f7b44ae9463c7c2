package redhat

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/feed/intake/intaketest"
)

// long is a VEX document as long as the kernel's: packages × architectures × releases, each listed as fixed.
func long(packages int) string {
	var branches, rels, fixed []string
	for i := range 20 {
		branches = append(branches, fmt.Sprintf(`{"product":{"product_id":"R%d","product_identification_helper":{"cpe":"cpe:/a:redhat:rhel_eus:9.%d::appstream"}}}`, i, i))
	}
	for i := range packages {
		for _, arch := range []string{"aarch64", "ppc64le", "s390x", "x86_64"} {
			for r := range 20 {
				id := fmt.Sprintf("kernel-part-%d-0:5.14.0-%d.el9_%d.%s", i, 400+r, r, arch)
				branches = append(branches, fmt.Sprintf(`{"category":"product_version","name":%q,"product":{"name":%q,"product_id":%q,"product_identification_helper":{"purl":"pkg:rpm/redhat/kernel-part-%d@5.14.0-%d.el9_%d?arch=%s"}}}`, id, id, id, i, 400+r, r, arch))
				rels = append(rels, fmt.Sprintf("R%d:%s", r, id), id, fmt.Sprintf("R%d", r))
				fixed = append(fixed, fmt.Sprintf("%q", fmt.Sprintf("R%d:%s", r, id)))
			}
		}
	}
	return `{"document":{"category":"csaf_vex","title":"kernel","tracking":{"id":"CVE-2025-0001","current_release_date":"2025-02-03T01:00:00Z"}},"product_tree":{"branches":[` +
		strings.Join(branches, ",") + `],"relationships":[` + relations(rels...) + `]},"vulnerabilities":[{"cve":"CVE-2025-0001","product_status":{"fixed":[` + strings.Join(fixed, ",") + `]}}]}`
}

// A document of 20 MB costs some ten times its length while it is read, and nothing after.
func TestALongDocumentStaysBounded(t *testing.T) {
	text := long(440)
	raw := []byte(text)
	if len(raw) < 18<<20 {
		t.Fatalf("%d bytes", len(raw))
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	survey, got, err := readBytes(t, raw, "cve-2025-0001.json", ReadVEX, intake.Options{})
	runtime.ReadMemStats(&after)
	if err != nil || survey.Records != 1 || len(got) != 1 || len(got[0].Affected) != 440*20 {
		t.Fatalf("%v: %+v", err, survey)
	}
	t.Logf("%d MB allocated for a document of %d MB", (after.TotalAlloc-before.TotalAlloc)>>20, len(raw)>>20)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > intaketest.Slack*12*uint64(len(raw)) {
		t.Errorf("%d MB allocated for %d MB", grown>>20, len(raw)>>20)
	}
}

func BenchmarkReadVEX(b *testing.B) {
	raw := []byte(long(26))
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, got, err := readBytes(b, raw, "x.json", ReadVEX, intake.Options{}); err != nil || len(got) != 1 {
			b.Fatal(err)
		}
	}
}

// An archive that unpacks to far more than it weighs ends by its ratio.
func TestABombEndsByItsRatio(t *testing.T) {
	t.Parallel()
	raw := archive(t, [2]string{"2025/bomb.json", `{"x":"` + strings.Repeat(" ", 200<<20) + `"}`})
	_, got, err := readBytes(t, raw, "x.tar.zst", ReadVEX, intake.Options{Limits: intake.Limits{MaxRecord: 1 << 20}})
	if err == nil || len(got) != 0 || !strings.Contains(err.Error(), "times its size") {
		t.Errorf("%v, %d bytes packed", err, len(raw))
	}
}

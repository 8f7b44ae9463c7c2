//go:build linux && e2e

package e2e

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/staunch-dev/staunch/test/lab"
)

// vulnerability is a record of the fixture feed: the source is vulnerable below fixed.
type vulnerability struct {
	cve, ecosystem, source, fixed string
	exploited                     bool
}

// writeFeeds makes a mirror laid out like the official sources: one OSV bucket of Debian, and KEV.
func writeFeeds(t *testing.T, dir string, vulns []vulnerability) {
	t.Helper()
	var bucket bytes.Buffer
	z := zip.NewWriter(&bucket)
	kev := []map[string]any{}
	for _, v := range vulns {
		w, err := z.Create("DEBIAN-" + v.cve + ".json")
		if err != nil {
			t.Fatal(err)
		}
		record := map[string]any{
			"schema_version": "1.7.0", "id": "DEBIAN-" + v.cve, "upstream": []string{v.cve},
			"published": "2026-11-01T00:00:00Z", "modified": "2026-11-02T00:00:00Z", "details": "made for this test",
			"affected": []any{map[string]any{
				"package": map[string]any{"ecosystem": v.ecosystem, "name": v.source, "purl": fmt.Sprintf("pkg:deb/debian/%s?arch=source", v.source)},
				"ranges":  []any{map[string]any{"type": "ECOSYSTEM", "events": []any{map[string]any{"introduced": "0"}, map[string]any{"fixed": v.fixed}}}},
			}},
		}
		if err := json.NewEncoder(w).Encode(record); err != nil {
			t.Fatal(err)
		}
		if v.exploited {
			kev = append(kev, map[string]any{"cveID": v.cve, "vendorProject": "Lab", "product": v.source, "vulnerabilityName": "made for this test",
				"dateAdded": "2026-11-03", "shortDescription": "made for this test", "requiredAction": "update", "dueDate": "2026-11-24",
				"knownRansomwareCampaignUse": "Unknown", "notes": "", "cwes": []string{}})
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	catalogue, err := json.Marshal(map[string]any{"title": "fixture", "catalogVersion": "2026.11.03", "dateReleased": "2026-11-03T00:00:00.0Z", "count": len(kev), "vulnerabilities": kev})
	if err != nil {
		t.Fatal(err)
	}
	err = lab.WriteFiles(dir, map[string]string{
		"osv/Debian/all.zip":                       bucket.String(),
		"kev/known_exploited_vulnerabilities.json": string(catalogue),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// bomb writes a zip with one record of that many spaces.
func bomb(path string, size int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	z := zip.NewWriter(f)
	w, err := z.Create("DEBIAN-CVE-2026-99999.json")
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, &endless{size}); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return f.Sync()
}

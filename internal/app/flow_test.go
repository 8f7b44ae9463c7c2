package app

import (
	"archive/zip"
	"bytes"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

const (
	advisoryJSON = `{"schema_version":"1.7.0","id":"DEBIAN-CVE-2026-0001","modified":"2026-01-02T00:00:00Z","published":"2026-01-01T00:00:00Z",
		"upstream":["CVE-2026-0001"],"details":"A hole in openssl.","affected":[{"package":{"ecosystem":"Debian:12","name":"openssl"},
		"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"3.0.17-1~deb12u1"}]}]}]}`
	kevJSON = `{"title":"CISA Catalog of Known Exploited Vulnerabilities","catalogVersion":"2026.01.02","dateReleased":"2026-01-02T00:00:00.0000Z","count":1,
		"vulnerabilities":[{"cveID":"CVE-2026-0001","vendorProject":"OpenSSL","product":"OpenSSL","vulnerabilityName":"OpenSSL hole","dateAdded":"2026-01-02",
		"shortDescription":"x","requiredAction":"y","dueDate":"2026-01-23","knownRansomwareCampaignUse":"Unknown","notes":""}]}`
)

func archive(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for name, text := range files {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// get asks from a state that includes everything committed so far.
func get[T any](s *server, path string) T {
	s.t.Helper()
	seq, err := s.wire.store.Seq(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	var v T
	if code := s.call("GET", path+"?min_seq="+fmt.Sprint(seq), nil, &v); code != 200 {
		s.t.Fatalf("GET %s: %d", path, code)
	}
	return v
}

func TestAHostsLifeFromEnrollmentToFindingsToPatched(t *testing.T) {
	t.Parallel()
	s := start(t, config(t))
	for name, file := range map[string][]byte{"osv/Debian": archive(t, map[string]string{"DEBIAN-CVE-2026-0001.json": advisoryJSON}), "kev": []byte(kevJSON)} {
		var status apiv1.FeedStatus
		if code := s.call("POST", "/api/v1/feeds/import?name="+url.QueryEscape(name), file, &status); code != 200 || status.Records != 1 || status.Skipped != 0 {
			t.Fatalf("import %s: %d %+v", name, code, status)
		}
	}
	a := s.agent()
	var enrolled apiv1.EnrollResponse
	if code := a.enroll(s.enrollToken(5), &enrolled); code != 200 || enrolled.State != apiv1.HostPending {
		t.Fatal(code, enrolled)
	}
	a.use(enrolled.Certificate)
	if code := s.call("POST", "/api/v1/hosts/web1.example.org/approve", nil, nil); code != 204 {
		t.Fatal(code)
	}
	sections := bodies(t)
	a.report(sections)

	findings := get[apiv1.FindingPage](s, "/api/v1/hosts/"+enrolled.HostID+"/findings")
	if len(findings.Items) != 1 || findings.Total != 1 || findings.NotAssessed != 0 {
		t.Fatalf("findings %+v", findings)
	}
	f := findings.Items[0]
	if f.Vulnerability != "CVE-2026-0001" || f.Source != "openssl" || f.Installed != "3.0.15-1~deb12u1" || f.Fixed != "3.0.17-1~deb12u1" ||
		f.Priority != apiv1.PriorityUrgent || f.Explanation == "" || !cmp.Equal(f.Packages, []string{"libssl3", "openssl"}) {
		t.Errorf("finding %+v", f)
	}
	detail := s.detail(enrolled.HostID)
	if detail.Host.Findings.Urgent != 1 || detail.Facts == nil || detail.Facts.Hostname != "web1" || detail.CertExpires == nil || detail.ApprovedBy != "user:admin" || len(detail.Since) != 5 {
		t.Errorf("detail %+v", detail)
	}
	if o := get[apiv1.Overview](s, "/api/v1/overview"); o.Hosts != 1 || o.Findings.Urgent != 1 || imported(o.Feeds) != "kev osv/Debian" {
		t.Errorf("overview %+v", o)
	}
	if v := get[apiv1.VulnDetail](s, "/api/v1/vulnerabilities/CVE-2026-0001"); !v.Known || v.Hosts.Total != 1 || v.KEV == nil {
		t.Errorf("vulnerability %+v", v)
	}
	for _, path := range []string{"/api/v1/hosts", "/api/v1/findings", "/api/v1/vulnerabilities", "/api/v1/updates"} {
		_ = get[map[string]any](s, path) // call fails the test on null arrays
	}

	sections[apiv1.SectionPackages] = bytes.ReplaceAll(sections[apiv1.SectionPackages], []byte("3.0.15-1~deb12u1"), []byte("3.0.17-1~deb12u1"))
	if answer := a.report(sections); !cmp.Equal(answer.Lacks, []string{apiv1.SectionPackages}) {
		t.Errorf("lacks %v", answer.Lacks)
	}
	if page := get[apiv1.FindingPage](s, "/api/v1/hosts/"+enrolled.HostID+"/findings"); page.Total != 0 || !page.Count.Assessed {
		t.Errorf("after the upgrade: %+v", page)
	}
	var history apiv1.HistoryPage
	if code := s.call("GET", "/api/v1/hosts/"+enrolled.HostID+"/history", nil, &history); code != 200 || len(history.Items) == 0 || len(history.Items[0].Changes) != 2 {
		t.Errorf("history: %d %+v", code, history)
	}
	if code := s.call("DELETE", "/api/v1/hosts/"+enrolled.HostID, nil, nil); code != 204 {
		t.Error(code)
	}
	if page := get[apiv1.HostPage](s, "/api/v1/hosts"); page.Total != 0 {
		t.Errorf("deleted: %+v", page)
	}
	if code := a.call("POST", apiv1.PathCheckin, checkinOf(sections), nil); code != 401 {
		t.Errorf("deleted: %d", code)
	}
}

func (s *server) detail(host string) apiv1.HostDetail {
	s.t.Helper()
	var d apiv1.HostDetail
	if code := s.call("GET", "/api/v1/hosts/"+host, nil, &d); code != 200 {
		s.t.Fatalf("host: %d", code)
	}
	return d
}

func TestBadFeedUploadsLeaveTheLastGoodDataInPlace(t *testing.T) {
	t.Parallel()
	s := start(t, config(t))
	good := archive(t, map[string]string{"DEBIAN-CVE-2026-0001.json": advisoryJSON})
	if code := s.call("POST", "/api/v1/feeds/import?name=osv/Debian", good, nil); code != 200 {
		t.Fatal(code)
	}
	for name, tc := range map[string]struct {
		feed string
		body []byte
	}{
		"cut off":      {"osv/Debian", good[:len(good)/2]},
		"not a zip":    {"osv/Debian", []byte("hello")},
		"no such feed": {"osv/../../etc", good},
		"KEV garbage":  {"kev", []byte("{")},
	} {
		var p apiv1.Problem
		logged := s.log.refusals("import-feed")
		if code := s.call("POST", "/api/v1/feeds/import?name="+url.QueryEscape(tc.feed), tc.body, &p); code < 400 || code >= 500 || p.Detail == "" {
			t.Errorf("%s: %d %+v", name, code, p)
		}
		if n := s.log.refusals("import-feed") - logged; n != 1 {
			t.Errorf("%s: %d log records", name, n)
		}
	}
	var list apiv1.FeedList
	if code := s.call("GET", "/api/v1/feeds", nil, &list); code != 200 {
		t.Fatal(code)
	}
	for _, f := range list.Items {
		if f.Name == "osv/Debian" && f.Records != 1 {
			t.Errorf("feed %+v", f)
		}
	}
}

// imported names the feeds that have data.
func imported(feeds []apiv1.FeedStatus) string {
	var names []string
	for _, f := range feeds {
		if f.AsOf != nil {
			names = append(names, f.Name)
		}
	}
	return strings.Join(names, " ")
}

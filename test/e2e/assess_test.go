//go:build linux && e2e

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/test/lab"
)

// assessed is two hosts alike, each with a server of its own that fetches nothing.
type assessed struct {
	a, b         *server
	on, isolated *lab.Host
	mirror       string // a mirror's folder, to be imported
	threat       threat
	times        map[string]time.Time // of what happened
	findings     map[string][]string  // at those times
	bundle, key  string
}

// TestAssess is one story: knowledge comes by import, judges a host, is overruled and taken back, goes to a server without a network; then
// the host is upgraded, and the past is asked about.
func TestAssess(t *testing.T) {
	s := newAssessed(t)
	for _, part := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"a_mirrors_folder_is_imported_whole", s.imported},
		{"findings_explain_themselves", s.explained},
		{"an_override_and_a_VEX_change_one_finding", s.overruled},
		{"a_bundle_is_exported", s.exported},
		{"bundles_that_are_not_trusted_are_refused", s.refused},
		{"a_server_without_a_network_runs_from_a_bundle", s.airGap},
		{"an_upgrade_closes_findings", s.upgraded},
		{"the_past_is_known", s.past},
		{"metrics_and_trend", s.metrics},
		{"old_code_still_loaded", s.oldCode},
	} {
		if !t.Run(part.name, part.run) {
			log, _ := s.on.Sh(t.Context(), "journalctl --no-pager -u staunch-agent | tail -n 20")
			t.Logf("the agent's journal:\n%s\nserver's log:\n%s", log, tail(s.a.log(t), 40))
			return
		}
	}
}

func newAssessed(t *testing.T) *assessed {
	t.Helper()
	repo, err := lab.NewDebRepo(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = repo.Close() })
	old := daemonPackage(t, "1.0")
	if err := repo.Publish(lab.DebSuite{Name: suiteSecurity, Origin: "Debian", Label: "Debian-Security", Debs: []lab.Deb{old, daemonPackage(t, "1.1")}}); err != nil {
		t.Fatal(err)
	}
	frozen, synthetic := serve(t, lab.FrozenMirror(), "8500"), serve(t, repo.Dir, "8501")
	layer := assessedLayer(t, repo, lab.FrozenSources(frozen, false)+repo.Sources(synthetic, "/etc/apt/lab.gpg", suiteSecurity), old)
	agent := agentLayer(t, "")
	s := &assessed{threat: activeThreat(t), times: map[string]time.Time{}, findings: map[string][]string{}}
	s.mirror = mirrorWith(t, s.threat.cve)
	s.on, s.isolated = boot(t, "assessed1", agent, layer), boot(t, "assessed2", agent, layer)
	s.a, s.b = startServer(t, "8502", "--feeds", "none"), startServer(t, "8503", "--feeds", "none")
	for srv, h := range map[*server]*lab.Host{s.a: s.on, s.b: s.isolated} {
		if err := enroll(t, srv, h, strings.TrimSpace(srv.must(t, "enroll-token", "create"))); err != nil {
			t.Fatal(err)
		}
	}
	for srv, h := range map[*server]*lab.Host{s.a: s.on, s.b: s.isolated} {
		waitReported(t, srv, h.Name)
	}
	return s
}

// mark notes what is found now under a name, and when that was.
func (s *assessed) mark(t *testing.T, name string) {
	t.Helper()
	s.times[name], s.findings[name] = time.Now(), told(s.open(t, s.a, s.on).Items)
	<-time.After(10 * time.Millisecond) // what comes next is later
}

func (s *assessed) open(t *testing.T, srv *server, h *lab.Host) apiv1.FindingPage {
	t.Helper()
	return get[apiv1.FindingPage](t, srv, "/api/v1/hosts/"+h.Name+"/findings?limit=1000")
}

// becomes waits until a host has just these findings.
func (s *assessed) becomes(t *testing.T, srv *server, h *lab.Host, want []string) []apiv1.Finding {
	t.Helper()
	var got []apiv1.Finding
	eventually(t, time.Minute, fmt.Sprintf("%s has its %d findings", h.Name, len(want)), func() error {
		page := s.open(t, srv, h)
		if d := cmp.Diff(want, told(page.Items)); d != "" || !page.Count.Assessed {
			return fmt.Errorf("assessed: %t (-want +got):\n%s", page.Count.Assessed, d)
		}
		got = page.Items
		return nil
	})
	return got
}

func (s *assessed) imported(t *testing.T) {
	if page := s.open(t, s.a, s.on); page.Count.Assessed || len(page.Items) > 0 {
		t.Fatalf("assessed without knowledge: %+v", page)
	}
	s.mark(t, "ignorant")
	list := decode[apiv1.FeedList](t, s.a, "feed", "import", s.mirror)
	var names []string
	for _, f := range list.Items {
		names = append(names, f.Name)
		if f.Error != "" || f.Records == 0 || f.AsOf == nil {
			t.Errorf("%s: %d records, as of %v: %s", f.Name, f.Records, f.AsOf, f.Error)
		}
	}
	slices.Sort(names)
	if d := cmp.Diff([]string{"distro-info", "eol", "epss", "kev", "osv/AlmaLinux", "osv/Debian", "ssvc"}, names); d != "" {
		t.Errorf("imported (-want +got):\n%s", d)
	}
	want := expectedOn(t, s.on, s.mirror)
	t.Logf("expected: %v", want)
	s.becomes(t, s.a, s.on, want)
}

func (s *assessed) explained(t *testing.T) {
	var f apiv1.Finding
	eventually(t, time.Minute, "scores and decisions, which come after the advisories, have reached the index", func() error {
		for _, f = range s.open(t, s.a, s.on).Items {
			if f.Source == "lab-daemon" && f.EPSS != nil && f.SSVC != nil {
				return nil
			}
		}
		return fmt.Errorf("%+v", f)
	})
	score, err := strconv.ParseFloat(s.threat.epss, 64)
	if err != nil {
		t.Fatal(err)
	}
	if f.EPSS == nil || f.EPSS.Score < score-0.0006 || f.EPSS.Score > score+0.0006 || f.EPSS.AsOf != "2026-08-16" {
		t.Errorf("EPSS %+v, want %s of 2026-08-16", f.EPSS, s.threat.epss)
	}
	if f.SSVC == nil || f.SSVC.Exploitation != s.threat.exploitation || f.SSVC.Automatable != s.threat.automatable || f.SSVC.Impact != s.threat.impact || f.SSVC.At == "" {
		t.Errorf("SSVC %+v, want %+v", f.SSVC, s.threat)
	}
	for _, input := range []string{"epss", "ssvc"} {
		if !slices.ContainsFunc(f.Reasons, func(r apiv1.Reason) bool {
			return r.Input == input && r.Value != "" && r.Source != "" && r.Date != "" && r.Effect != ""
		}) {
			t.Errorf("no whole reason of %s: %+v", input, f.Reasons)
		}
	}
	if f.Priority != apiv1.PriorityUrgent || f.Status != apiv1.StatusFixed || f.Feed != "osv/Debian" || f.FeedAsOf == nil || !strings.Contains(f.Explanation, "1.1") {
		t.Errorf("%+v", f)
	}
	if out := s.a.must(t, "findings", "--explain"); !strings.Contains(out, s.threat.cve) || !strings.Contains(out, "ssvc") {
		t.Errorf("staunch findings --explain:\n%s", out)
	}
}

func (s *assessed) overruled(t *testing.T) {
	all := expectedOn(t, s.on, s.mirror)
	rest := without(all, "lab-daemon")
	if len(all) != len(rest)+1 {
		t.Fatalf("%v is to lose one", all)
	}
	for _, own := range []struct {
		feed, file string
		text       func(cve string) string
	}{{"override", "list.yaml", overrideList}, {"vex", "own.json", openVEX}} {
		file := filepath.Join(t.TempDir(), own.file)
		say := func(cve string) {
			if err := os.WriteFile(file, []byte(own.text(cve)), 0o600); err != nil {
				t.Fatal(err)
			}
			if list := decode[apiv1.FeedList](t, s.a, "feed", "import", "--as", own.feed, file); len(list.Items) != 1 || list.Items[0].Error != "" {
				t.Fatalf("%s: %+v", own.feed, list.Items)
			}
		}
		say(s.threat.cve)
		s.becomes(t, s.a, s.on, rest)
		s.mark(t, own.feed)
		say("")
		s.becomes(t, s.a, s.on, all)
	}
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(bad, []byte(overrideList(s.threat.cve)+"  - {id: CVE-2026-0001, ecosystem: Debian, package: curl, status: fixed, reason: x}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if e := s.a.staunch(t, "feed", "import", "--as", "override", bad); e.code != 2 || !strings.Contains(e.err, "line 3") {
		t.Errorf("a list with a mistake ended with %d: %s", e.code, e.err)
	}
	s.becomes(t, s.a, s.on, all)
}

var publicKey = regexp.MustCompile(`ssh-ed25519 [A-Za-z0-9+/=]+`)

func (s *assessed) exported(t *testing.T) {
	dir := t.TempDir()
	s.bundle = filepath.Join(s.a.dir, "bundle.staunch")
	e := s.a.staunch(t, "feed", "export", "--ecosystems", "Debian:12", "--to", s.bundle)
	if key := publicKey.FindString(e.err + e.out); e.code != 0 || key == "" {
		t.Fatalf("ended with %d and shows no key: %s%s", e.code, e.out, e.err)
	} else if s.key = filepath.Join(s.a.dir, "a.pub"); os.WriteFile(s.key, []byte(key+"\n"), 0o600) != nil {
		t.Fatal("cannot keep the key")
	}
	if e := s.a.staunch(t, "feed", "export", "--ecosystems", "Debian:99", "--to", filepath.Join(dir, "x")); e.code != 3 {
		t.Errorf("exporting what is not known ended with %d: %s", e.code, e.err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("it left %v", left)
	}
}

const aRecordChanged = "with a record changed"

// refused: nothing of a bundle is taken in unless its signature holds and is of a key that is trusted.
func (s *assessed) refused(t *testing.T) {
	whole, err := os.ReadFile(s.bundle)
	if err != nil {
		t.Fatal(err)
	}
	tool(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", filepath.Join(s.b.dir, "other"))
	member, size := memberOf(t, whole, "osv/Debian")
	flipped := bytes.Clone(whole)
	flipped[member+size/2] ^= 1
	for _, c := range []struct {
		name, trust, want string
		body              []byte
	}{
		{"of a key that is not trusted", "", "not trusted", whole},
		{"of another key than the one to trust", filepath.Join(s.b.dir, "other.pub"), "not by the key to trust", whole},
		{"with another manifest", s.key, "signature", bytes.Replace(whole, []byte(`"records"`), []byte(`"Records"`), 1)},
		{"cut off", s.key, "cut off", whole[:len(whole)/2]},
		{aRecordChanged, s.key, "refused", flipped}, // the last, since other feeds of it are sound
	} {
		file := filepath.Join(t.TempDir(), "bundle")
		if err := os.WriteFile(file, c.body, 0o600); err != nil {
			t.Fatal(err)
		}
		args := []string{"feed", "import", file}
		if c.trust != "" {
			args = append(args, "--trust", c.trust)
		}
		if e := s.b.staunch(t, args...); e.code == 0 || !strings.Contains(e.err, c.want) {
			t.Errorf("a bundle %s ended with %d, want a word of %q: %s%s", c.name, e.code, c.want, e.err, e.out)
		}
		for _, f := range get[apiv1.FeedList](t, s.b, "/api/v1/feeds").Items {
			if f.Records > 0 && (f.Name == "osv/Debian" || c.name != aRecordChanged) { // feeds whose own bytes are the signer's are taken in
				t.Errorf("of a bundle %s the server has %d records of %s", c.name, f.Records, f.Name)
			}
		}
	}
	if page := s.open(t, s.b, s.isolated); page.Count.Assessed || len(page.Items) > 0 {
		t.Errorf("assessed by what was refused: %v", told(page.Items))
	}
}

// airGap: server and host are where no packet leaves, nothing is fetched, and the answers are those of the server with a mirror.
func (s *assessed) airGap(t *testing.T) {
	if out, err := lab.Output("ip", "route", "show", "default"); err != nil || out != "" {
		t.Fatalf("there is a way out: %s %v", out, err)
	}
	if e := s.b.staunch(t, "feed", "update"); e.code == 0 {
		t.Errorf("a server that is told to fetch nothing fetches: %s", e.err)
	}
	got := decode[apiv1.BundleImport](t, s.b, "feed", "import", s.bundle, "--trust", s.key)
	for _, f := range got.Items {
		if f.Error != "" {
			t.Errorf("%s: %s", f.Name, f.Error)
		}
	}
	there := s.becomes(t, s.b, s.isolated, expectedOn(t, s.isolated, s.mirror))
	here := s.becomes(t, s.a, s.on, expectedOn(t, s.on, s.mirror))
	if d := cmp.Diff(here, there, cmpopts.IgnoreFields(apiv1.Finding{}, "Host", "HostID")); d != "" {
		t.Errorf("assessed from a mirror and from a bundle (-mirror +bundle):\n%s", d)
	}
}

func (s *assessed) upgraded(t *testing.T) {
	s.mark(t, "before")
	sh(t, s.on, "systemctl stop staunch-agent-look.path") // this is about what is on the disk; oldCode is about what runs
	sh(t, s.on, "apt-get -qq update; DEBIAN_FRONTEND=noninteractive apt-get -qqy dist-upgrade")
	s.a.post(t, "/api/v1/hosts/"+s.on.Name+"/refresh")
	left := expectedOn(t, s.on, s.mirror)
	if len(left) >= len(s.findings["before"]) || len(without(left, "lab-daemon")) != len(left) {
		t.Fatalf("the upgrade fixes nothing: %v", left)
	}
	s.becomes(t, s.a, s.on, left)
	s.mark(t, "after")
}

// past: as of each time, the answer is what it was then; with hindsight, what it would have been.
func (s *assessed) past(t *testing.T) {
	ask := func(name string, more ...string) apiv1.FindingPage {
		t.Helper()
		return decode[apiv1.FindingPage](t, s.a, append([]string{"host", "findings", s.on.Name, "--limit", "1000", "--as-of", s.times[name].UTC().Format(time.RFC3339Nano)}, more...)...)
	}
	for _, name := range []string{"override", "vex", "before", "after"} {
		page := ask(name)
		if d := cmp.Diff(s.findings[name], told(page.Items)); d != "" || !page.Count.Assessed || page.Past == nil || page.Past.Knowledge != apiv1.KnowledgeThen {
			t.Errorf("as of %s: %+v (-then +as of):\n%s", name, page.Past, d)
		}
	}
	if page := ask("ignorant"); page.Count.Assessed || len(page.Items) > 0 {
		t.Errorf("before the first import: %d findings, assessed %t; want unknown then", len(page.Items), page.Count.Assessed)
	}
	for _, name := range []string{"ignorant", "override"} {
		page := ask(name, "--hindsight")
		if d := cmp.Diff(s.findings["before"], told(page.Items)); d != "" || !page.Count.Assessed || page.Past == nil || page.Past.Knowledge != apiv1.KnowledgeToday {
			t.Errorf("as of %s with hindsight: %+v (-want +got):\n%s", name, page.Past, d)
		}
	}
}

func (s *assessed) metrics(t *testing.T) {
	all, left := len(s.findings["before"]), len(s.findings["after"])
	m := decode[apiv1.Metrics](t, s.a, "report", "metrics", "--from", "1d")
	i := slices.IndexFunc(m.Rows, func(r apiv1.MetricsRow) bool { return r.Priority == "all" })
	if i < 0 || m.Hosts != 1 || m.Coverage.Assessed != 1 || m.Coverage.NotAssessed != 0 {
		t.Fatalf("%+v", m)
	}
	row := m.Rows[i]
	if row.Opened != all || row.Fixed != all-left || row.Open != left || row.TimeToPatch == nil || row.ExposureDays > 0.1*float64(all) {
		t.Errorf("%d findings were open and %d are: %+v", all, left, row)
	}
	if took := row.TimeToPatch; took != nil && (took.Median < 0 || took.Longest > 1.0/24) {
		t.Errorf("patching took %+v days of a host that is some minutes old", took)
	}
	trend := decode[apiv1.Trend](t, s.a, "report", "trend", "--from", "3d")
	began := s.times["ignorant"].UTC().Format(time.DateOnly)
	for _, d := range trend.Items { // the fleet was not there on any day before this one
		if d.Day < began && (d.Hosts != 0 || d.Findings.Assessed || d.Findings.Total != 0) {
			t.Errorf("%s: %+v", d.Day, d)
		}
	}
}

// oldCode: a service has still loaded the library that was replaced. Which processes have what in memory the unprivileged half may not see: it
// asks the looking half, and where none answers it says nothing rather than "none".
func (s *assessed) oldCode(t *testing.T) {
	if maps := sh(t, s.on, "cat /proc/$(systemctl show -P MainPID lab-daemon)/maps"); !strings.Contains(maps, "liblab.so.1 (deleted)") {
		t.Fatalf("the service has not loaded the old library:\n%s", maps)
	}
	eventually(t, time.Minute, "an agent that cannot look at all processes says nothing", func() error {
		s.a.post(t, "/api/v1/hosts/"+s.on.Name+"/refresh")
		<-time.After(time.Second)
		if old := detail(t, s.a, s.on.Name).Facts.OldCode; old != nil {
			return fmt.Errorf("old code: %+v", old)
		}
		return nil
	})
	sh(t, s.on, "systemctl start staunch-agent-look.path")
	refresh := func(what string, check func([]apiv1.OldCode) bool) {
		t.Helper()
		eventually(t, time.Minute, what, func() error {
			s.a.post(t, "/api/v1/hosts/"+s.on.Name+"/refresh")
			<-time.After(time.Second)
			if old := detail(t, s.a, s.on.Name).Facts.OldCode; old == nil || !check(old) {
				return fmt.Errorf("old code: %+v", old)
			}
			return nil
		})
	}
	mine := func(o apiv1.OldCode) bool { return o.Name == "lab-daemon" }
	refresh("the old library is seen", func(old []apiv1.OldCode) bool {
		i := slices.IndexFunc(old, mine)
		return i >= 0 && old[i].From == "1.0" && slices.Equal(old[i].Units, []string{"lab-daemon.service"})
	})
	if n, err := strconv.ParseInt(strings.TrimSpace(sh(t, s.on, "systemctl show -P CPUUsageNSec staunch-agent-look.service")), 10, 64); err == nil {
		t.Logf("to look once took %s of CPU", time.Duration(n).Round(100*time.Microsecond))
	}
	eventually(t, time.Minute, "the finding is open again: fixed on disk, and not in memory", func() error {
		for _, f := range s.open(t, s.a, s.on).Items {
			if f.Source == "lab-daemon" && f.Status == apiv1.StatusOldCode && f.Vulnerability == s.threat.cve {
				return nil
			}
		}
		return errors.New("it is not")
	})
	sh(t, s.on, "systemctl restart lab-daemon")
	refresh("nothing old of it runs", func(old []apiv1.OldCode) bool { return !slices.ContainsFunc(old, mine) })
	eventually(t, time.Minute, "the finding is closed", func() error {
		for _, f := range s.open(t, s.a, s.on).Items {
			if f.Source == "lab-daemon" {
				return fmt.Errorf("%+v", f)
			}
		}
		return nil
	})
}

package scan

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/staunch-dev/staunch/internal/fault"
)

// What feed mirror fetched is what a scan reads.
func TestMirrorThenScan(t *testing.T) {
	t.Parallel()
	data := shared(t)
	server := httptest.NewServer(http.FileServer(http.Dir(filepath.Join(data, "feeds"))))
	defer server.Close()
	dir := filepath.Join(t.TempDir(), "feeds")
	run := func(args ...string) (string, error) {
		var out bytes.Buffer
		c := MirrorCommand(Streams{Out: &out, Err: &out})
		c.SetArgs(args)
		err := c.ExecuteContext(t.Context())
		return out.String(), err
	}
	out, err := run(dir, "--ecosystems", "Debian:12", "--from", server.URL, "--without", "debian-*,epss,ssvc,eol")
	if err != nil || !strings.Contains(out, "osv/Debian   2155 records\n") || !strings.Contains(out, "kev          1674 records\n") {
		t.Fatalf("%v:\n%s", err, out)
	}
	if out, err = run(dir, "--ecosystems", "Debian:12", "--from", server.URL, "--without", "debian-*,epss,ssvc,eol"); err != nil || !strings.Contains(out, "osv/Debian   nothing new\n") {
		t.Errorf("again: %v:\n%s", err, out)
	}
	got, err := Run(t.Context(), Options{Root: rootWith(t, read(t, filepath.Join(data, "debian12/dpkg-status")), debian12), Feeds: dir, NoCache: true})
	if err != nil || got.Assessment.Status != assessed || len(got.Findings) == 0 {
		t.Errorf("%v: %+v, %d findings", err, got.Assessment, len(got.Findings))
	}
	if out, err := run(dir, "--ecosystems", "Debian:12,Amazon Linux:2023", "--from", server.URL); err != nil ||
		!strings.Contains(out, "debian-tracker  not there\n") || !strings.Contains(out, "amazon/2023     not supported: ") {
		t.Errorf("%v:\n%s", err, out)
	}
	if out, err := run(filepath.Join(dir, "other"), "--ecosystems", "Debian:12", "--from", server.URL+"/nothing"); !errors.Is(err, fault.Unavailable) || !strings.Contains(fault.Message(err), "none of the feeds is at "+server.URL+"/nothing") {
		t.Errorf("a wrong address: %v:\n%s", err, out)
	}
	for want, args := range map[string][]string{"which feeds?": {dir}, "no directory": {"--ecosystems", "Debian:12"}, "one argument too many": {dir, dir}} {
		if _, err := run(args...); !errors.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), want) {
			t.Errorf("%v: %v, want %q", args, err, want)
		}
	}
}

package lifecycle

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/feed/intake/intaketest"
)

const answer = `{"schema_version":"1.2.0","generated_at":"2026-11-20T00:10:00+00:00","total":1,"result":[
 {"name":"debian","aliases":[],"last_modified":"2026-11-19T00:00:00+00:00","releases":[
  {"name":"12","codename":"Bookworm","label":"12 (Bookworm)","releaseDate":"2023-06-10","isLts":false,"ltsFrom":null,"isEoas":true,"eoasFrom":"2025-08-09","isEol":true,"eolFrom":"2026-07-11","isEoes":false,"eoesFrom":"2028-06-30","isMaintained":true,"latest":{"name":"12.12","date":"2026-01-01","link":null}},
  {"name":"2","releaseDate":"2000-01-01","isEol":true,"eolFrom":null,"codename":null,"latest":null},
  {"name":"3","releaseDate":"2000-01-01","isEol":false,"eolFrom":null},
  {"name":"3","releaseDate":"2000-01-01","isEol":false},
  {"name":"4","releaseDate":"soon"},
  {"releaseDate":"2000-01-01"}]},
 {"name":"x\u0000","releases":[]},
 7]}`

func TestReadEOLAnswer(t *testing.T) {
	t.Parallel()
	want := []advisory.Lifecycle{
		{Feed: "f", Product: "debian", Release: "12", Codename: "Bookworm", Released: "2023-06-10", Support: "2025-08-09", EOL: "2026-07-11", Extended: "2028-06-30", Latest: "12.12"},
		{Feed: "f", Product: "debian", Release: "2", Released: "2000-01-01", Ended: true},
		{Feed: "f", Product: "debian", Release: "3", Released: "2000-01-01"},
	}
	problems := []advisory.Problem{
		{Record: "debian 3", Reason: "a second record of this release"},
		{Record: "debian 4", Reason: `"soon" is not a date`},
		{Record: "debian ", Reason: "a release without a name, or with one that is too long or not printable"},
		{Record: "product 2", Reason: "it has no name, or one that is too long or not printable"},
		{Record: "product 3", Reason: "not a product: json: cannot unmarshal number into Go value of type lifecycle.product"},
	}
	for _, data := range [][]byte{[]byte(answer), intaketest.Gzip(t, []byte(answer))} {
		s, got, err := read(t, ReadEOL, data, intake.Limits{})
		if diff := cmp.Diff(want, got) + cmp.Diff(problems, s.Problems); err != nil || diff != "" || s.Records != 3 || s.Newest.Format(time.DateOnly) != "2026-11-20" {
			t.Errorf("%v, as of %s: %s", err, s.Newest, diff)
		}
	}
}

// A date is kept as a date, and a yes or no as what it says: ended, or not.
func TestReadEOLCatalogue(t *testing.T) {
	t.Parallel()
	text := `{"p":{"title":"P","releases":[
	 {"releaseCycle":"1","releaseDate":"2020-01-01","eol":true,"eoas":true,"latest":"1.9"},
	 {"releaseCycle":"2","releaseDate":"2021-01-01","eol":false,"eoes":false},
	 {"releaseCycle":"3","releaseDate":"2022-01-01","eol":"2030-01-01","eoas":"2025-01-01","eoes":"2032-01-01"}]}}`
	want := []advisory.Lifecycle{
		{Feed: "f", Product: "p", Release: "1", Released: "2020-01-01", Ended: true, Latest: "1.9"},
		{Feed: "f", Product: "p", Release: "2", Released: "2021-01-01"},
		{Feed: "f", Product: "p", Release: "3", Released: "2022-01-01", Support: "2025-01-01", EOL: "2030-01-01", Extended: "2032-01-01"},
	}
	s, got, err := read(t, ReadEOL, []byte(text), intake.Limits{})
	if diff := cmp.Diff(want, got); err != nil || diff != "" || len(s.Problems) != 0 {
		t.Errorf("%v: %s %v", err, diff, s.Problems)
	}
}

func TestReadEOLDamaged(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"empty": "", "a list": "[]", "no products": "{}", "cut off": answer[:400], "two in one": answer + answer, "a page": "<html>"} {
		if _, got, err := read(t, ReadEOL, []byte(text), intake.Limits{}); !errors.Is(err, intake.ErrDamaged) {
			t.Errorf("%s: %v, %d releases", name, err, len(got))
		}
	}
	if _, _, err := read(t, ReadEOL, []byte(answer), intake.Limits{MaxTotal: 100}); !errors.Is(err, intake.ErrTooLong) {
		t.Errorf("%v, want too long", err)
	}
}

// Every release of the real catalogue is read; how many there are is counted apart, and so are those that are over without a date.
func TestReadEOLReal(t *testing.T) {
	t.Parallel()
	data := intaketest.Sample(t, "feeds", "eol", "endoflife.json.gz")
	unpacked, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	var whole map[string]struct{ Releases []map[string]any }
	if err := json.Unmarshal(plain, &whole); err != nil {
		t.Fatal(err)
	}
	releases, ended, dated := 0, 0, 0
	for _, p := range whole {
		releases += len(p.Releases)
		for _, r := range p.Releases {
			switch eol := r["eol"].(type) {
			case string:
				dated++
			case bool:
				if eol {
					ended++
				}
			}
		}
	}
	s, got, err := read(t, ReadEOL, data, intake.Limits{})
	if err != nil || s.Skipped != 0 || len(s.Problems) != 0 || len(whole) != 464 || releases != 8351 || len(got) != releases {
		t.Errorf("%v: %d of %d releases of %d products, %v", err, len(got), releases, len(whole), s.Problems)
	}
	for _, l := range got {
		if l.Ended {
			ended--
		}
		if l.EOL != "" {
			dated--
		}
	}
	if ended != 0 || dated != 0 {
		t.Errorf("%d releases that are over and %d dates are missing", ended, dated)
	}
	checkStates(t, got, []state{
		{"Debian:12", "supported", "2026-07-11", "2026-07-01"}, {"Debian:12", "extended", "2028-06-30", "2026-11-21"}, {"Debian:10", "ended", "2024-06-30", "2026-11-21"},
		{"Ubuntu:24.04", "supported", "2029-05-31", "2026-11-21"}, {"Ubuntu:20.04", "extended", "2030-04-02", "2026-11-21"}, {"Ubuntu:25.04", "ended", "2026-01-17", "2026-11-21"},
		{"Red Hat:7", "extended", "2029-05-31", "2026-11-21"}, {"Red Hat:9", "supported", "2032-05-31", "2026-11-21"}, {"AlmaLinux:8", "supported", "2029-05-31", "2026-11-21"},
		{"Rocky Linux:10", "supported", "2035-05-31", "2026-11-21"}, {"SUSE:15.5", "extended", "2027-12-31", "2026-11-21"}, {"SUSE:15", "ended", "2022-12-31", "2026-11-21"},
		{"openSUSE:Leap 15.6", "ended", "2026-04-30", "2026-11-21"}, {"Alpine:v3.20", "ended", "2026-04-01", "2026-11-21"}, {"Alpine:v3.23", "supported", "2027-11-01", "2026-11-21"},
		{"Amazon Linux:2", "ended", "2026-06-30", "2026-11-21"}, {"Amazon Linux:2023", "supported", "2029-06-30", "2026-11-21"},
		{"Oracle Linux:9", "supported", "2032-06-30", "2026-11-21"}, {"Oracle Linux:10", "supported", "", "2026-11-21"}, {"Azure Linux:3", "unknown", "", "2026-11-21"},
	})
}

// state is what a release of an ecosystem is on a day, and until when.
type state struct{ ecosystem, state, until, day string }

func checkStates(t *testing.T, all []advisory.Lifecycle, want []state) {
	t.Helper()
	for _, w := range want {
		product, release := advisory.ProductOf(w.ecosystem)
		var of advisory.Lifecycle
		for _, l := range all {
			if l.Product == product && l.Release == release {
				of = l
			}
		}
		now, err := time.Parse(time.DateOnly, w.day)
		if err != nil {
			t.Fatal(err)
		}
		if got, until := of.StateAt(now); string(got) != w.state || until != w.until {
			t.Errorf("%s on %s: %s until %q, want %s until %q", w.ecosystem, w.day, got, until, w.state, w.until)
		}
	}
}

func TestReadEOLSample(t *testing.T) {
	t.Parallel()
	s, got, err := read(t, ReadEOL, intaketest.Sample(t, "samples", "vunnel", "eol", "test-fixtures", "valid-eol-response.json"), intake.Limits{})
	want := []advisory.Lifecycle{
		{Feed: "f", Product: "python", Release: "3.12", Codename: "Stable", Released: "2023-10-02", EOL: "2028-10-01"},
		{Feed: "f", Product: "python", Release: "3.11", Codename: "Feature Complete", Released: "2022-10-24", EOL: "2027-10-24"},
		{Feed: "f", Product: "python", Release: "2.7", Codename: "Legacy", Released: "2010-07-03", EOL: "2020-01-01"},
		{Feed: "f", Product: "ubuntu", Release: "24.04", Codename: "Noble Numbat", Released: "2024-04-25", Support: "2034-04-25", EOL: "2029-04-25"},
		{Feed: "f", Product: "ubuntu", Release: "22.04", Codename: "Jammy Jellyfish", Released: "2022-04-21", Support: "2032-04-21", EOL: "2027-04-21"},
		{Feed: "f", Product: "ubuntu", Release: "18.04", Codename: "Bionic Beaver", Released: "2018-04-26", Support: "2028-04-26", EOL: "2023-04-26"},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" || len(s.Problems) != 0 {
		t.Errorf("%v: %s %v", err, diff, s.Problems)
	}
}

func TestReadDistroInfoReal(t *testing.T) {
	t.Parallel()
	debian, ubuntu := intaketest.Sample(t, "feeds", "eol", "distro-info-debian.csv"), intaketest.Sample(t, "feeds", "eol", "distro-info-ubuntu.csv")
	repository := intaketest.Gzip(t, intaketest.Tar(t, intaketest.Member{"distro-info-data-main/debian.csv", string(debian)}, intaketest.Member{"distro-info-data-main/README.md", "#"}, intaketest.Member{"distro-info-data-main/ubuntu.csv", string(ubuntu)}))
	var both []advisory.Lifecycle
	for _, data := range [][]byte{debian, ubuntu} {
		s, got, err := read(t, ReadDistroInfo, data, intake.Limits{})
		if rows := bytes.Count(data, []byte("\n")) - 1; err != nil || s.Records+s.Left != rows || len(s.Problems) != 0 {
			t.Errorf("%v: %+v of %d rows", err, s, rows)
		}
		both = append(both, got...)
	}
	s, all, err := read(t, ReadDistroInfo, repository, intake.Limits{})
	if diff := cmp.Diff(both, all); err != nil || diff != "" || s.Left != 2 { // sid, experimental
		t.Errorf("%v: %+v %s", err, s, diff)
	}
	checkStates(t, all, []state{
		{"Debian:12", "extended", "2028-06-30", "2026-11-21"}, {"Debian:13", "supported", "2028-08-09", "2026-11-21"}, {"Debian:10", "ended", "2024-06-30", "2026-11-21"},
		{"Debian:14", "unknown", "", "2026-11-21"}, {"Debian:6", "ended", "2016-02-29", "2026-11-21"}, {"Debian:3.1", "ended", "2008-03-31", "2026-11-21"},
		{"Ubuntu:24.04", "supported", "2029-05-31", "2026-11-21"}, {"Ubuntu:16.04", "ended", "2026-04-23", "2026-11-21"}, {"Ubuntu:20.04", "extended", "2030-04-23", "2026-11-21"},
		{"Ubuntu:8.04", "ended", "2013-05-09", "2026-11-21"}, {"Ubuntu:25.10", "ended", "2026-07-09", "2026-11-21"}, {"Ubuntu:26.04", "supported", "2031-05-29", "2026-11-21"},
	})
}

// Both sources name releases alike: every one of distro-info's that is out is found at endoflife.date, as far back as that goes.
func TestSourcesMeet(t *testing.T) {
	t.Parallel()
	_, eol, err := read(t, ReadEOL, intaketest.Sample(t, "feeds", "eol", "endoflife.json.gz"), intake.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, l := range eol {
		known[l.Product+" "+l.Release] = true
	}
	for _, name := range []string{"distro-info-debian.csv", "distro-info-ubuntu.csv"} {
		_, got, err := read(t, ReadDistroInfo, intaketest.Sample(t, "feeds", "eol", name), intake.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range got {
			if l.Released != "" && l.Released > "2013" && !known[l.Product+" "+l.Release] {
				t.Errorf("endoflife.date does not know %s %s", l.Product, l.Release)
			}
		}
	}
}

func TestReadDistroInfo(t *testing.T) {
	t.Parallel()
	const head = "version,codename,series,created,release,eol,eol-lts,eol-elts\n"
	for name, tc := range map[string]struct {
		text     string
		want     []advisory.Lifecycle
		problems int
		err      string
	}{
		"a row that ends early":   {text: head + "14,Forky,forky,2025-08-09\n", want: []advisory.Lifecycle{{Feed: "f", Product: "debian", Release: "14", Codename: "Forky"}}},
		"a company's own support": {text: head + "9,Stretch,stretch,2015-04-26,2017-06-17,2020-07-18,2022-06-30,2027-06-30\n", want: []advisory.Lifecycle{{Feed: "f", Product: "debian", Release: "9", Codename: "Stretch", Released: "2017-06-17", EOL: "2020-07-18", Extended: "2022-06-30"}}},
		"bad rows": {text: head + "9,S,s,x,y,z\n9,\"S\n1,2,3,4,5,6,7,8,9\n10,Buster,buster,2017-06-17,2019-07-06,2022-09-10\n10,Buster,buster\n", problems: 4,
			want: []advisory.Lifecycle{{Feed: "f", Product: "debian", Release: "10", Codename: "Buster", Released: "2019-07-06", EOL: "2022-09-10"}}},
		"another table":          {text: "version,name\n1,x\n", err: "its header is"},
		"of whom it is not told": {text: "version,codename,series,created,release,eol\n1,x,x,2020-01-01,2020-01-01,2020-01-01\n", err: "its header is"},
		"no rows":                {text: head, err: "no release"},
		"not a table":            {text: "<html>", err: "no tar archive"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			s, got, err := read(t, ReadDistroInfo, []byte(tc.text), intake.Limits{})
			if tc.err != "" {
				if !errors.Is(err, intake.ErrDamaged) || !strings.Contains(err.Error(), tc.err) {
					t.Errorf("%v, want %q", err, tc.err)
				}
				return
			}
			if diff := cmp.Diff(tc.want, got); err != nil || diff != "" || len(s.Problems) != tc.problems {
				t.Errorf("%v: %s%v", err, diff, s.Problems)
			}
		})
	}
}

func FuzzLifecycle(f *testing.F) {
	f.Add([]byte(answer))
	f.Add([]byte(`{"p":{"releases":[{"releaseCycle":"1","releaseDate":"2020-01-01","eol":true,"latest":"1.9"}]}}`))
	f.Add([]byte("version,codename,series,created,release,eol,eol-server,eol-esm\n24.04 LTS,N,n,2023-10-12,2024-04-25,2029-05-31,2029-05-31,2034-04-25\n"))
	f.Add(intaketest.Gzip(f, intaketest.Tar(f, intaketest.Member{"a/debian.csv", "version,codename,series,created,release,eol,eol-lts\n12,B,b\n"})))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, adapter := range []intake.Adapter{ReadEOL, ReadDistroInfo} {
			s, all, err := read(t, adapter, data, intake.Limits{MaxTotal: 1 << 20, MaxRecord: 1 << 16})
			if err == nil && s.Records == 0 || s.Records != len(all) || len(s.Problems) > intake.MaxProblems {
				t.Errorf("%v: %+v, %d releases", err, s, len(all))
			}
			for _, l := range all {
				if !sound(l.Product) || !sound(l.Release) || checkDates(l) != nil || l.Ended && l.EOL != "" || len(l.Latest) > maxName || len(l.Codename) > maxName {
					t.Errorf("%+v", l)
				}
			}
		}
	})
}

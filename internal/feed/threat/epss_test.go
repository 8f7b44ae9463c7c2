package threat

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/feed/intake/intaketest"
)

const (
	dated   = "#model_version:v2026.03.14,score_date:2026-08-16T12:55:00+0000\n"
	columns = "cve,epss,percentile\n"
)

func score(cve string, of float64) advisory.Overlay {
	return advisory.Overlay{Feed: "f", CVE: cve, EPSS: &advisory.EPSS{Score: of}}
}

func TestReadEPSS(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		text     string
		want     []advisory.Overlay
		problems []advisory.Problem
		err      string
	}{
		"rounded to a thousandth": {
			text: dated + columns + "CVE-2026-0001,0.12350,0.9\nCVE-2026-0002,0.00049,0.1\nCVE-2026-0003,0.99951,0.1\nCVE-2026-0004,1,1\nCVE-2026-0005,0,0\n",
			want: []advisory.Overlay{score("CVE-2026-0001", 0.124), score("CVE-2026-0002", 0), score("CVE-2026-0003", 1), score("CVE-2026-0004", 1), score("CVE-2026-0005", 0)},
		},
		"columns found by name, lines ended as on Windows": {
			text: strings.ReplaceAll(dated+"percentile,cve,new,epss\n0.9,CVE-2026-0001,x,0.5\n", "\n", "\r\n"),
			want: []advisory.Overlay{score("CVE-2026-0001", 0.5)},
		},
		"bad rows are named and skipped": {
			text: dated + columns + "CVE-2026-0001,0.5,0.9\nCVE-2026-0001,0.6,0.9\nGHSA-1,0.5,0.9\nCVE-2026-0002,1.5,1\nCVE-2026-0003,-0.1,1\nCVE-2026-0004,NaN,1\nCVE-2026-0005,,1\nCVE-2026-0006,0.5\n",
			want: []advisory.Overlay{score("CVE-2026-0001", 0.5)},
			problems: []advisory.Problem{
				{Record: "CVE-2026-0001", Reason: "a second score for this CVE"},
				{Record: "line 5", Reason: `"GHSA-1" is not a CVE id`},
				{Record: "line 6", Reason: `CVE-2026-0002: the score "1.5" is not between 0 and 1`},
				{Record: "line 7", Reason: `CVE-2026-0003: the score "-0.1" is not between 0 and 1`},
				{Record: "line 8", Reason: `CVE-2026-0004: the score "NaN" is not between 0 and 1`},
				{Record: "line 9", Reason: `CVE-2026-0005: the score "" is not between 0 and 1`},
				{Record: "line 10", Reason: `2 columns instead of 3`},
			},
		},
		"no date":       {text: "#model_version:v1\n" + columns + "CVE-2026-0001,0.5,0.9\n", err: "no score_date"},
		"no comment":    {text: columns + "CVE-2026-0001,0.5,0.9\n", err: "no score_date"},
		"not a date":    {text: "#score_date:today\n" + columns + "CVE-2026-0001,0.5,0.9\n", err: `score_date "today" is not a time`},
		"other columns": {text: dated + "cve,score\nCVE-2026-0001,0.5\n", err: `its header is "cve,score"`},
		"no rows":       {text: dated + columns, err: "no score that can be read"},
		"endless line":  {text: dated + columns + "CVE-2026-0001,0.5,0.9\n" + strings.Repeat("x", 5000), err: "line 4 is longer than 4096 bytes"},
		"empty":         {text: "", err: "no score_date"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			for _, data := range [][]byte{[]byte(tc.text), intaketest.Gzip(t, []byte(tc.text))} {
				s, got, err := read(t, ReadEPSS, data, intake.Limits{})
				if tc.err != "" {
					if !errors.Is(err, intake.ErrDamaged) || !strings.Contains(err.Error(), tc.err) {
						t.Errorf("%v, want %q", err, tc.err)
					}
					continue
				}
				if err != nil || s.Records != len(got) || s.Skipped != len(tc.problems) {
					t.Errorf("%v: %+v", err, s)
				}
				if want := time.Date(2026, 8, 16, 12, 55, 0, 0, time.UTC); !s.Newest.Equal(want) {
					t.Errorf("as of %s, want %s", s.Newest, want)
				}
				if diff := cmp.Diff(tc.want, got) + cmp.Diff(tc.problems, s.Problems); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

// A file that was not fetched whole is refused, however many of its rows can be read.
func TestReadEPSSCutOff(t *testing.T) {
	t.Parallel()
	whole := intaketest.Gzip(t, []byte(dated+columns+strings.Repeat("CVE-2026-0001,0.5,0.9\n", 1000)))
	if _, _, err := read(t, ReadEPSS, whole[:len(whole)-4], intake.Limits{}); !errors.Is(err, intake.ErrDamaged) || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("%v, want damage", err)
	}
	if _, _, err := read(t, ReadEPSS, whole, intake.Limits{MaxTotal: 1000}); !errors.Is(err, intake.ErrTooLong) {
		t.Errorf("%v, want too long", err)
	}
}

// An error of the taker is no damage of the file.
func TestReadEPSSSinkStops(t *testing.T) {
	t.Parallel()
	stop := errors.New("full")
	data := []byte(dated + columns + "CVE-2026-0001,0.5,0.9\n")
	_, err := ReadEPSS(t.Context(), intake.File{ReaderAt: bytes.NewReader(data), Size: int64(len(data))}, intake.Options{}, intake.Sink{Overlay: func(advisory.Overlay) error { return stop }})
	if !errors.Is(err, stop) || errors.Is(err, intake.ErrDamaged) {
		t.Errorf("%v, want %v", err, stop)
	}
}

// Every row of the real file is read; how many there are is counted apart.
func TestReadEPSSReal(t *testing.T) {
	t.Parallel()
	data := intaketest.Sample(t, "feeds", "epss", "epss_scores-2026-08-16.csv.gz")
	unpacked, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	rows := bytes.Count(plain, []byte("\nCVE-"))
	s, got, err := read(t, ReadEPSS, data, intake.Limits{})
	if err != nil || s.Skipped != 0 || len(s.Problems) != 0 || s.Records != rows || len(got) != rows || rows != 360_142 {
		t.Errorf("%v: %d records and %d skipped of %d rows, %v", err, s.Records, s.Skipped, rows, s.Problems)
	}
	if got := s.Newest.Format(time.RFC3339); got != "2026-08-16T00:00:00Z" {
		t.Errorf("as of %s", got)
	}
	for _, o := range got {
		if thousandths := o.EPSS.Score * 1000; math.Abs(thousandths-math.Round(thousandths)) > 1e-9 {
			t.Fatalf("%s is not rounded: %v", o.CVE, o.EPSS.Score)
		}
	}
	if want := score("CVE-1999-0001", 0.034); !cmp.Equal(got[0], want) { // 0.03351
		t.Error(cmp.Diff(want, got[0]))
	}
}

func TestReadEPSSSamples(t *testing.T) {
	t.Parallel()
	folder := []string{"samples", "vunnel", "epss", "test-fixtures"}
	s, got, err := read(t, ReadEPSS, intaketest.Sample(t, append(folder, "example-1.csv")...), intake.Limits{})
	want := []advisory.Overlay{score("CVE-1999-0001", 0.004), score("CVE-1999-0002", 0.013), score("CVE-1999-0003", 0.044), score("CVE-1999-0004", 0.009), score("CVE-1999-0005", 0.92)}
	if err != nil || s.Newest.Format(time.DateOnly) != "2025-02-20" || !cmp.Equal(got, want) {
		t.Errorf("%v, as of %s: %s", err, s.Newest, cmp.Diff(want, got))
	}
	for name, want := range map[string]string{"invalid-header.csv": "without the columns cve and epss", "missing-date.csv": "no score_date"} {
		if _, got, err := read(t, ReadEPSS, intaketest.Sample(t, append(folder, name)...), intake.Limits{}); !errors.Is(err, intake.ErrDamaged) || !strings.Contains(err.Error(), want) || len(got) != 0 {
			t.Errorf("%s: %v, want %q; %d scores", name, err, want, len(got))
		}
	}
}

func FuzzEPSS(f *testing.F) {
	whole := []byte(dated + columns + "CVE-2026-0001,0.5,0.9\nCVE-2026-0001,0.5\nx,y,z\n")
	f.Add(whole)
	f.Add(intaketest.Gzip(f, whole))
	f.Add(whole[:30])
	f.Fuzz(func(t *testing.T, data []byte) {
		s, all, err := read(t, ReadEPSS, data, intake.Limits{MaxTotal: 1 << 20})
		if err == nil && (s.Records == 0 || s.Newest.IsZero()) || s.Records != len(all) || len(s.Problems) > intake.MaxProblems {
			t.Errorf("%v: %+v, %d scores", err, s, len(all))
		}
		for _, o := range all {
			if !intake.IsCVE(o.CVE) || !(o.EPSS.Score >= 0 && o.EPSS.Score <= 1) {
				t.Errorf("%+v", o)
			}
		}
	})
}

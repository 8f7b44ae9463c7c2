package threat

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// decision is one SSVC decision with its full time: of several for one CVE the newest counts.
type decision struct {
	ssvc advisory.SSVC
	at   time.Time
}

// decisions gathers the newest one of each CVE. A year's worth is some 40,000; the limit is that of files in an archive.
type decisions struct {
	of  map[string]decision
	max int64
}

func (d *decisions) add(cve string, n decision) error {
	old, known := d.of[cve]
	switch {
	case !known && int64(len(d.of)) >= d.max:
		return fmt.Errorf("%w: it has more than %d decisions", intake.ErrTooLong, d.max)
	case !known || !n.at.Before(old.at):
		d.of[strings.Clone(cve)] = n
	}
	return nil
}

// ReadSSVC reads CISA's SSVC decisions: its vulnrichment repository as a zip or a packed tar, one CVE record (JSON 5) of it, or a table of
// tab-separated columns (cve, exploitation, automatable, technical_impact, ssvc_timestamp). What the file is, its content tells. Each CVE is
// given once, with its newest decision, by CVE id; Survey.Newest is the newest decision's time.
func ReadSSVC(ctx context.Context, f intake.File, o intake.Options, to intake.Sink) (intake.Survey, error) {
	var s intake.Survey
	all := &decisions{map[string]decision{}, o.Limits.OrDefault().MaxEntries}
	if err := readDecisions(ctx, f, o.Limits, &s, all); err != nil {
		return s, err
	}
	if len(all.of) == 0 {
		return s, intake.Damaged("it holds no decision that can be read")
	}
	for _, cve := range slices.Sorted(maps.Keys(all.of)) {
		d := all.of[cve]
		if d.at.After(s.Newest) {
			s.Newest = d.at
		}
		s.Records++
		if err := to.GiveOverlay(advisory.Overlay{Feed: o.Feed, CVE: cve, SSVC: &d.ssvc}); err != nil {
			return s, err
		}
	}
	return s, nil
}

func readDecisions(ctx context.Context, f intake.File, limits intake.Limits, s *intake.Survey, all *decisions) error {
	magic := make([]byte, 4)
	if _, err := f.ReadAt(magic, 0); err == nil && bytes.Equal(magic, []byte("PK\x03\x04")) {
		return readZip(ctx, f, limits, s, all)
	}
	plain, err := intake.Unpack(f.Reader(), limits)
	if err != nil {
		return err
	}
	head := make([]byte, 16)
	n, _ := io.ReadFull(plain, head)
	switch head = bytes.TrimLeft(head[:n], " \t\r\n"); {
	case bytes.HasPrefix(head, []byte("{")):
		return readOne(f, limits, s, all)
	case bytes.HasPrefix(head, []byte("cve\t")):
		return readTable(ctx, f, limits, s, all)
	}
	return intake.Members(ctx, f.Reader(), limits, func(name string, _ int64, body io.Reader) error {
		if !isRecord(name) {
			return nil
		}
		raw, err := io.ReadAll(body)
		if errors.Is(err, intake.ErrRecord) {
			s.Skip(name, err.Error())
			return nil
		}
		if err != nil {
			return brokenOr(err)
		}
		return takeRecord(name, raw, s, all)
	})
}

// brokenOr is damage, unless a limit was passed.
func brokenOr(err error) error {
	if errors.Is(err, intake.ErrTooLong) {
		return err
	}
	return intake.Damaged("it is cut off or broken: %v", err)
}

func readZip(ctx context.Context, f intake.File, limits intake.Limits, s *intake.Survey, all *decisions) error {
	a, err := intake.OpenArchive(f, f.Size, limits)
	if err != nil {
		return err
	}
	return a.Entries(func(e intake.Entry) error {
		if err := ctx.Err(); err != nil || !isRecord(e.Name) {
			return err
		}
		raw, err := a.Read(e)
		if errors.Is(err, intake.ErrRecord) {
			s.Skip(e.Name, err.Error())
			return nil
		}
		if err != nil {
			return err
		}
		return takeRecord(e.Name, raw, s, all)
	})
}

func readOne(f intake.File, limits intake.Limits, s *intake.Survey, all *decisions) error {
	plain, err := intake.Unpack(f.Reader(), limits)
	if err != nil {
		return err
	}
	most := limits.OrDefault().MaxRecord
	raw, err := io.ReadAll(io.LimitReader(plain, most+1))
	if err != nil {
		return brokenOr(err)
	}
	if int64(len(raw)) > most {
		return fmt.Errorf("%w: longer than %d bytes", intake.ErrTooLong, most)
	}
	return takeRecord(f.Name, raw, s, all)
}

// isRecord: the repository holds CVE-….json files in folders by year and thousand, beside its own documentation.
func isRecord(name string) bool {
	base := path.Base(name)
	return strings.HasPrefix(base, "CVE-") && strings.HasSuffix(base, ".json")
}

// takeRecord takes the decisions of one CVE record; what is wrong with one is named, and only that one left out.
func takeRecord(name string, raw []byte, s *intake.Survey, all *decisions) error {
	cve, found, err := parseRecord(raw)
	if err != nil {
		s.Skip(name, err.Error())
	}
	for _, d := range found {
		if err := all.add(cve, d); err != nil {
			return err
		}
	}
	return nil
}

// readTable reads the columns by name.
func readTable(ctx context.Context, f intake.File, limits intake.Limits, s *intake.Survey, all *decisions) error {
	lines, err := intake.OpenLines(f, limits)
	if err != nil {
		return err
	}
	header, _ := lines.Next()
	names := strings.Split(header, "\t")
	var column [5]int
	for i, name := range []string{"cve", "exploitation", "automatable", "technical_impact", "ssvc_timestamp"} {
		if column[i] = slices.Index(names, name); column[i] < 0 {
			return intake.Damaged("not SSVC decisions: its header has no column %s", name)
		}
	}
	for line, ok := lines.Next(); ok; line, ok = lines.Next() {
		if err := lines.Pause(ctx); err != nil {
			return err
		}
		fields := strings.Split(line, "\t")
		if len(fields) != len(names) {
			s.Skip(lines.Where(), fmt.Sprintf("%d columns instead of %d", len(fields), len(names)))
			continue
		}
		cve := fields[column[0]]
		if !intake.IsCVE(cve) {
			s.Skip(lines.Where(), fmt.Sprintf("%q is not a CVE id", intake.Shown(cve)))
			continue
		}
		d, err := newDecision(fields[column[1]], fields[column[2]], fields[column[3]], fields[column[4]])
		if err != nil {
			s.Skip(cve, err.Error())
			continue
		}
		if err := all.add(cve, d); err != nil {
			return err
		}
	}
	return lines.Damage()
}

// cveRecord is what we use of a CVE record, JSON 5.
type cveRecord struct {
	Metadata struct {
		ID string `json:"cveId"`
	} `json:"cveMetadata"`
	Containers struct {
		ADP []struct {
			Provider struct {
				Name string `json:"shortName"`
			} `json:"providerMetadata"`
			Metrics []struct {
				Other struct {
					Type    string          `json:"type"`
					Content json.RawMessage `json:"content"` // of a shape that its type tells
				} `json:"other"`
			} `json:"metrics"`
		} `json:"adp"`
	} `json:"containers"`
}

type ssvcContent struct {
	ID        string              `json:"id"`
	Timestamp string              `json:"timestamp"`
	Options   []map[string]string `json:"options"`
}

// cisa is who decides: other publishers may add decisions of their own, which are not CISA's.
const cisa = "CISA-ADP"

// parseRecord gives CISA's decisions in a record, none where it has none. With an error it still gives the sound ones.
func parseRecord(raw []byte) (cve string, found []decision, err error) {
	var r cveRecord
	if err := json.Unmarshal(raw, &r); err != nil {
		return "", nil, fmt.Errorf("not a CVE record: %w", err)
	}
	if !intake.IsCVE(r.Metadata.ID) {
		return "", nil, fmt.Errorf("%q is not a CVE id", intake.Shown(r.Metadata.ID))
	}
	for _, adp := range r.Containers.ADP {
		if adp.Provider.Name != cisa {
			continue
		}
		for _, m := range adp.Metrics {
			if m.Other.Type != "ssvc" {
				continue
			}
			d, bad := parseContent(m.Other.Content, r.Metadata.ID)
			if bad != nil {
				err = bad
				continue
			}
			found = append(found, d)
		}
	}
	return r.Metadata.ID, found, err
}

func parseContent(raw []byte, cve string) (decision, error) {
	var c ssvcContent
	if err := json.Unmarshal(raw, &c); err != nil {
		return decision{}, fmt.Errorf("not an SSVC decision: %w", err)
	}
	if c.ID != "" && c.ID != cve {
		return decision{}, fmt.Errorf("its decision is about %s", intake.Shown(c.ID))
	}
	points := map[string]string{}
	for _, option := range c.Options {
		for name, value := range option {
			if old, twice := points[name]; twice && old != value {
				return decision{}, fmt.Errorf("its decision gives %s twice", intake.Shown(name))
			}
			points[name] = value
		}
	}
	return newDecision(points["Exploitation"], points["Automatable"], points["Technical Impact"], c.Timestamp)
}

// newDecision brings the words to one spelling: they differ in case from year to year, and a newer revision of SSVC says public PoC.
func newDecision(exploitation, automatable, impact, timestamp string) (decision, error) {
	var d decision
	for _, point := range []struct {
		name, given string
		to          *string
		words       []string
	}{
		{"exploitation", exploitation, &d.ssvc.Exploitation, []string{"none", "poc", "active"}},
		{"automatable", automatable, &d.ssvc.Automatable, []string{"no", "yes"}},
		{"technical impact", impact, &d.ssvc.Impact, []string{"partial", "total"}},
	} {
		word := strings.TrimPrefix(strings.ToLower(strings.TrimSpace(point.given)), "public ")
		i := slices.Index(point.words, word)
		if i < 0 {
			return d, fmt.Errorf("%s %q is not one of %s", point.name, intake.Shown(point.given), strings.Join(point.words, ", "))
		}
		*point.to = point.words[i]
	}
	if timestamp == "" {
		return d, nil // older than every dated one
	}
	at, err := time.Parse(time.RFC3339, timestamp)
	if err != nil {
		return d, fmt.Errorf("the time %q of its decision is not one", intake.Shown(timestamp))
	}
	d.at = at.UTC()
	d.ssvc.At = d.at.Format(time.DateOnly)
	return d, nil
}

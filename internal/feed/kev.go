package feed

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// kevRecord is what we use of one entry of CISA's catalogue.
type kevRecord struct {
	CVE        string `json:"cveID"`
	Name       string `json:"vulnerabilityName"`
	Added      string `json:"dateAdded"`
	Due        string `json:"dueDate"`
	Ransomware string `json:"knownRansomwareCampaignUse"`
}

// maxCatalogue bounds the catalogue uncompressed; the real one has 1.5 MB.
const maxCatalogue = 64 << 20

// readKEV passes over CISA's catalogue, plain or gzipped, giving each sound entry to yield. An error is damage of the whole.
func readKEV(r io.Reader, limits intake.Limits, yield func(advisory.KEV) error) (intake.Survey, error) {
	var s intake.Survey
	plain, err := intake.Unpack(r, intake.Limits{MaxTotal: maxCatalogue})
	if err != nil {
		return s, err
	}
	in := &io.LimitedReader{R: plain, N: min(maxCatalogue, limits.OrDefault().MaxTotal) + 1}
	d := json.NewDecoder(in)
	seen := intake.NewSeen()
	var stopped error
	err = intake.EachField(d, func(field string) error {
		switch field {
		case "dateReleased":
			var at string
			if err := d.Decode(&at); err != nil {
				return err
			}
			s.Newest, _ = time.Parse(time.RFC3339, at)
			return nil
		case "vulnerabilities":
			return intake.EachElement(d, func(n int) error {
				var raw json.RawMessage
				if err := d.Decode(&raw); err != nil {
					return err
				}
				k, err := parseKEV(raw)
				switch {
				case err != nil:
					s.Skip(fmt.Sprintf("entry %d", n), err.Error())
					return nil
				case !seen.Add(k.CVE):
					s.Skip(k.CVE, "a second entry for this CVE")
					return nil
				}
				s.Records++
				stopped = yield(k)
				return stopped
			})
		}
		var skip json.RawMessage
		return d.Decode(&skip)
	})
	switch {
	case stopped != nil:
		return s, stopped
	case in.N <= 0:
		return s, fmt.Errorf("the catalogue is longer than %d bytes", min(maxCatalogue, limits.OrDefault().MaxTotal))
	case err != nil:
		return s, intake.Damaged("not CISA's catalogue: %v", err)
	case s.Records == 0:
		return s, intake.Damaged("it holds no entry that can be read")
	}
	return s, nil
}

func parseKEV(raw []byte) (advisory.KEV, error) {
	var r kevRecord
	if err := json.Unmarshal(raw, &r); err != nil {
		return advisory.KEV{}, fmt.Errorf("not an entry: %w", err)
	}
	if !intake.IsCVE(r.CVE) {
		return advisory.KEV{}, fmt.Errorf("%q is not a CVE id", intake.Shown(r.CVE))
	}
	if _, err := time.Parse(time.DateOnly, r.Added); err != nil {
		return advisory.KEV{}, fmt.Errorf("%s: the date added %q is not a date", r.CVE, intake.Shown(r.Added))
	}
	if _, err := time.Parse(time.DateOnly, r.Due); err != nil && r.Due != "" {
		return advisory.KEV{}, fmt.Errorf("%s: the due date %q is not a date", r.CVE, intake.Shown(r.Due))
	}
	return advisory.KEV{CVE: r.CVE, Added: r.Added, Due: r.Due, Ransomware: strings.EqualFold(r.Ransomware, "known"), Name: intake.Shown(r.Name)}, nil
}

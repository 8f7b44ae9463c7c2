package feed

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
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
func readKEV(r io.Reader, limits Limits, yield func(advisory.KEV) error) (survey, error) {
	var s survey
	plain, err := maybeGzip(r)
	if err != nil {
		return s, err
	}
	in := &io.LimitedReader{R: plain, N: min(maxCatalogue, limits.orDefault().MaxTotal) + 1}
	d := json.NewDecoder(in)
	seen := newSet()
	var stopped error
	err = eachField(d, func(field string) error {
		switch field {
		case "dateReleased":
			var at string
			if err := d.Decode(&at); err != nil {
				return err
			}
			s.Newest, _ = time.Parse(time.RFC3339, at)
			return nil
		case "vulnerabilities":
			return eachElement(d, func(n int) error {
				var raw json.RawMessage
				if err := d.Decode(&raw); err != nil {
					return err
				}
				k, err := parseKEV(raw)
				switch {
				case err != nil:
					s.skip(fmt.Sprintf("entry %d", n), err.Error())
					return nil
				case !seen.add(k.CVE):
					s.skip(k.CVE, "a second entry for this CVE")
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
		return s, fmt.Errorf("the catalogue is longer than %d bytes", min(maxCatalogue, limits.orDefault().MaxTotal))
	case err != nil:
		return s, damaged("not CISA's catalogue: %v", err)
	case s.Records == 0:
		return s, damaged("it holds no entry that can be read")
	}
	return s, nil
}

func parseKEV(raw []byte) (advisory.KEV, error) {
	var r kevRecord
	if err := json.Unmarshal(raw, &r); err != nil {
		return advisory.KEV{}, fmt.Errorf("not an entry: %w", err)
	}
	if !isCVE(r.CVE) {
		return advisory.KEV{}, fmt.Errorf("%q is not a CVE id", shown(r.CVE))
	}
	if _, err := time.Parse(time.DateOnly, r.Added); err != nil {
		return advisory.KEV{}, fmt.Errorf("%s: the date added %q is not a date", r.CVE, shown(r.Added))
	}
	if _, err := time.Parse(time.DateOnly, r.Due); err != nil && r.Due != "" {
		return advisory.KEV{}, fmt.Errorf("%s: the due date %q is not a date", r.CVE, shown(r.Due))
	}
	return advisory.KEV{CVE: r.CVE, Added: r.Added, Due: r.Due, Ransomware: strings.EqualFold(r.Ransomware, "known"), Name: shown(r.Name)}, nil
}

// maybeGzip unpacks r when it begins as gzip does.
func maybeGzip(r io.Reader) (io.Reader, error) {
	in := bufio.NewReader(r)
	if magic, _ := in.Peek(2); !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return in, nil
	}
	plain, err := gzip.NewReader(in)
	if err != nil {
		return nil, damaged("not a gzip file: %v", err)
	}
	return plain, nil
}

// eachField calls fn at each value of the object that d stands before; fn consumes the value.
func eachField(d *json.Decoder, fn func(name string) error) error {
	if err := expect(d, json.Delim('{')); err != nil {
		return err
	}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		if err := fn(name); err != nil {
			return err
		}
	}
	return expect(d, json.Delim('}'))
}

// eachElement calls fn at each element of the array that d stands before, counted from 1; fn consumes the element.
func eachElement(d *json.Decoder, fn func(n int) error) error {
	if err := expect(d, json.Delim('[')); err != nil {
		return err
	}
	for n := 1; d.More(); n++ {
		if err := fn(n); err != nil {
			return err
		}
	}
	return expect(d, json.Delim(']'))
}

func expect(d *json.Decoder, want json.Delim) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	if token != want {
		return fmt.Errorf("%v instead of %v", shown(fmt.Sprint(token)), want)
	}
	return nil
}

package debian

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// Bounds of names; the longest real source has some 70 bytes.
const (
	maxID      = 64
	maxName    = 128
	maxDetails = 4 << 10
	maxNote    = 256
)

// entry is what the tracker says of one vulnerability of one source.
type entry struct {
	Description string          `json:"description"`
	Releases    json.RawMessage `json:"releases"` // by codename; an empty array where there are none
}

type release struct {
	Status  string  `json:"status"` // open, resolved, undetermined
	Urgency string  `json:"urgency"`
	Fixed   string  `json:"fixed_version"`
	NoDSA   *string `json:"nodsa"`        // the team's comment; absent: not marked so
	Reason  *string `json:"nodsa_reason"` // empty, postponed, ignored
}

// ReadTracker reads the security tracker's JSON, which may be packed: one advisory for each vulnerability of each source, called
// CVE-2024-1234/source, with an entry for each release. A file that is no such JSON, or ends early, is intake.ErrDamaged.
func ReadTracker(ctx context.Context, f intake.File, o intake.Options, to intake.Sink) (intake.Survey, error) {
	var s intake.Survey
	plain, err := intake.Unpack(f.Reader(), o.Limits)
	if err != nil {
		return s, err
	}
	t := tracker{Records: intake.NewRecords(plain, o.Limits), options: o, to: to, survey: &s, seen: newSeen(), ids: intake.NewSeen()}
	err = intake.EachField(t.Decoder, func(source string) error {
		if t.stopped = ctx.Err(); t.stopped != nil {
			return t.stopped
		}
		t.Next()
		return t.source(source)
	})
	s.Ecosystems, s.Newest = t.seen.ecosystems(), f.Modified
	switch {
	case t.stopped != nil || errors.Is(err, intake.ErrTooLong):
		return s, err
	case err != nil:
		return s, intake.Damaged("it is not the tracker's JSON, or it is cut off: %v", err)
	case s.Records+s.Skipped+s.Left == 0:
		return s, intake.Damaged("the tracker lists nothing")
	}
	if _, err := t.Token(); !errors.Is(err, io.EOF) {
		return s, intake.Damaged("something follows the tracker's object")
	}
	return s, nil
}

type tracker struct {
	*intake.Records
	options intake.Options
	to      intake.Sink
	stopped error // the caller's own: it ends the pass, and says nothing of the file
	survey  *intake.Survey
	seen    seen
	ids     intake.Seen
}

// source reads the vulnerabilities of one source; one of them at a time is in memory.
func (t *tracker) source(name string) error {
	return intake.EachField(t.Decoder, func(id string) error {
		t.Next()
		var raw json.RawMessage
		if err := t.Decode(&raw); err != nil {
			return err
		}
		a, err := t.advisory(name, id, raw)
		switch {
		case err != nil:
			t.survey.Skip(id+"/"+name, err.Error())
			return nil
		case len(a.Affected) == 0:
			t.survey.Left++
			return nil
		case !t.ids.Add(a.ID):
			t.survey.Skip(a.ID, "it is listed twice")
			return nil
		}
		t.survey.Records++
		t.stopped = t.to.GiveAdvisory(a)
		return t.stopped
	})
}

func (t *tracker) advisory(source, id string, raw json.RawMessage) (advisory.Advisory, error) {
	if !intake.Fit(id, maxID) || strings.Contains(id, "/") || !intake.Fit(source, maxName) || strings.ContainsAny(source, "/ ") {
		return advisory.Advisory{}, errors.New("its id or source is empty, too long or not printable")
	}
	var e entry
	if err := json.Unmarshal(raw, &e); err != nil {
		return advisory.Advisory{}, fmt.Errorf("it cannot be read: %w", err)
	}
	a := advisory.Advisory{
		Feed:    t.options.Feed,
		ID:      id + "/" + source,
		Details: intake.Cut(strings.ToValidUTF8(e.Description, "\uFFFD"), maxDetails),
	}
	if intake.IsCVE(id) {
		a.CVEs = []string{id}
	}
	var of map[string]json.RawMessage
	if first := bytes.TrimSpace(e.Releases); len(first) > 0 && first[0] == '{' {
		if err := json.Unmarshal(first, &of); err != nil {
			return advisory.Advisory{}, fmt.Errorf("its releases cannot be read: %w", err)
		}
	}
	var wrong []error
	for _, codename := range slices.Sorted(maps.Keys(of)) {
		name, strange := t.seen.release(codename)
		if strange {
			t.survey.Name(a.ID, fmt.Sprintf("%s is no release that is known", intake.Shown(codename)))
		}
		if name == "" || !t.options.Wants(name) {
			continue
		}
		said, err := t.stand(a.ID, of[codename])
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", codename, err))
			continue
		}
		said.Ecosystem, said.Package = name, source
		a.Affected = append(a.Affected, said)
	}
	slices.SortFunc(a.Affected, func(a, b advisory.Affected) int { return cmp.Compare(a.Ecosystem, b.Ecosystem) })
	if len(a.Affected) == 0 {
		return a, errors.Join(wrong...)
	}
	for _, err := range wrong {
		t.survey.Name(a.ID, err.Error())
	}
	return a, nil
}

// stand reads how one release stands to a vulnerability. The error says why nothing can be taken from it.
func (t *tracker) stand(id string, raw json.RawMessage) (advisory.Affected, error) {
	var r release
	if err := json.Unmarshal(raw, &r); err != nil {
		return advisory.Affected{}, fmt.Errorf("it cannot be read: %w", err)
	}
	a := advisory.Affected{Severity: severity(r.Urgency), Note: r.note()}
	if r.Fixed == "0" && r.Status == "resolved" { // the tracker's way to write <not-affected>
		a.Status = advisory.StatusNotAffected
		return a, nil
	}
	status, strange := r.status()
	if strange != "" {
		t.survey.Name(id, strange)
	}
	a.Status = status
	switch {
	case !slices.Contains([]string{"open", "resolved", "undetermined"}, r.Status):
		return a, fmt.Errorf("status %q is not known", intake.Shown(r.Status))
	case r.Fixed == "" && r.Status == "resolved":
		return a, errors.New("it is resolved in no version")
	case r.Fixed == "" || r.Fixed == "0":
		a.Ranges = []advisory.Range{{Introduced: "0"}}
		return a, nil
	}
	if err := vercmp.Valid(vercmp.Deb, r.Fixed); err != nil {
		return a, err
	}
	a.Ranges = []advisory.Range{{Introduced: "0", Fixed: r.Fixed}}
	return a, nil
}

// status is the tracker's word for what is below the fixed version, or for all where there is none. strange names a reason that we do
// not know; it counts as no-dsa, which promises least.
func (r *release) status() (s advisory.Status, strange string) {
	switch {
	case r.Status == "undetermined":
		return advisory.StatusUndetermined, ""
	case r.Urgency == "end-of-life":
		return advisory.StatusEndOfLife, ""
	case r.Reason != nil && *r.Reason == "postponed":
		return advisory.StatusPostponed, ""
	case r.Reason != nil && *r.Reason == "ignored":
		return advisory.StatusIgnored, ""
	case r.Reason != nil && *r.Reason != "":
		return advisory.StatusNoDSA, fmt.Sprintf("the no-dsa reason %q is not known", intake.Shown(*r.Reason))
	case r.Reason != nil || r.NoDSA != nil:
		return advisory.StatusNoDSA, ""
	case r.Urgency == "unimportant":
		return advisory.StatusUnimportant, ""
	}
	return advisory.StatusOpen, ""
}

func (r *release) note() string {
	if r.NoDSA == nil {
		return ""
	}
	return intake.Cut(intake.Shown(*r.NoDSA), maxNote)
}

// severity is the urgency where it rates; two stars mark what was taken over from NVD.
func severity(urgency string) string {
	word := strings.TrimSuffix(urgency, "**")
	if slices.Contains([]string{"unimportant", "low", "medium", "high"}, word) {
		return word
	}
	return ""
}

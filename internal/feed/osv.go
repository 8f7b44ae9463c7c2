package feed

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// osvRecord is what we use of the OSV schema 1.7; unknown fields are allowed.
type osvRecord struct {
	ID        string          `json:"id"`
	Modified  time.Time       `json:"modified"`
	Published time.Time       `json:"published"`
	Withdrawn time.Time       `json:"withdrawn"`
	Aliases   []string        `json:"aliases"`
	Upstream  []string        `json:"upstream"`
	Related   []string        `json:"related"`
	Summary   string          `json:"summary"`
	Details   string          `json:"details"`
	Severity  []osvSeverity   `json:"severity"`
	Affected  []osvAffected   `json:"affected"`
	Specific  json.RawMessage `json:"database_specific"`
}

type osvSeverity struct {
	Type  string `json:"type"`
	Score string `json:"score"`
}

type osvAffected struct {
	Package struct {
		Ecosystem string `json:"ecosystem"`
		Name      string `json:"name"`
	} `json:"package"`
	Severity          []osvSeverity   `json:"severity"`
	Ranges            []osvRange      `json:"ranges"`
	Versions          []string        `json:"versions"`
	EcosystemSpecific json.RawMessage `json:"ecosystem_specific"`
	DatabaseSpecific  json.RawMessage `json:"database_specific"`
}

type osvRange struct {
	Type   string     `json:"type"`
	Events []osvEvent `json:"events"`
}

type osvEvent struct {
	Introduced   string `json:"introduced"`
	Fixed        string `json:"fixed"`
	LastAffected string `json:"last_affected"`
	Limit        string `json:"limit"`
}

// Bounds of one record's parts. The largest real ones: kernel records with some 2,000 affected entries.
const (
	maxID       = 128
	maxName     = 512
	maxAliases  = 1_000
	maxAffected = 50_000
	maxSummary  = 1 << 10
	maxDetails  = 4 << 10
	maxSeverity = 256
)

// errForeign is a sound record that names no package of the bucket it was asked for.
var errForeign = errors.New("names no package of this ecosystem")

// errProduct is a sound record of products that are no release of an operating system, as OpenShift or SUSE Manager.
var errProduct = errors.New("names no release of an operating system")

// parseOSV makes an advisory of one record, keeping the entries of one bucket. Entries that cannot be used are named and skipped as long
// as one can; otherwise the record is in error. A withdrawn record needs no entry.
func parseOSV(raw []byte, bucket string) (advisory.Advisory, []advisory.Problem, error) {
	var r osvRecord
	if err := json.Unmarshal(raw, &r); err != nil {
		return advisory.Advisory{}, nil, fmt.Errorf("not an OSV record: %w", err)
	}
	if err := r.check(); err != nil {
		return advisory.Advisory{}, nil, err
	}
	a := advisory.Advisory{
		Feed:      osvFeed(bucket),
		ID:        r.ID,
		CVEs:      r.cves(bucket),
		Aliases:   intake.Sorted(r.Aliases),
		Summary:   intake.Cut(strings.ToValidUTF8(r.Summary, "\uFFFD"), maxSummary),
		Details:   intake.Cut(strings.ToValidUTF8(r.Details, "\uFFFD"), maxDetails),
		Severity:  r.severity(bucket),
		Published: r.Published.UTC(),
		Modified:  r.Modified.UTC(),
		Withdrawn: r.Withdrawn.UTC(),
	}
	affected, problems, err := affectedOf(&r, bucket, intake.IsNotice(a.CVEs, r.Summary))
	if err != nil && a.Withdrawn.IsZero() {
		return advisory.Advisory{}, problems, err
	}
	a.Affected = affected
	return a, problems, nil
}

func (r *osvRecord) check() error {
	switch {
	case r.ID == "":
		return errors.New("it has no id")
	case len(r.ID) > maxID || intake.Shown(r.ID) != r.ID:
		return fmt.Errorf("its id is longer than %d bytes or not printable", maxID)
	case r.Modified.IsZero():
		return errors.New("it has no modified time")
	case len(r.Aliases)+len(r.Upstream)+len(r.Related) > maxAliases:
		return fmt.Errorf("it has more than %d aliases", maxAliases)
	case len(r.Affected) > maxAffected:
		return fmt.Errorf("it has more than %d affected entries", maxAffected)
	}
	for _, alias := range slices.Concat(r.Aliases, r.Upstream, r.Related) {
		if len(alias) > maxID || intake.Shown(alias) != alias {
			return fmt.Errorf("an alias is longer than %d bytes or not printable", maxID)
		}
	}
	return nil
}

// cves are the record's CVE ids: of its own id, aliases and upstream. The errata of the RPM family name what they fix as related, and
// nothing else; elsewhere related means merely similar.
func (r *osvRecord) cves(bucket string) []string {
	var ids []string
	for _, name := range slices.Concat([]string{r.ID}, r.Aliases, r.Upstream) {
		if id := intake.CVEIn(name); id != "" {
			ids = append(ids, id)
		}
	}
	if scheme, _ := vercmp.ForEcosystem(bucket); len(ids) == 0 && scheme == vercmp.RPM {
		for _, name := range r.Related {
			if id := intake.CVEIn(name); id == name && id != "" {
				ids = append(ids, id)
			}
		}
	}
	return intake.Sorted(ids)
}

// firstBucket is the bucket of the first package that a record names and whose versions we can order; empty when there is none.
func firstBucket(raw []byte) string {
	var r osvRecord
	if json.Unmarshal(raw, &r) != nil {
		return ""
	}
	for i := range r.Affected {
		if bucket := bucketOf(r.Affected[i].Package.Ecosystem); fetchable(bucket) {
			return bucket
		}
	}
	return ""
}

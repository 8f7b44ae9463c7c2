package feed

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// Knowledge is what a folder of feeds says about some releases.
type Knowledge struct {
	Advisories []advisory.Advisory
	KEV        []advisory.KEV
	Ecosystems []string // the wanted releases that have data; the others are "not assessed"
	Status     []apiv1.FeedStatus
}

// ReadDir reads a folder laid out like a mirror (osv/NAME/all.zip, kev/known_exploited_vulnerabilities.json[.gz]) without a server:
// only the buckets of the wanted ecosystems, and of them only records that name one. A bucket that is not there, or the catalogue, is
// said in Status; a damaged file is an error (fault.Invalid), a folder that is not there fault.NotFound.
func ReadDir(ctx context.Context, dir string, ecosystems []string) (Knowledge, error) {
	var k Knowledge
	if _, err := os.Stat(dir); err != nil {
		return k, fault.Wrap(err, fault.NotFound, "no folder of feeds at %q", dir)
	}
	wanted := map[string][]string{}
	for _, name := range ecosystems {
		name = NormalEcosystem(name)
		if bucket := bucketOf(name); fetchable(bucket) {
			wanted[bucket] = append(wanted[bucket], name)
		}
	}
	buckets := make([]string, 0, len(wanted))
	for bucket := range wanted {
		buckets = append(buckets, bucket)
	}
	slices.Sort(buckets)
	for _, bucket := range buckets {
		if err := k.readBucket(ctx, filepath.Join(dir, "osv", bucket, "all.zip"), bucket, wanted[bucket]); err != nil {
			return Knowledge{}, err
		}
	}
	if err := k.readCatalogue(dir); err != nil {
		return Knowledge{}, err
	}
	return k, nil
}

func (k *Knowledge) readBucket(ctx context.Context, path, bucket string, releases []string) error {
	f, err := os.Open(path)
	if err != nil {
		return k.missing(osvFeed(bucket), path, err)
	}
	defer f.Close() //nolint:errcheck // read only
	info, err := f.Stat()
	if err != nil {
		return fault.Wrap(err, fault.Internal, "stat %q", path)
	}
	a, err := intake.OpenArchive(f, info.Size(), intake.Limits{})
	if err != nil {
		return fault.New(fault.Invalid, "%s: %v", path, err)
	}
	s, err := readOSV(ctx, a, bucket, naming(releases), func(record advisory.Advisory) error {
		record.Affected = slices.DeleteFunc(record.Affected, func(a advisory.Affected) bool { return !slices.Contains(releases, a.Ecosystem) })
		if len(record.Affected) > 0 {
			k.Advisories = append(k.Advisories, record)
		}
		return nil
	})
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "%s: %v", path, err)
	}
	for _, release := range releases {
		if slices.Contains(s.Ecosystems, release) && !slices.Contains(k.Ecosystems, release) {
			k.Ecosystems = append(k.Ecosystems, release)
		}
	}
	k.Status = append(k.Status, statusOf(osvFeed(bucket), path, s, info.ModTime()))
	return nil
}

// naming is a quick look at a record's text: does it spell one of the releases? A record that spells with escapes is let through.
func naming(releases []string) func(raw []byte) bool {
	spelled := [][]byte{[]byte(`\u`)}
	for _, release := range releases {
		spelled = append(spelled, []byte(`"`+release))
	}
	return func(raw []byte) bool {
		return slices.ContainsFunc(spelled, func(s []byte) bool { return bytes.Contains(raw, s) })
	}
}

func (k *Knowledge) readCatalogue(dir string) error {
	var path string
	var f *os.File
	var err error
	for _, name := range catalogueNames() {
		path = filepath.Join(dir, "kev", name)
		if f, err = os.Open(path); err == nil {
			break
		}
	}
	if err != nil {
		return k.missing(kevFeed, filepath.Join(dir, "kev", catalogueNames()[0]), err)
	}
	defer f.Close() //nolint:errcheck // read only
	info, err := f.Stat()
	if err != nil {
		return fault.Wrap(err, fault.Internal, "stat %q", path)
	}
	s, err := readKEV(f, intake.Limits{}, func(entry advisory.KEV) error {
		k.KEV = append(k.KEV, entry)
		return nil
	})
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "%s: %v", path, err)
	}
	k.Status = append(k.Status, statusOf(kevFeed, path, s, info.ModTime()))
	return nil
}

// catalogueNames are the names under which a mirror may hold CISA's catalogue; the official one first.
func catalogueNames() []string {
	return []string{"known_exploited_vulnerabilities.json", "known_exploited_vulnerabilities.json.gz"}
}

// missing says in the status that a file is not there; another failure to open it is an error.
func (k *Knowledge) missing(name, path string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return fault.Wrap(err, fault.Invalid, "cannot read %q", path)
	}
	k.Status = append(k.Status, apiv1.FeedStatus{Name: name, URL: path, Problems: []apiv1.FeedProblem{}, Error: "not in the folder of feeds"})
	return nil
}

func statusOf(name, path string, s intake.Survey, modified time.Time) apiv1.FeedStatus {
	at := asOf(s.Newest, modified, modified)
	return apiv1.FeedStatus{Name: name, URL: path, Records: s.Records, Skipped: s.Skipped, Problems: problemsOf(s.Problems), AsOf: &at}
}

func problemsOf(in []advisory.Problem) []apiv1.FeedProblem {
	out := make([]apiv1.FeedProblem, 0, len(in))
	for _, p := range in {
		out = append(out, apiv1.FeedProblem(p))
	}
	return out
}

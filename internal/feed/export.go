package feed

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/crypto/ssh"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/seal"
)

// Bundle is an exported one in a temporary file, read from its beginning. Close removes it.
type Bundle struct {
	io.Reader
	Size   int64
	Signer string // the public key that an importing server must trust: one line of authorized_keys
	file   *os.File
}

// Close removes the file.
func (b *Bundle) Close() error {
	err := b.file.Close()
	if removed := os.Remove(b.file.Name()); err == nil {
		err = removed
	}
	return err
}

// Export makes a bundle of what is known of releases, as Debian:12 (or PyPI, which has none): the feeds that speak of them, reduced to what
// they say of them, those of every host, and the user's own. No releases means everything. fault.NotFound: no feed has data, or none of a
// release. The bundle's feeds are as of when their sources were last asked, not as of now.
func (s *Service) Export(ctx context.Context, releases []string) (_ *Bundle, err error) {
	if s.cfg.Key == nil {
		return nil, fault.New(fault.Invalid, "this server has no key to sign a bundle with")
	}
	giveBack, err := s.take(ctx) // no feed changes while it is written
	if err != nil {
		return nil, err
	}
	defer giveBack()
	states, err := s.states(ctx)
	if err != nil {
		return nil, err
	}
	x := &export{temp: s.cfg.Temp, work: &s.work, wanted: map[string]bool{}, members: map[string]*memberFile{}}
	defer x.discard()
	for _, release := range releases {
		x.wanted[NormalEcosystem(release)] = true
	}
	if err := x.choose(states, releases); err != nil {
		return nil, err
	}
	about := 0
	for name := range x.members {
		about += states[name].Records
	}
	s.work.begin(apiv1.FeedExporting, "", about, s.now())
	if err := x.fill(ctx, s.store); err != nil {
		return nil, err
	}
	s.work.begin(apiv1.FeedPacking, "", 0, s.now())
	m := manifest{Version: bundleVersion, Created: s.now().UTC(), Releases: intake.Sorted(releases), Feeds: []member{}}
	return x.seal(m, s.cfg.Key)
}

// export gathers a bundle.
type export struct {
	temp    string
	work    *work
	wanted  map[string]bool
	members map[string]*memberFile // by feed
}

func (x *export) discard() {
	for _, m := range x.members {
		_ = m.file.Close()
		_ = os.Remove(m.file.Name())
	}
}

// choose begins a member for each feed that the bundle is to hold.
func (x *export) choose(states map[string]advisory.FeedState, releases []string) error {
	names := map[string]bool{}
	for _, f := range append(sourcesFor(releases), ownSources()...) {
		names[f.name] = true
	}
	spoken := map[string]bool{}
	for name, state := range states {
		if state.ChangedAt.IsZero() || len(releases) > 0 && !names[name] {
			continue
		}
		m, err := newMemberFile(x.temp, state)
		if err != nil {
			return err
		}
		x.members[name] = m
		m.Ecosystems = slices.DeleteFunc(slices.Clone(state.Ecosystems), func(e string) bool { return len(x.wanted) > 0 && !x.wanted[e] })
		for _, e := range m.Ecosystems {
			spoken[e] = true
		}
	}
	for release := range x.wanted {
		if !spoken[release] {
			return fault.New(fault.NotFound, "no feed here has data for %s: fetch or import it first; %s", intake.Shown(release), releasesLike(release, states))
		}
	}
	if len(x.members) == 0 {
		return fault.New(fault.NotFound, "no feed here has data yet")
	}
	return nil
}

// releasesLike says of which releases of the same distribution there is something, or of which distributions.
func releasesLike(release string, states map[string]advisory.FeedState) string {
	same, others := map[string]bool{}, map[string]bool{}
	distribution, _, _ := strings.Cut(release, ":")
	for _, state := range states {
		for _, e := range state.Ecosystems {
			name, _, _ := strings.Cut(e, ":")
			others[name] = true
			if strings.EqualFold(name, distribution) {
				same[e] = true
			}
		}
	}
	switch {
	case len(same) > 0:
		return "there is something of " + someOf(slices.Sorted(maps.Keys(same)))
	case len(others) > 0:
		return "there is something of releases of " + someOf(slices.Sorted(maps.Keys(others)))
	}
	return "there is nothing of any release yet"
}

// fill writes the current records to their members.
func (x *export) fill(ctx context.Context, store Store) error {
	if err := store.CurrentAdvisories(ctx, func(a advisory.Advisory) error {
		m := x.members[a.Feed]
		if m == nil {
			return nil
		}
		x.work.records.Add(1)
		if len(x.wanted) > 0 {
			kept := slices.DeleteFunc(slices.Clone(a.Affected), func(f advisory.Affected) bool { return !x.wanted[f.Ecosystem] })
			if len(kept) == 0 {
				return nil
			}
			a.Affected = kept
		}
		return m.add(bundleLine{Advisory: &a})
	}); err != nil {
		return err
	}
	if err := store.CurrentOverlays(ctx, func(o advisory.Overlay) error {
		if m := x.members[o.Feed]; m != nil {
			x.work.records.Add(1)
			return m.add(bundleLine{Overlay: &o})
		}
		return nil
	}); err != nil {
		return err
	}
	lifecycles, err := store.CurrentLifecycles(ctx)
	if err != nil {
		return err
	}
	for _, l := range lifecycles {
		if m := x.members[l.Feed]; m != nil {
			if err := m.add(bundleLine{Lifecycle: &l}); err != nil {
				return err
			}
		}
	}
	return nil
}

// seal signs the manifest and puts everything into one file.
func (x *export) seal(m manifest, key ssh.Signer) (_ *Bundle, err error) {
	names := make([]string, 0, len(x.members))
	for name := range x.members {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		f := x.members[name]
		if err := f.finish(fmt.Sprintf("%03d-%s.jsonl.zst", i+1, strings.NewReplacer("/", "-", " ", "_").Replace(name))); err != nil {
			return nil, err
		}
		m.Feeds = append(m.Feeds, f.member)
	}
	text, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return nil, err
	}
	signature, err := seal.Sign(key, seal.NamespaceBundle, text)
	if err != nil {
		return nil, err
	}
	out, err := os.CreateTemp(x.temp, "staunch-bundle-*")
	if err != nil {
		return nil, err
	}
	b := &Bundle{file: out, Reader: out, Signer: strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key.PublicKey())))}
	defer func() {
		if err != nil {
			_ = b.Close()
		}
	}()
	t := tar.NewWriter(out)
	put := func(name string, size int64, r io.Reader) error {
		if err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: size, ModTime: m.Created, Format: tar.FormatPAX}); err != nil {
			return err
		}
		_, err := io.Copy(t, r)
		return err
	}
	if err := put(manifestName, int64(len(text)), strings.NewReader(string(text))); err != nil {
		return nil, err
	}
	if err := put(signatureName, int64(len(signature)), strings.NewReader(signature)); err != nil {
		return nil, err
	}
	for _, name := range names {
		f := x.members[name]
		if _, err := f.file.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
		if err := put(f.File, f.Size, f.file); err != nil {
			return nil, err
		}
	}
	if err := t.Close(); err != nil {
		return nil, err
	}
	if b.Size, err = out.Seek(0, io.SeekCurrent); err != nil {
		return nil, err
	}
	_, err = out.Seek(0, io.SeekStart)
	return b, err
}

// memberFile is a member that is being written.
type memberFile struct {
	member
	file *os.File
	sum  hash.Hash
	pack *zstd.Encoder
}

func newMemberFile(temp string, state advisory.FeedState) (*memberFile, error) {
	f, err := os.CreateTemp(temp, "staunch-bundle-*")
	if err != nil {
		return nil, err
	}
	m := &memberFile{file: f, sum: sha256.New(), member: member{
		Name: state.Name, URL: state.URL, ETag: state.ETag, AsOf: state.AsOf.UTC(), Skipped: state.Skipped, Problems: state.Problems,
	}}
	// One at a time, and a small window: forty feeds are open at once.
	m.pack, err = zstd.NewWriter(io.MultiWriter(f, m.sum), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true))
	return m, err
}

func (m *memberFile) add(l bundleLine) error {
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	m.Records++
	_, err = m.pack.Write(append(text, '\n'))
	return err
}

func (m *memberFile) finish(name string) error {
	if err := m.pack.Close(); err != nil {
		return err
	}
	size, err := m.file.Seek(0, io.SeekCurrent)
	m.File, m.Size, m.SHA256 = name, size, hex.EncodeToString(m.sum.Sum(nil))
	return err
}

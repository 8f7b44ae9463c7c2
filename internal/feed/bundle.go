package feed

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/seal"
)

// A bundle is one file with what a server knows, for servers without a network: a tar of manifest.json, its signature (SSHSIG) and one
// member for each feed, the current records as lines of JSON in zstd. The signature is over the manifest's bytes, which hold the sha256 of
// every member: nothing is unpacked or parsed before its bytes are known to be the signer's.
const (
	bundleVersion  = 1
	bundleRevision = "bundle" // of a feed that came by one; asked of its source, it is fetched anew
	manifestName   = "manifest.json"
	signatureName  = "manifest.json.sig"
	maxManifest    = 8 << 20
	maxSignature   = 16 << 10
	maxMembers     = 1_000
)

// manifest says what a bundle holds. Fields are only added; what an older Staunch must not ignore raises the version.
type manifest struct {
	Version  int       `json:"v"`
	Created  time.Time `json:"created"`
	Releases []string  `json:"releases"` // as Debian:12; empty: everything
	Feeds    []member  `json:"feeds"`
}

// member is one feed of a bundle, with what its origin knew of it.
type member struct {
	Name       string             `json:"name"`
	File       string             `json:"file"`
	Size       int64              `json:"size"`
	SHA256     string             `json:"sha256"`
	URL        string             `json:"url,omitempty"`
	ETag       string             `json:"etag,omitempty"`
	AsOf       time.Time          `json:"as_of"`
	Records    int                `json:"records"`
	Skipped    int                `json:"skipped"`
	Problems   []advisory.Problem `json:"problems,omitempty"`
	Ecosystems []string           `json:"ecosystems,omitempty"`
}

// bundleLine is one record of a member. Exactly one is set.
type bundleLine struct {
	Advisory  *advisory.Advisory  `json:"a,omitempty"`
	Overlay   *advisory.Overlay   `json:"o,omitempty"`
	Lifecycle *advisory.Lifecycle `json:"l,omitempty"`
}

// bundle is an opened one whose signature fits its manifest. Whether its signer may is the caller's to say.
type bundle struct {
	manifest manifest
	signer   ssh.PublicKey
	at       map[string]int64 // where each member's bytes begin
	file     seekable
}

type seekable interface {
	io.ReaderAt
	io.ReadSeeker
}

// openBundle reads the front of a bundle and finds its members. Nothing in it is believed but what the signature covers.
func openBundle(f seekable) (*bundle, error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	t := tar.NewReader(f)
	text, err := frontMember(t, manifestName, maxManifest)
	if err != nil {
		return nil, err
	}
	signature, err := frontMember(t, signatureName, maxSignature)
	if err != nil {
		return nil, err
	}
	b := &bundle{file: f, at: map[string]int64{}}
	if b.signer, err = seal.Verify(string(signature), seal.NamespaceBundle, text); err != nil {
		return nil, fmt.Errorf("its signature does not hold: %w", err)
	}
	if err := json.Unmarshal(text, &b.manifest); err != nil {
		return nil, fmt.Errorf("its manifest cannot be read: %w", err)
	}
	switch m := b.manifest; {
	case m.Version > bundleVersion:
		return nil, fmt.Errorf("it is of version %d, made by a newer Staunch; this one reads up to version %d", m.Version, bundleVersion)
	case m.Version < 1:
		return nil, errors.New("its manifest gives no version")
	case len(m.Feeds) == 0 || len(m.Feeds) > maxMembers:
		return nil, fmt.Errorf("it has %d feeds; from 1 to %d are expected", len(m.Feeds), maxMembers)
	}
	return b, b.locate(t)
}

func frontMember(t *tar.Reader, name string, limit int64) ([]byte, error) {
	h, err := t.Next()
	if err != nil || h.Name != name || h.Typeflag != tar.TypeReg {
		return nil, errors.New("it is no bundle of feeds")
	}
	if h.Size > limit {
		return nil, fmt.Errorf("its %s has %d bytes, the limit is %d", name, h.Size, limit)
	}
	return io.ReadAll(t)
}

// locate notes where members are, without reading them: a tar reader stands at the first byte of what Next found.
func (b *bundle) locate(t *tar.Reader) error {
	for n := 0; ; n++ {
		h, err := t.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("it is cut off or damaged: %w", err)
		case n >= maxMembers:
			return fmt.Errorf("it has more than %d members", maxMembers)
		}
		if b.at[h.Name], err = b.file.Seek(0, io.SeekCurrent); err != nil {
			return err
		}
	}
}

// open checks a member's bytes against the manifest and gives them.
func (b *bundle) open(m member) (*io.SectionReader, error) {
	at, ok := b.at[m.File]
	if !ok || m.Size < 0 {
		return nil, intake.Damaged("its member is not in the bundle")
	}
	section := io.NewSectionReader(b.file, at, m.Size)
	h := sha256.New()
	if n, err := io.Copy(h, section); err != nil || n != m.Size || hex.EncodeToString(h.Sum(nil)) != m.SHA256 {
		return nil, intake.Damaged("its bytes are not those that the manifest was signed over")
	}
	return section, nil
}

// readMember is the adapter of a bundle's members: lines of records, each bounded, as many as the manifest says.
func readMember(m member) intake.Adapter {
	return func(ctx context.Context, f intake.File, o intake.Options, to intake.Sink) (intake.Survey, error) {
		s := intake.Survey{Skipped: m.Skipped, Problems: m.Problems[:min(len(m.Problems), intake.MaxProblems)], Ecosystems: m.Ecosystems}
		plain, err := intake.Unpack(f.Reader(), o.Limits)
		if err != nil {
			return s, err
		}
		to = neverTwice(to)
		in := newLineReader(plain, o.Limits.OrDefault().MaxRecord)
		for raw, ok := in.next(); ok; raw, ok = in.next() {
			if err := ctx.Err(); err != nil {
				return s, err
			}
			s.Records++
			if err := giveLine(raw, o.Feed, to); err != nil {
				return s, err
			}
		}
		switch {
		case in.err != nil:
			return s, intake.Damaged("line %d: %v", s.Records+1, in.err)
		case s.Records != m.Records:
			return s, intake.Damaged("it holds %d records, the manifest says %d", s.Records, m.Records)
		}
		return s, nil
	}
}

func giveLine(raw []byte, feed string, to intake.Sink) error {
	var l bundleLine
	if err := json.Unmarshal(raw, &l); err != nil {
		return intake.Damaged("a line is no record: %v", err)
	}
	switch {
	case l.Advisory != nil && l.Overlay == nil && l.Lifecycle == nil && usableID(l.Advisory.ID):
		l.Advisory.Feed = feed
		return to.GiveAdvisory(*l.Advisory)
	case l.Overlay != nil && l.Advisory == nil && l.Lifecycle == nil && intake.IsCVE(l.Overlay.CVE):
		l.Overlay.Feed = feed
		return to.GiveOverlay(*l.Overlay)
	case l.Lifecycle != nil && l.Advisory == nil && l.Overlay == nil && usableID(l.Lifecycle.Product):
		l.Lifecycle.Feed = feed
		return to.GiveLifecycle(*l.Lifecycle)
	}
	return intake.Damaged("a line is no record: it names nothing, or several things")
}

// neverTwice refuses a record that comes again: a feed has each once.
func neverTwice(to intake.Sink) intake.Sink {
	seen := intake.NewSeen()
	first := func(id string, give func() error) error {
		if !seen.Add(id) {
			return intake.Damaged("it has the record %q twice", intake.Shown(id))
		}
		return give()
	}
	return intake.Sink{
		Advisory: func(a advisory.Advisory) error { return first("a "+a.ID, func() error { return to.GiveAdvisory(a) }) },
		Overlay:  func(o advisory.Overlay) error { return first("o "+o.CVE, func() error { return to.GiveOverlay(o) }) },
		Lifecycle: func(l advisory.Lifecycle) error {
			return first("l "+l.Product+":"+l.Release, func() error { return to.GiveLifecycle(l) })
		},
	}
}

func usableID(id string) bool {
	return id != "" && len(id) <= maxName && intake.Shown(id) == intake.Cut(id, intake.ShownName)
}

// BundleOptions are what an administrator says of one import of a bundle.
type BundleOptions struct {
	Trust string // a public key, one line of authorized_keys, that is trusted for this import; empty: those of the configuration
	Force bool   // take in feeds that are older than what is here, or suddenly much smaller
}

// trusts says as whom a bundle's signer is trusted; fault.Invalid when it is not.
func (s *Service) trusts(key ssh.PublicKey, trust string) (string, error) {
	if s.cfg.Key != nil && bytes.Equal(key.Marshal(), s.cfg.Key.PublicKey().Marshal()) {
		return "this server", nil
	}
	if trust != "" {
		given, _, _, _, err := ssh.ParseAuthorizedKey([]byte(strings.TrimSpace(trust)))
		if err != nil {
			return "", fault.New(fault.Invalid, "the key to trust is not a public key in OpenSSH's format, as ssh-ed25519 AAAA…")
		}
		if bytes.Equal(key.Marshal(), given.Marshal()) {
			return "the key given", nil
		}
		return "", fault.New(fault.Invalid, "the bundle is signed by %s, and not by the key to trust, %s", ssh.FingerprintSHA256(key), ssh.FingerprintSHA256(given))
	}
	if s.cfg.Trusted != nil {
		signers, err := s.cfg.Trusted()
		if err != nil {
			return "", err
		}
		if who := seal.Trusted(signers, key, seal.NamespaceBundle, s.now()); who != "" {
			return who, nil
		}
	}
	return "", fault.New(fault.Invalid, "the bundle is signed by %s, which is not trusted here: if the server that made it printed this fingerprint, give its key "+
		"with --trust KEYFILE, or add it to bundle_signers in the data folder", ssh.FingerprintSHA256(key))
}

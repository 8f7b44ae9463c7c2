package apply

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/pkgmgr"
	"github.com/staunch-dev/staunch/internal/pkgmgr/dpkg"
	"github.com/staunch-dev/staunch/internal/seal"
)

// unsigned is a lock whose bytes no signed list of this host's repositories names. Its text is safe to show.
type unsigned struct{ text string }

func (u *unsigned) Error() string { return u.text }

// lists verifies staged package lists and reduces them to the lock.
type lists struct {
	raw      string // the staged files as they came
	verified string // the lists folder that apt is shown: signed, and of the lock alone
	work     string // scratch
	arch     string // the host's
}

// verify proves that every package of the lock stands, with its hash, in a list that a key of this host has signed. apt itself checks the
// signatures, with the host's own sources deciding which key may sign which repository. What apt is shown afterwards are the records of
// the lock and nothing else: it can intend nothing that was not proven, and reads kilobytes instead of megabytes.
func (l lists) verify(ctx context.Context, changes []seal.Change) error {
	repos, indexes, err := l.repositories(ctx)
	if err != nil {
		return err
	}
	complaint, err := l.checkSignatures(ctx, repos)
	if err != nil {
		return err
	}
	found := map[string]bool{}
	for n, r := range repos {
		signed, err := l.signed(n)
		if err != nil {
			return err
		}
		for _, ix := range indexes {
			if ix.URI != r.index.URI || ix.Suite != r.index.Suite {
				continue
			}
			switch genuine, err := l.reduce(ctx, ix, signed[ix.MetaKey], changes, found); {
			case err != nil:
				return err
			case !genuine && complaint == "":
				complaint = filepath.Base(ix.File) + " is not the list that its repository has signed"
			}
		}
	}
	for _, c := range changes {
		if c.Action != "remove" && !found[changeKey(c)] {
			text := fmt.Sprintf("no list that is signed by a key of this host names %s %s (%s) with the plan's sha256", c.Name, c.To, c.Arch)
			if complaint != "" {
				text += ": " + complaint
			}
			return &unsigned{text}
		}
	}
	return nil
}

// signed are the hashes of the n-th repository's signed index as apt took it over; none when apt did not accept it.
func (l lists) signed(n int) (map[string]fileHash, error) {
	dir := filepath.Join(l.work, "verify", "lists")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries { // apt names a list after its address, in which the number of the folder stands
		if e.Type().IsRegular() && strings.HasSuffix(e.Name(), "Release") && strings.Contains(e.Name(), "_verify_"+strconv.Itoa(n)+"_") {
			b, err := os.ReadFile(filepath.Join(dir, e.Name()))
			return parseSigned(b), err
		}
	}
	return nil, nil
}

// repositories are those of the host's own sources for which lists were staged, each with its signed index in a folder of its own.
func (l lists) repositories(ctx context.Context) ([]repository, []index, error) {
	out, err := pkgmgr.Run(ctx, pkgmgr.Command{Name: "apt-get", Args: []string{
		"-o", "Dir::State::lists=" + l.raw, "-o", "Dir::Cache=" + l.work, "-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache=",
		"-o", "Debug::NoLocking=1", "indextargets", "Created-By: Packages",
	}})
	if err != nil {
		return nil, nil, err
	}
	if out.Code != 0 {
		return nil, nil, fmt.Errorf("apt cannot read its sources: %s", said(out))
	}
	var repos []repository
	indexes := parseIndexes(out.Stdout)
	seen := map[string]bool{}
	for _, ix := range indexes {
		if seen[ix.URI+" "+ix.Suite] {
			continue
		}
		seen[ix.URI+" "+ix.Suite] = true
		r, ok, err := l.repository(ix, len(repos))
		if err != nil {
			return nil, nil, err
		}
		if ok {
			repos = append(repos, r)
		}
	}
	if len(repos) == 0 {
		return nil, nil, &unsigned{"the staged lists come from no repository of this host"}
	}
	return repos, indexes, nil
}

// repository sets up the folder in which apt checks the signature of an index's repository. False: it has no signed index, so nothing of
// it counts.
func (l lists) repository(ix index, n int) (repository, bool, error) {
	r := repository{index: ix, dir: filepath.Join(l.work, "verify", strconv.Itoa(n))}
	if strings.Contains(ix.Suite, "..") || strings.ContainsAny(ix.Suite+ix.Component+ix.Arch, " \n\t") {
		return r, false, nil
	}
	file, err := os.ReadFile(ix.Sources)
	if err != nil {
		return r, false, err
	}
	var ok bool
	if r.source, ok = findSource(file, filepath.Ext(ix.Sources) == ".sources", ix.URI, ix.Suite, dpkgArch()); !ok {
		return r, false, fmt.Errorf("%s does not name %s %s, as apt says it does", ix.Sources, ix.URI, ix.Suite)
	}
	prefix, ok := releasePrefix(ix)
	if !ok {
		return r, false, nil
	}
	dir := filepath.Join(r.dir, r.release())
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return r, false, err
	}
	for _, name := range []string{"InRelease", "Release", "Release.gpg"} {
		b, err := os.ReadFile(prefix + name)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil {
			ok = false
			err = os.WriteFile(filepath.Join(dir, name), b, 0o644)
		}
		if err == nil { // apt's view of the origin, for pins
			err = os.WriteFile(filepath.Join(l.verified, filepath.Base(prefix)+name), b, 0o644)
		}
		if err != nil {
			return r, false, err
		}
	}
	return r, !ok, nil
}

// releasePrefix is what the files of an index's repository begin with in a lists folder.
func releasePrefix(ix index) (string, bool) {
	dir, base := filepath.Split(ix.File)
	i := strings.LastIndex(base, strings.ReplaceAll(ix.MetaKey, "/", "_"))
	if i < 0 {
		return "", false
	}
	return dir + base[:i], true
}

// verifyConf: hooks are cleared for our own calls of apt: what the system does around its own refreshes is none of ours. Without index targets
// apt-get update fetches and verifies signed indexes alone.
const verifyConf = `#clear Acquire::IndexTargets;
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
`

// checkSignatures lets apt take over those signed indexes that it trusts. complaint is what it had against others.
func (l lists) checkSignatures(ctx context.Context, repos []repository) (complaint string, err error) {
	for _, dir := range []string{"verify/lists/partial", "verify/cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(l.work, dir), 0o755); err != nil {
			return "", err
		}
	}
	conf, sources := filepath.Join(l.work, "verify", "apt.conf"), filepath.Join(l.work, "verify", "check.sources")
	err = errors.Join(os.WriteFile(conf, []byte(verifyConf), 0o644), os.WriteFile(sources, verifySources(repos), 0o644))
	if err != nil {
		return "", err
	}
	out, err := pkgmgr.Run(ctx, pkgmgr.Command{Name: "apt-get", Timeout: 5 * time.Minute, Args: []string{
		"-c", conf, "-q", "--error-on=any", "-o", "Dir::Etc::sourcelist=" + sources, "-o", "Dir::Etc::sourceparts=-",
		"-o", "Dir::State::lists=" + filepath.Join(l.work, "verify", "lists"), "-o", "Dir::Cache=" + filepath.Join(l.work, "verify", "cache"),
		"-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache=",
		"-o", "Acquire::AllowInsecureRepositories=false", "-o", "Acquire::AllowWeakRepositories=false", "update",
	}})
	if err == nil && out.Code != 0 {
		complaint = "apt: " + said(out)
	}
	return complaint, err
}

// reduce hashes one Packages file and keeps the records of the lock, provided that the file is the one that was signed: genuine.
func (l lists) reduce(ctx context.Context, ix index, want fileHash, changes []seal.Change, found map[string]bool) (genuine bool, err error) {
	byName := map[string][]seal.Change{}
	for _, c := range changes {
		if c.Action != "remove" {
			byName[c.Name] = append(byName[c.Name], c)
		}
	}
	var kept bytes.Buffer
	var keys []string
	h := sha256.New()
	var size int64
	err = openList(ctx, ix.File, func(r io.Reader) error {
		counted := &counter{r: io.LimitReader(io.TeeReader(r, h), want.Size+1)}
		err := stanzas(counted, func(name string, stanza []byte) error {
			for _, c := range byName[name] {
				if sameBytes(stanza, c) {
					kept.Write(stanza)
					kept.WriteString("\n")
					keys = append(keys, changeKey(c))
				}
			}
			return nil
		})
		size = counted.n
		return err
	})
	if err != nil {
		return false, fmt.Errorf("reading %s: %w", filepath.Base(ix.File), err)
	}
	if want.SHA256 == "" || size != want.Size || hex.EncodeToString(h.Sum(nil)) != want.SHA256 {
		return false, nil
	}
	for _, k := range keys {
		found[k] = true
	}
	if len(keys) == 0 {
		return true, nil
	}
	return true, os.WriteFile(filepath.Join(l.verified, strings.TrimSuffix(filepath.Base(ix.File), compression(ix.File))), kept.Bytes(), 0o644)
}

type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// compression is the ending that says how apt keeps a list, empty for none.
func compression(file string) string {
	if ext := filepath.Ext(file); slices.Contains([]string{".lz4", ".gz", ".xz", ".zst", ".bz2", ".lzma"}, ext) {
		return ext
	}
	return ""
}

// openList hands a list to read, uncompressed by apt's own helper where apt keeps it compressed.
func openList(ctx context.Context, file string, read func(io.Reader) error) error {
	if compression(file) != "" {
		return pkgmgr.Stream(ctx, pkgmgr.Command{Name: "/usr/lib/apt/apt-helper", Args: []string{"cat-file", file}, Timeout: 10 * time.Minute}, read)
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	return read(f)
}

// maxStanza bounds one record; the longest in Debian has 100 KB.
const maxStanza = 4 << 20

// stanzas hands every record of a Packages file over, by the name it begins with. A record that is too long, or does not begin with its
// name, is passed over: what is needed of it is then not found.
func stanzas(r io.Reader, each func(name string, stanza []byte) error) error {
	b := bufio.NewReaderSize(r, 64<<10)
	var stanza []byte
	flush := func() error {
		defer func() { stanza = stanza[:0] }()
		first, _, _ := bytes.Cut(stanza, []byte("\n"))
		name, ok := bytes.CutPrefix(first, []byte("Package: "))
		if !ok || len(stanza) > maxStanza {
			return nil
		}
		return each(string(bytes.TrimSpace(name)), stanza)
	}
	for {
		line, err := b.ReadSlice('\n')
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
		if len(line) == 1 && line[0] == '\n' {
			if err := flush(); err != nil {
				return err
			}
		} else if len(stanza) <= maxStanza {
			stanza = append(stanza, line...)
		}
		if errors.Is(err, io.EOF) {
			return flush()
		}
	}
}

// sameBytes reports whether a record is that of a change: name, version, architecture, size and sha256.
func sameBytes(stanza []byte, c seal.Change) bool {
	s, err := dpkg.NewReader(bytes.NewReader(stanza), "Package", "Version", "Architecture", "Size", "SHA256").Next()
	return err == nil && s.Get("Package") == c.Name && s.Get("Version") == c.To && s.Get("Architecture") == c.Arch &&
		s.Get("Size") == strconv.FormatInt(c.Size, 10) && strings.EqualFold(s.Get("SHA256"), c.SHA256)
}

func changeKey(c seal.Change) string { return c.Name + " " + c.Arch + " " + c.To }

// said is what a program complained about, for people.
func said(out pkgmgr.Output) string {
	var lines []string
	for line := range strings.Lines(string(out.Stderr)) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		lines = []string{fmt.Sprintf("it ended with code %d and no message", out.Code)}
	}
	return clip(strings.Join(lines, "; "), 2000)
}

// clip bounds text of others and takes control characters out of it.
func clip(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "")
	}
	return s
}

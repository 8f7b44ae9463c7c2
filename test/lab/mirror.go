//go:build linux

package lab

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// frozenFor is how long a frozen mirror is used before it is made again.
const frozenFor = 24 * time.Hour

// frozenSuite is a suite of the frozen mirror: main of one Debian archive.
type frozenSuite struct{ archive, name string }

// suites are those of a stock bookworm. The base root knows the first only; the others bring its pending updates.
var suites = []frozenSuite{{"debian", suite}, {"debian", suite + "-updates"}, {"debian-security", suite + "-security"}}

// FrozenMirror is the folder to serve: genuine signed indexes, and of the packages those that the base root would upgrade to.
func FrozenMirror() string { return filepath.Join(Dir(), "frozen") }

// FrozenSources is the sources.list for the frozen mirror served at base, as http://10.77.0.1:8000. Without main a refresh costs
// a host a tenth of the CPU: enough where only its security updates matter.
func FrozenSources(base string, withMain bool) string {
	var b strings.Builder
	for _, s := range suites {
		if s.name == suite && !withMain {
			continue
		}
		fmt.Fprintf(&b, "deb [signed-by=%s] %s/%s %s main\n", keyring, base, s.archive, s.name)
	}
	return b.String()
}

// mirrors reads from apt's own configuration where this machine gets Debian and its security updates.
func mirrors() (debian, security string, err error) {
	for _, uri := range configuredURIs() {
		switch base := path.Base(strings.TrimSuffix(uri, "/")); {
		case base == "debian" && debian == "":
			debian = strings.TrimSuffix(uri, "/")
		case base == "debian-security" && security == "":
			security = strings.TrimSuffix(uri, "/")
		}
	}
	if debian == "" {
		return "", "", errors.New("no Debian mirror in /etc/apt/sources.list or /etc/apt/sources.list.d")
	}
	if security == "" {
		security = debian + "-security" // most mirrors carry both side by side
	}
	return debian, security, nil
}

func configuredURIs() []string {
	files, _ := filepath.Glob("/etc/apt/sources.list.d/*")
	var uris []string
	for _, f := range append(files, "/etc/apt/sources.list") {
		body, _ := os.ReadFile(f)
		for line := range strings.Lines(string(body)) {
			fields := strings.Fields(line)
			isEntry := len(fields) > 1 && (fields[0] == "URIs:" || fields[0] == "deb")
			if !isEntry {
				continue
			}
			for _, field := range fields[1:] {
				if strings.Contains(field, "://") {
					uris = append(uris, field)
					break
				}
			}
		}
	}
	return uris
}

// freeze makes the frozen mirror when there is none of today. When the network does not answer, an older one stays.
func freeze(ctx context.Context) error {
	stamp := filepath.Join(FrozenMirror(), filepath.Base(baseRoot()))
	st, err := os.Stat(stamp)
	if err == nil && time.Since(st.ModTime()) < frozenFor {
		return nil
	}
	start := time.Now()
	tmp := FrozenMirror() + ".new"
	if ferr := freezeInto(ctx, tmp); ferr != nil {
		if err == nil {
			fmt.Fprintf(os.Stderr, "lab: keeping the frozen mirror of %s: %v\n", st.ModTime().Format(time.DateTime), ferr)
			return nil
		}
		return ferr
	}
	if err := os.WriteFile(filepath.Join(tmp, filepath.Base(stamp)), nil, 0o644); err != nil {
		return err
	}
	if err := os.RemoveAll(FrozenMirror()); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "lab: froze a mirror in %.0f s\n", time.Since(start).Seconds())
	return os.Rename(tmp, FrozenMirror())
}

func freezeInto(ctx context.Context, dir string) error {
	if err := freshDir(dir); err != nil {
		return err
	}
	debian, security, err := mirrors()
	if err != nil {
		return err
	}
	remote := map[string]string{"debian": debian, "debian-security": security}
	for _, s := range suites {
		if err := freezeIndex(ctx, remote[s.archive], filepath.Join(dir, s.archive), s.name); err != nil {
			return err
		}
	}
	files, err := pendingFiles(ctx, dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		archive, below, _ := strings.Cut(f, "/")
		if err := fetch(ctx, remote[archive]+"/"+below, filepath.Join(dir, f)); err != nil {
			return err
		}
	}
	return nil
}

// freezeIndex copies a suite's signed InRelease and its Packages, which must be the ones it names.
func freezeIndex(ctx context.Context, remote, local, name string) error {
	arch, err := output("dpkg", "--print-architecture")
	if err != nil {
		return err
	}
	index := "main/binary-" + strings.TrimSpace(arch) + "/Packages.xz"
	dists := filepath.Join(local, "dists", name)
	for _, f := range []string{"InRelease", index} {
		if err := fetch(ctx, remote+"/dists/"+name+"/"+f, filepath.Join(dists, f)); err != nil {
			return err
		}
	}
	body, err := os.ReadFile(filepath.Join(dists, index))
	if err != nil {
		return err
	}
	release, err := os.ReadFile(filepath.Join(dists, "InRelease"))
	if err != nil {
		return err
	}
	if sum := fmt.Sprintf("%x", sha256.Sum256(body)); !strings.Contains(string(release), sum) {
		return fmt.Errorf("the mirror's %s of %s is not the one its InRelease names: it is being updated, try again", index, name)
	}
	return nil
}

// pendingFiles asks this machine's apt what the base root would upgrade to, and returns the files' paths in the mirror.
func pendingFiles(ctx context.Context, dir string) ([]string, error) {
	state, err := os.MkdirTemp("", "staunch-lab-apt")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(state)
	conf := map[string]string{"Dir::Etc::main": "/dev/null", "Dir::Etc::parts": "/dev/null", // not this machine's own settings
		"Dir::Etc::SourceList": filepath.Join(state, "sources.list"), "Dir::Etc::SourceParts": "/dev/null", "Dir::Etc::Preferences": "/dev/null", "Dir::Etc::PreferencesParts": "/dev/null",
		"Dir::State": state, "Dir::State::status": filepath.Join(baseRoot(), "var/lib/dpkg/status"), "Dir::Cache": state,
		"Acquire::Languages": "none", "APT::Sandbox::User": "root", "Debug::NoLocking": "1"}
	var text strings.Builder
	for key, value := range conf {
		fmt.Fprintf(&text, "%s %q;\n", key, value)
	}
	err = WriteFiles(state, map[string]string{"sources.list": FrozenSources("file://"+dir, true), "extended_states": "", "apt.conf": text.String()})
	if err != nil {
		return nil, err
	}
	env := "APT_CONFIG=" + filepath.Join(state, "apt.conf")
	if _, err := outputContext(ctx, "env", env, "apt-get", "-qq", "update"); err != nil {
		return nil, err
	}
	out, err := outputContext(ctx, "env", env, "apt-get", "-qq", "-y", "--print-uris", "dist-upgrade")
	if err != nil {
		return nil, err
	}
	var files []string
	lines := bufio.NewScanner(strings.NewReader(out))
	for lines.Scan() { // 'file:/…/debian-security/pool/….deb' name_version_arch.deb size hash
		uri := strings.Trim(strings.SplitN(lines.Text(), " ", 2)[0], "'")
		plain, err := url.PathUnescape(strings.TrimPrefix(strings.TrimPrefix(uri, "file:"), "//"))
		if err != nil {
			return nil, err
		}
		if rel, ok := strings.CutPrefix(plain, dir+"/"); ok && strings.HasSuffix(rel, ".deb") {
			files = append(files, rel)
		}
	}
	return files, lines.Err()
}

// fetch gets one file with apt's own downloader, so that proxies and credentials are those the machine is set up with.
func fetch(ctx context.Context, uri, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if _, err := outputContext(ctx, "/usr/lib/apt/apt-helper", "-qq", "-o", "APT::Sandbox::User=root", "download-file", uri, to); err != nil {
		return err
	}
	if _, err := os.Stat(to); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s was not fetched", path.Base(uri))
	}
	return nil
}

//go:build linux

package lab

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"time"
)

// Deb is a small synthetic package for all architectures.
type Deb struct {
	Name, Version string
	Control       string            // further fields, a line each: "Depends: lab-lib (= 1.0)"
	Files         map[string]string // what it installs, by path
	Scripts       map[string]string // maintainer scripts: "postinst": "exit 1"
	Index         string            // fields that only the repository's index has: "Phased-Update-Percentage: 0"
}

func (d Deb) file() string {
	return fmt.Sprintf("%s_%s_all.deb", d.Name, strings.ReplaceAll(d.Version, ":", "%3a"))
}

// DebSuite is one suite of a synthetic repository.
type DebSuite struct {
	Name, Origin, Label string
	Debs                []Deb
}

// DebRepo is a signed apt repository of synthetic packages. Dir is to be served; Key is the public key for Signed-By.
type DebRepo struct {
	Dir, Key string
	home     string // gpg's
}

// NewDebRepo makes an empty repository with a key of its own in dir.
func NewDebRepo(dir string) (*DebRepo, error) {
	r := &DebRepo{Dir: filepath.Join(dir, "repo"), Key: filepath.Join(dir, "repo", "key.gpg"), home: filepath.Join(dir, "gnupg")}
	if err := os.MkdirAll(filepath.Join(r.Dir, "pool"), 0o755); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(r.home, 0o700); err != nil {
		return nil, err
	}
	if _, err := r.gpg(nil, "--quick-gen-key", "Lab archive <lab@staunch.example>", "ed25519", "sign", "never"); err != nil {
		return nil, err
	}
	_, err := r.gpg(nil, "--export", "--output", r.Key)
	return r, err
}

// Close ends the agent that gpg leaves running for its home.
func (r *DebRepo) Close() error {
	_, err := output("gpgconf", "--homedir", r.home, "--kill", "all")
	return err
}

func (r *DebRepo) gpg(stdin []byte, args ...string) ([]byte, error) {
	cmd := exec.Command("gpg", append([]string{"--homedir", r.home, "--batch", "--yes", "--quiet", "--passphrase", ""}, args...)...)
	cmd.Stdin = bytes.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("gpg: %w: %s", err, stderr.String())
	}
	return out, err
}

// Sources is the sources.list line for a suite of the repository served at base, with the key at keyPath on the host.
func (r *DebRepo) Sources(base, keyPath, suite string) string {
	return fmt.Sprintf("deb [signed-by=%s] %s %s main\n", keyPath, base, suite)
}

// Publish builds the packages of a suite and (re)writes its signed index.
func (r *DebRepo) Publish(s DebSuite) error {
	var packages bytes.Buffer
	for _, d := range s.Debs {
		entry, err := r.build(d)
		if err != nil {
			return err
		}
		packages.WriteString(entry)
	}
	arch, err := output("dpkg", "--print-architecture")
	if err != nil {
		return err
	}
	arch = strings.TrimSpace(arch)
	index := "main/binary-" + arch + "/Packages"
	release := fmt.Sprintf("Origin: %s\nLabel: %s\nSuite: %s\nCodename: %s\nDate: %s\nArchitectures: %s\nComponents: main\nSHA256:\n %x %d %s\n",
		s.Origin, s.Label, s.Name, s.Name, time.Now().UTC().Format("Mon, 02 Jan 2006 15:04:05 UTC"), arch, sha256.Sum256(packages.Bytes()), packages.Len(), index)
	signed, err := r.gpg([]byte(release), "--clearsign")
	if err != nil {
		return err
	}
	return WriteFiles(filepath.Join(r.Dir, "dists", s.Name), map[string]string{index: packages.String(), "InRelease": string(signed)})
}

// DebFile is the path of a package's file that Publish has built.
func (r *DebRepo) DebFile(d Deb) string { return filepath.Join(r.Dir, "pool", d.file()) }

// build makes the package's file and returns its stanza in the index.
func (r *DebRepo) build(d Deb) (string, error) {
	tree, err := os.MkdirTemp("", "staunch-lab-deb")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tree)
	control := fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: Lab <lab@staunch.example>\n", d.Name, d.Version)
	if d.Control != "" {
		control += strings.TrimSpace(d.Control) + "\n"
	}
	control += "Description: synthetic package for tests\n"
	files := map[string]string{"DEBIAN/control": control, "usr/share/lab/" + d.Name: d.Version + "\n"}
	var conffiles []string
	for name, body := range d.Files {
		files[name] = body
		if strings.HasPrefix(name, "etc/") {
			conffiles = append(conffiles, "/"+name+"\n")
		}
	}
	if sort.Strings(conffiles); len(conffiles) > 0 {
		files["DEBIAN/conffiles"] = strings.Join(conffiles, "")
	}
	for name, body := range d.Scripts {
		files["DEBIAN/"+name] = "#!/bin/sh\nset -e\n" + body + "\n"
	}
	if err := WriteFiles(tree, files); err != nil {
		return "", err
	}
	for name := range d.Scripts {
		if err := os.Chmod(filepath.Join(tree, "DEBIAN", name), 0o755); err != nil {
			return "", err
		}
	}
	if err := os.Chmod(tree, 0o755); err != nil { // MkdirTemp's 0700 would become the mode of the host's /
		return "", err
	}
	// The same package is the same bytes whenever it is built (dpkg-deb(1), SOURCE_DATE_EPOCH): a lock names its sha256.
	if _, err := output("env", "SOURCE_DATE_EPOCH=1767225600", "dpkg-deb", "--root-owner-group", "-Zgzip", "-b", tree, r.DebFile(d)); err != nil {
		return "", err
	}
	body, err := os.ReadFile(r.DebFile(d))
	if err != nil {
		return "", err
	}
	entry := control + fmt.Sprintf("Filename: pool/%s\nSize: %d\nSHA256: %x\n", d.file(), len(body), sha256.Sum256(body))
	if d.Index != "" {
		entry += strings.TrimSpace(d.Index) + "\n"
	}
	return entry + "\n", nil
}

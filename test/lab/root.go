//go:build linux

package lab

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	suite   = "bookworm"
	keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
)

// rootPackages is what a host has beside apt's own needs: systemd as PID 1 and a bus to speak to it.
var rootPackages = []string{"systemd-sysv", "dbus", "libnss-systemd", "debian-archive-keyring"}

// masked are units whose background work would make tests differ from run to run, or that a namespace cannot serve.
var masked = []string{"apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "fstrim.timer",
	"console-getty.service", "getty@.service", "systemd-update-utmp.service", "dev-hugepages.mount", "sys-fs-fuse-connections.mount",
	"systemd-timesyncd.service", "systemd-networkd.service", "systemd-resolved.service"}

// baseRoot is the folder of the base root. It is never written to once made.
func baseRoot() string {
	recipe := sha256.Sum256(fmt.Append(nil, suite, rootPackages, masked, "v1"))
	return filepath.Join(Dir(), fmt.Sprintf("%s-%x", suite, recipe[:6]))
}

// makeCache makes whatever is missing of what is kept between runs.
func makeCache(ctx context.Context) error {
	if err := unpackNspawn(ctx); err != nil {
		return err
	}
	if _, err := os.Stat(baseRoot()); errors.Is(err, fs.ErrNotExist) {
		if err := makeRoot(ctx, baseRoot()); err != nil {
			return err
		}
	}
	return freeze(ctx)
}

func makeRoot(ctx context.Context, root string) error {
	start := time.Now()
	m, _, err := mirrors()
	if err != nil {
		return err
	}
	tmp := root + ".new"
	if err := os.RemoveAll(tmp); err != nil {
		return err
	}
	// main alone, without -security and -updates: so real updates are pending
	cmd := exec.CommandContext(ctx, "mmdebstrap", "--quiet", "--mode=root", "--variant=apt", "--include="+strings.Join(rootPackages, ","),
		"--aptopt=Acquire::Languages \"none\"", "--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/locale/*",
		suite, tmp, fmt.Sprintf("deb [signed-by=%s] %s %s main", keyring, m, suite))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("mmdebstrap: %w: %s", err, out)
	}
	if err := settleRoot(tmp); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "lab: made the base root in %.0f s\n", time.Since(start).Seconds())
	return os.Rename(tmp, root)
}

// settleRoot makes a fresh root fit to be booted many times.
func settleRoot(root string) error {
	files := map[string]string{
		"etc/machine-id":                       "",
		"etc/apt/sources.list":                 "",
		"etc/systemd/journald.conf.d/lab.conf": "[Journal]\nStorage=volatile\nRuntimeMaxUse=8M\nForwardToConsole=no\n",
		// the frozen mirror may be older than what Valid-Until allows
		"etc/apt/apt.conf.d/99lab": "Acquire::Languages \"none\";\nAPT::Periodic::Enable \"0\";\nAcquire::Check-Valid-Until \"false\";\n",
	}
	if err := WriteFiles(root, files); err != nil {
		return err
	}
	for _, u := range masked {
		link := filepath.Join(root, "etc/systemd/system", u)
		_ = os.Remove(link)
		if err := os.Symlink("/dev/null", link); err != nil {
			return err
		}
	}
	return os.RemoveAll(filepath.Join(root, "etc/resolv.conf"))
}

// WriteFiles puts files, given by their path below root, into it.
func WriteFiles(root string, files map[string]string) error {
	for name, body := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(body), 0o644); err != nil {
			return err
		}
	}
	return nil
}

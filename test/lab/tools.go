//go:build linux

package lab

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// needed maps each program to the Debian package that has it.
var needed = []struct{ program, pkg string }{
	{"mmdebstrap", "mmdebstrap"},
	{"unshare", "util-linux"},
	{"nsenter", "util-linux"},
	{"ip", "iproute2"},
	{"gpg", "gnupg"},
	{"dpkg-deb", "dpkg"},
	{"make", "make"},
	{"rpm", "rpm"},
	{"rpmbuild", "rpm"},
	{"xz", "xz-utils"},
}

func checkTools() error {
	var missing []string
	for _, n := range needed {
		if _, err := exec.LookPath(n.program); err != nil {
			missing = append(missing, n.pkg)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("missing programs: test/bin/apt-install.sh %s", strings.Join(missing, " "))
	}
	return nil
}

// nspawn is systemd-nspawn: the machine's own, else one that is unpacked and not installed, since installing it would upgrade
// the machine's systemd in place. lib is what LD_LIBRARY_PATH must then be.
func nspawn() (program, lib string, err error) {
	if p, err := exec.LookPath("systemd-nspawn"); err == nil {
		return p, "", nil
	}
	dir := filepath.Join(Dir(), "nspawn")
	program = filepath.Join(dir, "usr/bin/systemd-nspawn")
	libs, err := filepath.Glob(filepath.Join(dir, "usr/lib/*/systemd"))
	if err != nil || len(libs) != 1 {
		return "", "", fmt.Errorf("systemd-nspawn is not in %s", dir)
	}
	return program, libs[0], nil
}

func unpackNspawn(ctx context.Context) error {
	if _, _, err := nspawn(); err == nil {
		return nil
	}
	dir := filepath.Join(Dir(), "nspawn")
	tmp := dir + ".new"
	if err := freshDir(tmp); err != nil {
		return err
	}
	if err := Download(ctx, tmp, "systemd-container", "libsystemd-shared"); err != nil {
		return err
	}
	debs, _ := filepath.Glob(filepath.Join(tmp, "*.deb"))
	for _, d := range debs {
		if _, err := outputContext(ctx, "dpkg-deb", "-x", d, tmp); err != nil {
			return err
		}
		if err := os.Remove(d); err != nil {
			return err
		}
	}
	return os.Rename(tmp, dir)
}

// Download puts the newest packages of Debian, as the machine's own apt knows them, into a folder that exists. It needs the network: it is
// for what prepares a run.
func Download(ctx context.Context, dir string, packages ...string) error {
	// apt fetches as the user _apt, who may not write there
	cmd := exec.CommandContext(ctx, "apt-get", append([]string{"download", "-qq", "-o", "APT::Sandbox::User=root"}, packages...)...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("downloading %s: %w: %s", strings.Join(packages, " "), err, out)
	}
	return nil
}

func freshDir(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.MkdirAll(dir, 0o755)
}

package inspect

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestContainers(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for _, at := range []string{"run/containerd/io.containerd.runtime.v2.task/k8s.io/0a1b/rootfs", "var/lib/docker/overlay2/77aa/merged", "var/lib/containers/storage/overlay/beef/merged"} {
		put(t, root, at+"/etc/os-release", []byte(debian12), 0o600)
		put(t, root, at+"/var/lib/dpkg/status", []byte(status("a 1")), 0o600)
	}
	for _, at := range []string{"run/containerd/io.containerd.runtime.v2.task/moby/cc/rootfs", "var/lib/docker/overlay2/88bb/diff", "var/lib/docker/overlay2/l"} { // another's mount, a layer, short names
		if err := os.MkdirAll(filepath.Join(root, at), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Containers(root)
	if err != nil {
		t.Fatal(err)
	}
	want := []Container{
		{"containerd", "k8s.io/0a1b", filepath.Join(root, "run/containerd/io.containerd.runtime.v2.task/k8s.io/0a1b/rootfs")},
		{"docker", "77aa", filepath.Join(root, "var/lib/docker/overlay2/77aa/merged")},
		{"podman", "beef", filepath.Join(root, "var/lib/containers/storage/overlay/beef/merged")},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, c := range got {
		if r, err := Root(t.Context(), c.Root, Options{}); err != nil || len(r.Packages) != 1 || r.OS.Ecosystem != "Debian:12" {
			t.Errorf("%s: %q, %v", c.ID, brief(r), err)
		}
	}
	if none, err := Containers(t.TempDir()); err != nil || none == nil || len(none) != 0 {
		t.Errorf("%v, %v", none, err)
	}
}

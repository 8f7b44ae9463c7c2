package inspect

import (
	"cmp"
	"path"
	"slices"

	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/pkgmgr"
)

// Container is one that runs on a host, and where its whole file system is mounted: a folder for Root.
type Container struct {
	Runtime string // containerd, docker, podman
	ID      string // as its runtime has it; with containerd's namespace before it, as k8s.io/0a1b
	Root    string // below the host's root
}

// mounts are where runtimes mount the file systems of running containers, as folders above the container's own, and the folder in it.
var mounts = []struct {
	runtime, dir string
	levels       int
	rootfs       string
}{
	{"containerd", "run/containerd/io.containerd.runtime.v2.task", 2, "rootfs"},
	{"docker", "var/lib/docker/overlay2", 1, "merged"},
	{"podman", "var/lib/containers/storage/overlay", 1, "merged"},
}

const maxContainers = 10_000

// Containers lists the containers that run on the host at root ("" means "/"), by their mounts; the runtimes are not asked. One that is
// stopped has no mount and is not listed. Only root may see most of these folders: what may not be read is not listed either, and the
// first error of that kind is given back beside the list. fault.NotFound: root cannot be opened.
func Containers(root string) ([]Container, error) {
	tree, err := pkgmgr.OpenRoot(root)
	if err != nil {
		return nil, fault.Wrap(err, fault.NotFound, "root %q cannot be opened", root)
	}
	defer func() { _ = tree.Close() }()
	out := []Container{}
	var unseen error
	for _, m := range mounts {
		if !exists(tree, m.dir) {
			continue
		}
		for _, id := range folders(tree, m.dir, m.levels, &unseen) {
			at := path.Join(m.dir, id, m.rootfs)
			if entries, err := tree.ReadDir(at); err == nil && len(entries) > 0 && len(out) < maxContainers {
				out = append(out, Container{Runtime: m.runtime, ID: id, Root: path.Join(cmp.Or(root, "/"), at)})
			}
		}
	}
	slices.SortFunc(out, func(a, b Container) int { return cmp.Or(cmp.Compare(a.Runtime, b.Runtime), cmp.Compare(a.ID, b.ID)) })
	return out, unseen
}

func exists(tree *pkgmgr.Root, name string) bool {
	_, err := tree.Stat(name)
	return err == nil
}

// folders lists the folders some levels below dir, by their names below it.
func folders(tree *pkgmgr.Root, dir string, levels int, unseen *error) []string {
	entries, err := tree.ReadDir(dir)
	if err != nil && *unseen == nil {
		*unseen = fault.Wrap(err, fault.Forbidden, "%s cannot be read: containers are seen by root only", dir)
	}
	var out []string
	for _, e := range entries {
		switch {
		case !e.IsDir():
		case levels == 1:
			out = append(out, e.Name())
		default:
			for _, below := range folders(tree, path.Join(dir, e.Name()), levels-1, unseen) {
				out = append(out, path.Join(e.Name(), below))
			}
		}
	}
	return out
}

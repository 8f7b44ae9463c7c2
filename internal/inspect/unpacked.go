package inspect

import (
	"os"
	"path/filepath"
)

// write puts the tree into a folder: files renamed into place, links as they are. Nothing is written through a link, since every name is
// made in a folder that we have made ourselves; whoever reads the tree resolves links inside it.
func (t *tree) write() (string, error) {
	t.root.prune()
	root := filepath.Join(t.dir, "root")
	return root, t.writeBelow(root, t.root)
}

func (t *tree) writeBelow(dir string, n *node) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	for name, child := range n.children {
		at := filepath.Join(dir, name)
		var err error
		switch {
		case child.children != nil:
			err = t.writeBelow(at, child)
		case child.link != "":
			err = os.Symlink(child.link, at)
		case child.stored != "": // a hard link, since two names may have one file
			if err = os.Link(child.stored, at); err == nil && child.mode&0o111 != 0 {
				err = os.Chmod(at, 0o700) //nolint:gosec // ours to read; the bit says that it is a program
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// prune drops folders without a file or link below them, and files that are not kept; true when nothing is left of n.
func (n *node) prune() bool {
	for name, child := range n.children {
		if child.prune() {
			delete(n.children, name)
		}
	}
	return n.link == "" && n.stored == "" && len(n.children) == 0
}

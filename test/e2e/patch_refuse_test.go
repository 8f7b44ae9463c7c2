//go:build linux && e2e

package e2e

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/seal"
	"github.com/staunch-dev/staunch/test/lab"
)

// TestRefusals puts into a host's spool what a forger, a stolen server or a taken-over unprivileged half could: each is refused, said
// once, and changes nothing.
func TestRefusals(t *testing.T) {
	old, fresh := lab.Deb{Name: "lab-a", Version: "1.0"}, lab.Deb{Name: "lab-a", Version: "1.1"}
	h := newPatchHost(t, "refusing", "8410", []lab.Deb{old}, []lab.Deb{fresh}, "")
	good := func(t *testing.T) apiv1.RunOffer { return h.offer(t, h.lock(t, fresh), nil) }
	put := func(t *testing.T, o apiv1.RunOffer) { h.put(t, o, fresh) }

	for name, c := range map[string]struct {
		code  string
		offer func(t *testing.T) apiv1.RunOffer
	}{
		"a plan and grant signed by another key": {seal.ForgedPlan, func(t *testing.T) apiv1.RunOffer {
			defer func(key ssh.Signer) { h.key = key }(h.key)
			h.key = strangersKey(t)
			return good(t)
		}},
		"a grant signed by another key": {seal.ForgedGrant, func(t *testing.T) apiv1.RunOffer {
			defer func(key ssh.Signer) { h.key = key }(h.key)
			o := good(t)
			h.key = strangersKey(t)
			return h.regrant(t, o, func(*seal.Grant) {})
		}},
		"a plan changed after it was signed": {seal.ForgedPlan, func(t *testing.T) apiv1.RunOffer {
			o := good(t)
			o.Plan = append(o.Plan, ' ')
			return o
		}},
		"a grant for another host": {seal.OtherHost, func(t *testing.T) apiv1.RunOffer {
			return h.regrant(t, good(t), func(g *seal.Grant) { g.HostID = "host_other" })
		}},
		"a plan that does not name this host": {seal.OtherHost, func(t *testing.T) apiv1.RunOffer {
			return h.offer(t, h.lock(t, fresh), func(p *seal.Plan) { p.HostsRoot = seal.Sum([]byte("other hosts")) })
		}},
		"a grant for another run": {seal.OtherPlan, func(t *testing.T) apiv1.RunOffer {
			return h.regrant(t, good(t), func(g *seal.Grant) { g.RunID = "run_other" })
		}},
		"an expired grant": {seal.Expired, func(t *testing.T) apiv1.RunOffer {
			return h.regrant(t, good(t), func(g *seal.Grant) {
				g.IssuedAt, g.ExpiresAt = g.IssuedAt.Add(-time.Hour), g.ExpiresAt.Add(-time.Hour)
			})
		}},
		"a grant that would hold for a year": {seal.Expired, func(t *testing.T) apiv1.RunOffer {
			return h.regrant(t, good(t), func(g *seal.Grant) { g.ExpiresAt = g.ExpiresAt.AddDate(1, 0, 0) })
		}},
		"a lock that the plan does not name": {seal.LockMismatch, func(t *testing.T) apiv1.RunOffer {
			o := good(t)
			lock := h.lock(t, fresh)
			lock.Changes[0].SHA256 = seal.Sum([]byte("other bytes"))
			var err error
			if o.Lock, err = seal.Encode(lock); err != nil {
				t.Fatal(err)
			}
			return o
		}},
		"a package named as an option": {seal.Malformed, func(t *testing.T) apiv1.RunOffer {
			lock := h.lock(t, fresh)
			lock.Changes[0].Name = "--allow-downgrades"
			return h.offer(t, lock, nil)
		}},
		"a version that is a path": {seal.Malformed, func(t *testing.T) apiv1.RunOffer {
			lock := h.lock(t, fresh)
			lock.Changes[0].To = "../../../tmp/x.deb"
			return h.offer(t, lock, nil)
		}},
		"a downgrade": {seal.Malformed, func(t *testing.T) apiv1.RunOffer {
			lock := h.lock(t, fresh)
			lock.Changes[0].From, lock.Changes[0].To = "1.1", "1.0"
			return h.offer(t, lock, nil)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			o := c.offer(t)
			h.refused(t, c.code, o.RunID, func() { put(t, o) })
		})
	}

	in := filepath.Join(h.Root, applySpool, "in")
	for name, spoil := range map[string]func(dir string) error{
		"an entry that is a link": func(dir string) error {
			return replace(dir, func() error { return os.Symlink("/etc", dir) })
		},
		"an entry that is a file": func(dir string) error {
			return replace(dir, func() error { return os.WriteFile(dir, []byte("x"), 0o600) })
		},
		"an offer that is a link": func(dir string) error {
			return replace(dir+"/offer.json", func() error { return os.Symlink("/etc/shadow", dir+"/offer.json") })
		},
		"an offer that is a FIFO": func(dir string) error {
			return replace(dir+"/offer.json", func() error { return syscall.Mkfifo(dir+"/offer.json", 0o600) })
		},
		"an offer of 1 GB":                     func(dir string) error { return os.Truncate(dir+"/offer.json", 1<<30) },
		"an offer that is cut off":             func(dir string) error { return os.Truncate(dir+"/offer.json", 100) },
		"an offer of root's":                   func(dir string) error { return os.Chown(dir+"/offer.json", 0, 0) },
		"an offer with another name elsewhere": func(dir string) error { return os.Link(dir+"/offer.json", dir+"/../../tmp/linked-"+filepath.Base(dir)) },
		"a file too many":                      func(dir string) error { return os.WriteFile(dir+"/debs/evil_1_all.deb", nil, 0o600) },
		"an entry without its packages":        func(dir string) error { return os.RemoveAll(dir + "/debs") },
	} {
		t.Run(name, func(t *testing.T) {
			o := good(t)
			h.refused(t, seal.Malformed, o.RunID, func() {
				put(t, o)
				if err := spoil(filepath.Join(in, o.RunID)); err != nil {
					t.Fatal(err)
				}
			})
		})
	}

	// these offers are good: what is wrong shows when the entry's packages are copied
	deb := func(dir string) string { return dir + "/debs/lab-a_1.1_all.deb" }
	for name, spoil := range map[string]func(dir string) error{
		"a package that is a link": func(dir string) error {
			return replace(deb(dir), func() error { return os.Symlink("/etc/shadow", deb(dir)) })
		},
		"a package that is a FIFO": func(dir string) error {
			return replace(deb(dir), func() error { return syscall.Mkfifo(deb(dir), 0o600) })
		},
		"a package of 1 GB": func(dir string) error { return os.Truncate(deb(dir), 1<<30) },
	} {
		t.Run(name, func(t *testing.T) {
			before, log := h.versions(t), sh(t, h.Host, "cat /var/log/dpkg.log")
			o := good(t)
			put(t, o)
			if err := spoil(filepath.Join(in, o.RunID)); err != nil {
				t.Fatal(err)
			}
			h.apply(t)
			if got := h.outcome(t, o.RunID); got.Result != "refused" {
				t.Errorf("outcome %+v", got)
			}
			if diff := cmp.Diff(before, h.versions(t)); diff != "" || sh(t, h.Host, "cat /var/log/dpkg.log") != log {
				t.Errorf("something was changed: %s", diff)
			}
			if left, _ := os.ReadDir(in); len(left) != 0 {
				t.Errorf("the spool still holds %v", left)
			}
		})
	}

	// the same host is not shut out by any of it
	o := good(t)
	put(t, o)
	h.apply(t)
	if got := h.outcome(t, o.RunID); got.Result != "succeeded" {
		t.Errorf("a good offer afterwards: %+v", got)
	}
}

// replace removes a file or folder and makes another in its place.
func replace(name string, by func() error) error {
	if err := os.RemoveAll(name); err != nil {
		return err
	}
	return by()
}

func strangersKey(t *testing.T) ssh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// regrant changes an offer's grant and signs it anew.
func (h *patchHost) regrant(t *testing.T, o apiv1.RunOffer, edit func(*seal.Grant)) apiv1.RunOffer {
	t.Helper()
	var g seal.Grant
	if err := json.Unmarshal(o.Grant, &g); err != nil {
		t.Fatal(err)
	}
	edit(&g)
	var err error
	if o.Grant, err = seal.Encode(g); err != nil {
		t.Fatal(err)
	}
	if o.GrantSignature, err = seal.Sign(h.key, seal.NamespaceGrant, o.Grant); err != nil {
		t.Fatal(err)
	}
	return o
}

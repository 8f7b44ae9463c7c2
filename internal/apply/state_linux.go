package apply

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/pkgmgr"
	"github.com/staunch-dev/staunch/internal/seal"
)

// How much is kept of runs that are over.
const (
	keepDone    = 3  // with their outcome, to answer a replayed grant
	keepRefused = 50 // reports of offers that were refused
)

// state is the root half's folder.
//
//	lock     one apply at a time
//	epoch    the highest epoch ever taken up
//	open     exists while a run is unfinished; systemd starts us again because of it, after a crash and after a reboot
//	runs/ID  offer.json, journal, archives, lists, transaction.log
//	done/ID  the grant's sha256 and the outcome of runs that are over
//	out/ID   reports.jsonl, for the unprivileged half to read
type state struct {
	dir  string
	lock *os.File
}

// openState makes or opens the folder and takes its lock. Others may walk through it, not list it: apt's own unprivileged user must reach
// the lists in it, and the unprivileged half its reports. fault.Conflict: another apply is at work.
func openState(dir string) (*state, error) {
	for name, mode := range map[string]os.FileMode{"": 0o711, "runs": 0o711, "done": 0o700, "out": 0o711} {
		if err := os.MkdirAll(filepath.Join(dir, name), mode); err != nil {
			return nil, err
		}
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil { // whatever the umask
			return nil, err
		}
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fault.Wrap(err, fault.Conflict, "another staunch-agent apply is at work in %s", dir), f.Close())
	}
	return &state{dir: dir, lock: f}, nil
}

func (s *state) close() error { return s.lock.Close() }

func (s *state) path(parts ...string) string {
	return filepath.Join(append([]string{s.dir}, parts...)...)
}

// epoch is the highest epoch taken up. A file that is there and cannot be read is an error: guessing 0 would let every old grant in.
func (s *state) epoch() (int64, error) {
	b, err := os.ReadFile(s.path("epoch"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	if err != nil || n < 0 {
		return 0, fault.New(fault.Invalid, "%s is damaged: enroll this host again under a new id", s.path("epoch"))
	}
	return n, nil
}

// raiseEpoch makes an epoch the highest, durably; it never lowers it.
func (s *state) raiseEpoch(to int64) error {
	now, err := s.epoch()
	if err != nil || to <= now {
		return err
	}
	return pkgmgr.WriteFile(s.path("epoch"), []byte(strconv.FormatInt(to, 10)+"\n"), 0o600)
}

// open are the runs that are not over, oldest id first.
func (s *state) open() ([]string, error) {
	entries, err := os.ReadDir(s.path("runs"))
	var out []string
	for _, e := range entries {
		if e.IsDir() && runName.MatchString(e.Name()) {
			out = append(out, e.Name())
		}
	}
	return out, err
}

// mark makes open tell the truth.
func (s *state) mark() error {
	runs, err := s.open()
	if err != nil {
		return err
	}
	if len(runs) > 0 {
		f, err := os.OpenFile(s.path("open"), os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close(), syncDir(s.dir))
	}
	if err := os.Remove(s.path("open")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return syncDir(s.dir)
}

// begin makes the folder of a run with its offer in it, whole or not at all.
func (s *state) begin(id string, offer []byte) error {
	tmp := s.path("runs", "."+id)
	if err := errors.Join(os.RemoveAll(tmp), os.Mkdir(tmp, 0o711), os.Chmod(tmp, 0o711)); err != nil {
		return err
	}
	if err := pkgmgr.WriteFile(filepath.Join(tmp, "offer.json"), offer, 0o600); err != nil {
		return err
	}
	if err := os.Rename(tmp, s.path("runs", id)); err != nil {
		return err
	}
	return errors.Join(syncDir(s.path("runs")), s.mark())
}

// done is what is remembered of a run that is over.
type done struct {
	Grant   string           `json:"grant"` // sha256
	Epoch   int64            `json:"epoch"`
	Outcome apiv1.RunOutcome `json:"outcome"`
}

func (s *state) finished(id string) (done, bool) {
	var d done
	b, err := os.ReadFile(s.path("done", id))
	return d, err == nil && json.Unmarshal(b, &d) == nil
}

// finish remembers the outcome and takes the run's folder away.
func (s *state) finish(id string, d done) error {
	b, err := json.Marshal(d)
	if err != nil {
		return err
	}
	if err := pkgmgr.WriteFile(s.path("done", id), b, 0o600); err != nil {
		return err
	}
	if err := os.RemoveAll(s.path("runs", id)); err != nil {
		return err
	}
	return errors.Join(syncDir(s.path("runs")), s.mark())
}

// prune forgets runs whose outcome the server has, but for the last few, and all but the last reports of refused offers.
func (s *state) prune(acked []string) error {
	entries, err := os.ReadDir(s.path("done"))
	if err != nil {
		return err
	}
	ids := make([]string, 0, len(entries))
	for _, e := range entries {
		ids = append(ids, e.Name())
	}
	slices.SortFunc(ids, func(a, b string) int {
		x, _ := s.finished(a)
		y, _ := s.finished(b)
		return int(x.Epoch - y.Epoch)
	})
	var errs []error
	for i, id := range ids {
		if !slices.Contains(acked, id) {
			continue
		}
		errs = append(errs, os.RemoveAll(s.path("out", id)))
		if i < len(ids)-keepDone {
			errs = append(errs, os.Remove(s.path("done", id)))
		}
	}
	outs, err := os.ReadDir(s.path("out"))
	var refused []string
	for _, e := range outs {
		_, over := s.finished(e.Name())
		_, atWork := os.Stat(s.path("runs", e.Name()))
		if over || atWork == nil {
			continue
		}
		if slices.Contains(acked, e.Name()) {
			errs = append(errs, os.RemoveAll(s.path("out", e.Name())))
			continue
		}
		refused = append(refused, e.Name())
	}
	for len(refused) > keepRefused {
		errs = append(errs, os.RemoveAll(s.path("out", refused[0])))
		refused = refused[1:]
	}
	return errors.Join(append(errs, err)...)
}

// offer reads the verified copy of a run's offer.
func (s *state) offer(id string) (apiv1.RunOffer, seal.Checked, error) {
	var o apiv1.RunOffer
	var c seal.Checked
	b, err := os.ReadFile(s.path("runs", id, "offer.json"))
	if err == nil {
		err = json.Unmarshal(b, &o)
	}
	for _, d := range []struct {
		from []byte
		to   any
	}{{o.Plan, &c.Plan}, {o.Lock, &c.Lock}, {o.Grant, &c.Grant}} {
		if err == nil {
			err = json.Unmarshal(d.from, d.to)
		}
	}
	if err != nil {
		err = fmt.Errorf("the copy of run %s's offer: %w", id, err)
	}
	return o, c, err
}

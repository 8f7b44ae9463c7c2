package seal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/staunch-dev/staunch/internal/vercmp"
	"golang.org/x/crypto/ssh"
)

// maxGrantLife bounds a grant (SECURITY §3.6: at most 15 minutes); maxAhead is how far the server's clock may be ahead of the host's.
const (
	maxGrantLife = 15 * time.Minute
	maxAhead     = 5 * time.Minute
)

// Codes of a Refusal.
const (
	Malformed    = "malformed"
	ForgedPlan   = "forged_plan"
	ForgedGrant  = "forged_grant"
	TooFew       = "too_few_approvals"
	OtherPlan    = "other_plan"
	OtherHost    = "other_host"
	LockMismatch = "lock_mismatch"
	TooEarly     = "too_early"
	Expired      = "expired"
	Replayed     = "replayed"
)

// Refusal is why an offer is not carried out. It is safe to show and to send.
type Refusal struct{ Code, Text string }

func (r *Refusal) Error() string { return r.Text }

func refuse(code, format string, args ...any) error {
	return &Refusal{Code: code, Text: fmt.Sprintf(format, args...)}
}

// Trust is what a host believes, pinned at enrollment or put there by its administrator; nothing of it comes with an offer.
type Trust struct {
	HostID    string
	PlanKey   ssh.PublicKey // the server's
	Signers   []Signer      // allowed_signers
	Threshold int           // how many of them must have signed; 0: the server's key alone suffices
}

// Offer is what arrives. Every byte of it is untrusted.
type Offer struct {
	Plan           []byte
	PlanSignatures []string
	Lock           []byte
	Grant          []byte
	GrantSignature string
}

// Checked is an offer that holds.
type Checked struct {
	Plan      Plan
	Lock      Lock
	Grant     Grant
	Approvers []string
}

// Check verifies everything about an offer that needs no look at the host: signatures, who and when it is for, that the lock is the
// plan's and this host's, that the epoch is new, and that every name and version has the grammar of its kind. The error is a *Refusal.
func Check(t Trust, o Offer, lastEpoch int64, now time.Time) (Checked, error) {
	var c Checked
	if len(o.Plan) > MaxPlanBytes || len(o.Lock) > MaxPlanBytes || len(o.Grant) > MaxPlanBytes {
		return c, refuse(Malformed, "a document is larger than %d MiB", MaxPlanBytes>>20)
	}
	if !slices.ContainsFunc(o.PlanSignatures, func(sig string) bool { return signedBy(t.PlanKey, sig, NamespacePlan, o.Plan) }) {
		return c, refuse(ForgedPlan, "the plan does not carry a valid signature of the server's plan key")
	}
	if !signedBy(t.PlanKey, o.GrantSignature, NamespaceGrant, o.Grant) {
		return c, refuse(ForgedGrant, "the grant does not carry a valid signature of the server's plan key")
	}
	if c.Approvers = Approvers(t.Signers, o.Plan, o.PlanSignatures, now); len(c.Approvers) < t.Threshold {
		return c, refuse(TooFew, "%d of %d required people have signed the plan", len(c.Approvers), t.Threshold)
	}
	for what, d := range map[string]struct {
		from []byte
		to   any
	}{"plan": {o.Plan, &c.Plan}, "grant": {o.Grant, &c.Grant}, "lock": {o.Lock, &c.Lock}} {
		if err := decode(d.from, d.to); err != nil {
			return c, refuse(Malformed, "the %s cannot be read: %v", what, err)
		}
	}
	if err := checkGrant(t, o, c, lastEpoch, now); err != nil {
		return c, err
	}
	return c, c.Lock.Validate(c.Plan)
}

func checkGrant(t Trust, o Offer, c Checked, lastEpoch int64, now time.Time) error {
	g, p := c.Grant, c.Plan
	if p.Version != 1 || g.Version != 1 || c.Lock.Version != 1 || p.Kind != "patch" {
		return refuse(Malformed, "the plan is of a kind or version that this agent does not know")
	}
	if g.PlanSHA256 != Sum(o.Plan) {
		return refuse(OtherPlan, "the grant is for another plan")
	}
	if g.HostID != t.HostID {
		return refuse(OtherHost, "the grant is for another host")
	}
	if g.LockSHA256 != Sum(o.Lock) || !slices.Contains(p.Locks, g.LockSHA256) {
		return refuse(LockMismatch, "the lock is not the one that the plan and the grant name")
	}
	root, proof, err := hashes(p.HostsRoot, g.Proof)
	if err != nil {
		return refuse(Malformed, "%v", err)
	}
	if !Includes(root, Leaf(g.HostID, g.LockSHA256), g.LeafIndex, p.Hosts, proof) {
		return refuse(OtherHost, "this host with this lock is not among the plan's hosts")
	}
	switch {
	case now.Before(p.NotBefore), now.Before(g.IssuedAt.Add(-maxAhead)):
		return refuse(TooEarly, "the plan or the grant is not valid yet")
	case now.After(p.NotAfter), now.After(g.ExpiresAt), g.ExpiresAt.Sub(g.IssuedAt) > maxGrantLife:
		return refuse(Expired, "the plan or the grant has expired")
	case g.Epoch <= lastEpoch:
		return refuse(Replayed, "epoch %d is not above %d, the highest seen", g.Epoch, lastEpoch)
	}
	return nil
}

// Grammar of what becomes an argument of a package manager (Debian policy 5.6.1, 5.6.7; deb-version(7) through vercmp). A name cannot
// begin with a dash, so none can be taken for an option.
var (
	packageName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]{0,254}$`) })
	archName    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,30}$`) })
	sha256Hex   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9a-f]{64}$`) })
)

// maxPackageBytes bounds one package file; the largest in Debian is under 2 GB.
const maxPackageBytes = 16 << 30

// Validate checks a lock's grammar, its order, and that it does nothing the plan does not allow.
func (l Lock) Validate(p Plan) error {
	if l.Manager != "apt" || len(l.Changes) == 0 || len(l.Changes) > 20_000 {
		return refuse(Malformed, "the lock names no known package manager, or no change, or too many")
	}
	for i, c := range l.Changes {
		if err := c.validate(p); err != nil {
			return err
		}
		if i > 0 && compareChange(l.Changes[i-1], c) >= 0 {
			return refuse(Malformed, "the lock is not sorted, or names %q twice", c.Name)
		}
	}
	return nil
}

func (c Change) validate(p Plan) error {
	if !packageName().MatchString(c.Name) || !archName().MatchString(c.Arch) {
		return refuse(Malformed, "%q (%q) is not a package name", c.Name, c.Arch)
	}
	for _, v := range []string{c.From, c.To} {
		if v != "" && vercmp.Valid("deb", v) != nil {
			return refuse(Malformed, "%q is not a version of %s", v, c.Name)
		}
	}
	switch c.Action {
	case "remove":
		if !p.AllowRemovals || c.From == "" || c.To != "" || c.SHA256 != "" {
			return refuse(Malformed, "the removal of %s is not allowed by the plan, or not complete", c.Name)
		}
		return nil
	case "install":
		if !p.AllowNew || c.From != "" {
			return refuse(Malformed, "the new package %s is not allowed by the plan, or not complete", c.Name)
		}
	case "upgrade":
		if n, err := vercmp.Compare("deb", c.From, c.To); err != nil || n >= 0 {
			return refuse(Malformed, "%s from %q to %q is not an upgrade", c.Name, c.From, c.To)
		}
	default:
		return refuse(Malformed, "%q is not something that can be done to %s", c.Action, c.Name)
	}
	if c.To == "" || !sha256Hex().MatchString(c.SHA256) || c.Size <= 0 || c.Size > maxPackageBytes {
		return refuse(Malformed, "%s lacks a version, a sha256 or a size", c.Name)
	}
	return nil
}

// compareChange is the order of a lock.
func compareChange(a, b Change) int {
	if a.Name != b.Name {
		if a.Name < b.Name {
			return -1
		}
		return 1
	}
	switch {
	case a.Arch < b.Arch:
		return -1
	case a.Arch > b.Arch:
		return 1
	}
	return 0
}

// Encode gives the bytes of a document, which are what is hashed and signed from then on. A lock's changes are sorted first.
func Encode(document any) ([]byte, error) {
	if l, ok := document.(Lock); ok {
		l.Changes = slices.Clone(l.Changes)
		slices.SortFunc(l.Changes, compareChange)
		document = l
	}
	return json.Marshal(document)
}

// Sum is the sha256 of bytes in lower-case hex: how documents name each other.
func Sum(document []byte) string {
	sum := sha256.Sum256(document)
	return hex.EncodeToString(sum[:])
}

// decode is strict: a field this agent does not know could be a limit that it would not keep, so it refuses.
func decode(from []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(from))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("something follows the document")
	}
	return nil
}

func signedBy(key ssh.PublicKey, sig, namespace string, message []byte) bool {
	got, err := Verify(sig, namespace, message)
	return err == nil && key != nil && bytes.Equal(got.Marshal(), key.Marshal())
}

func hashes(root string, path []string) (Hash, []Hash, error) {
	out := make([]Hash, 0, len(path)+1)
	for _, text := range append([]string{root}, path...) {
		if !sha256Hex().MatchString(text) { // before Decode, which panics when its target is too short
			return Hash{}, nil, fmt.Errorf("%q is not a hash", text)
		}
		var h Hash
		if _, err := hex.Decode(h[:], []byte(text)); err != nil {
			return Hash{}, nil, fmt.Errorf("%q is not a hash", text)
		}
		out = append(out, h)
	}
	return out[0], out[1:], nil
}

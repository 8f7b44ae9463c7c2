package seal

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// site is a server's key, two hosts and a plan for them.
type site struct {
	key   ssh.Signer
	plan  Plan
	lock  Lock
	grant Grant
	trust Trust
	now   time.Time
}

func newSite(t testing.TB) *site {
	t.Helper()
	now := time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)
	s := &site{key: newSigner(t, "ed25519"), now: now}
	s.lock = Lock{Version: 1, Manager: "apt", Changes: []Change{
		{Name: "libssl3", Arch: "amd64", Action: "upgrade", From: "3.0.16-1~deb12u1", To: "3.0.17-1~deb12u3", SHA256: strings.Repeat("a", 64), Size: 2_000_000},
		{Name: "openssl", Arch: "amd64", Action: "upgrade", From: "3.0.16-1~deb12u1", To: "3.0.17-1~deb12u3", SHA256: strings.Repeat("b", 64), Size: 1_400_000},
	}}
	s.plan = Plan{Version: 1, ID: "plan_x", Kind: "patch", CreatedAt: now, CreatedBy: "user:admin", NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), Hosts: 2, Reboot: "never"}
	s.grant = Grant{Version: 1, RunID: "run_x", HostID: "host_a", Epoch: 8, IssuedAt: now.Add(-time.Minute), ExpiresAt: now.Add(10 * time.Minute)}
	s.trust = Trust{HostID: "host_a", PlanKey: s.key.PublicKey()}
	return s
}

// offer encodes and signs; edit may change the documents before they are hashed into each other, and the offer after.
func (s *site) offer(t testing.TB, signer ssh.Signer) Offer {
	t.Helper()
	var o Offer
	var err error
	must := func(b []byte, e error) []byte {
		if e != nil {
			t.Fatal(e)
		}
		return b
	}
	o.Lock = must(Encode(s.lock))
	leaves := []Hash{Leaf("host_a", Sum(o.Lock)), Leaf("host_b", Sum(o.Lock))}
	root := Root(leaves)
	s.plan.HostsRoot, s.plan.Locks = hex.EncodeToString(root[:]), []string{Sum(o.Lock)}
	o.Plan = must(Encode(s.plan))
	s.grant.PlanSHA256, s.grant.LockSHA256 = Sum(o.Plan), Sum(o.Lock)
	s.grant.Proof = nil
	for _, h := range Proof(leaves, 0) {
		s.grant.Proof = append(s.grant.Proof, hex.EncodeToString(h[:]))
	}
	o.Grant = must(Encode(s.grant))
	sig, err := Sign(signer, NamespacePlan, o.Plan)
	if err != nil {
		t.Fatal(err)
	}
	o.PlanSignatures = []string{sig}
	if o.GrantSignature, err = Sign(signer, NamespaceGrant, o.Grant); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestAnHonestOfferHolds(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c, err := Check(s.trust, s.offer(t, s.key), 7, s.now)
	if err != nil {
		t.Fatal(err)
	}
	if c.Plan.ID != "plan_x" || c.Grant.Epoch != 8 || len(c.Lock.Changes) != 2 {
		t.Errorf("checked %+v", c)
	}
}

func TestEveryLieIsRefused(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		before func(*site)         // changes what the server signs
		after  func(*site, *Offer) // changes what arrives
		code   string
	}{
		"plan changed after signing": {nil, func(_ *site, o *Offer) { o.Plan = []byte(strings.Replace(string(o.Plan), "never", "if-required", 1)) }, ForgedPlan},
		"grant changed after signing": {nil, func(_ *site, o *Offer) {
			o.Grant = []byte(strings.Replace(string(o.Grant), `"epoch":8`, `"epoch":9`, 1))
		}, ForgedGrant},
		"no signature at all":          {nil, func(_ *site, o *Offer) { o.PlanSignatures = nil }, ForgedPlan},
		"grant signature as plan's":    {nil, func(_ *site, o *Offer) { o.PlanSignatures = []string{o.GrantSignature} }, ForgedPlan},
		"people required, none signed": {func(s *site) { s.trust.Threshold = 1 }, nil, TooFew},
		"plan for another host":        {func(s *site) { s.trust.HostID = "host_b" }, nil, OtherHost},
		"host not in the plan":         {func(s *site) { s.grant.HostID, s.trust.HostID = "host_c", "host_c" }, nil, OtherHost},
		"other place in the tree":      {func(s *site) { s.grant.LeafIndex = 1 }, nil, OtherHost},
		"lock swapped":                 {nil, func(_ *site, o *Offer) { o.Lock = []byte(strings.Replace(string(o.Lock), "deb12u3", "deb12u4", 2)) }, LockMismatch},
		"grant expired":                {func(s *site) { s.now = s.now.Add(20 * time.Minute) }, nil, Expired},
		"grant lives too long":         {func(s *site) { s.grant.ExpiresAt = s.grant.IssuedAt.Add(time.Hour) }, nil, Expired},
		"plan expired":                 {func(s *site) { s.plan.NotAfter = s.now.Add(-time.Second) }, nil, Expired},
		"plan not yet":                 {func(s *site) { s.plan.NotBefore = s.now.Add(time.Second) }, nil, TooEarly},
		"grant from the future":        {func(s *site) { s.grant.IssuedAt = s.now.Add(6 * time.Minute) }, nil, TooEarly},
		"epoch seen before":            {func(s *site) { s.grant.Epoch = 7 }, nil, Replayed},
		"lower epoch":                  {func(s *site) { s.grant.Epoch = 6 }, nil, Replayed},
		"option as a name":             {func(s *site) { s.lock.Changes[0].Name = "--allow-downgrades" }, nil, Malformed},
		"path as a name":               {func(s *site) { s.lock.Changes[0].Name = "../../etc/passwd" }, nil, Malformed},
		"NUL in a name":                {func(s *site) { s.lock.Changes[0].Name = "lib\x00ssl" }, nil, Malformed},
		"option as an architecture":    {func(s *site) { s.lock.Changes[0].Arch = "-o" }, nil, Malformed},
		"blank in a version":           {func(s *site) { s.lock.Changes[0].To = "3.1 -o x" }, nil, Malformed},
		"downgrade":                    {func(s *site) { s.lock.Changes[0].To = "3.0.15-1" }, nil, Malformed},
		"same version":                 {func(s *site) { s.lock.Changes[0].To = s.lock.Changes[0].From }, nil, Malformed},
		"removal not allowed":          {func(s *site) { s.lock.Changes[0] = Change{Name: "libssl3", Arch: "amd64", Action: "remove", From: "1"} }, nil, Malformed},
		"new package not allowed": {func(s *site) {
			s.lock.Changes[0] = Change{Name: "libssl3", Arch: "amd64", Action: "install", To: "1", SHA256: strings.Repeat("a", 64), Size: 1}
		}, nil, Malformed},
		"unknown action":          {func(s *site) { s.lock.Changes[0].Action = "purge" }, nil, Malformed},
		"no hash":                 {func(s *site) { s.lock.Changes[0].SHA256 = "" }, nil, Malformed},
		"negative size":           {func(s *site) { s.lock.Changes[0].Size = -1 }, nil, Malformed},
		"package twice":           {func(s *site) { s.lock.Changes[1] = s.lock.Changes[0] }, nil, Malformed},
		"empty lock":              {func(s *site) { s.lock.Changes = nil }, nil, Malformed},
		"other manager":           {func(s *site) { s.lock.Manager = "sh" }, nil, Malformed},
		"plan of another version": {func(s *site) { s.plan.Version = 2 }, nil, Malformed},
		"plan of another kind":    {func(s *site) { s.plan.Kind = "exec" }, nil, Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			if tc.before != nil {
				tc.before(s)
			}
			o := s.offer(t, s.key)
			if tc.after != nil {
				tc.after(s, &o)
			}
			_, err := Check(s.trust, o, 7, s.now)
			var r *Refusal
			if !errors.As(err, &r) || r.Code != tc.code {
				t.Errorf("got %v, want a refusal %q", err, tc.code)
			}
		})
	}
}

func TestAnotherServersKeyIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, err := Check(s.trust, s.offer(t, newSigner(t, "ed25519")), 7, s.now)
	var r *Refusal
	if !errors.As(err, &r) || r.Code != ForgedPlan {
		t.Errorf("got %v, want %s", err, ForgedPlan)
	}
}

// A field that this agent does not know could be a limit that it would not keep.
func TestUnknownFieldsAreRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	o := s.offer(t, s.key)
	o.Plan = []byte(strings.Replace(string(o.Plan), `{"v":1`, `{"v":1,"windows":["sunday"]`, 1))
	sig, err := Sign(s.key, NamespacePlan, o.Plan)
	if err != nil {
		t.Fatal(err)
	}
	o.PlanSignatures = []string{sig}
	_, err = Check(s.trust, o, 7, s.now)
	var r *Refusal
	if !errors.As(err, &r) || r.Code != Malformed {
		t.Errorf("got %v, want %s", err, Malformed)
	}
}

func FuzzCheck(f *testing.F) {
	s := newSite(f)
	o := s.offer(f, s.key)
	f.Add(o.Plan, o.Lock, o.Grant)
	f.Fuzz(func(t *testing.T, plan, lock, grant []byte) {
		sign := func(ns string, b []byte) string {
			sig, err := Sign(s.key, ns, b)
			if err != nil {
				t.Fatal(err)
			}
			return sig
		}
		// Signed whatever it is: even a server that is taken over cannot make Check panic or accept what breaks the grammar.
		c, err := Check(s.trust, Offer{plan, []string{sign(NamespacePlan, plan)}, lock, grant, sign(NamespaceGrant, grant)}, 7, s.now)
		if err == nil && c.Lock.Validate(c.Plan) != nil {
			t.Fatal("accepted a lock that does not validate")
		}
	})
}

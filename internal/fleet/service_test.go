package fleet_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/access"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/fleet"
	"github.com/staunch-dev/staunch/internal/id"
	"github.com/staunch-dev/staunch/internal/store"
	"github.com/staunch-dev/staunch/internal/store/storetest"
)

// noon is when the tests begin.
var noon = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

// bundle is a service on a real store with a real CA.
type bundle struct {
	*fleet.Service
	t     *testing.T
	ctx   context.Context
	store *store.Store
	ca    *access.CA
	log   *bytes.Buffer
}

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{t: t, ctx: t.Context(), store: storetest.Open(t), log: &bytes.Buffer{}}
	var err error
	if b.ca, err = access.OpenCA(t.TempDir(), noon); err != nil {
		t.Fatal(err)
	}
	b.Service = fleet.NewService(b.store, b.ca, slog.New(slog.NewTextHandler(b.log, nil)))
	return b
}

func (b *bundle) token(req fleet.CreateToken) (fleet.EnrollToken, string) {
	b.t.Helper()
	tok, text, err := b.CreateToken(b.ctx, "user:ada", req, noon)
	if err != nil {
		b.t.Fatal(err)
	}
	return tok, text
}

func (b *bundle) enroll(hostname string) fleet.Enrolled {
	b.t.Helper()
	_, text := b.token(fleet.CreateToken{})
	e, err := b.Enroll(b.ctx, fleet.EnrollRequest{Token: text, CSR: newCSR(b.t), Hostname: hostname, AgentVersion: "1.0"}, noon)
	if err != nil {
		b.t.Fatal(err)
	}
	return e
}

func (b *bundle) events(kind string) []event.Event {
	b.t.Helper()
	all, err := b.store.Events(b.ctx, "", 0, 1000)
	if err != nil {
		b.t.Fatal(err)
	}
	var of []event.Event
	for _, e := range all {
		if e.Kind == kind {
			of = append(of, e)
		}
	}
	return of
}

func newCSR(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
}

func serialOf(t *testing.T, certPEM []byte) string {
	t.Helper()
	block, _ := pem.Decode(certPEM)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert.SerialNumber.Text(16)
}

func yes(b bool) *bool { return &b }

func TestCreateTokenDefaultsAndBounds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, tc := range map[string]struct {
		req     fleet.CreateToken
		approve bool
		uses    int
		ttl     time.Duration
		wrong   string
	}{
		"nothing said":     {fleet.CreateToken{}, true, 1, time.Hour, ""},
		"many uses":        {fleet.CreateToken{Uses: 50, TTL: 24 * time.Hour}, false, 50, 24 * time.Hour, ""},
		"many, approved":   {fleet.CreateToken{Uses: 10000, Approve: yes(true)}, true, 10000, time.Hour, ""},
		"one, not":         {fleet.CreateToken{Approve: yes(false)}, false, 1, time.Hour, ""},
		"too many uses":    {fleet.CreateToken{Uses: 10001}, false, 0, 0, "1 to 10000 uses"},
		"negative uses":    {fleet.CreateToken{Uses: -1}, false, 0, 0, "1 to 10000 uses"},
		"too long":         {fleet.CreateToken{TTL: 24*time.Hour + 1}, false, 0, 0, "lives up to 24h"},
		"negative ttl":     {fleet.CreateToken{TTL: -1}, false, 0, 0, "lives up to 24h"},
		"reserved label":   {fleet.CreateToken{Labels: fleet.Labels{"host.os": "x"}}, false, 0, 0, "reserved"},
		"label with space": {fleet.CreateToken{Labels: fleet.Labels{"a b": "x"}}, false, 0, 0, "may have letters"},
	} {
		t.Run(name, func(t *testing.T) {
			tok, text, err := b.CreateToken(b.ctx, "user:ada", tc.req, noon)
			if tc.wrong != "" {
				if !errors.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), tc.wrong) {
					t.Errorf("error %v, want one with %q", err, tc.wrong)
				}
				return
			}
			if err != nil || tok.Approve != tc.approve || tok.Uses != tc.uses || tok.UsesLeft != tc.uses || !tok.ExpiresAt.Equal(noon.Add(tc.ttl)) {
				t.Errorf("%+v, %v", tok, err)
			}
			parts := strings.Split(text, ".")
			if len(parts) != 3 || parts[0] != tok.ID || len(parts[1]) != 26 || parts[2] != b.ca.Fingerprint() {
				t.Errorf("token %q", text)
			}
			if strings.Contains(tok.SecretHash, parts[1]) {
				t.Error("the secret is kept")
			}
		})
	}
}

func TestEnrollMakesAHostOfATokensBearer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tok, text := b.token(fleet.CreateToken{Labels: fleet.Labels{"env": "prod"}})
	got, err := b.Enroll(b.ctx, fleet.EnrollRequest{
		Token: " " + text + "\n", CSR: newCSR(t), Hostname: "Web1.Example.", MachineID: "abc", AgentVersion: "1.2", RemoteAddr: "192.0.2.7:5",
	}, noon)
	if err != nil {
		t.Fatal(err)
	}
	want := fleet.Host{
		ID: got.Host.ID, Ordinal: got.Host.Ordinal, Name: "web1.example", MachineID: "abc", State: fleet.Approved, Labels: fleet.Labels{"env": "prod"},
		TokenID: tok.ID, AgentVersion: "1.2", EnrolledAt: noon, ApprovedAt: noon, ApprovedBy: "token:" + tok.ID,
	}
	if diff := cmp.Diff(want, got.Host); diff != "" {
		t.Error(diff)
	}
	if !id.Valid(fleet.HostPrefix, got.Host.ID) {
		t.Errorf("id %q", got.Host.ID)
	}
	host, err := b.Authenticate(b.ctx, serialOf(t, got.CertPEM), noon, false)
	if err != nil || host.ID != got.Host.ID {
		t.Errorf("its certificate gives %q, %v", host.ID, err)
	}
	if es := b.events(event.HostEnrolled); len(es) != 1 || es[0].Host != got.Host.ID || es[0].Data["remote"] != "192.0.2.7" {
		t.Errorf("events %+v", es)
	}
}

func TestEnrollGivesNamelessHostsAName(t *testing.T) {
	t.Parallel()
	b := setup(t)
	h := b.enroll("\x1b[2J").Host
	if h.Name != "2j" {
		t.Errorf("escape sequence became %q", h.Name)
	}
	h = b.enroll("…").Host
	if want := "unnamed-" + h.ID[len(h.ID)-6:]; h.Name != want {
		t.Errorf("got %q, want %q", h.Name, want)
	}
}

// An agent learns only that its token is not good; the event says why.
func TestEnrollRefusesBadTokensAlike(t *testing.T) {
	t.Parallel()
	b := setup(t)
	used, usedText := b.token(fleet.CreateToken{})
	if _, err := b.Enroll(b.ctx, fleet.EnrollRequest{Token: usedText, CSR: newCSR(t), Hostname: "first"}, noon); err != nil {
		t.Fatal(err)
	}
	revoked, revokedText := b.token(fleet.CreateToken{})
	if err := b.RevokeToken(b.ctx, "user:ada", revoked.ID, noon); err != nil {
		t.Fatal(err)
	}
	short, shortText := b.token(fleet.CreateToken{TTL: time.Minute})
	good, goodText := b.token(fleet.CreateToken{})
	parts := strings.Split(goodText, ".")
	unknown := id.New(fleet.TokenPrefix, noon)
	hosts, _ := b.Hosts(b.ctx)
	for name, tc := range map[string]struct {
		token, reason, id string
		at                time.Time
	}{
		"garbage":      {"hello", "not a token", "", noon},
		"empty":        {"", "not a token", "", noon},
		"huge":         {strings.Repeat("a", 1<<20), "not a token", "", noon},
		"unknown":      {unknown + "." + parts[1] + "." + parts[2], "unknown", "", noon},
		"wrong secret": {parts[0] + "." + id.Secret() + "." + parts[2], "wrong secret", good.ID, noon},
		"used up":      {usedText, "used up", used.ID, noon},
		"revoked":      {revokedText, "revoked", revoked.ID, noon},
		"expired":      {shortText, "expired", short.ID, noon.Add(time.Minute)},
		"foreign CA":   {parts[0] + "." + parts[1] + "." + strings.Repeat("0", 64), "of a server with another CA", good.ID, noon},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := b.Enroll(b.ctx, fleet.EnrollRequest{Token: tc.token, CSR: newCSR(t), Hostname: "x", RemoteAddr: "192.0.2.1:" + name}, tc.at)
			const message = "the enroll-token is unknown, expired, used up or revoked: ask for a new one"
			if !errors.Is(err, fault.Unauthorized) || fault.Message(err) != message {
				t.Errorf("error %v", err)
			}
			if err == nil || !strings.Contains(err.Error(), tc.reason) {
				t.Errorf("the log would not say %q: %v", tc.reason, err)
			}
		})
		if name != "garbage" && tc.reason == "not a token" {
			continue // the same refusal from the same address is recorded once
		}
		var found bool
		for _, e := range b.events(event.EnrollRefused) {
			found = found || e.Data["reason"] == tc.reason && e.Data["token"] == tc.id && e.Data["remote"] == "192.0.2.1"
			if strings.Contains(e.Text, parts[1]) {
				t.Errorf("%s: the event holds the secret: %s", name, e.Text)
			}
		}
		if !found && name != "garbage" {
			t.Errorf("%s: no event says %q of %q", name, tc.reason, tc.id)
		}
	}
	if n := len(b.events(event.EnrollRefused)); n != 7 {
		t.Errorf("%d refusals recorded, want 7: one for each reason and token", n)
	}
	if after, _ := b.Hosts(b.ctx); len(after) != len(hosts) {
		t.Errorf("hosts went from %d to %d", len(hosts), len(after))
	}
	if b.log.Len() != 0 {
		t.Errorf("logged here too, though the caller logs the error: %s", b.log)
	}
}

func TestEnrollRefusesABadRequestAndKeepsTheUse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, text := b.token(fleet.CreateToken{})
	if _, err := b.Enroll(b.ctx, fleet.EnrollRequest{Token: text, CSR: "hello", Hostname: "x"}, noon); !errors.Is(err, fault.Invalid) {
		t.Errorf("error %v", err)
	}
	if _, err := b.Enroll(b.ctx, fleet.EnrollRequest{Token: text, CSR: newCSR(t), Hostname: "x"}, noon); err != nil {
		t.Errorf("the use was lost: %v", err)
	}
}

// However many hosts race for a token, it lets in as many as it has uses.
func TestEnrollUsesAreExact(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const uses, hosts = 3, 12
	_, text := b.token(fleet.CreateToken{Uses: uses})
	var wg sync.WaitGroup
	errs := make(chan error, hosts)
	for range hosts {
		csr := newCSR(t)
		wg.Go(func() {
			e, err := b.Enroll(b.ctx, fleet.EnrollRequest{Token: text, CSR: csr, Hostname: "same"}, noon)
			if err == nil && e.Host.State != fleet.Pending {
				err = errors.New("approved by a token with several uses")
			}
			errs <- err
		})
	}
	wg.Wait()
	close(errs)
	in := 0
	for err := range errs {
		switch {
		case err == nil:
			in++
		case !errors.Is(err, fault.Unauthorized):
			t.Error(err)
		}
	}
	if all, _ := b.Hosts(b.ctx); in != uses || len(all) != uses {
		t.Errorf("%d were let in, %d are there, want %d", in, len(all), uses)
	}
}

func TestEnrollAgainIsAnotherHostWithAHint(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var ids []string
	for range 2 {
		_, text := b.token(fleet.CreateToken{})
		e, err := b.Enroll(b.ctx, fleet.EnrollRequest{Token: text, CSR: newCSR(t), Hostname: "web1", MachineID: "same"}, noon)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, e.Host.ID)
	}
	if ids[0] == ids[1] {
		t.Fatal("the second took over the first one's id")
	}
	es := b.events(event.HostEnrolled) // newest first
	if es[0].Data["same_machine"] != ids[0] || !strings.Contains(es[0].Text, "clone") || es[1].Data["same_machine"] != "" {
		t.Errorf("events %+v", es)
	}
	if _, err := b.Host(b.ctx, "WEB1"); !errors.Is(err, fault.Conflict) || !strings.Contains(fault.Message(err), ids[0]) || !strings.Contains(fault.Message(err), ids[1]) {
		t.Errorf("a name of two hosts: %v", err)
	}
	if h, err := b.Host(b.ctx, ids[1]); err != nil || h.ID != ids[1] {
		t.Errorf("by id: %+v, %v", h, err)
	}
}

func TestAuthenticateByAge(t *testing.T) {
	t.Parallel()
	b := setup(t)
	serial := serialOf(t, b.enroll("web1").CertPEM)
	day := 24 * time.Hour
	for name, tc := range map[string]struct {
		age      time.Duration
		renewing bool
		want     error
	}{
		"fresh":                        {0, false, nil},
		"at its end":                   {day, false, nil},
		"past its end":                 {day + time.Second, false, fault.Expired},
		"renewing past its end":        {day + time.Second, true, nil},
		"renewing after 30 days":       {31 * day, true, nil},
		"renewing after 30 days and 1": {31*day + time.Second, true, fault.Expired},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := b.Authenticate(b.ctx, serial, noon.Add(tc.age), tc.renewing); !errors.Is(err, tc.want) {
				t.Errorf("error %v, want %v", err, tc.want)
			}
		})
	}
	if _, err := b.Authenticate(b.ctx, hex.EncodeToString([]byte("nobody")), noon, false); !errors.Is(err, fault.Unauthorized) {
		t.Errorf("unknown serial: %v", err)
	}
}

// The old certificate works until the new one is first seen, and never after; a restart of the server changes nothing in that.
func TestAuthenticateSupersedesAtFirstSight(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := b.enroll("web1")
	first := serialOf(t, e.CertPEM)
	ok := func(serial, when string) {
		t.Helper()
		if _, err := b.Authenticate(b.ctx, serial, noon, false); err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}
	ok(first, "before renewal")
	lostPEM, err := b.Renew(b.ctx, e.Host, newCSR(t), noon.Add(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	ok(first, "after an answer that was lost")
	newPEM, err := b.Renew(b.ctx, e.Host, newCSR(t), noon.Add(2*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	ok(first, "before the second was seen")
	b.Service = fleet.NewService(b.store, b.ca, slog.New(slog.DiscardHandler)) // a restart
	ok(first, "after a restart")
	ok(serialOf(t, newPEM), "the newest")
	for name, old := range map[string]string{"first": first, "lost": serialOf(t, lostPEM)} {
		for _, renewing := range []bool{false, true} {
			if _, err := b.Authenticate(b.ctx, old, noon, renewing); !errors.Is(err, fault.Unauthorized) {
				t.Errorf("%s still works (renewing: %v): %v", name, renewing, err)
			}
		}
	}
	ok(serialOf(t, newPEM), "the newest again")
}

func TestAuthenticateWritesNothingAfterFirstSight(t *testing.T) {
	t.Parallel()
	b := setup(t)
	serial := serialOf(t, b.enroll("web1").CertPEM)
	if _, err := b.Authenticate(b.ctx, serial, noon, false); err != nil {
		t.Fatal(err)
	}
	before := b.store.Stats()
	for range 10 {
		if _, err := b.Authenticate(b.ctx, serial, noon, false); err != nil {
			t.Fatal(err)
		}
	}
	if after := b.store.Stats(); after != before {
		t.Errorf("writes went from %+v to %+v", before, after)
	}
}

func TestRevocationIsImmediate(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*bundle, string) error{
		"revoke": func(b *bundle, id string) error { return b.Revoke(b.ctx, "user:ada", id, noon) },
		"delete": func(b *bundle, id string) error { return b.Delete(b.ctx, "user:ada", id, noon) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			e := b.enroll("web1")
			serial := serialOf(t, e.CertPEM)
			if _, err := b.Authenticate(b.ctx, serial, noon, false); err != nil {
				t.Fatal(err)
			}
			if err := end(b, e.Host.ID); err != nil {
				t.Fatal(err)
			}
			for range 5 {
				for _, renewing := range []bool{false, true} {
					if _, err := b.Authenticate(b.ctx, serial, noon, renewing); !errors.Is(err, fault.Unauthorized) {
						t.Errorf("renewing %v: %v", renewing, err)
					}
				}
			}
			if es := b.events(event.HostRefused); len(es) != 1 || es[0].Host != e.Host.ID {
				t.Errorf("%d refusals recorded within the hour, want 1: %+v", len(es), es)
			}
			if _, err := b.Authenticate(b.ctx, serial, noon.Add(time.Hour), false); err == nil {
				t.Error("works again after an hour")
			}
			if n := len(b.events(event.HostRefused)); n != 2 {
				t.Errorf("%d refusals recorded after the hour, want 2", n)
			}
		})
	}
}

func TestRenewalsAreBounded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	h := b.enroll("web1").Host
	if _, err := b.Renew(b.ctx, h, "hello", noon); !errors.Is(err, fault.Invalid) {
		t.Errorf("bad request: %v", err)
	}
	csr := newCSR(t)
	for range 19 {
		if _, err := b.Renew(b.ctx, h, csr, noon); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Renew(b.ctx, h, csr, noon); !errors.Is(err, fault.TooMany) {
		t.Errorf("the 21st in an hour: %v", err)
	}
	if _, err := b.Renew(b.ctx, h, csr, noon.Add(time.Hour)); err != nil {
		t.Errorf("an hour later: %v", err)
	}
}

func TestHostStates(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, text := b.token(fleet.CreateToken{Approve: yes(false)})
	e, err := b.Enroll(b.ctx, fleet.EnrollRequest{Token: text, CSR: newCSR(t), Hostname: "web1"}, noon)
	if err != nil {
		t.Fatal(err)
	}
	hostID := e.Host.ID
	if h, err := b.Authenticate(b.ctx, serialOf(t, e.CertPEM), noon, false); err != nil || h.State != fleet.Pending {
		t.Errorf("pending: %v, %v", h.State, err)
	}
	if err := b.Approve(b.ctx, "user:ada", hostID, noon.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	h, err := b.Host(b.ctx, "web1")
	if err != nil || h.State != fleet.Approved || h.ApprovedBy != "user:ada" || !h.ApprovedAt.Equal(noon.Add(time.Minute)) {
		t.Errorf("approved: %+v, %v", h, err)
	}
	if err := b.Approve(b.ctx, "user:ada", hostID, noon); !errors.Is(err, fault.Conflict) || !strings.Contains(fault.Message(err), "it is approved") {
		t.Errorf("twice: %v", err)
	}
	if err := b.SetLabels(b.ctx, "user:ada", hostID, fleet.Labels{"role": "web"}, noon); err != nil {
		t.Fatal(err)
	}
	if h, _ := b.Host(b.ctx, hostID); h.Labels.String() != "role=web" {
		t.Errorf("labels %v", h.Labels)
	}
	if err := b.SetLabels(b.ctx, "user:ada", hostID, fleet.Labels{"": "x"}, noon); !errors.Is(err, fault.Invalid) {
		t.Errorf("bad label: %v", err)
	}
	if err := b.Revoke(b.ctx, "user:ada", hostID, noon); err != nil {
		t.Fatal(err)
	}
	if err := b.Approve(b.ctx, "user:ada", hostID, noon); !errors.Is(err, fault.Conflict) {
		t.Errorf("approving a revoked host: %v", err)
	}
	if err := b.Delete(b.ctx, "user:ada", hostID, noon); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{hostID, "web1", "nobody", id.New(fleet.HostPrefix, noon)} {
		if _, err := b.Host(b.ctx, name); !errors.Is(err, fault.NotFound) {
			t.Errorf("%s after deletion: %v", name, err)
		}
	}
	for _, kind := range []string{event.HostApproved, event.HostRevoked, event.HostDeleted, event.HostLabels} {
		if es := b.events(kind); len(es) != 1 || es[0].Actor != "user:ada" || es[0].Host != hostID {
			t.Errorf("%s: %+v", kind, es)
		}
	}
}

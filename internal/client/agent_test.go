package client

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
)

// plain hides that a connection is TLS from net/http, which closes connections whose application protocol it does not know.
type plain struct{ net.Conn }

type plainListener struct{ net.Listener }

func (l plainListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return plain{c}, err
}

// channel is a TLS server that asks for client certificates as the real one does, and an agent of it.
func channel(t *testing.T, handle http.HandlerFunc) (a *Agent, address string) {
	t.Helper()
	lender := httptest.NewTLSServer(nil) // of a certificate for 127.0.0.1
	lender.Close()
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conf := &tls.Config{
		Certificates: lender.TLS.Certificates, MinVersion: tls.VersionTLS13, ClientAuth: tls.RequestClientCert, NextProtos: []string{apiv1.AgentALPN},
		VerifyConnection: func(state tls.ConnectionState) error {
			if state.NegotiatedProtocol != apiv1.AgentALPN {
				return errors.New("it does not speak the agents' protocol")
			}
			return nil
		},
	}
	srv := &http.Server{Handler: handle, ReadHeaderTimeout: time.Minute}
	go func() { _ = srv.Serve(plainListener{tls.NewListener(socket, conf)}) }()
	t.Cleanup(func() { _ = srv.Close() })
	address = "https://" + socket.Addr().String()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: lender.Certificate().Raw})
	a, err = NewAgent(AgentConfig{URL: address, CAPEM: ca, Certificate: selfSigned(t, time.Now().Add(-time.Minute)), UserAgent: "staunch-agent/test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a, address
}

func selfSigned(t *testing.T, notAfter time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: notAfter.Add(-time.Hour), NotAfter: notAfter}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestAgentSpeaksItsProtocolOnOneConnection(t *testing.T) {
	t.Parallel()
	remotes := map[string]bool{}
	a, _ := channel(t, func(w http.ResponseWriter, r *http.Request) {
		remotes[r.RemoteAddr] = true
		if r.ProtoMajor != 1 {
			t.Errorf("HTTP/%d", r.ProtoMajor)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"lacks":["facts"],"seq":7,"next_seconds":60,"a_field_of_tomorrow":1}`)
	})
	for range 3 {
		got, err := a.Checkin(t.Context(), apiv1.Checkin{AgentVersion: "x", Sections: map[string]string{}})
		if err != nil || got.Seq != 7 || len(got.Lacks) != 1 {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	if len(remotes) != 1 {
		t.Errorf("%d connections for three calls", len(remotes))
	}
}

func TestPutSectionIsCompressedAndNamedByItsDigest(t *testing.T) {
	t.Parallel()
	body := []byte(`{"packages":[` + strings.Repeat(`"x",`, 5000) + `"x"]}`)
	a, _ := channel(t, func(w http.ResponseWriter, r *http.Request) {
		d, err := zstd.NewReader(r.Body)
		if err != nil {
			t.Error(err)
		}
		defer d.Close()
		got, err := io.ReadAll(d)
		if err != nil || !bytes.Equal(got, body) || r.URL.Query().Get("digest") != Digest(body) || r.Header.Get("Content-Encoding") != "zstd" || r.URL.Path != "/agent/v1/sections/packages" {
			t.Errorf("%s: %d bytes, %v", r.URL, len(got), err)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"seq":1,"changed":true}`)
	})
	if got, err := a.PutSection(t.Context(), "packages", body); err != nil || !got.Changed {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestWaitTellsWorkFromNone(t *testing.T) {
	t.Parallel()
	a, _ := channel(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("wait") == "0" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id":"work_1","kind":"collect"}`)
	})
	if _, ok, err := a.Wait(t.Context(), 0); ok || err != nil {
		t.Errorf("204: %v, %v", ok, err)
	}
	if w, ok, err := a.Wait(t.Context(), time.Minute); !ok || err != nil || w.Kind != apiv1.WorkCollect {
		t.Errorf("200: %+v, %v, %v", w, ok, err)
	}
}

func TestAnswersToFaults(t *testing.T) {
	t.Parallel()
	problem := func(kind string, status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(apiv1.Problem{Type: apiv1.ProblemPrefix + kind, Detail: "because"})
		}
	}
	for name, c := range map[string]struct {
		handle http.HandlerFunc
		want   error
	}{
		"pending":     {problem("pending", 403), ErrPending},
		"expired":     {problem("expired", 401), fault.Expired},
		"refused":     {problem("unauthorized", 401), fault.Unauthorized},
		"invalid":     {problem("invalid", 422), fault.Invalid},
		"of_tomorrow": {problem("teapot", 418), fault.Invalid},
		"not_ours":    {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "gateway", http.StatusBadGateway) }, fault.Unavailable},
		"not_json":    {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }, fault.Unavailable},
		"redirects": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://elsewhere.invalid/", http.StatusFound)
		}, fault.Unavailable},
		"much_too_big": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"lacks":["`+strings.Repeat("x", 2<<20)+`"]}`)
		}, fault.TooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, _ := channel(t, c.handle)
			if _, err := a.Checkin(t.Context(), apiv1.Checkin{}); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
}

// The token is shown to the server it names and to no other: with the wrong CA no request arrives at all.
func TestEnrollShowsTheTokenToNoStranger(t *testing.T) {
	t.Parallel()
	asked := 0
	_, address := channel(t, func(http.ResponseWriter, *http.Request) { asked++ })
	token := "enr_x.s3cr3t." + strings.Repeat("ab", 32)
	_, err := EnrollAgent(t.Context(), address, token, "x", apiv1.EnrollRequest{})
	if !errors.Is(err, fault.Unauthorized) || asked != 0 || strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("%v, %d requests", err, asked)
	}
}

func FuzzSplitToken(f *testing.F) {
	f.Add("enr_x.secret." + strings.Repeat("ab", 32))
	f.Add("..")
	f.Fuzz(func(t *testing.T, token string) {
		fingerprint, err := SplitToken(token)
		if err == nil && len(fingerprint) != 64 {
			t.Fatalf("%q", fingerprint)
		}
		if err != nil && len(token) > 8 && strings.Contains(err.Error(), token) {
			t.Fatal("the token is in the error")
		}
	})
}

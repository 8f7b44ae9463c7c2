package app

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
)

// Limits of a connection. Bodies and answers have limits of their own, by operation.
const (
	headerTimeout = 10 * time.Second // also of the TLS handshake
	idleTimeout   = 2 * time.Minute
	maxHeader     = 64 << 10
)

// listener is one address: the socket and the server on it.
type listener struct {
	socket net.Listener
	server *http.Server
	done   chan struct{}
}

func listen(addr string, config *tls.Config, handler http.Handler, log *slog.Logger) (*listener, error) {
	socket, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "cannot listen on %s: %v", addr, err)
	}
	return &listener{
		socket: tls.NewListener(socket, config),
		server: &http.Server{
			Handler: handler, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
			TLSConfig: config, // for HTTP/2, which http.Server otherwise sets up only on listeners it makes
			ErrorLog:  slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		},
		done: make(chan struct{}),
	}, nil
}

// serve answers until stop; an end that nobody asked for goes to failed.
func (l *listener) serve(failed chan<- error) {
	go func() {
		err := l.server.Serve(l.socket)
		if !errors.Is(err, http.ErrServerClosed) {
			failed <- fault.Wrap(err, fault.Unavailable, "no longer listening on %s", l.socket.Addr())
		}
		close(l.done)
	}()
}

// close gives up an address that may never have been served.
func (l *listener) close(context.Context) error {
	if err := l.socket.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// stop lets requests end until ctx does, then cuts them off.
func (l *listener) stop(ctx context.Context) error {
	err := l.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, l.server.Close())
	}
	<-l.done
	return err
}

// port is the real one, also when the address asked for any.
func (l *listener) port() string {
	_, port, err := net.SplitHostPort(l.socket.Addr().String())
	if err != nil {
		panic("app: a TCP listener has a port: " + err.Error())
	}
	return port
}

// tlsConfigs are those of the shared address and of one for agents alone. TLS 1.3 only: agents are ours, and every browser that runs
// the console has it. An agent is asked for a certificate and not refused without one: enrollment has none yet, and one that has
// expired may still renew; the API verifies it on each request. Agents speak HTTP/1.1, where a long poll is a connection that can die
// alone.
func tlsConfigs(certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error), shared bool) (all, agents *tls.Config) {
	agents = &tls.Config{
		MinVersion: tls.VersionTLS13, GetCertificate: certificate,
		ClientAuth: tls.RequestClientCert, NextProtos: []string{apiv1.AgentALPN},
	}
	all = &tls.Config{
		MinVersion: tls.VersionTLS13, GetCertificate: certificate,
		NextProtos: []string{"h2", "http/1.1"},
	}
	if shared {
		all.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			if slices.Contains(hello.SupportedProtos, apiv1.AgentALPN) {
				return agents, nil
			}
			return nil, nil //nolint:nilnil // documented: nil means the configuration itself
		}
	}
	return all, agents
}

// byProtocol chooses the handler by what TLS negotiated: an agent's connection reaches only agent operations, a browser's never does.
func byProtocol(agents, others http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS != nil && r.TLS.NegotiatedProtocol == apiv1.AgentALPN {
			agents.ServeHTTP(w, r)
			return
		}
		others.ServeHTTP(w, r)
	})
}

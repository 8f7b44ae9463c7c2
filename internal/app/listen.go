package app

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
)

const (
	handshakeTimeout = 10 * time.Second
	acceptPause      = 100 * time.Millisecond // when the process has no descriptor left: some will end
)

// entrance is one address. It greets each connection with TLS and hands it to the inbox of the protocol that was negotiated, so that an
// agent's connection reaches only agent operations and a browser's never does. http.Server cannot do this itself: it drops connections
// of a protocol it does not know.
type entrance struct {
	socket net.Listener
	config *tls.Config
	inbox  func(protocol string) *inbox // nil: no such guests here
	log    *slog.Logger

	greeting  sync.WaitGroup
	ctx       context.Context // of handshakes and of the accepting loop
	cancel    context.CancelFunc
	accepting chan struct{} // closed when accept has ended; nil before it began
}

func newEntrance(addr string, config *tls.Config, log *slog.Logger, inbox func(protocol string) *inbox) (*entrance, error) {
	socket, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "cannot listen on %s: %v", addr, err)
	}
	e := &entrance{socket: socket, config: config, inbox: inbox, log: log}
	e.ctx, e.cancel = context.WithCancel(context.Background())
	return e, nil
}

// open begins to accept; an end that nobody asked for goes to failed.
func (e *entrance) open(failed chan<- error) {
	e.accepting = make(chan struct{})
	go func() {
		defer close(e.accepting)
		for {
			conn, err := e.socket.Accept()
			switch {
			case err == nil:
				e.greeting.Go(func() { e.greet(conn) })
			case e.ctx.Err() != nil:
				return
			case errors.Is(err, net.ErrClosed):
				failed <- fault.Wrap(err, fault.Unavailable, "no longer listening on %s", e.socket.Addr())
				return
			default:
				e.log.Error("accept", "address", e.socket.Addr().String(), "error", err)
				select {
				case <-e.ctx.Done():
				case <-time.After(acceptPause):
				}
			}
		}
	}()
}

// greet does the handshake in the connection's own time, not in that of the next one.
func (e *entrance) greet(conn net.Conn) {
	ctx, cancel := context.WithTimeout(e.ctx, handshakeTimeout)
	defer cancel()
	secured := tls.Server(conn, e.config)
	if err := secured.HandshakeContext(ctx); err != nil {
		if e.ctx.Err() == nil {
			e.log.Warn("TLS handshake", "remote", conn.RemoteAddr().String(), "error", err)
		}
		_ = conn.Close()
		return
	}
	protocol := secured.ConnectionState().NegotiatedProtocol
	in := e.inbox(protocol)
	if in == nil || !in.put(e.ctx, secured, protocol) {
		_ = secured.Close()
	}
}

// close stops accepting and ends handshakes; connections that were handed over stay. It may be called twice.
func (e *entrance) close(context.Context) error {
	e.cancel()
	err := e.socket.Close()
	if e.accepting != nil {
		<-e.accepting
	}
	e.greeting.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// port is the real one, also when the address asked for any.
func (e *entrance) port() string {
	_, port, err := net.SplitHostPort(e.socket.Addr().String())
	if err != nil {
		panic("app: a TCP listener has a port: " + err.Error())
	}
	return port
}

// inbox is a net.Listener of connections that have been greeted.
type inbox struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newInbox() *inbox { return &inbox{conns: make(chan net.Conn), closed: make(chan struct{})} }

// agentConn hides that it is a *tls.Conn: http.Server would look at the protocol, which is ours, and drop it. It finds the state of TLS
// through ConnectionState all the same.
type agentConn struct{ *tls.Conn }

func (i *inbox) put(ctx context.Context, conn *tls.Conn, protocol string) bool {
	var c net.Conn = conn
	if protocol == apiv1.AgentALPN {
		c = agentConn{conn}
	}
	select {
	case i.conns <- c:
		return true
	case <-i.closed:
		return false
	case <-ctx.Done():
		return false
	}
}

// Accept is for net.Listener.
func (i *inbox) Accept() (net.Conn, error) {
	select {
	case c := <-i.conns:
		return c, nil
	case <-i.closed:
		return nil, net.ErrClosed
	}
}

// Close is for net.Listener; it may be called twice.
func (i *inbox) Close() error {
	i.once.Do(func() { close(i.closed) })
	return nil
}

// Addr is for net.Listener; connections come from several.
func (i *inbox) Addr() net.Addr { return &net.TCPAddr{} }

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

// Limits of a connection. Bodies and answers have limits of their own, by operation.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 64 << 10
)

// room serves the connections of one inbox.
type room struct {
	server *http.Server
	inbox  *inbox
	done   chan struct{} // closed when Serve has ended; nil before it began
}

func newRoom(handler http.Handler, log *slog.Logger, protocols ...string) *room {
	return &room{inbox: newInbox(), server: &http.Server{
		Handler: handler, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: protocols}, // says only whether HTTP/2 is served: the entrance did TLS
		ErrorLog:  slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}}
}

func (r *room) serve() {
	r.done = make(chan struct{})
	go func() {
		defer close(r.done)
		_ = r.server.Serve(r.inbox) // ends when the inbox is closed, and says so
	}()
}

// stop lets requests end until ctx does, then cuts them off.
func (r *room) stop(ctx context.Context) error {
	err := r.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, r.server.Close())
	}
	<-r.done
	return err
}

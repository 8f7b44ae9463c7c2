package agent

import (
	"context"
	"os"

	"github.com/staunch-dev/staunch/internal/fault"
)

func geteuid() int { return os.Geteuid() }

// renew gets a new key its certificate. The old pair is kept until the server has seen the new one: of the two, one always works,
// whatever is lost on the way.
func (l *Loop) renew(ctx context.Context) error {
	hostname, _ := os.Hostname()
	key, csr, err := newKey(hostname)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "making a key")
	}
	answer, err := l.client.Renew(ctx, csr)
	if err != nil {
		return err
	}
	pair := Pair{Certificate: answer.Certificate, Key: key}
	cert, err := pair.parse()
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the certificate in the server's answer does not fit our key")
	}
	renewed := l.identity
	old := l.identity.Current
	renewed.Current, renewed.Previous = pair, &old
	if err := renewed.Save(l.cfg.StateDir); err != nil {
		return err
	}
	l.identity = renewed
	l.use(cert)
	l.log.Info("certificate renewed", "expires", cert.Leaf.NotAfter)
	return nil
}

// confirmed is called when the server has accepted the current certificate: the old pair has served.
func (l *Loop) confirmed() {
	if l.identity.Previous == nil {
		return
	}
	id := l.identity
	id.Previous = nil
	if err := id.Save(l.cfg.StateDir); err != nil {
		l.log.Warn("the old key could not be forgotten", "error", err)
		return
	}
	l.identity = id
}

// swap takes up the other pair, if there is one, when the server refuses the current: it may never have stored the new one, or have seen
// it already. Neither is forgotten before the server has accepted one of them.
func (l *Loop) swap() {
	if l.identity.Previous == nil {
		return
	}
	cert, err := l.identity.Previous.parse()
	if err != nil {
		return
	}
	id := l.identity
	old := id.Current
	id.Current, id.Previous = *id.Previous, &old
	if err := id.Save(l.cfg.StateDir); err != nil {
		l.log.Warn("the other key could not be taken up", "error", err)
		return
	}
	l.identity = id
	l.use(cert)
}

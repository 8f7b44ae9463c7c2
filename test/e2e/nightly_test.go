//go:build linux && e2e && nightly

package e2e

import (
	"strings"
	"testing"
	"time"
)

// idleWatched is long enough to see what agents do every few minutes: check in, renew what is due.
const idleWatched = 10 * time.Minute

// The shortest life of a token is a minute, which is too long for CI.
func TestExpiredTokenIsRefused(t *testing.T) {
	s := startServer(t, "8446", "--feeds", t.TempDir())
	token := strings.TrimSpace(s.cli(t, "enroll-token", "create", "--ttl", "1m"))
	h := boot(t, "late", agentLayer(t, ""))
	<-time.After(61 * time.Second)
	if err := enroll(t, s, h, token); err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("an expired token: %v", err)
	}
}

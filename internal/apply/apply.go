package apply

import (
	"log/slog"
	"time"
)

// Defaults of Options.
const (
	DefaultSpool = "/var/lib/staunch-agent/spool"
	DefaultState = "/var/lib/staunch-apply"
)

// Options are what the root half needs.
type Options struct {
	Spool   string // where the unprivileged half puts offers
	State   string // root's own folder: epoch, journals, staged files, reports
	Trust   string // trust.json
	Signers string // allowed_signers; may be absent
	// LockTimeout is how long to wait for somebody else's work on the package database before giving up.
	LockTimeout time.Duration
	Now         func() time.Time
	Log         *slog.Logger
}

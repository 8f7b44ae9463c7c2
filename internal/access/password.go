package access

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"

	"github.com/staunch-dev/staunch/internal/fault"
)

// Argon2id parameters: the OWASP Password Storage Cheat Sheet's m=19 MiB, t=2, p=1, above its minimum for equal strength; salt and
// tag lengths are those that RFC 9106 §3.1 recommends. They are written into each hash, so they can be raised later.
const (
	argonMemory  = 19 * 1024 // KiB
	argonTime    = 2
	argonThreads = 1
	saltBytes    = 16
	tagBytes     = 32
	hashAtOnce   = 4 // each takes 19 MiB: a storm of logins takes 76, and waits
)

// hasher makes and checks password hashes, a few at a time.
type hasher struct {
	slots chan struct{}
	decoy string // a hash that no password has been made to match, to spend the same time on unknown names
}

func newHasher() *hasher {
	h := &hasher{slots: make(chan struct{}, hashAtOnce)}
	var salt [saltBytes]byte
	var tag [tagBytes]byte
	_, _ = rand.Read(salt[:]) // documented never to fail
	_, _ = rand.Read(tag[:])
	h.decoy = encodePHC(phc{argonMemory, argonTime, argonThreads, salt[:], tag[:]})
	return h
}

// hash makes a PHC string of a new salt.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	var salt [saltBytes]byte
	_, _ = rand.Read(salt[:])
	p := phc{memory: argonMemory, time: argonTime, threads: argonThreads, salt: salt[:]}
	err := h.run(ctx, func() { p.tag = p.derive(password, tagBytes) })
	return encodePHC(p), err
}

// verify reports whether password is the one that encoded was made of.
func (h *hasher) verify(ctx context.Context, encoded, password string) (bool, error) {
	p, err := parsePHC(encoded)
	if err != nil {
		return false, err
	}
	var same bool
	err = h.run(ctx, func() {
		same = subtle.ConstantTimeCompare(p.derive(password, uint32(len(p.tag))), p.tag) == 1 //nolint:gosec // at most 64, see parsePHC
	})
	return same, err
}

func (h *hasher) run(ctx context.Context, work func()) error {
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
		work()
		return nil
	case <-ctx.Done():
		return fault.Wrap(ctx.Err(), fault.Unavailable, "too many sign-ins at once: try again")
	}
}

// phc is an argon2id hash in the PHC string format: $argon2id$v=19$m=19456,t=2,p=1$salt$tag, both in base64 without padding.
type phc struct {
	memory, time uint32
	threads      uint8
	salt, tag    []byte
}

func (p phc) derive(password string, n uint32) []byte {
	return argon2.IDKey([]byte(password), p.salt, p.time, p.memory, p.threads, n)
}

func encodePHC(p phc) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.memory, p.time, p.threads, b64.EncodeToString(p.salt), b64.EncodeToString(p.tag))
}

// parsePHC bounds the parameters: a row that someone has tampered with must not make a login take a gigabyte.
func parsePHC(s string) (phc, error) {
	bad := func(what string) (phc, error) {
		return phc{}, fault.New(fault.Internal, "a stored password hash is damaged: %s", what)
	}
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return bad("not argon2id")
	}
	if parts[2] != "v="+strconv.Itoa(argon2.Version) {
		return bad("version")
	}
	var p phc
	params := strings.Split(parts[3], ",")
	if len(params) != 3 {
		return bad("parameters")
	}
	memory, err1 := parameter(params[0], "m=", 8, 1<<18)
	passes, err2 := parameter(params[1], "t=", 1, 16)
	threads, err3 := parameter(params[2], "p=", 1, 16)
	if err1 != nil || err2 != nil || err3 != nil {
		return bad("parameters")
	}
	p.memory, p.time, p.threads = memory, passes, uint8(threads) //nolint:gosec // bounded to 16 above
	var err error
	if p.salt, err = base64.RawStdEncoding.Strict().DecodeString(parts[4]); err != nil || len(p.salt) < 8 || len(p.salt) > 64 {
		return bad("salt")
	}
	if p.tag, err = base64.RawStdEncoding.Strict().DecodeString(parts[5]); err != nil || len(p.tag) < 16 || len(p.tag) > 64 {
		return bad("tag")
	}
	return p, nil
}

func parameter(text, prefix string, least, most uint64) (uint32, error) {
	digits, ok := strings.CutPrefix(text, prefix)
	n, err := strconv.ParseUint(digits, 10, 32)
	if !ok || err != nil || n < least || n > most {
		return 0, fmt.Errorf("parameter %q", text)
	}
	return uint32(n), nil //nolint:gosec // parsed as 32 bits
}

package seal

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// Signer is one entry of an OpenSSH allowed_signers file (ssh-keygen(1), ALLOWED SIGNERS).
type Signer struct {
	Principal   string
	Key         ssh.PublicKey
	Namespaces  []string // empty: any
	ValidAfter  time.Time
	ValidBefore time.Time
}

// ParseAllowedSigners reads an allowed_signers file. It fails closed: a line it does not fully understand is an error with its number,
// because a signer that is silently dropped, or silently kept, changes who may approve.
func ParseAllowedSigners(file []byte) ([]Signer, error) {
	var out []Signer
	for n, line := range bytes.Split(file, []byte("\n")) {
		text := strings.TrimSpace(string(line))
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		s, err := parseSigner(text)
		if err != nil {
			return nil, fmt.Errorf("allowed_signers line %d: %w", n+1, err)
		}
		out = append(out, s)
	}
	return out, nil
}

func parseSigner(text string) (Signer, error) {
	principal, rest, ok := strings.Cut(text, " ")
	if !ok || strings.ContainsAny(principal, `"*?!,`) {
		return Signer{}, fmt.Errorf("wants exactly one principal, without patterns, before the key; got %q", principal)
	}
	key, _, options, _, err := ssh.ParseAuthorizedKey([]byte(rest))
	if err != nil {
		return Signer{}, fmt.Errorf("no key after the principal: %w", err)
	}
	s := Signer{Principal: principal, Key: key}
	for _, option := range options {
		name, value, _ := strings.Cut(option, "=")
		value = strings.Trim(value, `"`)
		switch strings.ToLower(name) {
		case "namespaces":
			s.Namespaces = strings.Split(value, ",")
		case "valid-after":
			s.ValidAfter, err = signerTime(value)
		case "valid-before":
			s.ValidBefore, err = signerTime(value)
		default:
			err = fmt.Errorf("option %q is not supported", name)
		}
		if err != nil {
			return Signer{}, err
		}
	}
	return s, nil
}

// signerTime reads YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, with Z for UTC; without it OpenSSH means local time, and so do we.
func signerTime(value string) (time.Time, error) {
	zone := time.Local
	if v, utc := strings.CutSuffix(value, "Z"); utc {
		value, zone = v, time.UTC
	}
	layout, ok := map[int]string{8: "20060102", 12: "200601021504", 14: "20060102150405"}[len(value)]
	if !ok {
		return time.Time{}, fmt.Errorf("time %q is not YYYYMMDD[HHMM[SS]][Z]", value)
	}
	return time.ParseInLocation(layout, value, zone)
}

// may reports whether the entry covers a key for a namespace at an instant.
func (s Signer) may(key ssh.PublicKey, namespace string, now time.Time) bool {
	if !bytes.Equal(s.Key.Marshal(), key.Marshal()) {
		return false
	}
	if len(s.Namespaces) > 0 {
		found := false
		for _, n := range s.Namespaces {
			found = found || n == namespace
		}
		if !found {
			return false
		}
	}
	return (s.ValidAfter.IsZero() || !now.Before(s.ValidAfter)) && (s.ValidBefore.IsZero() || now.Before(s.ValidBefore))
}

// Approvers are the distinct principals whose valid signatures over the plan are among sigs, in order. Two keys of one principal count
// once, and so does one key named under two principals.
func Approvers(signers []Signer, plan []byte, sigs []string, now time.Time) []string {
	var out []string
	people, keys := map[string]bool{}, map[string]bool{}
	for _, sig := range sigs {
		key, err := Verify(sig, NamespacePlan, plan)
		if err != nil {
			continue
		}
		fingerprint := ssh.FingerprintSHA256(key)
		for _, s := range signers {
			if !people[s.Principal] && !keys[fingerprint] && s.may(key, NamespacePlan, now) {
				people[s.Principal], keys[fingerprint] = true, true
				out = append(out, s.Principal)
			}
		}
	}
	return out
}

// Trusted is the principal whose entry covers a key for a namespace at an instant; empty when none does.
func Trusted(signers []Signer, key ssh.PublicKey, namespace string, now time.Time) string {
	for _, s := range signers {
		if s.may(key, namespace, now) {
			return s.Principal
		}
	}
	return ""
}

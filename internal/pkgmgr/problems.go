package pkgmgr

import (
	"fmt"
	"strings"
)

// MaxPackages bounds what one package database may hold; the same number is on the wire.
const MaxPackages = 100_000

// MaxText bounds names and versions; the same number is on the wire.
const MaxText = 256

const maxProblems = 100

// Problems gathers sentences about records of a package database that were left out: the first hundred, and how many more there are.
type Problems struct {
	list []string
	more int
}

// Add notes one.
func (p *Problems) Add(format string, args ...any) {
	if len(p.list) >= maxProblems {
		p.more++
		return
	}
	p.list = append(p.list, Printable(fmt.Sprintf(format, args...), 500))
}

// List is what was noted; nil when all was well.
func (p *Problems) List() []string {
	if p.more > 0 {
		return append(p.list, fmt.Sprintf("and %d more", p.more))
	}
	return p.list
}

// Printable makes foreign text fit to be shown: valid UTF-8, no control characters, at most limit bytes.
func Printable(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if control(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if len(s) > limit {
		return strings.ToValidUTF8(s[:limit], "")
	}
	return s
}

// Plain reports whether s can be a name or a version of any package manager: not empty, at most MaxText bytes of valid UTF-8 without
// blanks and control characters.
func Plain(s string) bool {
	return s != "" && len(s) <= MaxText && strings.ToValidUTF8(s, "") == s && !strings.ContainsFunc(s, func(r rune) bool { return r == ' ' || control(r) })
}

func control(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' }

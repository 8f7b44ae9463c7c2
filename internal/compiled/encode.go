package compiled

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
)

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendList(b []byte, list []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, s := range list {
		b = appendText(b, s)
	}
	return b
}

// appendTime keeps the instant: 0 for the zero time, else 1 and seconds and nanoseconds since 1970.
func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, 0)
	}
	b = binary.AppendVarint(append(b, 1), t.Unix())
	return binary.AppendUvarint(b, uint64(t.Nanosecond())) //nolint:gosec // 0 to 999,999,999
}

// appendAdvisory is an advisory without what it affects, and without its texts.
func appendAdvisory(b []byte, feed int, a *advisory.Advisory) []byte {
	b = binary.AppendUvarint(b, uint64(feed)) //nolint:gosec // an index
	b = appendText(b, a.ID)
	b = appendText(b, a.Severity)
	b = appendList(b, a.CVEs)
	b = appendList(b, a.Aliases)
	b = appendList(b, a.Supersedes)
	b = appendTime(b, a.Published)
	b = appendTime(b, a.Modified)
	return appendTime(b, a.Withdrawn)
}

// appendAffected is one entry without its ecosystem and package, which its block has.
func appendAffected(b []byte, a *advisory.Affected) []byte {
	b = binary.AppendUvarint(b, uint64(len(a.Ranges)))
	for _, r := range a.Ranges {
		b = appendText(b, r.Introduced)
		b = appendText(b, r.Fixed)
		b = appendText(b, r.Last)
	}
	b = appendList(b, a.Versions)
	b = appendText(b, string(a.Status))
	b = appendText(b, a.Note)
	b = appendText(b, a.Stream)
	b = appendText(b, a.Entitlement)
	return appendText(b, a.Severity)
}

// threat is what overlays say of one CVE.
type threat struct {
	kev  *advisory.KEV
	epss *advisory.EPSS
	ssvc *advisory.SSVC
}

// thousandths is an EPSS score as the table of threats has it, which is how every score is rounded; false for any other.
func (t threat) thousandths() (uint16, bool) {
	if t.epss == nil {
		return 0, true
	}
	if t.epss.Score < 0 || t.epss.Score > 1 {
		return 0, false
	}
	n := math.Round(t.epss.Score * 1000)
	return uint16(n) + 1, n/1000 == t.epss.Score
}

const (
	hasKEV = 1 << iota
	hasEPSS
	hasSSVC
	hasRansomware
)

// appendThreat is a threat; its EPSS score only when asked for, since the table has it.
func appendThreat(b []byte, t threat, score bool) []byte {
	var flags byte
	if t.kev != nil {
		flags |= hasKEV
		if t.kev.Ransomware {
			flags |= hasRansomware
		}
	}
	if t.epss != nil && score {
		flags |= hasEPSS
	}
	if t.ssvc != nil {
		flags |= hasSSVC
	}
	b = append(b, flags)
	if flags&hasKEV != 0 {
		b = appendText(b, t.kev.CVE)
		b = appendText(b, t.kev.Added)
		b = appendText(b, t.kev.Due)
		b = appendText(b, t.kev.Name)
	}
	if flags&hasEPSS != 0 {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(t.epss.Score))
	}
	if flags&hasSSVC != 0 {
		b = appendText(b, t.ssvc.Exploitation)
		b = appendText(b, t.ssvc.Automatable)
		b = appendText(b, t.ssvc.Impact)
		b = appendText(b, t.ssvc.At)
	}
	return b
}

func appendLifecycle(b []byte, feed int, l *advisory.Lifecycle) []byte {
	b = binary.AppendUvarint(b, uint64(feed)) //nolint:gosec // an index
	for _, s := range []string{l.Release, l.Codename, l.Released, l.Support, l.EOL, l.Extended, l.Latest} {
		b = appendText(b, s)
	}
	if l.Ended {
		return append(b, 1)
	}
	return append(b, 0)
}

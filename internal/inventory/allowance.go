package inventory

import (
	"sync"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// What a host had is kept, so a host that is taken over and says something new twice a second would fill the disk. Each change, each byte of a
// body and each phasing share takes up a host's allowance for a while. A busy host stays far below: a unit that fails and comes back at every
// check-in makes 24 changes an hour, and a section of 5,000 packages has a megabyte.
const (
	ofChange = 2 * time.Minute // of a section's allowance
	ofByte   = 24 * time.Hour / (8 * apiv1.MaxSectionBytes)
	ofShare  = 24 * time.Hour / 20_000
	fullFor  = 24 * time.Hour // what a host may have taken up: 720 changes of a section, 128 MiB, 20,000 shares at once, and as much a day
)

// What an allowance is of, beside changes of sections, which have their section's name.
const (
	allBytes  = "\x00bytes"
	allShares = "\x00shares"
)

type allowanceOf struct{ host, what string }

// allowances know until when each host's are taken up. One that is free again is forgotten.
type allowances struct {
	mu    sync.Mutex
	until map[allowanceOf]time.Time
	swept time.Time
}

// has says whether anything is left, and take takes cost of it: the last may take more than is left, so that nothing is too large for ever.
func (a *allowances) has(of allowanceOf, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.until[of].Sub(now) < fullFor
}

func (a *allowances) take(of allowanceOf, cost time.Duration, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now.Sub(a.swept) > time.Minute || now.Before(a.swept) {
		for of, until := range a.until {
			if !until.After(now) {
				delete(a.until, of)
			}
		}
		a.swept = now
	}
	from := a.until[of]
	if from.Before(now) {
		from = now
	}
	a.until[of] = from.Add(cost)
}

// mayChange says whether a section of a host may change now.
func (s *Service) mayChange(hostID, section string, now time.Time) bool {
	return s.allowed.has(allowanceOf{hostID, section}, now) && s.allowed.has(allowanceOf{hostID, allBytes}, now)
}

// changed takes up the allowance of a change with a body of so many bytes.
func (s *Service) changed(hostID, section string, bytes int, now time.Time) {
	s.allowed.take(allowanceOf{hostID, section}, ofChange, now)
	if bytes > 0 {
		s.allowed.take(allowanceOf{hostID, allBytes}, time.Duration(bytes)*ofByte, now)
	}
}

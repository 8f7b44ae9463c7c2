package report

import (
	"context"

	"github.com/staunch-dev/staunch/internal/assess"
)

// What a report has in memory, in bytes. Measured on 22 November 2026 with metrics of a generated fleet (32,399 packages, 50,000 advisories of
// 15 MiB): 78 MiB before its first host; 259 MiB after 500 hosts, which have most of those packages between them. Reckoned: 318.
const (
	perRow          = 1200 // a host as lists show it
	perPackage      = 800  // every interned one
	perMatch        = 7000 // of it: what was found for its source; most grows with how much that is
	perAdvisory     = 700
	perAdvisoryByte = 3 // as the store keeps it, compressed

	perFinding  = 1500 // of a compliance report, and its JSON
	perExposure = 40   // of metrics: two durations, and as many again while a list of them grows
	lookEvery   = 500  // hosts
)

// borrow takes the room for what every report begins with.
func (s *Service) borrow(ctx context.Context) (giveBack func(), err error) {
	if s.room == nil {
		return func() {}, nil
	}
	c, err := assess.CountsOf(ctx, s.store)
	if err != nil {
		return nil, err
	}
	return s.room.Take("a report about the past of this fleet", holds(c))
}

// holds is what a report has in memory before its first host, at the most.
func holds(c assess.Counts) int64 {
	return c.Hosts*perRow + c.Packages*(perPackage+perMatch) + c.Advisories*perAdvisory + c.AdvisoryBytes*perAdvisoryByte
}

// goesOn says from time to time whether there is room for a report to become twice what it is. n counts hosts; so many bytes were made
// of those before.
func (s *Service) goesOn(n, bytes int) error {
	if n%lookEvery != 0 {
		return nil
	}
	giveBack, err := s.room.Take("a report of so many hosts (a selector makes it smaller)", int64(bytes))
	if err != nil {
		return err
	}
	giveBack()
	return nil
}

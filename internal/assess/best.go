package assess

import "github.com/staunch-dev/staunch/internal/advisory"

// Best gives for each vulnerability among hits the one that a finding names: one with a fix before one without.
func Best(hits []Hit) map[string]Hit { return bestHits(hits) }

// Vulnerabilities are the names under which an advisory's findings are listed: its CVE ids, or its own.
func Vulnerabilities(a *advisory.Advisory) []string { return vulnerabilities(a) }

// Rank of a priority: 0 is the worst.
func Rank(priority string) int { return rank(priority) }

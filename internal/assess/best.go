package assess

import "github.com/staunch-dev/staunch/internal/advisory"

// Vulnerabilities are the names under which an advisory's findings are listed: its CVE ids, or its own.
func Vulnerabilities(a *advisory.Advisory) []string { return vulnerabilities(a) }

// Rank of a priority: 0 is the worst.
func Rank(priority string) int { return rank(priority) }

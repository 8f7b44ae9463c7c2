// Package feed fetches and parses sources of knowledge: OSV bucket zips and CISA KEV. Everything it reads is untrusted: sizes,
// counts and ratios are bounded, a record that does not parse is counted, named and skipped, and a failed fetch leaves the last good data.
package feed

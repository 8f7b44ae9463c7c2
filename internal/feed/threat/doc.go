// Package threat reads what is known of vulnerabilities themselves, by CVE: FIRST's EPSS scores and CISA's SSVC decisions. It must not
// know packages, nor what a decision means for a host (assess).
package threat

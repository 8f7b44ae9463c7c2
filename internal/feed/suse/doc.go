// Package suse reads what SUSE publishes of SUSE Linux Enterprise and openSUSE: OVAL definitions, one per CVE. It must not know where
// files come from.
package suse

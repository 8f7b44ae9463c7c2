// Package redhat reads what Red Hat publishes of its own products: CSAF advisories, one per erratum, and VEX, one document per CVE. It
// speaks of Red Hat Enterprise Linux itself; entries of other products (OpenShift, Satellite, layered products) are left out. It must not
// know where the files come from, nor any rebuild of RHEL.
package redhat

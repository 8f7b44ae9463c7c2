// Package storetest is the conformance suite of internal/store: one set of tests that every database must pass, and a fresh temporary
// store for the tests of other packages. It knows the interfaces and their contracts, not the SQL.
package storetest

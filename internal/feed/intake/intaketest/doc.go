// Package intaketest is what the adapters' tests share: real samples, files made by hand, and one pass of an adapter over a file. Only tests
// import it.
package intaketest

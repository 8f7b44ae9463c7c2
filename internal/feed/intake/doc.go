// Package intake is what every source's adapter stands on: bounded reading of foreign files, naming of what is wrong in them, and the
// shape of an adapter itself. Everything that comes through it is untrusted. It must not know any source.
package intake

// Package access owns who may do what: users and their passwords, console sessions, API tokens, roles, and the agent CA with the
// server's own certificate. It must not know hosts beyond an id to put into a certificate.
package access

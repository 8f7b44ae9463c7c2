// Package client is the typed HTTP client of the server: Operator for people and their programs, Agent for hosts. It owns transport,
// authentication, limits on what a server may answer, and problems to faults. It must not know what any answer means, nor print,
// prompt or store anything.
package client

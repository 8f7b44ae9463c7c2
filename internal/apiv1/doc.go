// Package apiv1 holds every JSON shape that crosses the wire: between agent and server (agent.go, sections.go) and between
// operators and server (the other files). It knows nothing but the standard library, so agent, client and CLI can share it.
//
// Rules: names are snake_case; times are RFC 3339 in UTC; arrays are never null; fields are only ever added, and a reader
// ignores fields it does not know (an agent N talks to a server N±2). Messages from agents are marked
// additionalProperties:"true" for that reason.
package apiv1

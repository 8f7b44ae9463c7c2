// Package api owns the server's HTTP face: the operations, who may call them, wire shapes to domain and back, faults to problems,
// the agent channel and the delivery of the console. Handlers are thin: they translate and call one service. It must not know how
// anything is stored (store) nor what runs in the background (jobs).
package api

// Package rollout owns a plan being carried out over many hosts: who goes next, how many at a time, when to stop. Its decision is a pure
// function of rows and the time; grant, event and what is to be sent are one transaction. It must not know what happens on a host (run).
package rollout

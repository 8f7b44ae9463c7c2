//go:build race

package intaketest

// Slack is what a limit on memory is multiplied by: what the race detector makes of a program takes about twice as much.
const Slack = 2

//go:build !race

package intaketest

// Slack is what a limit on memory is multiplied by.
const Slack = 1

// Package run owns one host's execution of a plan: its states, lease, steps, reports and outcome, and what follows from silence.
// It must not know the other hosts of the rollout.
package run

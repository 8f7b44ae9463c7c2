// Package fleetgen makes fleets of any size for measurements: hosts, package sets, updates and advisories in the proportions of real
// ones, the same for the same seed. A fleet is computed, not kept: a million hosts take no more memory than their sets.
package fleetgen

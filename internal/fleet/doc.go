// Package fleet owns hosts as members of the fleet: who they are, how they enroll, their labels and certificates, and selectors
// over them. It must not know what is installed on a host (inventory) nor what is wrong with it (assess).
package fleet

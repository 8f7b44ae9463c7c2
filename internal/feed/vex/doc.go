// Package vex reads what the user states: the local override list, and VEX documents of their own (OpenVEX, CSAF, CycloneDX). What it
// cannot place in a release is named, never guessed: a statement that is applied to the wrong package hides a hole. It must not know how
// statements and other sources settle (assess).
package vex

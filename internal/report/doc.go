// Package report owns documents about the past: what was wrong on which host from when to when, and what ended it. It derives them from
// what each host had (inventory), what is known (advisory) and what runs did. It must not know how any of the three came to be, nor how a
// document looks on paper.
package report

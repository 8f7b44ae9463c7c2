package vercmp

import "strings"

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isAlpha(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}

// digits splits the run of digits at the start of s from the rest.
func digits(s string) (run, rest string) {
	i := 0
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	return s[:i], s[i:]
}

// letters splits the run of ASCII letters at the start of s from the rest.
func letters(s string) (run, rest string) {
	i := 0
	for i < len(s) && isAlpha(s[i]) {
		i++
	}
	return s[:i], s[i:]
}

// significant drops leading zeros: "007" and "7" are one number, and "0" is the same as "".
func significant(digits string) string {
	i := 0
	for i < len(digits) && digits[i] == '0' {
		i++
	}
	return digits[i:]
}

// compareNumbers compares runs of digits of any length as numbers; no digits is zero.
func compareNumbers(a, b string) int {
	a, b = significant(a), significant(b)
	if len(a) != len(b) {
		return sign(len(a) - len(b))
	}
	return strings.Compare(a, b)
}

// inWord is how many digits always fit a uint64.
const inWord = 19

// appendNumber appends a number of any length so that the bytes order as the numbers do, and no number's bytes begin another's:
// how many bytes the value takes, then the value. Past 19 digits: 9, how many digits, then the digits.
func appendNumber(dst []byte, run string) []byte {
	run = significant(run)
	if len(run) > inWord {
		return append(appendCount(append(dst, 9), len(run)), run...)
	}
	var n uint64
	for i := range len(run) {
		n = n*10 + uint64(run[i]-'0')
	}
	size := 0
	for m := n; m > 0; m >>= 8 {
		size++
	}
	dst = append(dst, byte(size))
	for i := size - 1; i >= 0; i-- {
		dst = append(dst, byte(n>>(8*i)))
	}
	return dst
}

// appendCount appends a small count so that bytes order as counts do: 255 for every full 255, then the rest.
func appendCount(dst []byte, n int) []byte {
	for ; n >= 255; n -= 255 {
		dst = append(dst, 255)
	}
	return append(dst, byte(n))
}

package vercmp

import "strings"

// windowsNumbers bounds how many numbers a version has: files of Windows have four, 10.0.20348.2031.
const windowsNumbers = 8

// windowsParse checks dotted decimal numbers; what is missing at the end is zero, and leading zeros count for nothing (15.02.1258.028).
func windowsParse(v string) (reason string) {
	rest := v
	for count := 1; ; count++ {
		var run string
		run, rest = digits(rest)
		switch {
		case run == "":
			return "a number is missing"
		case count > windowsNumbers:
			return "more than eight numbers"
		case rest == "":
			return ""
		case rest[0] != '.':
			return "a character is not allowed in a number"
		}
		rest = rest[1:]
	}
}

func windowsValid(v string) error {
	if reason := windowsParse(v); reason != "" {
		return invalid(Windows, v, reason)
	}
	return nil
}

func windowsCompare(a, b string) (int, error) {
	for _, v := range []string{a, b} {
		if err := windowsValid(v); err != nil {
			return 0, err
		}
	}
	return compareDotted(a, b), nil
}

// windowsKey ends with the last number that is not zero: a version that another goes on from is before it, and so are its bytes.
func windowsKey(dst []byte, v string) ([]byte, error) {
	if err := windowsValid(v); err != nil {
		return nil, err
	}
	end := len(dst)
	for run := range strings.SplitSeq(v, ".") {
		dst = appendNumber(dst, run)
		if significant(run) != "" {
			end = len(dst)
		}
	}
	return dst[:end], nil
}

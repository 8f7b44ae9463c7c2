package vercmp

import "strings"

// composerNormal gives a version as Composer normalises it, which PHP's version_compare then orders: four numbers (or a date's), a
// stability with its numbers, -dev. A branch without numbers has no order.
func composerNormal(v string) (normal, reason string) {
	s := strings.ToLower(debTrim(v))
	if strings.HasPrefix(s, "dev-") || s == "master" || s == "trunk" || s == "default" {
		return "", "a branch has no order"
	}
	if strings.ContainsAny(s, " \t\n\r\f\v,") {
		return "", "it holds white space or a comma"
	}
	s, build, built := strings.Cut(s, "+")
	if built && (s == "" || build == "") {
		return "", "its build metadata is empty"
	}
	s = strings.TrimPrefix(s, "v")
	if numbers, rest := composerNumbers(s); numbers != "" {
		if suffix, ok := composerSuffix(rest); ok {
			return numbers + strings.Repeat(".0", 3-strings.Count(numbers, ".")) + suffix, ""
		}
	}
	if date, rest := composerDate(s); date != "" {
		if suffix, ok := composerSuffix(rest); ok {
			return date + suffix, ""
		}
	}
	if branch := composerBranch(s); branch != "" {
		return branch, ""
	}
	return "", "it is neither numbers with a stability, nor a date, nor a numeric branch"
}

// composerNumbers splits one to four numbers off s; the first has at most five digits.
func composerNumbers(s string) (numbers, rest string) {
	end := 0
	for i := range 4 {
		at := end
		if i > 0 {
			if at == len(s) || s[at] != '.' {
				break
			}
			at++
		}
		run, _ := digits(s[at:])
		if run == "" || i == 0 && len(run) > 5 {
			break
		}
		end = at + len(run)
	}
	return s[:end], s[end:]
}

// composerDate splits a date, perhaps with a time, off s.
func composerDate(s string) (date, rest string) {
	end := len(s) - len(strings.TrimLeft(s, "0123456789.:-"))
	end = len(strings.TrimRight(s[:end], ".:-"))
	if end < 4 || !semNumeric(s[:4]) || !composerPairs(s[4:end], 0) {
		return "", s
	}
	return strings.NewReplacer(":", ".", "-", ".").Replace(s[:end]), s[end:]
}

// composerPairs: one to six pairs of digits, then perhaps up to three digits, each after a separator or none.
func composerPairs(s string, pairs int) bool {
	if s == "" {
		return pairs > 0
	}
	if !isDigit(s[0]) {
		s = s[1:]
	}
	run, rest := digits(s)
	if pairs < 6 && len(run) >= 2 && composerPairs(s[2:], pairs+1) {
		return true
	}
	return pairs > 0 && 1 <= len(run) && len(run) <= 3 && rest == ""
}

// composerSuffix normalises [sep][stability[numbers]][[sep]dev].
func composerSuffix(s string) (suffix string, ok bool) {
	s, dev := strings.CutSuffix(s, "dev")
	if dev {
		suffix = "-dev"
		if s != "" && (s[len(s)-1] == '.' || s[len(s)-1] == '-') {
			s = s[:len(s)-1]
		}
	}
	if s != "" && (s[0] == '.' || s[0] == '_' || s[0] == '-') {
		s = s[1:]
	}
	if s == "" {
		return suffix, true
	}
	word, numbers := letters(s)
	for rest := numbers; rest != ""; {
		if rest[0] == '.' || rest[0] == '-' {
			rest = rest[1:]
		}
		var run string
		if run, rest = digits(rest); run == "" {
			return "", false
		}
	}
	switch word {
	case "stable":
		return "", true // and nothing of what follows counts
	case "alpha", "beta", "rc", "patch":
	case "a":
		word = "alpha"
	case "b":
		word = "beta"
	case "p", "pl":
		word = "patch"
	default:
		return "", false
	}
	return "-" + word + strings.TrimLeft(numbers, ".-") + suffix, true
}

// composerBranch normalises a numeric branch, as 1.2.x-dev: what it leaves open is past every number. Empty when s is none.
func composerBranch(s string) string {
	s, dev := strings.CutSuffix(s, "dev")
	if !dev {
		return ""
	}
	if s != "" && (s[len(s)-1] == '.' || s[len(s)-1] == '-') {
		s = s[:len(s)-1]
	}
	const open = "9999999"
	parts := strings.Split(strings.TrimPrefix(s, "v"), ".")
	if len(parts) > 4 || !semNumeric(parts[0]) {
		return ""
	}
	for i, part := range parts {
		switch {
		case semNumeric(part):
		case part == "x" || part == "*":
			parts[i] = open
		default:
			return ""
		}
	}
	for len(parts) < 4 {
		parts = append(parts, open)
	}
	return strings.Join(parts, ".") + "-dev"
}

func composerValid(v string) error {
	if _, reason := composerNormal(v); reason != "" {
		return invalid(Packagist, v, reason)
	}
	return nil
}

func composerCompare(a, b string) (int, error) {
	x, reason := composerNormal(a)
	if reason != "" {
		return 0, invalid(Packagist, a, reason)
	}
	y, reason := composerNormal(b)
	if reason != "" {
		return 0, invalid(Packagist, b, reason)
	}
	for {
		var rankX, rankY int
		var textX, textY string
		rankX, textX, x = composerNext(x)
		rankY, textY, y = composerNext(y)
		switch {
		case rankX != rankY:
			return sign(rankX - rankY), nil
		case rankX == composerEnd:
			return 0, nil
		case rankX == composerNumber:
			if n := compareNumbers(textX, textY); n != 0 {
				return n, nil
			}
		}
	}
}

// Ranks of the parts of a normalised version at one place, as PHP's version_compare has them.
const (
	composerDev = iota
	composerAlpha
	composerBeta
	composerRC
	composerEnd
	composerNumber
	composerPatch
)

func composerNext(s string) (rank int, text, rest string) {
	_, s = separators(s)
	if s == "" {
		return composerEnd, "", ""
	}
	if isDigit(s[0]) {
		text, rest = digits(s)
		return composerNumber, text, rest
	}
	text, rest = letters(s)
	switch text {
	case "dev":
		return composerDev, text, rest
	case "alpha":
		return composerAlpha, text, rest
	case "beta":
		return composerBeta, text, rest
	case "rc":
		return composerRC, text, rest
	}
	return composerPatch, text, rest
}

package apt

import (
	"bytes"
	"strconv"
	"strings"
)

// Policy is what `apt-cache policy NAME` says of one package.
type Policy struct {
	Installed, Candidate string
	Phased               map[string]int // version to percent, of those that are phased
}

// ParsePolicy reads the answer for any number of packages, keyed by the name as apt prints it.
func ParsePolicy(out []byte) map[string]Policy {
	all := map[string]Policy{}
	name := ""
	for raw := range bytes.Lines(out) {
		line := strings.TrimRight(string(raw), "\r\n")
		if n, ok := strings.CutSuffix(line, ":"); ok && line != "" && line[0] != ' ' {
			name = n
			all[name] = Policy{Phased: map[string]int{}}
			continue
		}
		p, ok := all[name]
		if !ok {
			continue
		}
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "Installed":
			p.Installed = value
		case "Candidate":
			p.Candidate = value
		default:
			p.phase(line)
		}
		all[name] = p
	}
	return all
}

// phase reads a line of the version table such as "     2.0 500 (phased 20%)".
func (p Policy) phase(line string) {
	rest, ok := strings.CutSuffix(line, "%)")
	head, percent, found := strings.Cut(rest, " (phased ")
	fields := strings.Fields(strings.TrimPrefix(strings.TrimSpace(head), "***"))
	n, err := strconv.Atoi(percent)
	if ok && found && err == nil && len(fields) > 0 && n >= 0 && n <= 100 {
		p.Phased[fields[0]] = n
	}
}

package apt

import (
	"bytes"
	"strings"
)

// ParseUpdate reads the output of `apt-get update`, both streams, and gives what went wrong for each repository of ids ("URI suite");
// rest are the problems that belong to none of them. Temporary failures are among them though apt itself calls the update a success.
func ParseUpdate(out []byte, ids []string) (problems map[string]string, rest []string) {
	problems = map[string]string{}
	failed := ""
	put := func(text string) {
		text = clip(redact(text), 500)
		for _, id := range ids {
			if !concerns(text, id) {
				continue
			}
			if problems[id] == "" || strings.HasPrefix(problems[id], "Err") {
				problems[id] = text
			}
			return
		}
		if len(rest) < 20 {
			rest = append(rest, text)
		}
	}
	for raw := range bytes.Lines(out) {
		line := strings.TrimRight(string(raw), "\r\n")
		switch {
		case strings.HasPrefix(line, "Err:"):
			_, failed, _ = strings.Cut(line, " ")
			continue
		case failed != "" && strings.HasPrefix(line, "  "):
			put("Err " + failed + ": " + strings.TrimSpace(line))
		case strings.HasPrefix(line, "E: "), strings.HasPrefix(line, "W: "):
			put(line[3:])
		}
		failed = ""
	}
	for id, text := range problems {
		problems[id] = strings.TrimPrefix(text, "Err ")
	}
	return problems, rest
}

// concerns finds a repository in apt's words, which name it as "URI suite" or by the address of one of its files.
func concerns(text, id string) bool {
	uri, suite, _ := strings.Cut(id, " ")
	for _, form := range []string{uri + " " + suite + " ", uri + "/ " + suite + " ", uri + "/dists/" + suite + "/"} {
		if strings.Contains(text+" ", form) {
			return true
		}
	}
	return false
}

// redact removes user and password from addresses: apt repeats them as they are configured.
func redact(s string) string {
	for from := 0; ; {
		i := strings.Index(s[from:], "://")
		if i < 0 {
			return s
		}
		from += i + len("://")
		end := strings.IndexAny(s[from:], "/ \t'\"")
		if end < 0 {
			end = len(s) - from
		}
		if at := strings.LastIndexByte(s[from:from+end], '@'); at >= 0 {
			s = s[:from] + s[from+at+1:]
		}
	}
}

package assess

import (
	"fmt"
	"strings"

	gocvss20 "github.com/pandatix/go-cvss/20"
	gocvss30 "github.com/pandatix/go-cvss/30"
	gocvss31 "github.com/pandatix/go-cvss/31"
	gocvss40 "github.com/pandatix/go-cvss/40"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
)

// level counts priorities upward, so that the worse is the greater.
type level int8

// Levels, as apiv1's priorities.
const (
	lowest level = iota
	low
	normal
	high
	urgent
)

// priority is a level's word.
func (l level) priority() string { return priorities()[urgent-l] }

// rating is a severity as somebody gave it, scored once when the advisory is compiled.
type rating struct {
	text  string // a CVSS vector or a word
	feed  string
	level level
	score float64 // of CVSS; negative: a word
}

// rating of one entry: what its source says of this package here, else what the advisory says; nil when neither says anything.
func (c *compiler) rating(a *advisory.Advisory, affected *advisory.Affected) *rating {
	text := affected.Severity
	if text == "" {
		text = a.Severity
	}
	if text == "" {
		return nil
	}
	r, known := c.scores[text]
	if !known {
		r = rate(text)
		c.scores[text] = r
	}
	r.feed = a.Feed
	if shared := c.ratings[r]; shared != nil {
		return shared
	}
	c.ratings[r] = &r
	return &r
}

// rate reads a severity. What cannot be read is normal and says so (ratingText): neither alarm nor comfort is taken from a word nobody
// defined.
func rate(text string) rating {
	if score, ok := cvssScore(text); ok {
		return rating{text: text, level: scoreLevel(score), score: score}
	}
	r := rating{text: text, level: normal, score: -1}
	if l, ok := wordLevel(text); ok {
		r.level = l
	}
	return r
}

// wordLevel reads the words of the distributions: Red Hat's critical to low, Debian's and Ubuntu's urgencies, Microsoft's.
func wordLevel(word string) (level, bool) {
	switch strings.ToLower(strings.TrimSpace(word)) {
	case "critical", "important", "high":
		return high, true
	case "moderate", "medium":
		return normal, true
	case "low", "minor", "negligible", "unimportant", "none":
		return low, true
	}
	return normal, false
}

// words says what a rating is, for people.
func (r *rating) words() string {
	switch _, known := wordLevel(r.text); {
	case r.score >= 0:
		return fmt.Sprintf("CVSS base score %.1f", r.score)
	case known:
		return fmt.Sprintf("the advisory says %q", r.text)
	}
	return fmt.Sprintf("the advisory says %q, for which there is no rule", r.text)
}

// cvssScore is the base score of a CVSS vector (2.0, 3.0, 3.1, 4.0), false when it is none or lacks a base metric. Of 4.0 it is the score of
// what the vector gives, which has no base score of its own.
func cvssScore(vector string) (float64, bool) {
	switch {
	case strings.HasPrefix(vector, "CVSS:3.1/"):
		if v, err := gocvss31.ParseVector(vector); err == nil {
			return v.BaseScore(), true
		}
	case strings.HasPrefix(vector, "CVSS:3.0/"):
		if v, err := gocvss30.ParseVector(vector); err == nil {
			return v.BaseScore(), true
		}
	case strings.HasPrefix(vector, "CVSS:4.0/"):
		if v, err := gocvss40.ParseVector(vector); err == nil {
			return v.Score(), true
		}
	case strings.HasPrefix(vector, "AV:"):
		if v, err := gocvss20.ParseVector(vector); err == nil {
			return v.BaseScore(), true
		}
	}
	return 0, false
}

// scoreLevel follows the bands of CVSS 3.1 (section 5) and 4.0 (section 6): high begins at 7.0, medium at 4.0.
func scoreLevel(score float64) level {
	switch {
	case score >= 7:
		return high
	case score >= 4:
		return normal
	}
	return low
}

// priorities, worst first: the order of lists and of ranks.
func priorities() []string {
	return []string{apiv1.PriorityUrgent, apiv1.PriorityHigh, apiv1.PriorityNormal, apiv1.PriorityLow, apiv1.PriorityLowest}
}

// rank of a priority: 0 is the worst.
func rank(priority string) int {
	for i, p := range priorities() {
		if p == priority {
			return i
		}
	}
	return len(priorities())
}

// tally adds one vulnerability of a priority.
func tally(c *apiv1.FindingCounts, priority string) {
	c.Total++
	switch priority {
	case apiv1.PriorityUrgent:
		c.Urgent++
	case apiv1.PriorityHigh:
		c.High++
	case apiv1.PriorityNormal:
		c.Normal++
	case apiv1.PriorityLow:
		c.Low++
	case apiv1.PriorityLowest:
		c.Lowest++
	}
}

package assess

import (
	"fmt"
	"strings"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// severityPriority is the priority that a severity alone gives, and why. What cannot be read is normal and says so: neither alarm nor
// comfort is taken from a word nobody defined.
func severityPriority(severity string) (priority, because string) {
	if severity == "" {
		return apiv1.PriorityNormal, "the advisory gives no severity"
	}
	if score, ok := cvss3(severity); ok {
		return scorePriority(score), fmt.Sprintf("CVSS base score %.1f", score)
	}
	because = fmt.Sprintf("the advisory says %q", severity)
	switch strings.ToLower(strings.TrimSpace(severity)) {
	case "critical", "important", "high":
		return apiv1.PriorityHigh, because
	case "moderate", "medium":
		return apiv1.PriorityNormal, because
	case "low", "minor", "negligible", "unimportant", "none":
		return apiv1.PriorityLow, because
	}
	return apiv1.PriorityNormal, because + ", for which there is no rule"
}

// scorePriority follows the bands of CVSS 3.1, section 5: high begins at 7.0, medium at 4.0.
func scorePriority(score float64) string {
	switch {
	case score >= 7:
		return apiv1.PriorityHigh
	case score >= 4:
		return apiv1.PriorityNormal
	}
	return apiv1.PriorityLow
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

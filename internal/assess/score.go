package assess

// Score is the base score of a CVSS vector, 0 to 10; false when the text is none, as a distribution's word is.
func Score(severity string) (float64, bool) { return cvssScore(severity) }

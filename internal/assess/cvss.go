package assess

import (
	"math"
	"strings"
)

// cvss3 is the base score of a CVSS 3.0 or 3.1 vector (First.org, "Common Vulnerability Scoring System v3.1: Specification",
// section 7.1), false when it is none or lacks a base metric.
func cvss3(vector string) (float64, bool) {
	if !strings.HasPrefix(vector, "CVSS:3.0/") && !strings.HasPrefix(vector, "CVSS:3.1/") {
		return 0, false
	}
	metric := map[string]string{}
	for _, part := range strings.Split(vector, "/")[1:] {
		name, value, ok := strings.Cut(part, ":")
		if !ok || metric[name] != "" {
			return 0, false
		}
		metric[name] = value
	}
	complete := true
	weight := func(name string, values map[string]float64) float64 {
		w, ok := values[metric[name]]
		complete = complete && ok
		return w
	}
	changed := metric["S"] == "C"
	complete = complete && (changed || metric["S"] == "U")
	privileges := map[string]float64{"N": 0.85, "L": 0.62, "H": 0.27}
	if changed {
		privileges["L"], privileges["H"] = 0.68, 0.5
	}
	loss := map[string]float64{"H": 0.56, "L": 0.22, "N": 0}
	exploitability := 8.22 *
		weight("AV", map[string]float64{"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2}) *
		weight("AC", map[string]float64{"L": 0.77, "H": 0.44}) *
		weight("PR", privileges) *
		weight("UI", map[string]float64{"N": 0.85, "R": 0.62})
	iss := 1 - (1-weight("C", loss))*(1-weight("I", loss))*(1-weight("A", loss))
	if !complete {
		return 0, false
	}
	impact := 6.42 * iss
	if changed {
		impact = 7.52*(iss-0.029) - 3.25*math.Pow(iss-0.02, 15)
	}
	switch {
	case impact <= 0:
		return 0, true
	case changed:
		return roundUp(min(1.08*(impact+exploitability), 10)), true
	}
	return roundUp(min(impact+exploitability, 10)), true
}

// roundUp is the specification's own (appendix A): to one decimal, upward, in integers so that floating point cannot add a tenth.
func roundUp(x float64) float64 {
	n := int64(math.Round(x * 100_000))
	if n%10_000 == 0 {
		return float64(n) / 100_000
	}
	return float64(n/10_000+1) / 10
}

package assess

import (
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/fleet"
)

// The labels by which people say where a host stands.
const (
	LabelExposure    = "exposure"
	LabelCriticality = "criticality"
)

// Exposures and criticalities, the worst first.
const (
	ExposureInternet = "internet" // anybody can reach it
	ExposureInternal = "internal" // reachable from the organisation's own networks
	ExposureIsolated = "isolated" // reachable from next to nowhere

	CriticalityHigh   = "high"
	CriticalityMedium = "medium"
	CriticalityLow    = "low"
)

// Place is where a host stands, as far as its labels say so; empty: they do not.
type Place struct{ Exposure, Criticality string }

// PlaceOf reads the labels. A word that is none of ours states nothing: taking exposure=dmz for one of them would be a guess.
func PlaceOf(labels fleet.Labels) Place {
	word := func(label string, known ...string) string {
		w := strings.ToLower(strings.TrimSpace(labels[label]))
		if !slices.Contains(known, w) {
			return ""
		}
		return w
	}
	return Place{
		Exposure:    word(LabelExposure, ExposureInternet, ExposureInternal, ExposureIsolated),
		Criticality: word(LabelCriticality, CriticalityHigh, CriticalityMedium, CriticalityLow),
	}
}

package advisory

// Counts are how much is known.
type Counts struct {
	Advisories    int64
	AdvisoryBytes int64 // of them, as the store keeps them: compressed
	Overlays      int64 // of CVEs
}

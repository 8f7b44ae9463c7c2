package advisory

// Overlay is what one feed knows of one CVE beside advisories. Exactly one of KEV, EPSS and SSVC is set; its JSON is stored.
type Overlay struct {
	Feed string `json:"-"`
	CVE  string `json:"cve"`
	KEV  *KEV   `json:"kev,omitempty"`
	EPSS *EPSS  `json:"epss,omitempty"`
	SSVC *SSVC  `json:"ssvc,omitempty"`
}

// OverlayRef names an overlay.
type OverlayRef struct{ Feed, CVE string }

// KEV is CISA's catalogue of known exploited vulnerabilities.
type KEV struct {
	CVE        string `json:"cve"`
	Added      string `json:"added"` // date
	Due        string `json:"due,omitempty"`
	Ransomware bool   `json:"ransomware,omitempty"`
	Name       string `json:"name,omitempty"`
}

// EPSS is FIRST's probability that exploitation is seen in the next 30 days. Scores are rounded to a thousandth: nearly all of the
// 360,000 change a little every day, and a revision is kept for each that changes. The date is the feed's.
type EPSS struct {
	Score float64 `json:"score"` // 0 to 1
}

// SSVC is a decision of CISA's vulnrichment: the decision points that do not depend on who asks.
type SSVC struct {
	Exploitation string `json:"exploitation"`     // none, poc, active
	Automatable  string `json:"automatable"`      // yes, no
	Impact       string `json:"technical_impact"` // partial, total
	At           string `json:"at,omitempty"`     // date of the decision
}

// Lifecycle is how long one release of a product is looked after. Dates are YYYY-MM-DD, empty: not known.
type Lifecycle struct {
	Feed     string `json:"-"`
	Product  string `json:"product"` // as endoflife.date names it: debian, ubuntu, rhel, postgresql
	Release  string `json:"release"` // as the product counts: 12, 24.04, 9
	Codename string `json:"codename,omitempty"`
	Released string `json:"released,omitempty"`
	Support  string `json:"support,omitempty"`  // end of active support
	EOL      string `json:"eol,omitempty"`      // end of the support that everybody has
	Extended string `json:"extended,omitempty"` // end of the support that needs an entitlement or another team (LTS, ESM, EUS)
	Ended    bool   `json:"ended,omitempty"`    // the source says so without a date
	Latest   string `json:"latest,omitempty"`   // newest version of the release
}

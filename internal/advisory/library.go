package advisory

// Threat is everything that overlays say of one CVE; nil: nothing. The dates say how old each is: of the decision where it has its own,
// else of the feed.
type Threat struct {
	KEV      *KEV
	EPSS     *EPSS
	EPSSDate string
	SSVC     *SSVC
}

// Library is what is known, looked up by package: the compiled feeds of a scan, or lists in memory. Safe for concurrent use.
type Library interface {
	// About gives every advisory that names a package of an ecosystem release, by feed and id, each reduced to the entries of that
	// package. What it gives is not to be changed.
	About(ecosystem, pkg string) ([]Advisory, error)
	// Threat is the zero Threat for a CVE of which no overlay speaks.
	Threat(cve string) (Threat, error)
	// Lifecycles of a product, as debian; none when nothing is known.
	Lifecycles(product string) ([]Lifecycle, error)
}

// Narrower is a Library that can leave out what does not matter for one version.
type Narrower interface {
	// AboutVersion is About for a version whose order key (vercmp.Key) is key: it may leave out advisories of whose vulnerabilities every
	// advisory there says that this version has the fix, or never had the vulnerability, or says nothing of it.
	AboutVersion(ecosystem, pkg, key string) ([]Advisory, error)
}

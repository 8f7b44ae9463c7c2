package feed

import (
	"time"

	"github.com/staunch-dev/staunch/internal/feed/alpine"
	"github.com/staunch-dev/staunch/internal/feed/debian"
	"github.com/staunch-dev/staunch/internal/feed/lifecycle"
	"github.com/staunch-dev/staunch/internal/feed/oval"
	"github.com/staunch-dev/staunch/internal/feed/redhat"
	"github.com/staunch-dev/staunch/internal/feed/suse"
	"github.com/staunch-dev/staunch/internal/feed/threat"
	"github.com/staunch-dev/staunch/internal/feed/ubuntu"
	"github.com/staunch-dev/staunch/internal/feed/vex"
)

// osvBuckets are OSV.dev's buckets whose versions we can order. https://storage.googleapis.com/osv-vulnerabilities/ecosystems.txt
func osvBuckets() []string {
	return []string{
		"AlmaLinux", "Alpaquita", "Alpine", "Azure Linux", "BellSoft Hardened Containers", "Chainguard", "Debian", "Echo", "GitHub Actions", "Go",
		"Hex", "Julia", "Mageia", "Maven", "MinimOS", "NuGet", "Packagist", "Pub", "PyPI", "Red Hat", "Rocky Linux", "RubyGems", "SUSE",
		"SwiftURL", "Ubuntu", "Wolfi", "crates.io", "npm", "openEuler", "openSUSE",
	}
}

// Addresses of the sources. Each was taken from the vendor's own documentation; none needs an account.
const (
	osvBase     = "https://storage.googleapis.com/osv-vulnerabilities/"
	debianBase  = "https://security-tracker.debian.org/tracker/"
	salsaBase   = "https://salsa.debian.org/security-tracker-team/security-tracker/-/raw/master/data/"
	ubuntuBase  = "https://security-metadata.canonical.com/"
	redhatBase  = "https://security.access.redhat.com/data/csaf/v2/"
	alpineBase  = "https://secdb.alpinelinux.org/"
	oracleBase  = "https://linux.oracle.com/security/oval/"
	suseBase    = "https://ftp.suse.com/pub/projects/security/oval/"
	azureBase   = "https://raw.githubusercontent.com/microsoft/AzureLinuxVulnerabilityData/main/"
	distroBase  = "https://salsa.debian.org/debian/distro-info-data/-/raw/main/"
	kevAddress  = "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json"
	epssAddress = "https://epss.empiricalsecurity.com/epss_scores-current.csv.gz"
	ssvcAddress = "https://github.com/cisagov/vulnrichment/archive/refs/heads/develop.zip"
	eolAddress  = "https://endoflife.date/api/v1/products/full"
)

// registry is every source that Staunch knows of. How much the word of each counts is assess's to say.
func registry() []source {
	return append(append(distributions(), threats()...), owned()...)
}

// distributions are the sources of advisories.
func distributions() []source {
	const hour = time.Hour
	return []source{
		{
			name: osvPrefix + bucketMark, title: "OSV records of {}", buckets: osvBuckets(), every: hour, read: readOSVFile, revision: "5",
			files: []place{{url: osvBase + "{}/all.zip", paths: []string{"osv/{}/all.zip"}}},
		},
		{
			name: "debian-tracker", title: "Debian's security tracker", buckets: []string{"Debian"}, every: hour, read: debian.ReadTracker, revision: "1",
			files: []place{{url: debianBase + "data/json", paths: []string{"debian/tracker.json", "debian/tracker.json.gz"}}},
		},
		{
			name: "debian-dsa", title: "Debian's security advisories", buckets: []string{"Debian"}, every: hour, read: debian.ReadList, revision: "3", fixesOnly: true, partial: true,
			files: []place{{url: salsaBase + "DSA/list", paths: []string{"debian/DSA/list"}}},
		},
		{
			name: "debian-dla", title: "Debian's LTS advisories", buckets: []string{"Debian"}, every: hour, why: "there is no real list of it to hold the reader against; the tracker names its fixes too",
			files: []place{{url: salsaBase + "DLA/list", paths: []string{"debian/DLA/list"}}},
		},
		{
			name: "ubuntu/osv", title: "Ubuntu's notices and CVEs, with Pro", buckets: []string{"Ubuntu"}, every: 2 * hour, read: ubuntu.ReadOSV, revision: "3",
			files: []place{{url: ubuntuBase + "osv/osv-all.tar.xz", paths: []string{"ubuntu/osv-all.tar.xz"}}},
		},
		{
			name: "ubuntu/vex", title: "Ubuntu's OpenVEX", buckets: []string{"Ubuntu"}, every: 6 * hour, read: ubuntu.ReadVEX, revision: "2",
			files: []place{{url: ubuntuBase + "vex/vex-all.tar.xz", paths: []string{"ubuntu/vex-all.tar.xz"}}},
		},
		{
			name: "redhat/csaf", title: "Red Hat's advisories (CSAF)", buckets: []string{"Red Hat"}, every: 6 * hour, read: redhat.ReadCSAF, revision: "1", fixesOnly: true,
			files: []place{{url: redhatBase + "advisories/archive_latest.txt", latest: true, paths: []string{"redhat/csaf/csaf_advisories.tar.zst", "redhat/csaf/csaf_advisories_*.tar.zst"}}},
		},
		{
			name: "redhat/vex", title: "Red Hat's VEX", buckets: []string{"Red Hat"}, every: 6 * hour, why: "its reader has met no real document yet",
			files: []place{{url: redhatBase + "vex/archive_latest.txt", latest: true, paths: []string{"redhat/vex/csaf_vex.tar.zst", "redhat/vex/csaf_vex_*.tar.zst"}}},
		},
		{
			name: "alpine/" + releaseMark, title: "Alpine's secdb of {}", buckets: []string{"Alpine"}, every: 2 * hour, read: alpine.Read, revision: "1", fixesOnly: true,
			files: []place{
				{url: alpineBase + "{}/main.json", paths: []string{"alpine/{}/main.json"}},
				{url: alpineBase + "{}/community.json", paths: []string{"alpine/{}/community.json"}},
			},
		},
		{
			name: "oracle", title: "Oracle's errata (OVAL)", buckets: []string{"Oracle Linux"}, every: 6 * hour, read: oval.ReadOracle, revision: "2", fixesOnly: true,
			files: []place{{url: oracleBase + "com.oracle.elsa-all.xml.bz2", paths: []string{"oracle/com.oracle.elsa-all.xml.bz2"}}},
		},
		{
			name: "suse/oval/" + majorMark, title: "SUSE's OVAL of SLE {}, unfixed ones too", buckets: []string{"SUSE"}, every: 6 * hour, read: suse.ReadOVAL, revision: "2",
			files: []place{{url: suseBase + "suse.linux.enterprise.server.{}-affected.xml.gz", paths: []string{"suse/{}/affected.xml.gz", "suse/{}/affected.xml"}}},
		},
		{
			name: "suse/leap/" + numberMark, title: "SUSE's OVAL of openSUSE Leap {}", buckets: []string{"openSUSE"}, every: 6 * hour, why: "there is no real file of it to hold the reader against",
			files: []place{{url: suseBase + "opensuse.leap.{}-affected.xml.gz", paths: []string{"suse-leap/{}/affected.xml.gz", "suse-leap/{}/affected.xml"}}},
		},
		{
			name: "amazon/" + releaseMark, title: "Amazon's errata of {}", buckets: []string{"Amazon Linux"}, every: 6 * hour, why: "there is no real updateinfo of Amazon's to hold its reader against, and its repositories give no fixed address",
			files: []place{{paths: []string{"amazon/{}/updateinfo.xml.gz", "amazon/{}/updateinfo.xml"}}},
		},
		{
			name: "azure/" + releaseMark, title: "Azure Linux's OVAL of {}", buckets: []string{"Azure Linux"}, every: 6 * hour, why: "there is no real file of it to hold a reader against",
			files: []place{{url: azureBase + "azurelinux-{}.0-oval.xml", paths: []string{"azure/{}/oval.xml", "azure/{}/oval.xml.gz"}}},
		},
		{
			name: "microsoft", title: "Microsoft's security updates (CVRF)", buckets: []string{"Windows"}, every: 12 * hour, why: "its reader has met no real document yet",
			files: []place{{paths: []string{"microsoft/cvrf.zip"}}},
		},
	}
}

// threats are the sources that speak of CVEs and products, whatever a host runs.
func threats() []source {
	const hour = time.Hour
	return []source{
		{
			name: kevFeed, title: "CISA's known exploited vulnerabilities", every: 6 * hour, read: readKEVFile, revision: "1", limit: maxCatalogue,
			without: "which vulnerabilities are exploited is not known",
			files:   []place{{url: kevAddress, paths: []string{"kev/known_exploited_vulnerabilities.json", "kev/known_exploited_vulnerabilities.json.gz"}}},
		},
		{
			name: "epss", title: "FIRST's exploit prediction scores", every: 24 * hour, read: threat.ReadEPSS, revision: "1", limit: 64 << 20,
			without: "how likely vulnerabilities are to be exploited is not known",
			files:   []place{{url: epssAddress, paths: []string{"epss/epss_scores-current.csv.gz", "epss/epss_scores-*.csv.gz"}}},
		},
		{
			name: "ssvc", title: "CISA's SSVC decisions (vulnrichment)", every: 24 * hour, read: threat.ReadSSVC, revision: "1",
			without: "CISA's decisions on vulnerabilities are not known",
			files:   []place{{url: ssvcAddress, paths: []string{"ssvc/vulnrichment.zip", "ssvc/ssvc-*.tsv.gz"}}},
		},
		{
			name: "eol", title: "endoflife.date", every: 24 * hour, read: lifecycle.ReadEOL, revision: "1", limit: 64 << 20,
			without: "until when releases are looked after is known of Debian and Ubuntu at most",
			files:   []place{{url: eolAddress, paths: []string{"eol/endoflife.json", "eol/endoflife.json.gz"}}},
		},
		{
			name: "distro-info", title: "distro-info's release dates", every: 24 * hour, read: lifecycle.ReadDistroInfo, revision: "1", limit: 1 << 20,
			without: "until when releases are looked after is what endoflife.date says, if that is there",
			files: []place{
				{url: distroBase + "debian.csv", paths: []string{"eol/distro-info-debian.csv"}},
				{url: distroBase + "ubuntu.csv", paths: []string{"eol/distro-info-ubuntu.csv"}},
			},
		},
	}
}

// owned are the user's own.
func owned() []source {
	return []source{
		{name: "override", title: "Your list of overrides", own: true, readAt: vex.ReadOverrides, revision: "2", files: []place{{paths: []string{"override/override.yaml", "override/override.json"}}}},
		{name: "vex", title: "Your VEX", own: true, read: vex.ReadVEX, revision: "2", files: []place{{paths: []string{"vex/vex.json"}}}},
	}
}

// Package vercmp owns the order of versions: one file per scheme, each the order of the tool that installs such packages, and for
// the schemes that have one an order-preserving byte key, so that comparing two interned versions is comparing bytes, in Go and in
// SQL. It must not know packages, advisories or where a version came from. Standard library only.
//
// A version that the tool itself would not accept is an error, never a guess; where tools are lax about versions that no package
// has, this package is strict, and its tests list the rows in which it therefore differs.
//
// Sources:
//
//	deb        Debian Policy 5.6.12, deb-version(7), dpkg --compare-versions
//	rpm        rpm-version(7), the manual's "Dependencies" page on tilde and caret, rpm's rpmvercmp tests
//	apk        apk-package(5) "Package version", the Gentoo Package Manager Specification 3.2 and 3.3, apk-tools' version.data
//	semver     Semantic Versioning 2.0.0, sections 2, 9, 10 and 11
//	pacman     vercmp(8), PKGBUILD(5), pacman's vercmptest.sh
//	pep440     PEP 440, the version specifiers page of the Python packaging user guide
//	maven      Maven's "POM reference", section "Version Order Specification"
//	rubygems   Gem::Version's documentation
//	nuget      NuGet's "Package versioning" reference
//	packagist  Composer's "Versions and constraints", PHP manual of version_compare
//	windows    the four numbers of a file version (VS_FIXEDFILEINFO), as MSRC's FixedBuild gives them
package vercmp

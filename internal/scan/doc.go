// Package scan is staunch scan: one root, assessed without a server. It reads packages through collect and knowledge through feed, and
// asks assess; it must not have rules of its own, so that a scan and a server never disagree.
package scan

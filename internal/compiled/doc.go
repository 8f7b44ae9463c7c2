// Package compiled owns feeds compiled to one file that is mapped into memory: what a scan looks up by package and by CVE without reading
// the rest. Advisories are there without their summary and details, which no scan shows. Its bytes depend on what is written alone; every part carries a checksum, so that a damaged file is an error (ErrDamaged) and
// never another answer. It must not know where advisories come from, nor any host.
package compiled

// Package inventory owns what each host had, from when to when: sections as intervals with content-addressed bodies, interned
// packages, package sets, differences between them, and the moving values beside them. It must not know what is vulnerable.
package inventory

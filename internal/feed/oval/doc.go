// Package oval reads OVAL definitions, as Oracle and SUSE publish them, and reduces each to an advisory. A definition is a tree of
// criteria over tests; what a test asks is taken from its criterion's comment, which both vendors' generators write of the test itself:
// the tests, objects and states stand after all definitions and are many times longer, and nothing more is in them. It must not know
// where files come from.
package oval

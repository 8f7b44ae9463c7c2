// Package inspect says what is installed in what is not the running host: a mounted root, a container archive, an SBOM; and, when asked,
// what language packages lie in a tree. It serves staunch scan alone: the agent links neither an SQL engine nor the extractors used here.
//
// It only reads, never executes, never follows a link out of the tree, and holds every input to bounds. It must not know advisories,
// findings or servers: it returns packages, each with its ecosystem and where it was seen.
package inspect

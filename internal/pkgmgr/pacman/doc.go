// Package pacman reads pacman's local database as files, and which packages its configuration ignores. It never runs pacman, takes no
// lock and writes nothing.
package pacman

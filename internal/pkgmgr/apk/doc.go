// Package apk reads apk's database of installed packages as a file, and which of them the administrator has pinned in the world file.
// It never runs apk, takes no lock and writes nothing.
package apk

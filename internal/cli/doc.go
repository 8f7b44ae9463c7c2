// Package cli owns the operators' commands: one file for each noun, all through the public API. It turns answers into tables, CSV and
// JSON that are safe to show, and errors into one line and an exit code. It must not know the spine, a database or how a server runs.
package cli

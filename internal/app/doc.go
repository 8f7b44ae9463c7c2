// Package app owns the server as a process: its configuration, every constructor in order (wire.go), its listeners, its start and its
// stop. It must not know what any operation does (api) nor how anything is decided (the spine).
package app

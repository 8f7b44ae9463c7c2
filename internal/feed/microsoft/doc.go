// Package microsoft reads Microsoft's monthly security updates, CVRF 3.0 as JSON (api.msrc.microsoft.com/cvrf/v3.0/cvrf/2026-Nov), and follows
// which update replaces which. It was written from the documented shape and has not been held against a real document: until a test on one
// passes, the source is not supported, and is shown as such.
package microsoft

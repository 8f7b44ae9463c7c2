//go:build !unix

package agent

// lock is not supported yet here: running one agent is the service manager's business.
func lock(string) (unlock func(), err error) { return func() {}, nil }

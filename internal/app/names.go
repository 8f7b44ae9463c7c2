package app

import (
	"net"
	"os"
	"slices"
)

// machineNames is what this machine may be called by: its host name, its addresses, localhost. Addresses that come and go with
// containers are kept out by a bound; --name says it exactly.
func machineNames() []string {
	const mostAddresses = 16
	var names []string
	if host, err := os.Hostname(); err == nil && host != "" {
		names = append(names, host)
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		addresses = nil // a sandbox may forbid asking; localhost and the host name remain
	}
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() && len(names) < mostAddresses {
			names = append(names, n.IP.String())
		}
	}
	for _, n := range []string{"localhost", "127.0.0.1", "::1"} {
		if !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}

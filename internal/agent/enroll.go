package agent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/apply"
	"github.com/staunch-dev/staunch/internal/client"
	"github.com/staunch-dev/staunch/internal/fault"
)

// EnrollOptions are what enrollment needs.
type EnrollOptions struct {
	Server, Token, StateDir, Version string
	Force                            bool   // replace an identity that is there
	TrustFile                        string // where the server's plan key is pinned for the root half; empty: nowhere
	Now                              time.Time
}

// Enroll makes this machine a host of a server and stores who it is. The state folder is tried before the token is used up.
// fault.Conflict: enrolled already. The token is in no error.
func Enroll(ctx context.Context, o EnrollOptions) (apiv1.EnrollResponse, error) {
	var none apiv1.EnrollResponse
	server, err := client.ParseURL(o.Server)
	if err != nil {
		return none, err
	}
	if err := prepareState(o.StateDir, os.Geteuid()); err != nil {
		return none, err
	}
	if old, err := Load(o.StateDir); !o.Force && fault.KindOf(err) != fault.NotFound {
		if err != nil {
			return none, err
		}
		return none, fault.New(fault.Conflict, "this machine is enrolled already, as %s at %s: use --force to replace that", old.HostID, old.Server)
	}
	if _, err := apply.ReadTrust(o.TrustFile, apply.DefaultSigners); o.TrustFile != "" && err == nil && !o.Force {
		return none, fault.New(fault.Conflict, "%s says whose plans this host carries out, from an earlier enrollment: use --force to replace that", o.TrustFile)
	}
	hostname, _ := os.Hostname()
	key, csr, err := newKey(hostname)
	if err != nil {
		return none, fault.Wrap(err, fault.Internal, "making a key")
	}
	answer, err := client.EnrollAgent(ctx, server.String(), o.Token, userAgent(o.Version), apiv1.EnrollRequest{
		CSR: csr, Hostname: hostname, MachineID: machineID(), AgentVersion: o.Version,
	})
	if err != nil {
		return none, err
	}
	id := Identity{Server: server.String(), HostID: answer.HostID, CA: answer.CA, PlanKey: answer.PlanKey, Current: Pair{Certificate: answer.Certificate, Key: key}}
	if _, err := id.Current.parse(); err != nil {
		return none, fault.Wrap(err, fault.Unavailable, "the certificate in the server's answer does not fit our key")
	}
	if err := id.Save(o.StateDir); err != nil {
		return answer, err
	}
	if o.TrustFile == "" || answer.PlanKey == "" { // a server that plans nothing has no key
		return answer, nil
	}
	return answer, apply.WriteTrust(o.TrustFile, answer.HostID, answer.PlanKey)
}

func userAgent(version string) string { return "staunch-agent/" + version }

// machineID is a hash of /etc/machine-id, which systemd asks to be kept confidential; empty where there is none.
func machineID() string {
	b, err := os.ReadFile("/etc/machine-id")
	id := strings.TrimSpace(string(b))
	if err != nil || id == "" || id == "uninitialized" {
		return ""
	}
	sum := sha256.Sum256([]byte("staunch-agent " + id))
	return hex.EncodeToString(sum[:])
}

// Package apply is the root half of the agent: it takes offers that the unprivileged half has put into the spool, proves them against
// what this host trusts, and carries them out with the host's own package manager, one at a time.
//
// It owns the trust file, the spool's reading, the journal and the transaction. It speaks to nobody: it has no network and must know
// neither server nor client (archtest holds that net/http is not linked). Everything in the spool is hostile: it is opened without
// following links, must be a regular file of the spool's owner, is copied within bounds into a folder of root's, and only the verified
// copy is used.
//
// Three proofs stand before any change. seal.Check: the plan and the grant are signed, for this host, now, and not seen before. The
// distribution's signature: apt itself (apt-get update on a copy: source with the Signed-By of the host's own entry) verifies the staged
// InRelease files, their hashes the package lists, and these must name the very bytes of the lock; so neither a taken-over agent nor a
// stolen server can bring in a package that the distribution did not sign. The simulation: apt, shown those verified records and nothing
// else, must intend exactly the lock.
//
// Every step writes its intent before and its outcome after, with fsync, so that whatever is killed, the next start knows what was
// begun, looks at the package database, and goes on from there (see next). What was done is known from dpkg alone, never from an exit code.
package apply

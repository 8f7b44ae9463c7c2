// Package seal owns what is signed and how that is checked: a plan's exact bytes, locks, grants, SSHSIG signatures, allowed_signers,
// and RFC 6962 inclusion proofs. It is the only code that the signer and the root half of the agent share; it must not know a database,
// a network or a package manager. Everything it reads is untrusted until Check says otherwise.
package seal

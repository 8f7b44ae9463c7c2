package seal

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/pem"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/ssh"
)

// The format is OpenSSH's PROTOCOL.sshsig, version 1, so that ssh-keygen -Y verify can check an approval without us.
const (
	sshsigMagic   = "SSHSIG"
	sshsigVersion = 1
	armorType     = "SSH SIGNATURE"
	maxArmored    = 16 << 10 // a 4096-bit RSA signature is 1.6 KB armoured
)

// sshsigBlob is what follows the magic inside the armour.
type sshsigBlob struct {
	Version   uint32
	PublicKey []byte
	Namespace string
	Reserved  string
	Hash      string
	Signature []byte
}

// sshsigSigned is what the key signs, after the magic.
type sshsigSigned struct {
	Namespace string
	Reserved  string
	Hash      string
	Digest    []byte
}

// Sign makes an armoured SSHSIG over message. RSA keys sign with SHA-512; the message is always hashed with SHA-512.
func Sign(signer ssh.Signer, namespace string, message []byte) (string, error) {
	sum := sha512.Sum512(message)
	data := append([]byte(sshsigMagic), ssh.Marshal(sshsigSigned{namespace, "", "sha512", sum[:]})...)
	sig, err := signWith(rand.Reader, signer, data)
	if err != nil {
		return "", fmt.Errorf("signing for namespace %q: %w", namespace, err)
	}
	blob := append([]byte(sshsigMagic), ssh.Marshal(sshsigBlob{
		sshsigVersion, signer.PublicKey().Marshal(), namespace, "", "sha512", ssh.Marshal(sig),
	})...)
	return string(pem.EncodeToMemory(&pem.Block{Type: armorType, Bytes: blob})), nil
}

// signWith picks rsa-sha2-512 for RSA: SSHSIG forbids ssh-rsa's SHA-1.
func signWith(random io.Reader, signer ssh.Signer, data []byte) (*ssh.Signature, error) {
	if signer.PublicKey().Type() != ssh.KeyAlgoRSA {
		return signer.Sign(random, data)
	}
	algorithmic, ok := signer.(ssh.AlgorithmSigner)
	if !ok {
		return nil, errors.New("this RSA key cannot sign with SHA-512")
	}
	return algorithmic.SignWithAlgorithm(random, data, ssh.KeyAlgoRSASHA512)
}

// Verify checks an armoured SSHSIG over message for a namespace and returns the key that made it. It says nothing about whether
// that key may: the caller compares it with what it trusts.
func Verify(armored, namespace string, message []byte) (ssh.PublicKey, error) {
	if len(armored) > maxArmored {
		return nil, fmt.Errorf("signature of %d bytes is larger than any real one", len(armored))
	}
	block, rest := pem.Decode([]byte(armored))
	if block == nil || block.Type != armorType || len(block.Headers) != 0 || len(bytes.TrimSpace(rest)) != 0 {
		return nil, errors.New("not an SSH SIGNATURE")
	}
	raw, ok := bytes.CutPrefix(block.Bytes, []byte(sshsigMagic))
	if !ok {
		return nil, errors.New("signature does not begin with SSHSIG")
	}
	var blob sshsigBlob
	if err := ssh.Unmarshal(raw, &blob); err != nil {
		return nil, fmt.Errorf("malformed signature: %w", err)
	}
	if blob.Version != sshsigVersion {
		return nil, fmt.Errorf("signature version %d is not known", blob.Version)
	}
	if blob.Namespace != namespace {
		return nil, fmt.Errorf("signature is for namespace %q, not %q", blob.Namespace, namespace)
	}
	digest, err := digestOf(blob.Hash, message)
	if err != nil {
		return nil, err
	}
	key, err := ssh.ParsePublicKey(blob.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("malformed key in signature: %w", err)
	}
	var sig ssh.Signature
	if err := ssh.Unmarshal(blob.Signature, &sig); err != nil {
		return nil, fmt.Errorf("malformed signature: %w", err)
	}
	if sig.Format == ssh.KeyAlgoRSA {
		return nil, errors.New("RSA with SHA-1 is not accepted")
	}
	signed := append([]byte(sshsigMagic), ssh.Marshal(sshsigSigned{blob.Namespace, blob.Reserved, blob.Hash, digest})...)
	if err := key.Verify(signed, &sig); err != nil {
		return nil, errors.New("signature does not fit the bytes")
	}
	return key, nil
}

func digestOf(algorithm string, message []byte) ([]byte, error) {
	switch algorithm {
	case "sha512":
		sum := sha512.Sum512(message)
		return sum[:], nil
	case "sha256":
		sum := sha256.Sum256(message)
		return sum[:], nil
	}
	return nil, fmt.Errorf("hash %q is not allowed in SSHSIG", algorithm)
}

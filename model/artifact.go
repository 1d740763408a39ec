package model

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// Artifact is a model's bytes.
type Artifact struct {
	// Bytes is the whole artifact. It must not be changed; an evaluator that
	// needs parts of it after Load keeps a copy of those parts, so that the
	// artifact's memory can go.
	Bytes []byte
	// SHA256 is the digest of Bytes in lower-case hexadecimal.
	SHA256 string
}

// NewArtifact returns an artifact of bytes, which must not be changed any more.
func NewArtifact(content []byte) Artifact {
	sum := sha256.Sum256(content)
	return Artifact{Bytes: content, SHA256: hex.EncodeToString(sum[:])}
}

// Check returns a [*LoadError] when the artifact does not have the digest that a
// descriptor names: SHA-256 in hexadecimal of either case. An empty one is not
// checked.
func (a Artifact) Check(sha256 string) error {
	if sha256 == "" || strings.EqualFold(sha256, a.SHA256) {
		return nil
	}
	if b, err := hex.DecodeString(sha256); err != nil || len(b) != len(a.SHA256)/2 {
		return &LoadError{Reason: fmt.Sprintf(
			"the descriptor's digest %.80q is no SHA-256: 64 hexadecimal digits", sha256)}
	}
	return &LoadError{Reason: fmt.Sprintf(
		"the artifact's digest is %s, the descriptor says %s: it was changed or cut on its way", a.SHA256, strings.ToLower(sha256))}
}

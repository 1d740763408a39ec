package persistence

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
)

// Limits that hold for every store.
const (
	// MaxIDLength is the greatest length of an id in bytes.
	MaxIDLength = 512
	// MaxRecordLength is the greatest length of an event or a snapshot in bytes.
	// They describe models, and do not contain them.
	MaxRecordLength = 64 << 20
	// MaxArtifactLength is the greatest length of an artifact in bytes.
	MaxArtifactLength = math.MaxInt32
	// MaxEpoch is the greatest epoch.
	MaxEpoch = math.MaxInt64
)

// CheckID returns an [*ArgumentError] when id cannot be an id. Implementations
// call this and the other checks first in each of their methods.
func CheckID(id string) error {
	switch {
	case id == "":
		return &ArgumentError{Argument: "id", Rule: "must not be empty"}
	case len(id) > MaxIDLength:
		return &ArgumentError{Argument: "id", Rule: fmt.Sprintf("must have at most %d bytes; %q… has %d",
			MaxIDLength, id[:32], len(id))}
	}
	return nil
}

// CheckOwner returns an [*ArgumentError] when id cannot be an id, or epoch none
// that [Store.Claim] gives.
func CheckOwner(id string, epoch uint64) error {
	if err := CheckID(id); err != nil {
		return err
	}
	if epoch == 0 || epoch > MaxEpoch {
		return &ArgumentError{Argument: "epoch", Rule: fmt.Sprintf("must be one that Claim gave; %d for %q is none", epoch, id)}
	}
	return nil
}

// CheckEvent returns an [*ArgumentError] when id, epoch, seq or event cannot be
// stored.
func CheckEvent(id string, epoch, seq uint64, event []byte) error {
	if err := CheckOwner(id, epoch); err != nil {
		return err
	}
	switch {
	case seq == math.MaxUint64:
		return &ArgumentError{Argument: "event number", Rule: "must leave room for a next one"}
	case len(event) > MaxRecordLength:
		return &ArgumentError{Argument: "event", Rule: fmt.Sprintf("must have at most %d bytes; event %d of %q has %d",
			MaxRecordLength, seq, id, len(event))}
	}
	return nil
}

// CheckSnapshot returns an [*ArgumentError] when id, epoch, seq or snapshot
// cannot be stored.
func CheckSnapshot(id string, epoch, seq uint64, snapshot []byte) error {
	if err := CheckOwner(id, epoch); err != nil {
		return err
	}
	switch {
	case seq == math.MaxUint64:
		return &ArgumentError{Argument: "snapshot number", Rule: "must leave room for a next event"}
	case len(snapshot) > MaxRecordLength:
		return &ArgumentError{Argument: "snapshot", Rule: fmt.Sprintf("must have at most %d bytes; snapshot %d of %q has %d",
			MaxRecordLength, seq, id, len(snapshot))}
	}
	return nil
}

// NextEpoch returns the epoch after the newest of an id.
func NextEpoch(id string, newest uint64) (uint64, error) {
	if newest >= MaxEpoch {
		return 0, fmt.Errorf("no epoch is left for %q", id)
	}
	return newest + 1, nil
}

// CheckDigest returns an [*ArgumentError] when digest is not a SHA-256 in
// lower-case hexadecimal. What passes is safe as a file's name.
func CheckDigest(digest string) error {
	wrong := len(digest) != hex.EncodedLen(sha256.Size)
	for i := 0; i < len(digest) && !wrong; i++ {
		c := digest[i]
		wrong = (c < '0' || c > '9') && (c < 'a' || c > 'f')
	}
	if wrong {
		return &ArgumentError{Argument: "digest", Rule: fmt.Sprintf(
			"must be a SHA-256, 64 lower-case hexadecimal digits; it is %.80q", digest)}
	}
	return nil
}

// CheckArtifact returns an [*ArgumentError] when digest or artifact cannot be
// stored, and a [*DigestError] when they do not belong together.
func CheckArtifact(digest string, artifact []byte) error {
	if err := CheckDigest(digest); err != nil {
		return err
	}
	if len(artifact) > MaxArtifactLength {
		return &ArgumentError{Argument: "artifact", Rule: fmt.Sprintf("must have at most %d bytes; it has %d",
			MaxArtifactLength, len(artifact))}
	}
	sum := sha256.Sum256(artifact)
	if got := hex.EncodeToString(sum[:]); got != digest {
		return &DigestError{Want: digest, Got: got}
	}
	return nil
}

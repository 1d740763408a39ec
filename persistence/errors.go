package persistence

import (
	"errors"
	"fmt"
)

// ErrNotFound says that an artifact is not in the store.
var ErrNotFound = errors.New("not found")

// ErrClosed says that a method was called after Close.
var ErrClosed = errors.New("the store is closed")

// DamageError says that stored data does not match its checksum or cannot be
// read as what it should be.
type DamageError struct {
	What string // `snapshot 12 of "wine"`, "artifact 9f86…"
	Err  error
}

func (e *DamageError) Error() string { return fmt.Sprintf("%s is damaged: %v", e.What, e.Err) }

func (e *DamageError) Unwrap() error { return e.Err }

// SequenceError says that an event came out of turn: somebody else writes under
// the same id, or a write was lost.
type SequenceError struct {
	ID        string
	Got, Want uint64
}

func (e *SequenceError) Error() string {
	return fmt.Sprintf("event %d of %q is out of turn: the next one is %d", e.Got, e.ID, e.Want)
}

// FencedError says that a write came from a former owner of its id: somebody
// claimed the id after it. It changed nothing, and no later write of that owner
// will be accepted.
type FencedError struct {
	ID           string
	Epoch, Owner uint64 // of the writer; of the owner
}

func (e *FencedError) Error() string {
	return fmt.Sprintf("%q has another owner: it was claimed as epoch %d, after epoch %d that writes", e.ID, e.Owner, e.Epoch)
}

// ArgumentError says that a caller gave a store something that it cannot take.
type ArgumentError struct {
	Argument string // "id", "event"
	Rule     string // what it must be, and what it is
}

func (e *ArgumentError) Error() string { return e.Argument + " " + e.Rule }

// DigestError says that bytes do not have the digest that they should have.
type DigestError struct {
	Want, Got string // SHA-256, lower-case hexadecimal
}

func (e *DigestError) Error() string {
	return fmt.Sprintf("the artifact's digest is %s, not %s", e.Got, e.Want)
}

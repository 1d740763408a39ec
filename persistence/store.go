package persistence

import (
	"context"
	"errors"
	"fmt"
)

// Store keeps what a ModelActor must not lose: its events, its snapshots and
// the artifacts of its models. All methods are safe for concurrent use, block
// until the data is durable, and return errors instead of panicking; callers
// run them off the mailbox.
//
// An id is an actor's persistent identity (a data type). It is any non-empty
// string of at most [MaxIDLength] bytes.
type Store interface {
	// Append adds an event under the next sequence number. Numbers of one id
	// start at 1 and have no gaps; another number is a [*SequenceError].
	Append(ctx context.Context, id string, seq uint64, event []byte) error

	// Load returns what an actor needs to recover: the newest snapshot that is
	// whole, and the events after it. Damage is not an error: it is passed
	// over, reported in Recovery.Damaged, and the previous snapshot is used.
	// An id that was never written to gives an empty Recovery.
	Load(ctx context.Context, id string) (*Recovery, error)

	// SaveSnapshot stores a snapshot that covers the events up to seq. The two
	// newest snapshots are kept, and the events that neither needs are dropped.
	SaveSnapshot(ctx context.Context, id string, seq uint64, snapshot []byte) error

	// IDs lists the ids that have events or snapshots, sorted.
	IDs(ctx context.Context) ([]string, error)

	// Delete forgets an id's events and snapshots.
	Delete(ctx context.Context, id string) error

	// PutArtifact stores bytes under their digest (SHA-256, lower-case
	// hexadecimal), once: a digest that is there already costs no write. Bytes
	// that do not have that digest are refused.
	PutArtifact(ctx context.Context, sha256 string, artifact []byte) error

	// Artifact returns the bytes of that digest, checked. It fails with
	// [ErrNotFound], or with [*DamageError] when they do not match any more.
	Artifact(ctx context.Context, sha256 string) ([]byte, error)

	// RetainArtifacts drops every artifact for which keep answers false.
	RetainArtifacts(ctx context.Context, keep func(sha256 string) bool) error

	// Close releases the store. No method may be called afterwards.
	Close() error
}

// MaxIDLength is the greatest length of an id in bytes.
const MaxIDLength = 512

// Recovery is what a store knows of an id.
type Recovery struct {
	Snapshot    []byte // nil when there is none
	SnapshotSeq uint64 // the last event that it covers
	Events      []Event
	// LastSeq is the greatest sequence number ever used, so that the next event
	// gets LastSeq+1 even when the events themselves are gone.
	LastSeq uint64
	Damaged []DamageError // what was passed over, newest first
}

// Event is a stored event.
type Event struct {
	Seq  uint64
	Data []byte
}

// ErrNotFound says that an artifact is not in the store.
var ErrNotFound = errors.New("not found")

// DamageError says that stored data does not match its checksum or cannot be
// read as what it should be.
type DamageError struct {
	What string // "snapshot 12 of wine", "artifact 9f86…"
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

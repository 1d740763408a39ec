package persistence

import (
	"context"
	"time"
)

// Store keeps what a ModelActor must not lose: its events, its snapshots and
// the artifacts of its models. All methods are safe for concurrent use, block
// until the data is durable, and return errors instead of panicking; callers
// run them off the mailbox. Slices that go in may be reused as soon as the
// method has returned, slices that come out belong to the caller.
//
// An id is an actor's persistent identity (a data type). It is any non-empty
// string of at most [MaxIDLength] bytes.
//
// An id has one owner. Whoever wants to write claims it first, and gives the
// epoch with each write; then it loads, since nobody else can write any more.
// A write with a smaller epoch than the newest that the store knows of is
// refused with a [*FencedError] before anything else is looked at, and changes
// nothing: its writer was replaced, and must stop. A greater one than the store
// knows of is accepted and becomes the newest, for a store may have lost claims
// (to damage, or to an older backup), and its owners have not. Epoch 0 is
// nobody's: an [*ArgumentError]. Reading needs no claim.
type Store interface {
	// Claim makes the caller the owner of an id and returns its epoch, which is
	// greater than any before it for that id, also after Delete and restarts.
	// Epochs have no other meaning, and may leave gaps. An id that is claimed
	// and was never written to is still empty. Claiming again is never an error:
	// a Claim whose outcome is unknown is tried again.
	Claim(ctx context.Context, id string) (epoch uint64, err error)

	// Append adds an event under the next sequence number. Numbers of one id
	// start at 1 and have no gaps; another number is a [*SequenceError].
	// Repeating the last event, with the same bytes, succeeds and changes
	// nothing: so an Append whose outcome is unknown can be tried again.
	Append(ctx context.Context, id string, epoch, seq uint64, event []byte) error

	// Load returns what an actor needs to recover: the newest snapshot that is
	// whole, and the events after it. Damage is not an error: it is passed
	// over, reported in Recovery.Damaged, and the previous snapshot is used.
	// An id that was never written to gives an empty Recovery.
	Load(ctx context.Context, id string) (*Recovery, error)

	// SaveSnapshot stores a snapshot that covers the events up to seq. The two
	// newest snapshots (the greatest seq; the later one where they are equal)
	// are kept, and the events that neither needs are dropped: none as long as
	// there is only one snapshot. One that is older than both changes nothing.
	// A snapshot may be ahead of the events, because appending them failed: it
	// stands for them, and the next event is seq+1.
	SaveSnapshot(ctx context.Context, id string, epoch, seq uint64, snapshot []byte) error

	// IDs lists the ids that have events or snapshots, sorted by their bytes.
	IDs(ctx context.Context) ([]string, error)

	// Delete forgets an id's events and snapshots; its next event is 1 again. Its
	// owner stays.
	Delete(ctx context.Context, id string, epoch uint64) error

	// PutArtifact stores bytes under their digest (SHA-256, lower-case
	// hexadecimal), once: a digest that is there already costs no write, and
	// one that is there but damaged is mended. Either way it counts as put now,
	// for RetainArtifacts. Bytes that do not have that digest are refused with a
	// [*DigestError].
	PutArtifact(ctx context.Context, sha256 string, artifact []byte) error

	// Artifact returns the bytes of that digest, checked. It fails with
	// [ErrNotFound], or with [*DamageError] when they do not match any more.
	Artifact(ctx context.Context, sha256 string) ([]byte, error)

	// RetainArtifacts drops every artifact for which keep answers false, unless
	// somebody put it within the last grace, by the store's clock. An artifact is
	// put before the event that names it is appended, perhaps by another server:
	// grace spares what is between the two, and what was appended since keep
	// learnt what is needed.
	RetainArtifacts(ctx context.Context, grace time.Duration, keep func(sha256 string) bool) error

	// Close releases the store. No method may be called afterwards.
	Close() error
}

// Recovery is what a store knows of an id.
type Recovery struct {
	Snapshot    []byte // nil when there is none
	SnapshotSeq uint64 // the last event that it covers
	// Events are the whole events after the snapshot, in order. Where one is
	// missing between others, Damaged says so.
	Events []Event
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

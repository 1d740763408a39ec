package persistence

import "context"

// Store keeps what a ModelActor must not lose: its events, its snapshots and
// the artifacts of its models. All methods are safe for concurrent use, block
// until the data is durable, and return errors instead of panicking; callers
// run them off the mailbox. Slices that go in may be reused as soon as the
// method has returned, slices that come out belong to the caller.
//
// An id is an actor's persistent identity (a data type). It is any non-empty
// string of at most [MaxIDLength] bytes.
type Store interface {
	// Append adds an event under the next sequence number. Numbers of one id
	// start at 1 and have no gaps; another number is a [*SequenceError].
	// Repeating the last event, with the same bytes, succeeds and changes
	// nothing: so an Append whose outcome is unknown can be tried again.
	Append(ctx context.Context, id string, seq uint64, event []byte) error

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
	SaveSnapshot(ctx context.Context, id string, seq uint64, snapshot []byte) error

	// IDs lists the ids that have events or snapshots, sorted by their bytes.
	IDs(ctx context.Context) ([]string, error)

	// Delete forgets an id's events and snapshots; its next event is 1 again.
	Delete(ctx context.Context, id string) error

	// PutArtifact stores bytes under their digest (SHA-256, lower-case
	// hexadecimal), once: a digest that is there already costs no write, and
	// one that is there but damaged is mended. Bytes that do not have that
	// digest are refused with a [*DigestError].
	PutArtifact(ctx context.Context, sha256 string, artifact []byte) error

	// Artifact returns the bytes of that digest, checked. It fails with
	// [ErrNotFound], or with [*DamageError] when they do not match any more.
	Artifact(ctx context.Context, sha256 string) ([]byte, error)

	// RetainArtifacts drops every artifact for which keep answers false. An
	// artifact is put before the event that names it is appended, so keep also
	// answers true for what is between the two.
	RetainArtifacts(ctx context.Context, keep func(sha256 string) bool) error

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

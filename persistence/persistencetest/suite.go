package persistencetest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/modelstream/modelserver/persistence"
)

// Harness is what the conformance suite needs to know of a store.
type Harness struct {
	// New prepares an empty place (a directory, a database) and returns how to
	// open the store there. The suite closes each store before it opens the
	// place again.
	New func(t testing.TB) (open func() (persistence.Store, error))

	// Durable says that a place opened again has everything that was stored.
	Durable bool

	// Inspect returns the numbers of the events and of the snapshots that are
	// kept of an id, oldest first. May be nil: then the suite cannot see whether
	// anything is dropped.
	Inspect func(s persistence.Store, id string) (events, snapshots []uint64, err error)

	// Damage changes a bit of stored data, behind the store's back. May be nil:
	// then damage is not checked.
	Damage func(s persistence.Store, what Target) error

	// Age makes an artifact look as if it had been put that much earlier. May be
	// nil: then only artifacts that were put just now are checked for grace.
	Age func(s persistence.Store, digest string, by time.Duration) error
}

// Target names stored data: the newest event or snapshot of that number, or an
// artifact.
type Target struct {
	Event, Snapshot bool
	ID              string
	Seq             uint64
	Artifact        string // a digest
}

// Exercise runs the conformance suite.
func Exercise(t *testing.T, h Harness) {
	t.Helper()
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			if err := h.run(t, c); err != nil {
				t.Error(err)
			}
		})
	}
}

// check is one rule of the contract. A nil error says that the store keeps it.
type check struct {
	name string
	run  func(p *place) error
	// needs says whether the harness has what the check needs; nil: nothing.
	needs func(h *Harness) bool
}

var checks = slices.Concat(eventChecks, snapshotChecks, fencingChecks, damageChecks, artifactChecks, sharedChecks)

func durable(h *Harness) bool     { return h.Durable }
func ageable(h *Harness) bool     { return h.Age != nil }
func inspectable(h *Harness) bool { return h.Inspect != nil }
func damageable(h *Harness) bool  { return h.Damage != nil }

// run runs a check on a place of its own.
func (h *Harness) run(t testing.TB, c check) (err error) {
	if c.needs != nil && !c.needs(h) {
		return nil // the harness says that this rule does not concern the store
	}
	p := &place{Harness: h, open: h.New(t), epochs: make(map[string]uint64)}
	if p.Store, err = p.open(); err != nil {
		return fmt.Errorf("open the store: %w", err)
	}
	err = c.run(p)
	return errors.Join(err, p.Close())
}

// place is a store under test. Its methods fail with errors that say what was
// expected of which call.
type place struct {
	*Harness
	persistence.Store
	open func() (persistence.Store, error)

	mu     sync.Mutex
	epochs map[string]uint64 // of the ids that the check owns
}

// reopen closes the store and opens it again.
func (p *place) reopen() (err error) {
	if err := p.Close(); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	if p.Store, err = p.open(); err != nil {
		return fmt.Errorf("open again: %w", err)
	}
	return nil
}

var ctx = context.Background()

// epoch returns the epoch under which the check owns an id, which it claims at
// the first time. Where that fails, the write that was meant to follow does.
func (p *place) epoch(id string) uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.epochs[id] == 0 {
		p.epochs[id], _ = p.Claim(ctx, id)
	}
	return p.epochs[id]
}

// append appends events from..to of an id, with the bytes that event gives.
func (p *place) append(id string, from, to uint64) error {
	for seq := from; seq <= to; seq++ {
		if err := p.Append(ctx, id, p.epoch(id), seq, event(id, seq)); err != nil {
			return fmt.Errorf("append event %d of %q: %w", seq, id, err)
		}
	}
	return nil
}

// save saves a snapshot with the bytes that snapshot gives.
func (p *place) save(id string, seq uint64) error {
	if err := p.SaveSnapshot(ctx, id, p.epoch(id), seq, snapshot(id, seq)); err != nil {
		return fmt.Errorf("save snapshot %d of %q: %w", seq, id, err)
	}
	return nil
}

func event(id string, seq uint64) []byte    { return fmt.Appendf(nil, "event %d of %s", seq, id) }
func snapshot(id string, seq uint64) []byte { return fmt.Appendf(nil, "snapshot %d of %s", seq, id) }

// want is what Load should return. Events are numbers; see event.
type want struct {
	snapshot []byte
	seq      uint64
	events   []uint64
	last     uint64
	damaged  int
}

// load checks what Load returns for an id.
func (p *place) load(id string, w want) error {
	r, err := p.Load(ctx, id)
	switch {
	case err != nil:
		return fmt.Errorf("load %q: %w", id, err)
	case r == nil:
		return fmt.Errorf("load %q returned neither a recovery nor an error", id)
	case string(r.Snapshot) != string(w.snapshot) || (r.Snapshot == nil) != (w.snapshot == nil):
		return fmt.Errorf("load %q: the snapshot is %.80q (nil: %t), want %.80q", id, r.Snapshot, r.Snapshot == nil, w.snapshot)
	case r.SnapshotSeq != w.seq:
		return fmt.Errorf("load %q: the snapshot covers %d, want %d", id, r.SnapshotSeq, w.seq)
	case r.LastSeq != w.last:
		return fmt.Errorf("load %q: LastSeq is %d, want %d", id, r.LastSeq, w.last)
	case len(r.Damaged) != w.damaged:
		return fmt.Errorf("load %q: damaged is %v, want %d", id, r.Damaged, w.damaged)
	case len(r.Events) != len(w.events):
		return fmt.Errorf("load %q: %d events, want %v", id, len(r.Events), w.events)
	}
	for i, e := range r.Events {
		if e.Seq != w.events[i] || string(e.Data) != string(event(id, e.Seq)) {
			return fmt.Errorf("load %q: event %d is %.80q, want number %d", id, e.Seq, e.Data, w.events[i])
		}
	}
	return nil
}

// wantError checks that an error is of type E.
func wantError[E error](what string, err error) error {
	if err == nil {
		return fmt.Errorf("%s succeeded, want a %T", what, *new(E))
	}
	if e := *new(E); !errors.As(err, &e) {
		return fmt.Errorf("%s: error %v (%T), want a %T", what, err, err, e)
	}
	return nil
}

func numbers(from, to uint64) (n []uint64) {
	for seq := from; seq <= to; seq++ {
		n = append(n, seq)
	}
	return n
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

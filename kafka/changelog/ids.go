package changelog

import (
	"context"
	"errors"

	"github.com/modelstream/modelserver/persistence"
)

// errOutcome says that a write was overtaken by the topic's cleaner, so that
// nobody can tell whether it counted.
var errOutcome = errors.New("the outcome of the write is not known; try again")

// Claim implements [persistence.Store]. Of two servers that claim the same epoch
// the first in the log wins, and the other one tries the next.
func (s *Store) Claim(ctx context.Context, id string) (uint64, error) {
	if err := persistence.CheckID(id); err != nil {
		return 0, err
	}
	leave, err := s.enter(ctx, id)
	if err != nil {
		return 0, err
	}
	defer leave()
	for {
		epoch, err := persistence.NextEpoch(id, s.epochOf(id))
		if err != nil {
			return 0, err
		}
		c, err := s.write(ctx, &key{kind: claimKind, epoch: epoch, object: id}, []byte(s.node))
		switch {
		case err != nil:
			return 0, err
		case !c.tombstone && c.verdict == accepted:
			return epoch, nil
		}
	}
}

func (s *Store) epochOf(id string) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.view.id(id).epoch
}

// Append implements [persistence.Store].
func (s *Store) Append(ctx context.Context, id string, epoch, seq uint64, event []byte) error {
	if err := persistence.CheckEvent(id, epoch, seq, event); err != nil {
		return err
	}
	// next looks whether the event is the next one.
	next := func(r *idRules) (again bool, err error) {
		switch {
		case r.repeats(seq, event):
			return true, nil
		case seq != r.last+1:
			return false, &persistence.SequenceError{ID: id, Got: seq, Want: r.last + 1}
		}
		return false, nil
	}
	k := &key{kind: eventKind, epoch: epoch, seq: seq, object: id}
	return s.writeAs(ctx, k, event, next)
}

// SaveSnapshot implements [persistence.Store].
func (s *Store) SaveSnapshot(ctx context.Context, id string, epoch, seq uint64, snapshot []byte) error {
	if err := persistence.CheckSnapshot(id, epoch, seq, snapshot); err != nil {
		return err
	}
	k := &key{kind: snapshotKind, epoch: epoch, seq: seq, object: id}
	return s.writeAs(ctx, k, snapshot, func(r *idRules) (bool, error) {
		older := len(r.snapshots) == keptSnapshots && r.snapshots[0].err == nil && seq < r.snapshots[0].key.seq
		return older && epoch == r.epoch, nil
	})
}

// Delete implements [persistence.Store].
func (s *Store) Delete(ctx context.Context, id string, epoch uint64) error {
	if err := persistence.CheckOwner(id, epoch); err != nil {
		return err
	}
	k := &key{kind: deleteKind, epoch: epoch, object: id}
	return s.writeAs(ctx, k, []byte(s.node), func(r *idRules) (bool, error) {
		return !r.written() && r.last == 0 && epoch == r.epoch, nil
	})
}

// writeAs writes a record of an id's owner. done looks at the id first: whether
// there is anything to do, and whether it can be done.
func (s *Store) writeAs(ctx context.Context, k *key, body []byte, done func(*idRules) (bool, error)) error {
	leave, err := s.enter(ctx, k.object)
	if err != nil {
		return err
	}
	defer leave()
	if over, err := s.lookAs(k, done); over || err != nil {
		return err
	}
	c, err := s.write(ctx, k, body)
	switch {
	case err != nil:
		return err
	case !c.tombstone && c.verdict == accepted:
		return nil
	}
	// It came too late: after another owner's claim, or after a write of ours
	// whose outcome was not known.
	over, err := s.lookAs(k, done)
	if !over && err == nil {
		err = errOutcome
	}
	return err
}

func (s *Store) lookAs(k *key, done func(*idRules) (bool, error)) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.view.id(k.object)
	if k.epoch < r.epoch {
		return false, &persistence.FencedError{ID: k.object, Epoch: k.epoch, Owner: r.epoch}
	}
	return done(r)
}

// Load implements [persistence.Store]. It tells what the tail has read: after a
// Claim of the id, everything; otherwise all but the last moment.
func (s *Store) Load(ctx context.Context, id string) (*persistence.Recovery, error) {
	if err := persistence.CheckID(id); err != nil {
		return nil, err
	}
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.view.id(id).recovery(id), nil
}

// IDs implements [persistence.Store].
func (s *Store) IDs(ctx context.Context) ([]string, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.view.writtenIDs(), nil
}

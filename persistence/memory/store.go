// Package memory is a [persistence.Store] in the process's memory: for tests,
// and for a server that restores everything from the models topic at start.
//
// It owns copies of what it is given, and nothing survives Close. One lock
// guards it; no method waits for anything else. Nothing is ever damaged.
package memory

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/modelstream/modelserver/persistence"
)

// Store is an in-memory store. Its zero value is not usable; see [New].
type Store struct {
	mu        sync.Mutex
	closed    bool
	owners    map[string]uint64 // the newest epoch of each id; outlives Delete
	logs      map[string]*log
	artifacts map[string]artifact
}

type artifact struct {
	data []byte
	put  time.Time
}

// log is what is kept of one id.
type log struct {
	last      uint64 // the greatest number used
	events    []persistence.Event
	snapshots []snapshot // at most two, oldest first
}

type snapshot struct {
	seq  uint64
	data []byte
}

var _ persistence.Store = (*Store)(nil)

// New returns an empty store.
func New() *Store {
	return &Store{owners: make(map[string]uint64), logs: make(map[string]*log), artifacts: make(map[string]artifact)}
}

// enter takes the lock, unless the caller has given up or the store is closed.
func (s *Store) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return persistence.ErrClosed
	}
	return nil
}

// enterAs is enter for a write of an id's owner.
func (s *Store) enterAs(ctx context.Context, id string, epoch uint64) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	if owner := s.owners[id]; epoch < owner {
		s.mu.Unlock()
		return &persistence.FencedError{ID: id, Epoch: epoch, Owner: owner}
	}
	s.owners[id] = epoch
	return nil
}

// Claim implements [persistence.Store].
func (s *Store) Claim(ctx context.Context, id string) (uint64, error) {
	if err := persistence.CheckID(id); err != nil {
		return 0, err
	}
	if err := s.enter(ctx); err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	epoch, err := persistence.NextEpoch(id, s.owners[id])
	if err != nil {
		return 0, err
	}
	s.owners[id] = epoch
	return epoch, nil
}

// Append implements [persistence.Store].
func (s *Store) Append(ctx context.Context, id string, epoch, seq uint64, event []byte) error {
	if err := persistence.CheckEvent(id, epoch, seq, event); err != nil {
		return err
	}
	if err := s.enterAs(ctx, id, epoch); err != nil {
		return err
	}
	defer s.mu.Unlock()

	l := s.logs[id]
	if l == nil {
		l = &log{}
	}
	if l.repeats(seq, event) {
		return nil
	}
	if seq != l.last+1 {
		return &persistence.SequenceError{ID: id, Got: seq, Want: l.last + 1}
	}
	l.events = append(l.events, persistence.Event{Seq: seq, Data: copyOf(event)})
	l.last = seq
	s.logs[id] = l
	return nil
}

// repeats says whether the event is the last one once more.
func (l *log) repeats(seq uint64, event []byte) bool {
	if seq != l.last || len(l.events) == 0 {
		return false
	}
	last := l.events[len(l.events)-1]
	return last.Seq == seq && bytes.Equal(last.Data, event)
}

// Load implements [persistence.Store].
func (s *Store) Load(ctx context.Context, id string) (*persistence.Recovery, error) {
	if err := persistence.CheckID(id); err != nil {
		return nil, err
	}
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()

	r := &persistence.Recovery{}
	l := s.logs[id]
	if l == nil {
		return r, nil
	}
	r.LastSeq = l.last
	if n := len(l.snapshots); n > 0 {
		r.Snapshot, r.SnapshotSeq = copyOf(l.snapshots[n-1].data), l.snapshots[n-1].seq
	}
	for _, e := range l.events {
		if e.Seq > r.SnapshotSeq {
			r.Events = append(r.Events, persistence.Event{Seq: e.Seq, Data: copyOf(e.Data)})
		}
	}
	return r, nil
}

// SaveSnapshot implements [persistence.Store].
func (s *Store) SaveSnapshot(ctx context.Context, id string, epoch, seq uint64, data []byte) error {
	if err := persistence.CheckSnapshot(id, epoch, seq, data); err != nil {
		return err
	}
	if err := s.enterAs(ctx, id, epoch); err != nil {
		return err
	}
	defer s.mu.Unlock()

	l := s.logs[id]
	if l == nil {
		l = &log{}
		s.logs[id] = l
	}
	at := len(l.snapshots)
	for at > 0 && l.snapshots[at-1].seq > seq {
		at--
	}
	if at == 0 && len(l.snapshots) == 2 {
		return nil // older than both
	}
	l.snapshots = slices.Insert(l.snapshots, at, snapshot{seq: seq, data: copyOf(data)})
	if len(l.snapshots) > 2 {
		l.snapshots = slices.Delete(l.snapshots, 0, 1)
	}
	if len(l.snapshots) == 2 {
		oldest := l.snapshots[0].seq
		l.events = slices.DeleteFunc(l.events, func(e persistence.Event) bool { return e.Seq <= oldest })
	}
	l.last = max(l.last, seq)
	return nil
}

// IDs implements [persistence.Store].
func (s *Store) IDs(ctx context.Context) ([]string, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.logs)), nil
}

// Delete implements [persistence.Store].
func (s *Store) Delete(ctx context.Context, id string, epoch uint64) error {
	if err := persistence.CheckOwner(id, epoch); err != nil {
		return err
	}
	if err := s.enterAs(ctx, id, epoch); err != nil {
		return err
	}
	defer s.mu.Unlock()
	delete(s.logs, id)
	return nil
}

// PutArtifact implements [persistence.Store].
func (s *Store) PutArtifact(ctx context.Context, sha256 string, data []byte) error {
	if err := persistence.CheckArtifact(sha256, data); err != nil {
		return err
	}
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	a, there := s.artifacts[sha256]
	if !there {
		a.data = copyOf(data)
	}
	a.put = time.Now()
	s.artifacts[sha256] = a
	return nil
}

// Artifact implements [persistence.Store].
func (s *Store) Artifact(ctx context.Context, sha256 string) ([]byte, error) {
	if err := persistence.CheckDigest(sha256); err != nil {
		return nil, err
	}
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	a, there := s.artifacts[sha256]
	if !there {
		return nil, persistence.ErrNotFound
	}
	return copyOf(a.data), nil
}

// RetainArtifacts implements [persistence.Store]. keep runs without the lock,
// so it may call the store.
func (s *Store) RetainArtifacts(ctx context.Context, grace time.Duration, keep func(sha256 string) bool) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	digests := slices.Sorted(maps.Keys(s.artifacts))
	s.mu.Unlock()

	for _, digest := range digests {
		if keep(digest) {
			continue
		}
		if err := s.enter(ctx); err != nil {
			return err
		}
		if grace <= 0 || time.Since(s.artifacts[digest].put) >= grace {
			delete(s.artifacts, digest)
		}
		s.mu.Unlock()
	}
	return nil
}

// Close implements [persistence.Store].
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed, s.owners, s.logs, s.artifacts = true, nil, nil, nil
	return nil
}

// copyOf copies b and never returns nil, so that an empty snapshot is told
// apart from none.
func copyOf(b []byte) []byte { return append([]byte{}, b...) }

package changelog

import (
	"context"
	"errors"
	"fmt"

	"github.com/modelstream/modelserver/persistence"
)

var (
	errForeign   = errors.New("its record cannot be read")
	errCondemned = errors.New("the artifact was dropped while it was put; try again")
)

// stored is an artifact that exists.
type stored struct {
	upload upload
	ref    reference
	time   int64
	err    error // the record is damaged
}

// lookUp returns what the view has of an artifact.
func (s *Store) lookUp(digest string) (stored, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.view.artifact(digest)
	if r == nil || r.current == nil {
		return stored{}, false
	}
	return storedAs(r.current), true
}

func storedAs(e *entry) stored {
	a := stored{upload: e.key.upload, time: e.time, err: e.err}
	var ok bool
	if a.ref, ok = decodeReference(e.body); !ok && a.err == nil {
		a.err = errForeign
	}
	return a
}

// Artifact implements [persistence.Store].
func (s *Store) Artifact(ctx context.Context, digest string) ([]byte, error) {
	if err := persistence.CheckDigest(digest); err != nil {
		return nil, err
	}
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	a, ok := s.lookUp(digest)
	if !ok { // another server may have put it a moment ago
		if _, err := s.probe(ctx, partitionOf(digest, s.partitions)); err != nil {
			return nil, err
		}
		if a, ok = s.lookUp(digest); !ok {
			return nil, persistence.ErrNotFound
		}
	}
	for {
		b, err := s.readArtifact(ctx, digest, a)
		if !errors.As(err, new(*persistence.DamageError)) {
			return b, err
		}
		// Perhaps it was dropped or uploaded anew while it was read.
		now, ok := s.lookUp(digest)
		switch {
		case !ok:
			return nil, persistence.ErrNotFound
		case now.upload == a.upload:
			return nil, err
		}
		a = now
	}
}

// readArtifact reads the chunks and checks them.
func (s *Store) readArtifact(ctx context.Context, digest string, a stored) ([]byte, error) {
	err := a.err
	var b []byte
	if err == nil {
		b, err = s.chunks.read(ctx, a.upload, &a.ref)
	}
	if err == nil {
		err = persistence.CheckArtifact(digest, b)
	}
	switch {
	case err == nil:
		return b, nil
	case errors.As(err, new(*TopicError)), errors.Is(err, persistence.ErrClosed), ctx.Err() != nil:
		return nil, err
	}
	return nil, &persistence.DamageError{What: "artifact " + digest, Err: err}
}

// PutArtifact implements [persistence.Store].
func (s *Store) PutArtifact(ctx context.Context, digest string, artifact []byte) error {
	if err := persistence.CheckArtifact(digest, artifact); err != nil {
		return err
	}
	leave, err := s.enter(ctx, digest)
	if err != nil {
		return err
	}
	defer leave()
	for {
		a, ok := s.lookUp(digest)
		if !ok {
			break
		}
		// First the touch, then the look: an artifact that is touched stays.
		c, err := s.write(ctx, &key{kind: touchKind, upload: a.upload, object: digest}, a.ref.encode())
		if err != nil {
			return err
		}
		if c.tombstone || c.verdict != accepted {
			continue // it was dropped, or uploaded anew: look again
		}
		_, err = s.readArtifact(ctx, digest, a)
		if errors.As(err, new(*persistence.DamageError)) {
			break
		}
		return err
	}
	return s.upload(ctx, digest, artifact)
}

// upload writes an artifact: that chunks will come, the chunks, and that they are
// there. After a crash in between the announcement tells the janitor which
// chunks nobody needs.
func (s *Store) upload(ctx context.Context, digest string, artifact []byte) error {
	size := s.config.ChunkBytes
	ref := reference{
		partition: uint32(partitionOf(digest, s.chunkPartitions)), size: uint64(len(artifact)),
		count: uint32((len(artifact) + size - 1) / size), first: -1, last: -1,
	}
	announced := &key{kind: uploadKind, object: digest}
	if _, err := s.write(ctx, announced, ref.encode()); err != nil {
		return err
	}
	if err := s.chunks.write(ctx, announced.upload, &ref, artifact); err != nil {
		return err
	}
	c, err := s.write(ctx, &key{kind: putKind, upload: announced.upload, object: digest}, ref.encode())
	if err != nil {
		return err
	}
	if c.tombstone || c.verdict != accepted {
		return fmt.Errorf("artifact %s: %w", digest, errCondemned)
	}
	return nil
}

package postgres

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/modelstream/modelserver/persistence"
)

// chunkLength is the greatest length of a row of an artifact, in bytes.
const chunkLength = 4 << 20

// errForeign says that rows of an artifact are none that a store writes.
var errForeign = errors.New("its rows do not belong together")

// chunk returns the nth part of an artifact, or nil after the last one.
func chunk(artifact []byte, n int) []byte {
	from := n * chunkLength
	if from >= len(artifact) {
		return nil
	}
	return artifact[from:min(from+chunkLength, len(artifact))]
}

// PutArtifact implements [persistence.Store].
func (s *Store) PutArtifact(ctx context.Context, digest string, artifact []byte) error {
	if err := persistence.CheckArtifact(digest, artifact); err != nil {
		return err
	}
	key, err := hex.DecodeString(digest)
	if err != nil {
		return err // it was checked
	}
	return s.try(ctx, "put artifact "+digest, s.callTimeout(len(artifact)), func(ctx context.Context) error {
		err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
			there, err := s.touch(ctx, tx, key, artifact)
			if err != nil || there {
				return err
			}
			return s.putChunks(ctx, tx, key, artifact)
		})
		if corrupted(err) { // what is there cannot even be looked at
			err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error { return s.putChunks(ctx, tx, key, artifact) })
		}
		return err
	})
}

// touch renews the time of an artifact that is there and whole. The row that it
// changes stays locked, so that nobody drops the artifact meanwhile.
func (s *Store) touch(ctx context.Context, tx pgx.Tx, key, artifact []byte) (bool, error) {
	tag, err := tx.Exec(ctx, s.sql.touchArtifact, key, int64(len(artifact)))
	if err != nil || tag.RowsAffected() == 0 {
		return false, err
	}
	rows, err := tx.Query(ctx, s.sql.hashes, key)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	n := 0
	for ; rows.Next(); n++ {
		var at int
		var hash []byte
		if err := rows.Scan(&at, &hash); err != nil {
			return false, err
		}
		wanted := sha256.Sum256(chunk(artifact, n))
		if at != n || chunk(artifact, n) == nil || !bytes.Equal(hash, wanted[:]) {
			return false, nil
		}
	}
	return chunk(artifact, n) == nil, rows.Err()
}

// putChunks stores an artifact, in the place of what is there under its digest.
func (s *Store) putChunks(ctx context.Context, tx pgx.Tx, key, artifact []byte) error {
	if _, err := tx.Exec(ctx, s.sql.putArtifact, key, int64(len(artifact))); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, s.sql.deleteChunks, key); err != nil {
		return err
	}
	for n := 0; chunk(artifact, n) != nil; n++ {
		if _, err := tx.Exec(ctx, s.sql.putChunk, key, n, chunk(artifact, n)); err != nil {
			return err
		}
	}
	return nil
}

// Artifact implements [persistence.Store].
func (s *Store) Artifact(ctx context.Context, digest string) ([]byte, error) {
	if err := persistence.CheckDigest(digest); err != nil {
		return nil, err
	}
	key, err := hex.DecodeString(digest)
	if err != nil {
		return nil, err // it was checked
	}
	var artifact []byte
	err = s.try(ctx, "read artifact "+digest, s.callTimeout(persistence.MaxArtifactLength), func(ctx context.Context) (err error) {
		artifact, err = s.readArtifact(ctx, key)
		if corrupted(err) || errors.Is(err, errForeign) {
			err = refuse(&persistence.DamageError{What: "artifact " + digest, Err: err})
		}
		return err
	})
	switch {
	case errors.Is(err, persistence.ErrNotFound):
		return nil, fmt.Errorf("artifact %s: %w", digest, persistence.ErrNotFound)
	case err != nil:
		return nil, err
	}
	if err := persistence.CheckArtifact(digest, artifact); err != nil {
		return nil, &persistence.DamageError{What: "artifact " + digest, Err: err}
	}
	return artifact, nil
}

// readArtifact puts an artifact together from its rows.
func (s *Store) readArtifact(ctx context.Context, key []byte) ([]byte, error) {
	rows, err := s.pool.Query(ctx, s.sql.artifact, key)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var artifact []byte
	count, size := 0, int64(0)
	for ; rows.Next(); count++ {
		var n *int
		var part pgtype.DriverBytes // a view of the connection's buffer
		if err := rows.Scan(&size, &n, &part); err != nil {
			return nil, err
		}
		switch {
		case count == 0 && size >= 0 && size <= persistence.MaxArtifactLength:
			artifact = make([]byte, 0, size)
		case count == 0:
			return nil, errForeign
		}
		if n == nil { // the one row of an artifact without bytes
			continue
		}
		if *n != count || len(part) > chunkLength || int64(len(artifact)+len(part)) > size {
			return nil, errForeign
		}
		artifact = append(artifact, part...)
	}
	switch {
	case rows.Err() != nil:
		return nil, rows.Err()
	case count == 0:
		return nil, refuse(persistence.ErrNotFound)
	}
	return artifact, nil // the digest says whether it is complete
}

// RetainArtifacts implements [persistence.Store]. keep runs outside of any
// transaction, so it may call the store, and may take its time. An artifact that
// was put again meanwhile is spared by the database, which looks at its time
// once more when it drops it.
func (s *Store) RetainArtifacts(ctx context.Context, grace time.Duration, keep func(digest string) bool) error {
	secs := max(grace, 0).Seconds()
	var old [][]byte
	err := s.try(ctx, "list the artifacts", s.callTimeout(0), func(ctx context.Context) error {
		rows, err := s.pool.Query(ctx, s.sql.oldArtifacts, secs)
		if err != nil {
			return err
		}
		old, err = pgx.CollectRows(rows, pgx.RowTo[[]byte])
		return err
	})
	if err != nil {
		return err
	}
	var drop [][]byte
	for _, key := range old {
		if digest := hex.EncodeToString(key); persistence.CheckDigest(digest) == nil && !keep(digest) {
			drop = append(drop, key)
		}
	}
	const together = 100 // rows of one statement
	for ; len(drop) > 0; drop = drop[min(together, len(drop)):] {
		err := s.try(ctx, "drop artifacts", s.callTimeout(0), func(ctx context.Context) error {
			_, err := s.pool.Exec(ctx, s.sql.dropArtifacts, drop[:min(together, len(drop))], secs)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

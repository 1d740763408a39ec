package postgres

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/modelstream/modelserver/persistence"
)

// keptSnapshots is the number of whole snapshots that an id keeps.
const keptSnapshots = 2

// Append implements [persistence.Store].
func (s *Store) Append(ctx context.Context, id string, epoch, seq uint64, event []byte) error {
	if err := persistence.CheckEvent(id, epoch, seq, event); err != nil {
		return err
	}
	op := fmt.Sprintf("append event %d of %q", seq, id)
	checksum := sum(id, eventKind, seq, event)
	return s.write(ctx, op, id, epoch, len(event), func(ctx context.Context, tx pgx.Tx, h *head, writes *pgx.Batch) error {
		if seq == h.last {
			switch there, err := s.hasEvent(ctx, tx, id, seq, *checksum, event); {
			case err != nil:
				return err
			case there:
				return errNothing // once more
			}
		}
		if seq != h.last+1 {
			return refuse(&persistence.SequenceError{ID: id, Got: seq, Want: h.last + 1})
		}
		h.last = seq
		writes.Queue(s.sql.putEvent, []byte(id), number(seq), checksum, whole(event))
		return nil
	})
}

// hasEvent says whether an event is stored as it is.
func (s *Store) hasEvent(ctx context.Context, tx pgx.Tx, id string, seq uint64, checksum int64, event []byte) (bool, error) {
	var storedSum int64
	var data []byte
	err := tx.QueryRow(ctx, s.sql.event, []byte(id), number(seq)).Scan(&storedSum, &data)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return storedSum == checksum && bytes.Equal(data, event), err
}

// SaveSnapshot implements [persistence.Store].
func (s *Store) SaveSnapshot(ctx context.Context, id string, epoch, seq uint64, snapshot []byte) error {
	if err := persistence.CheckSnapshot(id, epoch, seq, snapshot); err != nil {
		return err
	}
	op := fmt.Sprintf("save snapshot %d of %q", seq, id)
	checksum := sum(id, snapshotKind, seq, snapshot)
	return s.write(ctx, op, id, epoch, len(snapshot), func(ctx context.Context, tx pgx.Tx, h *head, writes *pgx.Batch) error {
		stored, err := s.storedSnapshots(ctx, tx, id)
		if err != nil {
			return err
		}
		h.last = max(h.last, seq)
		if seq >= h.snapshot {
			h.snapshot, h.snapshots = seq, h.snapshots+1
		}
		writes.Queue(s.sql.putSnapshot, []byte(id), number(seq), number(h.snapshots), checksum, whole(snapshot))
		drop, oldest := superfluous(place(stored, row{seq: seq, n: h.snapshots}))
		for _, r := range drop {
			writes.Queue(s.sql.dropSnapshot, []byte(id), number(r.seq), number(r.n))
		}
		writes.Queue(s.sql.dropEvents, []byte(id), number(oldest))
		return nil
	})
}

// place puts a snapshot among the stored ones, oldest first, or over the one of
// the same numbers.
func place(stored []row, r row) []row {
	at, there := slices.BinarySearchFunc(stored, r, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.seq, b.seq), cmp.Compare(a.n, b.n))
	})
	if there {
		stored[at] = r
		return stored
	}
	return slices.Insert(stored, at, r)
}

// superfluous returns the snapshots that are older than the two newest, and up to
// which event neither of these needs any. A damaged snapshot is not worth keeping:
// it goes, so that the whole one before it stays.
func superfluous(snapshots []row) (drop []row, oldest uint64) {
	kept := 0
	for _, r := range slices.Backward(snapshots) {
		switch {
		case kept == keptSnapshots || r.err != nil:
			drop = append(drop, r)
		default:
			kept, oldest = kept+1, r.seq
		}
	}
	if kept < keptSnapshots {
		return drop, 0
	}
	return drop, oldest
}

// storedSnapshots returns an id's snapshots, oldest first, each checked.
func (s *Store) storedSnapshots(ctx context.Context, tx pgx.Tx, id string) ([]row, error) {
	rows, err := tx.Query(ctx, s.sql.snapshots, []byte(id))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(r pgx.CollectableRow) (row, error) {
		var seq, n string
		var checksum int64
		var data []byte
		if err := r.Scan(&seq, &n, &checksum, &data); err != nil {
			return row{}, err
		}
		return newRow(id, snapshotKind, seq, n, &checksum, data), nil
	})
}

package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/modelstream/modelserver/persistence"
)

// The letters that checksums know the kinds of rows by.
const (
	headKind     = 'h'
	eventKind    = 'e'
	snapshotKind = 's'
)

// head is what an id's row in claims says of the rest: what must be there.
type head struct {
	epoch     uint64
	last      uint64 // the greatest sequence number used
	snapshot  uint64 // the newest snapshot's number
	snapshots uint64 // its n: how many snapshots there were; 0: none
}

// checksum is of what a write changes. Nil stands for an id that was claimed and
// never written to.
func (h head) checksum(id string) *int64 {
	if h.last == 0 && h.snapshots == 0 {
		return nil
	}
	var payload []byte
	for _, n := range []uint64{h.last, h.snapshot, h.snapshots} {
		payload = binary.BigEndian.AppendUint64(payload, n)
	}
	return sum(id, headKind, 0, payload)
}

// sum is a checksum as the database has it.
func sum(id string, kind byte, seq uint64, payload []byte) *int64 {
	c := int64(persistence.Checksum(id, kind, seq, payload))
	return &c
}

// same compares checksums of which the stored one may be missing.
func same(a, b *int64) bool { return a == b || a != nil && b != nil && *a == *b }

// Claim implements [persistence.Store].
func (s *Store) Claim(ctx context.Context, id string) (epoch uint64, err error) {
	if err := persistence.CheckID(id); err != nil {
		return 0, err
	}
	err = s.try(ctx, fmt.Sprintf("claim %q", id), s.callTimeout(0), func(ctx context.Context) error {
		var given int64
		err := s.pool.QueryRow(ctx, s.sql.claim, []byte(id)).Scan(&given)
		if errors.Is(err, pgx.ErrNoRows) {
			_, err = persistence.NextEpoch(id, persistence.MaxEpoch)
			return refuse(err)
		}
		epoch = uint64(given)
		return err
	})
	return epoch, err
}

// change reads what it must, alters the head, and queues the statements that make
// the change. They go to the database together, with the head. When it returns
// errNothing, nothing is written.
type change func(ctx context.Context, tx pgx.Tx, h *head, writes *pgx.Batch) error

// write makes a change of an id's owner: one transaction, under the lock of the
// id's row, after a look at the epoch.
func (s *Store) write(ctx context.Context, op, id string, epoch uint64, size int, change change) error {
	return s.try(ctx, op, s.callTimeout(size), func(ctx context.Context) error {
		err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
			h, err := s.lock(ctx, tx, id, epoch)
			if err != nil {
				return err
			}
			s.locked()
			if epoch < h.epoch {
				return refuse(&persistence.FencedError{ID: id, Epoch: epoch, Owner: h.epoch})
			}
			adopted := epoch > h.epoch
			h.epoch = epoch
			writes := &pgx.Batch{}
			if err := change(ctx, tx, &h, writes); err != nil && (!adopted || !errors.Is(err, errNothing)) {
				return err
			}
			writes.Queue(s.sql.setHead, []byte(id), int64(h.epoch), number(h.last), number(h.snapshot), number(h.snapshots), h.checksum(id))
			return tx.SendBatch(ctx, writes).Close()
		})
		if errors.Is(err, errNothing) {
			return nil
		}
		return err
	})
}

// errNothing ends a transaction that has nothing to write.
var errNothing = errors.New("nothing to write")

// lock locks an id's row and returns what it says; an id that was never claimed
// gets a row. A head that does not match its checksum is made anew from what is
// there.
func (s *Store) lock(ctx context.Context, tx pgx.Tx, id string, epoch uint64) (head, error) {
	h, checksum, err := s.lockRow(ctx, tx, id)
	if errors.Is(err, pgx.ErrNoRows) {
		if _, err := tx.Exec(ctx, s.sql.adopt, []byte(id), int64(epoch)); err != nil {
			return head{}, err
		}
		h, checksum, err = s.lockRow(ctx, tx, id)
	}
	if err != nil || same(checksum, h.checksum(id)) {
		return h, err
	}
	stored, err := s.read(ctx, tx, s.sql.load, id)
	if err != nil {
		return head{}, err
	}
	found := stored.findHead()
	found.epoch = h.epoch
	return found, nil
}

func (s *Store) lockRow(ctx context.Context, tx pgx.Tx, id string) (h head, checksum *int64, err error) {
	var epoch int64
	var last, snapshot, snapshots string
	if err := tx.QueryRow(ctx, s.sql.lock, []byte(id)).Scan(&epoch, &last, &snapshot, &snapshots, &checksum); err != nil {
		return head{}, nil, err
	}
	h.epoch = uint64(epoch)
	for _, f := range []struct {
		to   *uint64
		text string
	}{{&h.last, last}, {&h.snapshot, snapshot}, {&h.snapshots, snapshots}} {
		// What is no number of ours fails the checksum.
		*f.to, _ = parseNumber(f.text)
	}
	return h, checksum, nil
}

// Delete implements [persistence.Store].
func (s *Store) Delete(ctx context.Context, id string, epoch uint64) error {
	if err := persistence.CheckOwner(id, epoch); err != nil {
		return err
	}
	return s.write(ctx, fmt.Sprintf("delete %q", id), id, epoch, 0, func(_ context.Context, _ pgx.Tx, h *head, writes *pgx.Batch) error {
		*h = head{epoch: h.epoch}
		writes.Queue(s.sql.deleteEvents, []byte(id))
		writes.Queue(s.sql.deleteSnapshots, []byte(id))
		return nil
	})
}

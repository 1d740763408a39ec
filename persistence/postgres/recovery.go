package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/modelstream/modelserver/persistence"
)

var errChecksum = errors.New("the checksum does not match")

// row is a stored event or snapshot.
type row struct {
	seq, n   uint64
	checksum *int64
	data     []byte
	err      error // why it cannot be used
}

// newRow checks a row.
func newRow(id string, kind byte, seq, n string, checksum *int64, data []byte) row {
	var r row
	var seqErr, nErr error
	r.seq, seqErr = parseNumber(seq)
	r.n, nErr = parseNumber(n)
	r.checksum, r.data = checksum, data
	if seqErr != nil || nErr != nil || !same(checksum, sum(id, kind, r.seq, data)) {
		r.err = errChecksum
	}
	return r
}

// stored is everything that is stored of an id, oldest first.
type stored struct {
	head      head
	headErr   error
	events    []row
	snapshots []row
}

// queryer is a pool or a transaction.
type queryer interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// read reads what is stored of an id with the statement load, or all but the
// data with keys.
func (s *Store) read(ctx context.Context, from queryer, sql, id string) (*stored, error) {
	rows, err := from.Query(ctx, sql, []byte(id))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := &stored{}
	for rows.Next() {
		var kind, seq, n, snapshot string
		var checksum *int64
		var data []byte
		if err := rows.Scan(&kind, &seq, &n, &snapshot, &checksum, &data); err != nil {
			return nil, err
		}
		switch kind[0] {
		case headKind:
			h := &all.head
			var errs [3]error
			h.last, errs[0] = parseNumber(seq)
			h.snapshots, errs[1] = parseNumber(n)
			h.snapshot, errs[2] = parseNumber(snapshot)
			if errors.Join(errs[:]...) != nil || !same(checksum, h.checksum(id)) {
				all.headErr = errChecksum
			}
		case eventKind:
			all.events = append(all.events, newRow(id, eventKind, seq, n, checksum, data))
		case snapshotKind:
			all.snapshots = append(all.snapshots, newRow(id, snapshotKind, seq, n, checksum, data))
		}
	}
	return all, rows.Err()
}

// findHead makes a head from what is there and whole.
func (all *stored) findHead() head {
	var h head
	for _, e := range all.events {
		if e.err == nil {
			h.last = max(h.last, e.seq)
		}
	}
	for _, s := range all.snapshots {
		if s.err == nil {
			h.last, h.snapshot, h.snapshots = max(h.last, s.seq), s.seq, s.n
		}
	}
	return h
}

// Load implements [persistence.Store].
func (s *Store) Load(ctx context.Context, id string) (*persistence.Recovery, error) {
	if err := persistence.CheckID(id); err != nil {
		return nil, err
	}
	var r *persistence.Recovery
	err := s.try(ctx, fmt.Sprintf("load %q", id), s.callTimeout(0), func(ctx context.Context) error {
		all, err := s.read(ctx, s.pool, s.sql.load, id)
		if corrupted(err) {
			all, err = s.readPiecewise(ctx, id)
		}
		if corrupted(err) {
			damage := persistence.DamageError{What: fmt.Sprintf("all of %q", id), Err: explain("read it", err)}
			r = &persistence.Recovery{Damaged: []persistence.DamageError{damage}}
			return nil
		}
		if err == nil {
			r = all.recovery(id)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// readPiecewise reads the rows one by one, because one of them cannot be read.
// It sees no single moment, which an owner does not need.
func (s *Store) readPiecewise(ctx context.Context, id string) (*stored, error) {
	all, err := s.read(ctx, s.pool, s.sql.keys, id)
	if err != nil {
		return nil, err
	}
	for _, part := range []struct {
		kind byte
		rows []row
		sql  string
	}{{eventKind, all.events, s.sql.oneEvent}, {snapshotKind, all.snapshots, s.sql.oneSnapshot}} {
		for i := range part.rows {
			r := &part.rows[i]
			args := []any{[]byte(id), number(r.seq)}
			if part.kind == snapshotKind {
				args = append(args, number(r.n))
			}
			switch err := s.pool.QueryRow(ctx, part.sql, args...).Scan(&r.data); {
			case corrupted(err):
				r.err = err
			case errors.Is(err, pgx.ErrNoRows):
				r.err = persistence.ErrMissing
			case err != nil:
				return nil, err
			default:
				r.err = nil
				if !same(r.checksum, sum(id, part.kind, r.seq, r.data)) {
					r.err = errChecksum
				}
			}
		}
	}
	return all, nil
}

// recovery makes of what is stored what an actor needs.
func (all *stored) recovery(id string) *persistence.Recovery {
	var damage persistence.DamageList
	h := all.head
	if all.headErr != nil {
		h = all.findHead()
		damage.Add(h.last, all.headErr, "the head of %q", id)
	}
	r := &persistence.Recovery{LastSeq: h.last}
	newest := h.snapshots == 0 // whether the newest snapshot is there
	for _, s := range all.snapshots {
		newest = newest || s.seq == h.snapshot && s.n == h.snapshots
	}
	if !newest {
		damage.Add(h.snapshot, persistence.ErrMissing, "snapshot %d of %q", h.snapshot, id)
	}
	for _, s := range slices.Backward(all.snapshots) {
		if s.err == nil {
			r.Snapshot, r.SnapshotSeq = whole(s.data), s.seq
			break
		}
		damage.Add(s.seq, s.err, "snapshot %d of %q", s.seq, id)
	}
	next := r.SnapshotSeq + 1 // the event that has to come
	for _, e := range all.events {
		if e.seq < next {
			continue
		}
		damage.Missing(next, e.seq, id)
		next = e.seq + 1
		if e.err != nil {
			damage.Add(e.seq, e.err, "event %d of %q", e.seq, id)
			continue
		}
		r.Events = append(r.Events, persistence.Event{Seq: e.seq, Data: whole(e.data)})
	}
	if r.LastSeq >= next {
		damage.Missing(next, r.LastSeq+1, id)
	}
	r.Damaged = damage.NewestFirst()
	return r
}

// IDs implements [persistence.Store].
func (s *Store) IDs(ctx context.Context) ([]string, error) {
	var ids []string
	err := s.try(ctx, "list the ids", s.callTimeout(0), func(ctx context.Context) error {
		rows, err := s.pool.Query(ctx, s.sql.ids)
		if err == nil {
			ids, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (string, error) {
				var id []byte
				err := r.Scan(&id)
				return string(id), err
			})
		}
		if corrupted(err) {
			return refuse(&persistence.DamageError{What: "the list of ids", Err: explain("read it", err)})
		}
		return err
	})
	return ids, err
}

package file

import (
	"encoding/binary"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/modelstream/modelserver/persistence"
)

// keptSnapshots is the number of whole snapshots that an id keeps.
const keptSnapshots = 2

// lastSeq returns the greatest sequence number that an id has used. When its
// record is damaged, it is that of the last whole event or snapshot.
func lastSeq(b *bbolt.Bucket, id string) uint64 {
	payload, err := unseal(id, lastKind, 0, b.Get(lastKey))
	if err == nil && len(payload) == 8 {
		return binary.BigEndian.Uint64(payload)
	}
	last := uint64(0)
	c := b.Cursor()
	for key, value := c.First(); key != nil; key, value = c.Next() {
		kind := keyKind(key)
		if kind != eventKind && kind != snapshotKind {
			continue
		}
		seq := keySeq(key)
		if _, err := unseal(id, kind, seq, value); err == nil {
			last = max(last, seq)
		}
	}
	return last
}

func putLast(b *bbolt.Bucket, id string, seq uint64) error {
	return b.Put(lastKey, seal(id, lastKind, 0, binary.BigEndian.AppendUint64(nil, seq)))
}

// putSnapshot adds a sealed snapshot, and drops the snapshots and events that
// nobody needs any more. A damaged snapshot is not worth keeping: it goes, so
// that the whole one before it stays.
func putSnapshot(b *bbolt.Bucket, id string, seq uint64, value []byte) error {
	last := lastSeq(b, id)
	n, err := b.NextSequence()
	if err != nil {
		return err
	}
	if err := b.Put(snapshotKey(seq, n), value); err != nil {
		return err
	}
	var drop [][]byte
	kept, oldest := 0, uint64(0)
	c := b.Cursor()
	for key, value := c.Last(); key != nil; key, value = c.Prev() {
		if keyKind(key) != snapshotKind {
			continue
		}
		_, err := unseal(id, snapshotKind, keySeq(key), value)
		if err != nil || kept == keptSnapshots {
			drop = append(drop, slices.Clone(key))
			continue
		}
		kept, oldest = kept+1, keySeq(key)
	}
	if kept == keptSnapshots {
		for key, _ := c.First(); key != nil; key, _ = c.Next() {
			if keyKind(key) == eventKind && keySeq(key) <= oldest {
				drop = append(drop, slices.Clone(key))
			}
		}
	}
	for _, key := range drop {
		if err := b.Delete(key); err != nil {
			return err
		}
	}
	if seq > last {
		return putLast(b, id, seq)
	}
	return nil
}

// recoverID reads what an actor needs. It reads all keys in their order and not
// by search, so that one out of place hides no other.
func recoverID(b *bbolt.Bucket, id string) *persistence.Recovery {
	r := &persistence.Recovery{LastSeq: lastSeq(b, id)}
	var damage damageList
	var events, snapshots []entry
	c := b.Cursor()
	for key, value := c.First(); key != nil; key, value = c.Next() {
		switch keyKind(key) {
		case eventKind:
			events = append(events, entry{keySeq(key), value})
		case snapshotKind:
			snapshots = append(snapshots, entry{keySeq(key), value})
		case lastKind:
			if _, err := unseal(id, lastKind, 0, value); err != nil {
				damage.add(r.LastSeq, err, "the last number of %q", id)
			}
		default:
			damage.add(0, errForeign, "the entry %.40x of %q", key, id)
		}
	}
	for _, s := range slices.Backward(snapshots) {
		payload, err := unseal(id, snapshotKind, s.seq, s.value)
		if err == nil {
			r.Snapshot, r.SnapshotSeq = clone(payload), s.seq
			break
		}
		damage.add(s.seq, err, "snapshot %d of %q", s.seq, id)
	}
	recoverEvents(r, id, events, &damage)
	r.Damaged = damage.newestFirst()
	return r
}

// entry is a stored value, as a view into the database.
type entry struct {
	seq   uint64
	value []byte
}

// recoverEvents adds the whole events after the snapshot, and finds the holes.
func recoverEvents(r *persistence.Recovery, id string, events []entry, damage *damageList) {
	next := r.SnapshotSeq + 1 // the event that has to come
	for _, e := range events {
		if e.seq < next {
			continue
		}
		damage.missing(next, e.seq, id)
		next = e.seq + 1
		payload, err := unseal(id, eventKind, e.seq, e.value)
		if err != nil {
			damage.add(e.seq, err, "event %d of %q", e.seq, id)
			continue
		}
		r.Events = append(r.Events, persistence.Event{Seq: e.seq, Data: clone(payload)})
	}
	if r.LastSeq >= next {
		damage.missing(next, r.LastSeq+1, id)
	}
}

// damageList gathers what recovery passes over.
type damageList []struct {
	seq   uint64
	error persistence.DamageError
}

func (l *damageList) add(seq uint64, err error, format string, args ...any) {
	*l = append(*l, struct {
		seq   uint64
		error persistence.DamageError
	}{seq, persistence.DamageError{What: fmt.Sprintf(format, args...), Err: err}})
}

// missing adds the events from next to before end, if there are any.
func (l *damageList) missing(next, end uint64, id string) {
	switch {
	case next+1 == end:
		l.add(next, errMissing, "event %d of %q", next, id)
	case next < end:
		l.add(end-1, errMissing, "events %d to %d of %q", next, end-1, id)
	}
}

// newestFirst returns the list in the order of a Recovery.
func (l damageList) newestFirst() []persistence.DamageError {
	slices.SortStableFunc(l, func(a, b struct {
		seq   uint64
		error persistence.DamageError
	},
	) int {
		switch {
		case a.seq > b.seq:
			return -1
		case a.seq < b.seq:
			return 1
		}
		return 0
	})
	var damaged []persistence.DamageError
	for _, d := range l {
		damaged = append(damaged, d.error)
	}
	return damaged
}

// clone copies what is a view into the database. It never returns nil.
func clone(b []byte) []byte { return append([]byte{}, b...) }

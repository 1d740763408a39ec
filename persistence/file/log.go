package file

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/modelstream/modelserver/persistence"
)

// keptSnapshots is the number of whole snapshots that an id keeps.
const keptSnapshots = 2

// head is what an id's bucket says of itself: what must be in it.
type head struct {
	last      uint64 // the greatest sequence number used
	snapshot  uint64 // the newest snapshot's number
	snapshots uint64 // its n: how many snapshots there were; 0: none
}

const headLength = 3 * 8

// readHead returns the head. Without a whole one, what is there makes one.
func readHead(b *bbolt.Bucket, id string) (head, error) {
	payload, err := unseal(id, headKind, 0, b.Get(headKey))
	if err == nil && len(payload) == headLength {
		return head{
			last:      binary.BigEndian.Uint64(payload),
			snapshot:  binary.BigEndian.Uint64(payload[8:]),
			snapshots: binary.BigEndian.Uint64(payload[16:]),
		}, nil
	}
	var h head
	c := b.Cursor()
	for key, value := c.First(); key != nil; key, value = c.Next() {
		kind := keyKind(key)
		if kind != eventKind && kind != snapshotKind {
			continue
		}
		seq := keySeq(key)
		if _, err := unseal(id, kind, seq, value); err != nil {
			continue
		}
		h.last = max(h.last, seq)
		if kind == snapshotKind {
			h.snapshot, h.snapshots = seq, keyNumber(key)
		}
	}
	return h, errChecksum
}

func (h head) put(b *bbolt.Bucket, id string) error {
	payload := make([]byte, 0, headLength)
	payload = binary.BigEndian.AppendUint64(payload, h.last)
	payload = binary.BigEndian.AppendUint64(payload, h.snapshot)
	payload = binary.BigEndian.AppendUint64(payload, h.snapshots)
	return b.Put(headKey, seal(id, headKind, 0, payload))
}

// putEvent adds a sealed event if it is the next one.
func putEvent(tx *bbolt.Tx, id string, seq uint64, value []byte) error {
	b := tx.Bucket(idsBucket).Bucket([]byte(id))
	var h head
	if b != nil {
		h, _ = readHead(b, id)
	}
	if b != nil && seq == h.last && bytes.Equal(b.Get(eventKey(seq)), value) {
		return errNothing // once more
	}
	if seq != h.last+1 {
		return &persistence.SequenceError{ID: id, Got: seq, Want: h.last + 1}
	}
	if b == nil {
		var err error
		if b, err = addID(tx, id); err != nil {
			return err
		}
	}
	h.last = seq
	return errors.Join(b.Put(eventKey(seq), value), h.put(b, id))
}

// putSnapshot adds a sealed snapshot, and drops the snapshots and events that
// nobody needs any more.
func putSnapshot(tx *bbolt.Tx, id string, seq uint64, value []byte) error {
	b := tx.Bucket(idsBucket).Bucket([]byte(id))
	if b == nil {
		var err error
		if b, err = addID(tx, id); err != nil {
			return err
		}
	}
	h, _ := readHead(b, id)
	h.last = max(h.last, seq)
	if seq >= h.snapshot {
		h.snapshot, h.snapshots = seq, h.snapshots+1
	}
	if err := b.Put(snapshotKey(seq, h.snapshots), value); err != nil {
		return err
	}
	for _, key := range superfluous(b, id) {
		if err := b.Delete(key); err != nil {
			return err
		}
	}
	return h.put(b, id)
}

// superfluous returns the keys of snapshots that are older than the two newest,
// and of events that neither of these needs. A damaged snapshot is not worth
// keeping: it goes, so that the whole one before it stays.
func superfluous(b *bbolt.Bucket, id string) (keys [][]byte) {
	kept, oldest := 0, uint64(0)
	c := b.Cursor()
	for key, value := c.Last(); key != nil; key, value = c.Prev() {
		if keyKind(key) != snapshotKind {
			continue
		}
		_, err := unseal(id, snapshotKind, keySeq(key), value)
		if err != nil || kept == keptSnapshots {
			keys = append(keys, clone(key))
			continue
		}
		kept, oldest = kept+1, keySeq(key)
	}
	if kept < keptSnapshots {
		return keys
	}
	for key, _ := c.First(); key != nil; key, _ = c.Next() {
		if keyKind(key) == eventKind && keySeq(key) <= oldest {
			keys = append(keys, clone(key))
		}
	}
	return keys
}

// recoverID reads what an actor needs. It reads all keys in their order and not
// by search, so that one out of place hides no other.
func recoverID(b *bbolt.Bucket, id string) *persistence.Recovery {
	var damage persistence.DamageList
	h, err := readHead(b, id)
	if err != nil {
		damage.Add(h.last, err, "the head of %q", id)
	}
	r := &persistence.Recovery{LastSeq: h.last}
	var events, snapshots []entry
	newest := h.snapshots == 0 // whether the newest snapshot is there
	c := b.Cursor()
	for key, value := c.First(); key != nil; key, value = c.Next() {
		switch keyKind(key) {
		case eventKind:
			events = append(events, entry{keySeq(key), value})
		case snapshotKind:
			snapshots = append(snapshots, entry{keySeq(key), value})
			newest = newest || keySeq(key) == h.snapshot && keyNumber(key) == h.snapshots
		case headKind:
		default:
			damage.Add(0, errForeign, "the entry %.40x of %q", key, id)
		}
	}
	if !newest {
		damage.Add(h.snapshot, persistence.ErrMissing, "snapshot %d of %q", h.snapshot, id)
	}
	for _, s := range slices.Backward(snapshots) {
		payload, err := unseal(id, snapshotKind, s.seq, s.value)
		if err == nil {
			r.Snapshot, r.SnapshotSeq = clone(payload), s.seq
			break
		}
		damage.Add(s.seq, err, "snapshot %d of %q", s.seq, id)
	}
	recoverEvents(r, id, events, &damage)
	r.Damaged = damage.NewestFirst()
	return r
}

// entry is a stored value, as a view into the database.
type entry struct {
	seq   uint64
	value []byte
}

// recoverEvents adds the whole events after the snapshot, and finds the holes.
func recoverEvents(r *persistence.Recovery, id string, events []entry, damage *persistence.DamageList) {
	next := r.SnapshotSeq + 1 // the event that has to come
	for _, e := range events {
		if e.seq < next {
			continue
		}
		damage.Missing(next, e.seq, id)
		next = e.seq + 1
		payload, err := unseal(id, eventKind, e.seq, e.value)
		if err != nil {
			damage.Add(e.seq, err, "event %d of %q", e.seq, id)
			continue
		}
		r.Events = append(r.Events, persistence.Event{Seq: e.seq, Data: clone(payload)})
	}
	if r.LastSeq >= next {
		damage.Missing(next, r.LastSeq+1, id)
	}
}

// clone copies what is a view into the database. It never returns nil.
func clone(b []byte) []byte { return append([]byte{}, b...) }

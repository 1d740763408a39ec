package changelog

import (
	"bytes"
	"slices"

	"github.com/modelstream/modelserver/persistence"
)

// recovery returns what an actor needs: the newest whole snapshot and the whole
// events after it.
func (r *idRules) recovery(id string) *persistence.Recovery {
	out := &persistence.Recovery{LastSeq: r.last}
	var damage persistence.DamageList
	for _, s := range slices.Backward(r.snapshots) {
		if s.err == nil {
			out.Snapshot, out.SnapshotSeq = copyOf(s.body), s.key.seq
			break
		}
		damage.Add(s.key.seq, s.err, "%s", s.key.String())
	}
	next := out.SnapshotSeq + 1 // the event that has to come
	for _, e := range r.events {
		if e.key.seq < next {
			continue
		}
		damage.Missing(next, e.key.seq, id)
		next = e.key.seq + 1
		if e.err != nil {
			damage.Add(e.key.seq, e.err, "%s", e.key.String())
			continue
		}
		out.Events = append(out.Events, persistence.Event{Seq: e.key.seq, Data: copyOf(e.body)})
	}
	if r.last >= next {
		damage.Missing(next, r.last+1, id)
	}
	out.Damaged = damage.NewestFirst()
	return out
}

// repeats says whether the last event is there with these bytes.
func (r *idRules) repeats(seq uint64, event []byte) bool {
	last := r.lastEvent()
	return last != nil && last.key.seq == seq && last.err == nil && bytes.Equal(last.body, event)
}

// copyOf copies b and never returns nil, so that an empty snapshot is told apart
// from none.
func copyOf(b []byte) []byte { return append([]byte{}, b...) }

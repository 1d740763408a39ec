package changelog

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/modelstream/modelserver/persistence"
)

var errMissing = errors.New("it is missing")

// recovery returns what an actor needs: the newest whole snapshot and the whole
// events after it.
func (r *idRules) recovery(id string) *persistence.Recovery {
	out := &persistence.Recovery{LastSeq: r.last}
	var damage damageList
	for _, s := range slices.Backward(r.snapshots) {
		if s.err == nil {
			out.Snapshot, out.SnapshotSeq = copyOf(s.body), s.key.seq
			break
		}
		damage.add(s.key.seq, s.key.String(), s.err)
	}
	next := out.SnapshotSeq + 1 // the event that has to come
	for _, e := range r.events {
		if e.key.seq < next {
			continue
		}
		damage.missing(id, next, e.key.seq)
		next = e.key.seq + 1
		if e.err != nil {
			damage.add(e.key.seq, e.key.String(), e.err)
			continue
		}
		out.Events = append(out.Events, persistence.Event{Seq: e.key.seq, Data: copyOf(e.body)})
	}
	if r.last >= next {
		damage.missing(id, next, r.last+1)
	}
	out.Damaged = damage.newestFirst()
	return out
}

// damageList gathers what a recovery passes over.
type damageList []damaged

type damaged struct {
	seq   uint64
	error persistence.DamageError
}

func (l *damageList) add(seq uint64, what string, err error) {
	*l = append(*l, damaged{seq, persistence.DamageError{What: what, Err: err}})
}

// missing adds the events from next to before end, if there are any.
func (l *damageList) missing(id string, next, end uint64) {
	switch {
	case next+1 == end:
		l.add(next, fmt.Sprintf("event %d of %q", next, id), errMissing)
	case next < end:
		l.add(end-1, fmt.Sprintf("events %d to %d of %q", next, end-1, id), errMissing)
	}
}

func (l damageList) newestFirst() []persistence.DamageError {
	slices.SortStableFunc(l, func(a, b damaged) int { return cmp.Compare(b.seq, a.seq) })
	var errs []persistence.DamageError
	for _, d := range l {
		errs = append(errs, d.error)
	}
	return errs
}

// repeats says whether the last event is there with these bytes.
func (r *idRules) repeats(seq uint64, event []byte) bool {
	last := r.lastEvent()
	return last != nil && last.key.seq == seq && last.err == nil && bytes.Equal(last.body, event)
}

// copyOf copies b and never returns nil, so that an empty snapshot is told apart
// from none.
func copyOf(b []byte) []byte { return append([]byte{}, b...) }

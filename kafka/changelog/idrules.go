package changelog

import "slices"

// keptSnapshots is how many snapshots of an id are kept.
const keptSnapshots = 2

// idRules are the rules of an id's claims, events, snapshots and deletions.
type idRules struct {
	epoch     uint64 // the newest
	claim     *entry // the newest
	last      uint64 // the greatest sequence number used
	events    []*entry
	snapshots []*entry // at most keptSnapshots, oldest first
	deletion  *entry   // the newest, when no claim has its epoch
}

func (r *idRules) reset() { *r = idRules{} }

func (r *idRules) apply(e *entry, bury func(*entry)) verdict {
	v := accepted
	switch {
	case e.key.epoch < r.epoch:
		v = fenced
	case e.key.kind == claimKind:
		v = r.applyClaim(e, bury)
	case e.key.kind == eventKind:
		v = r.applyEvent(e)
	case e.key.kind == snapshotKind:
		r.applySnapshot(e, bury)
	case e.key.kind == deleteKind:
		r.applyDelete(e, bury)
	}
	if v != accepted {
		bury(e)
	}
	// A write may have a greater epoch than any claim: the claim was lost, or is
	// compacted away because there is a greater one further on.
	if !e.dead {
		r.epoch = max(r.epoch, e.key.epoch)
	}
	return v
}

// applyClaim: of two claims of one epoch, the first counts.
func (r *idRules) applyClaim(e *entry, bury func(*entry)) verdict {
	if e.key.epoch == r.epoch {
		return late
	}
	if r.claim != nil {
		bury(r.claim)
	}
	r.claim = e
	r.endDeletion(bury)
	return accepted
}

// applyEvent: of two events of one number, the first counts. A gap is no fault:
// the events before it may have been dropped for a snapshot further on. Who
// writes checks the number first.
func (r *idRules) applyEvent(e *entry) verdict {
	if e.key.seq <= r.last {
		return late
	}
	r.events = append(r.events, e)
	r.last = e.key.seq
	return accepted
}

func (r *idRules) applySnapshot(e *entry, bury func(*entry)) {
	at := len(r.snapshots)
	for at > 0 && r.snapshots[at-1].key.seq > e.key.seq {
		at--
	}
	if at == 0 && len(r.snapshots) == keptSnapshots {
		bury(e) // older than those that are kept
		return
	}
	r.snapshots = slices.Insert(r.snapshots, at, e)
	if len(r.snapshots) > keptSnapshots {
		bury(r.takeOldest())
	}
	r.last = max(r.last, e.key.seq)
	if len(r.snapshots) < keptSnapshots {
		return
	}
	oldest := r.snapshots[0].key.seq
	for len(r.events) > 0 && r.events[0].key.seq <= oldest {
		bury(r.events[0])
		r.events = r.events[1:]
	}
}

// takeOldest removes the snapshot that gives way to a new one: one that is
// damaged, or else the oldest.
func (r *idRules) takeOldest() *entry {
	victim := 0
	for i, s := range r.snapshots[:keptSnapshots] {
		if s.err != nil {
			victim = i
			break
		}
	}
	s := r.snapshots[victim]
	r.snapshots = slices.Delete(r.snapshots, victim, victim+1)
	return s
}

func (r *idRules) applyDelete(e *entry, bury func(*entry)) {
	for _, old := range slices.Concat(r.events, r.snapshots) {
		bury(old)
	}
	if r.deletion != nil {
		bury(r.deletion)
	}
	r.events, r.snapshots, r.last = nil, nil, 0
	r.deletion = e
	r.endDeletion(bury)
}

// endDeletion buries the deletion once a claim has its epoch. Its tombstone comes
// after those of all that it deleted, since they died before it.
func (r *idRules) endDeletion(bury func(*entry)) {
	if r.deletion != nil && r.claim != nil && r.claim.key.epoch >= r.deletion.key.epoch {
		bury(r.deletion)
		r.deletion = nil
	}
}

// written says whether the id has any content.
func (r *idRules) written() bool { return len(r.events)+len(r.snapshots) > 0 }

// lastEvent returns the event with the last number, or nil.
func (r *idRules) lastEvent() *entry {
	if n := len(r.events); n > 0 && r.events[n-1].key.seq == r.last {
		return r.events[n-1]
	}
	return nil
}

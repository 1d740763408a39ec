package kafka

import "time"

// lane is the batches of one data type on their way to its model. Only so many
// are with the model at once: the others wait here, where no deadline runs for
// them. A model that is merely slow is thus waited for, however much is in
// flight; one whose deadline passes has been asked for little and has failed.
type lane struct {
	waiting []*flight // in order
	asked   int       // flights that have a place: sent, and not settled
}

// line a flight up behind those of its data type.
func (r *recordsActor) line(f *flight) {
	l := r.lanes[f.dataType.name]
	if l == nil {
		l = &lane{}
		r.lanes[f.dataType.name] = l
	}
	f.lane = l
	l.waiting = append(l.waiting, f)
}

// pump sends what has a place.
func (r *recordsActor) pump(name string, now time.Time) {
	l := r.lanes[name]
	if l == nil {
		return
	}
	for len(l.waiting) > 0 && l.asked < r.config.Records.UnansweredBatches {
		f := l.waiting[0]
		if f.wanted() && (!f.restored() || r.early(f, now)) {
			break // the tick, or the answer, pumps again
		}
		l.waiting[0] = nil
		l.waiting = l.waiting[1:]
		if !f.wanted() {
			continue
		}
		l.asked++
		r.send(f, now)
	}
	if len(l.waiting) == 0 && l.asked == 0 {
		delete(r.lanes, name)
	}
}

// pumpAll sends what has waited for something else than a place.
func (r *recordsActor) pumpAll() {
	now := time.Now()
	for name, l := range r.lanes {
		if len(l.waiting) > 0 {
			r.pump(name, now)
		}
	}
}

// leave gives a flight's place to the next one.
func (r *recordsActor) leave(f *flight) {
	for _, b := range f.attempts {
		delete(r.pending, b)
	}
	f.settled = true
	f.lane.asked--
	r.pump(f.dataType.name, time.Now())
}

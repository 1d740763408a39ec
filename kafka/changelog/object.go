package changelog

import "slices"

// entry is a record of the state topic that has no tombstone yet.
type entry struct {
	key    key
	raw    string // the key as it lies on the topic
	offset int64
	time   int64 // milliseconds, by the broker's clock
	body   []byte
	err    error // the value is damaged; body is nil
	dead   bool  // it has no meaning any more, and never will have again
}

// verdict says what became of a record at its place in the log.
type verdict int

const (
	accepted verdict = iota
	fenced           // a greater epoch, or the end of its upload, came before it
	late             // its number, epoch or place was taken before it
)

// rules is how the records of one object act on each other. Their state is what
// the accepted records in the order of their offsets make of it, and nothing
// else; a record that is not accepted changes nothing.
type rules interface {
	// apply takes the next record. What it makes meaningless, perhaps the record
	// itself, it buries.
	apply(e *entry, bury func(*entry)) verdict
	// reset returns to the state before the first record.
	reset()
}

// object is what is known of one id or one artifact: the set of its records.
// Its state is a function of that set. That is what makes a compacted topic say
// the same as the whole one: compaction takes away only records that have a
// tombstone, and a tombstone takes the record out of the set.
type object struct {
	entries []*entry // by offset
	garbage []*entry // the dead ones, in the order in which they died
	rules   rules
}

func (o *object) bury(e *entry) {
	if !e.dead {
		e.dead = true
		o.garbage = append(o.garbage, e)
	}
}

// add takes a record from the end of the log.
func (o *object) add(e *entry) verdict {
	o.entries = append(o.entries, e)
	return o.rules.apply(e, o.bury)
}

// remove takes an entry out of the set. That of a dead one changes no state; one
// that is alive to us had its tombstone from somebody who knew more, because
// the cleaner was at work while we read: then all is judged anew.
func (o *object) remove(e *entry) {
	o.entries = slices.DeleteFunc(o.entries, func(x *entry) bool { return x == e })
	if !e.dead {
		o.replay()
		return
	}
	o.garbage = slices.DeleteFunc(o.garbage, func(x *entry) bool { return x == e })
}

// replay derives the state from the set of records.
func (o *object) replay() {
	o.rules.reset()
	o.garbage = nil
	for _, e := range o.entries {
		e.dead = false
	}
	for _, e := range o.entries {
		o.rules.apply(e, o.bury)
	}
}

// removable returns the garbage that may get its tombstones now. Entries go in
// the order of their deaths, and a fence only when everything before it is gone:
// what it had refused must not rise again for a reader who does not see it.
func (o *object) removable() []*entry {
	for i, e := range o.garbage {
		if e.fences() {
			return slices.Clone(o.garbage[:max(i, 1)])
		}
	}
	return slices.Clone(o.garbage)
}

// fences says whether an entry stands against others by its place in the log.
func (e *entry) fences() bool {
	switch e.key.kind {
	case claimKind, deleteKind, condemnKind:
		return true
	}
	return false
}

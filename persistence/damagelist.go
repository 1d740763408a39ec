package persistence

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// ErrMissing says that something is not there although it was written.
var ErrMissing = errors.New("it is missing")

// DamageList gathers what a store passes over in a recovery. The zero value is
// empty.
type DamageList struct{ damaged []damaged }

type damaged struct {
	seq   uint64
	error DamageError
}

// Add notes what is damaged and why. seq orders the list.
func (l *DamageList) Add(seq uint64, err error, format string, args ...any) {
	l.damaged = append(l.damaged, damaged{seq, DamageError{What: fmt.Sprintf(format, args...), Err: err}})
}

// Missing adds the events from next to before end, if there are any.
func (l *DamageList) Missing(next, end uint64, id string) {
	switch {
	case next+1 == end:
		l.Add(next, ErrMissing, "event %d of %q", next, id)
	case next < end:
		l.Add(end-1, ErrMissing, "events %d to %d of %q", next, end-1, id)
	}
}

// NewestFirst returns the list in the order of a [Recovery].
func (l *DamageList) NewestFirst() []DamageError {
	slices.SortStableFunc(l.damaged, func(a, b damaged) int { return cmp.Compare(b.seq, a.seq) })
	var errs []DamageError
	for _, d := range l.damaged {
		errs = append(errs, d.error)
	}
	return errs
}

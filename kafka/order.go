package kafka

import (
	"time"

	"github.com/modelstream/modelserver/record"
)

// Within a partition and data type results never go back to an older
// generation: not when the partition moves (the floor of its batches), and not
// when a batch that was sent again overtakes a swap (outdated). What a record's
// timestamp asks for comes first.

// floor returns the newest generation that has scored records of the flight's
// partitions before.
func (f *flight) floor() record.Place {
	floor := f.atLeast
	for _, c := range f.chunks {
		if c.part == nil {
			continue
		}
		if e := c.part.entry(f.dataType); e.newest.After(floor) {
			floor = e.newest
		}
	}
	return floor
}

// restored says that the progress of all partitions of a flight is known.
func (f *flight) restored() bool {
	for _, c := range f.chunks {
		if c.part != nil && !c.part.restored {
			return false
		}
	}
	return true
}

// scoredBy notes which generations the results of a run are from.
func (e *entry) scoredBy(answer *record.Scored, run *run) {
	from := run.row
	for i := range answer.Parts {
		p := &answer.Parts[i]
		to := min(p.End, run.row+run.n)
		if from < to && p.Place.After(e.newest) && hasResult(answer, from, to) {
			e.newest, e.changed = p.Place, true
		}
		from = max(from, to)
	}
}

// hasResult says that some of the rows from to to-1 have a result.
func hasResult(answer *record.Scored, from, to int) bool {
	for row := from; row < to; row++ {
		if len(answer.Result(row)) > 0 {
			return true // the first one, as a rule
		}
	}
	return false
}

// outdated says that some of a chunk's records were scored by an older
// generation than records before them. Those are scored once more: an answer
// that is late is from before a swap. What comes back a second time is right,
// since then the older generation serves again because the newer one failed.
func (r *recordsActor) outdated(part *partition, c *chunk) bool {
	r.passes++
	for i := range c.runs {
		run := &c.runs[i]
		f := run.flight
		if f == nil || f.answer == nil {
			continue
		}
		e := part.entry(f.dataType)
		if e.pass != r.passes {
			e.pass, e.ahead = r.passes, e.newest
		}
		if e.goesBack(f.answer.Parts, run) && !f.again {
			r.scoreAgain(c, run, e.ahead)
		}
	}
	return c.unscored > 0
}

// goesBack says that some of a run was scored by an older generation than what
// is before it, and notes what is before the next run.
func (e *entry) goesBack(parts []record.Part, run *run) (back bool) {
	from := 0
	for i := range parts {
		p := &parts[i]
		if from < run.row+run.n && p.End > run.row {
			back = back || !p.Timed && e.ahead.After(p.Place)
			if p.Place.After(e.ahead) {
				e.ahead = p.Place
			}
		}
		from = p.End
	}
	return back
}

// scoreAgain sends the records of a run in a batch of their own.
func (r *recordsActor) scoreAgain(c *chunk, run *run, atLeast record.Place) {
	old := run.flight
	f := &flight{
		dataType: old.dataType, source: old.source, again: true, atLeast: atLeast,
		records: old.records[run.row : run.row+run.n], count: run.n, chunks: []*chunk{c},
	}
	run.flight, run.row = f, 0
	c.flights = append(c.flights, f)
	c.unscored++
	r.line(f)
	r.pump(f.dataType.name, time.Now())
}

package check

// order follows the results of each input partition in the order in which they
// were appended.
type order struct {
	report *Report
	last   map[Place]*Result // by input partition: the latest first result
	newest map[stream]newest
}

// stream is the records of one data type in one input partition.
type stream struct {
	partition Place
	dataType  string
}

// newest is the newest generation of a stream that decided by its arrival, and
// the one that scored last.
type newest struct {
	arrival *Model
	last    *Model
	by      Place // the result that shows the former
}

func newOrder(r *Report) *order {
	return &order{report: r, last: map[Place]*Result{}, newest: map[stream]newest{}}
}

// result takes the first result of a record.
func (o *order) result(from Place, r *Result) {
	before := o.last[from.partition()]
	o.last[from.partition()] = r
	switch {
	case before == nil:
	case before.At.partition() != r.At.partition():
		o.report.add(Disorder, "%v and %v are results of one partition, %v", before.At, r.At, from.partition())
	case before.source().Offset > from.Offset:
		o.report.add(Disorder, "%v, the result of %v, comes after %v, that of %v", r.At, from, before.At, before.source())
	}
}

// generation takes any result and the model that made it. Generations that are
// for a certain record time go back and forth with the records' times; those
// that are for what arrives never go back.
func (o *order) generation(rec *seen, r *Result, m *Model) {
	key := stream{rec.partition(), rec.DataType}
	n := o.newest[key]
	if n.last != nil && n.last != m {
		o.report.Switches++
	}
	n.last = m
	if m.EffectiveFromMS == 0 {
		if n.arrival != nil && m.Offset < n.arrival.Offset {
			o.report.add(Regression, "%v, the result of %v, is by %v, after %v by %v", r.At, rec.Place, m.Place, n.by, n.arrival.Place)
		} else {
			n.arrival, n.by = m, r.At
		}
	}
	o.newest[key] = n
}

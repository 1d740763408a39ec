package check

import (
	"slices"
)

// Check compares what came out with what went in.
func Check(in *Input) *Report {
	c := &checker{
		in: in, report: &Report{
			Records: len(in.Records), Results: len(in.Results), DeadLetters: len(in.DeadLetters), Models: len(in.Models),
		},
		records: make(map[Place]*seen, len(in.Records)),
		models:  newCatalogue(in.Models, in.LeadMS),
	}
	for i := range in.Records {
		c.records[in.Records[i].Place] = &seen{Record: &in.Records[i]}
	}
	for i := range in.Models {
		if m := &in.Models[i]; m.Bad {
			c.report.BadModels++
		} else if m.late(in.LeadMS) {
			c.report.LateModels++
		}
	}
	c.acknowledged()
	c.results()
	c.deadLetters()
	c.outcomes()
	c.statistics()
	return c.report
}

// checker is the work of one check.
type checker struct {
	in      *Input
	report  *Report
	records map[Place]*seen
	models  *catalogue
}

// seen is a record with what came of it.
type seen struct {
	*Record
	result  *Result // the first one
	results int
	letters int
	reason  string // of the last dead letter
}

// acknowledged: the broker has lost nothing that it took.
func (c *checker) acknowledged() {
	models := make(map[Place]bool, len(c.in.Models))
	for i := range c.in.Models {
		models[c.in.Models[i].Place] = true
	}
	for _, at := range c.in.Acknowledged {
		if c.records[at] == nil && !models[at] {
			c.report.add(Vanished, "%v was acknowledged and is not in its topic", at)
		}
	}
}

// results goes through the results as they were appended.
func (c *checker) results() {
	o := newOrder(c.report)
	for i := range c.in.Results {
		r := &c.in.Results[i]
		from := r.source()
		rec := c.records[from]
		if rec == nil {
			c.report.add(Foreign, "%v is the result of %v, where there is no record", r.At, from)
			continue
		}
		first := rec.results == 0
		if rec.results++; first {
			rec.result = r
			o.result(from, r)
		}
		m := c.generation(rec, r)
		if m == nil {
			continue
		}
		c.values(rec, r, m)
		o.generation(rec, r, m)
	}
}

// deadLetters goes through the dead letters; those of models have to be about
// bad ones. Every server reads all models, so each may have several.
func (c *checker) deadLetters() {
	for _, d := range c.in.DeadLetters {
		if rec := c.records[d.Source]; rec != nil {
			rec.letters++
			rec.reason = d.Reason
		} else if m := c.models.at[d.Source]; m == nil || !m.Bad {
			c.report.add(Foreign, "%v is a dead letter about %v, which is no record and no bad model: %s", d.At, d.Source, d.Reason)
		}
	}
}

// outcomes: every record has what it has to have, once.
func (c *checker) outcomes() {
	for i := range c.in.Records {
		rec := c.records[c.in.Records[i].Place]
		results, letters := rec.results > 0, rec.letters > 0
		switch {
		case !results && !letters:
			c.report.add(Lost, "%v (number %v, %s) has no result and no dead letter", rec.Place, rec.Number, rec.DataType)
			continue
		case results != (rec.Want != Refused) || letters != (rec.Want != Scored):
			c.report.add(WrongOutcome, "%v (number %v) has %d results and %d dead letters, and should have %v: %s",
				rec.Place, rec.Number, rec.results, rec.letters, rec.Want, rec.reason)
		}
		if extra := max(rec.results-1, 0) + max(rec.letters-1, 0); extra > 0 {
			c.report.add(Doubled, "%v (number %v) has %d results and %d dead letters", rec.Place, rec.Number, rec.results, rec.letters)
		}
	}
}

// values: the outputs are the record's and the generation's.
func (c *checker) values(rec *seen, r *Result, m *Model) {
	wrong := func(format string, args ...any) {
		c.report.add(WrongValue, "%v, the result of %v by %v: "+format, append([]any{r.At, rec.Place, m.Place}, args...)...)
	}
	if failed := r.GetError() != nil; failed != (rec.Want == Failed) {
		c.report.add(WrongOutcome, "%v, the result of %v: the error is %v, and it should have %v", r.At, rec.Place, r.GetError(), rec.Want)
		return
	} else if failed {
		return
	}
	if got := r.GetRecordTimeMs(); got != rec.TimeMS {
		wrong("record time is %d, not %d", got, rec.TimeMS)
	}
	for name, want := range map[string]float64{"number": rec.Number, "version": m.Version} {
		if got := r.GetOutputs()[name].GetNumber(); got != want {
			wrong("%s is %v, not %v", name, got, want)
		}
	}
	if got, want := r.GetTarget().GetNumber(), m.Slope*rec.X+m.Intercept; got != want {
		wrong("the target is %v, not %v", got, want)
	}
}

// sorted returns keys in order, so that the first violations are the same each
// time.
func sorted[K comparable, V any](m map[K]V, compare func(a, b K) int) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, compare)
	return keys
}

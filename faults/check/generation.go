package check

import (
	"fmt"
	"slices"
)

// catalogue is the models topic: which generation may score what.
type catalogue struct {
	at   map[Place]*Model
	good map[string][]*Model // by data type, in the order of the topic
	byID map[identity]*Model // the good ones
	lead int64
}

// identity is how a result names the generation that made it.
type identity struct {
	dataType  string
	partition int32
	offset    int64
}

func newCatalogue(models []Model, leadMS int64) *catalogue {
	c := &catalogue{at: make(map[Place]*Model, len(models)), good: map[string][]*Model{}, byID: map[identity]*Model{}, lead: leadMS}
	for i := range models {
		m := &models[i]
		c.at[m.Place] = m
		if !m.Bad {
			c.good[m.DataType] = append(c.good[m.DataType], m)
			c.byID[identity{m.DataType, m.Partition, m.Offset}] = m
		}
	}
	for _, of := range c.good {
		slices.SortFunc(of, func(a, b *Model) int { return int(a.Offset - b.Offset) })
	}
	return c
}

// timed says that record time alone decides which generation scores: all models
// of the data type but the first say from when on they are to.
func (c *catalogue) timed(dataType string) bool {
	of := c.good[dataType]
	return len(of) > 1 && !slices.ContainsFunc(of[1:], func(m *Model) bool { return m.EffectiveFromMS == 0 })
}

// right says whether m is the generation for a record of that time: the newest
// that is effective by then. Generations that came late may be skipped.
func (c *catalogue) right(m *Model, timeMS int64) (bool, *Model) {
	of := c.good[m.DataType]
	for _, candidate := range slices.Backward(of) {
		if candidate.EffectiveFromMS > timeMS {
			continue
		}
		if candidate == m {
			return true, candidate
		}
		if !candidate.late(c.lead) {
			return false, candidate
		}
	}
	return false, nil
}

// generation returns the model that the result says it is from, or nil after a
// violation that leaves nothing to compare with.
func (c *checker) generation(rec *seen, r *Result) *Model {
	g := r.GetGeneration()
	wrong := func(format string, args ...any) {
		c.report.add(WrongGeneration, "%v, the result of %v: "+format, append([]any{r.At, rec.Place}, args...)...)
	}
	m := c.models.byID[identity{rec.DataType, g.GetPartition(), g.GetOffset()}]
	switch {
	case m == nil:
		wrong("generation %d, of offset %d of the models topic, is no good model of %s", g.GetNumber(), g.GetOffset(), rec.DataType)
		return nil
	case m.Name != g.GetName() || r.GetDataType() != rec.DataType:
		wrong("it is of %s by %q, and should be of %s by %q", r.GetDataType(), g.GetName(), rec.DataType, m.Name)
		return nil
	case m.EffectiveFromMS > rec.TimeMS:
		wrong("%v is effective from %d and scored a record of %d", m.Place, m.EffectiveFromMS, rec.TimeMS)
	case c.models.timed(rec.DataType):
		if ok, want := c.models.right(m, rec.TimeMS); !ok {
			wrong("%v (from %d) scored a record of %d, for which %s was", m.Place, m.EffectiveFromMS, rec.TimeMS, describe(want))
		}
	}
	return m
}

// describe names a model and from when on it is effective.
func describe(m *Model) string {
	if m == nil {
		return "none"
	}
	return fmt.Sprintf("%v (from %d)", m.Place, m.EffectiveFromMS)
}

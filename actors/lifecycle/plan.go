package lifecycle

import (
	"math"
	"slices"

	"github.com/modelstream/modelserver/messages"
)

// Plan says which generation scores which records, by their timestamps: the
// newest generation, in the order of the models topic, of those whose
// effective_from is not after the timestamp. Newest first; each span begins
// before the one in front of it, where that one does not reach.
type Plan []Span

// Span is where a generation's time begins.
type Span struct {
	From       int64 // a record timestamp; math.MinInt64: at the beginning
	Generation *Generation
}

// At returns the generation for a record timestamp, or nil where none covers it.
func (p Plan) At(ms int64) *Generation {
	for i := range p {
		if p[i].From <= ms {
			return p[i].Generation
		}
	}
	return nil
}

// Timed says that timestamps matter: not all records go to one generation.
func (p Plan) Timed() bool {
	return len(p) > 1 || len(p) == 1 && p[0].From != math.MinInt64
}

func (p Plan) index(g *Generation) int {
	return slices.IndexFunc(p, func(s Span) bool { return s.Generation == g })
}

func (p Plan) has(g *Generation) bool { return p.index(g) >= 0 }

// end is where the time of a generation of the plan ends: math.MaxInt64 for the
// first.
func (p Plan) end(g *Generation) int64 {
	if i := p.index(g); i > 0 {
		return p[i-1].From
	}
	return math.MaxInt64
}

// Plan returns which generation scores what. It is the machine's own and holds
// until the next input.
func (m *Machine) Plan() Plan { return m.plan }

// Forgotten says that the generation which would score records of that time is
// not remembered any more, if the plan has none for it.
func (m *Machine) Forgotten(ms int64) bool { return ms < m.forgottenBefore }

// newPlan is the plan that follows from the generations. One with an
// effective_from is part of it as soon as it is accepted, so that records wait
// for it; one without when it has come to serve.
func (m *Machine) newPlan() Plan {
	var p Plan
	for _, g := range slices.Backward(m.generations) {
		switch {
		case g.Phase == messages.GenerationState_REJECTED || g == m.suspect:
		case g.From() != 0:
			if len(p) == 0 || g.From() < p[len(p)-1].From {
				p = append(p, Span{g.From(), g})
			}
		case g.good:
			return append(p, Span{math.MinInt64, g})
		}
	}
	return p
}

// distance is how far the time of a generation is from now: 0 for the present
// one, the greatest for one that the plan does not need.
func (p Plan) distance(g *Generation, now int64) int64 {
	i := p.index(g)
	switch {
	case i < 0:
		return math.MaxInt64
	case p[i].From > now:
		return p[i].From - now
	case p.end(g) <= now:
		return now - p.end(g)
	}
	return 0
}

// Span returns the stretch of record time around a timestamp that one generation
// scores, or none. The record at to is not part of it.
func (p Plan) Span(ms int64) (from, to int64) {
	to = math.MaxInt64
	for i := range p {
		if p[i].From <= ms {
			return p[i].From, to
		}
		to = p[i].From
	}
	return math.MinInt64, to
}

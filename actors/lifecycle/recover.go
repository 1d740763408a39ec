package lifecycle

import (
	"slices"

	"github.com/modelstream/modelserver/messages"
)

// Snapshot returns the machine's state as a message. The caller adds the data
// type, the statistics and the time.
func (m *Machine) Snapshot() *messages.Snapshot {
	s := &messages.Snapshot{Serving: m.serving.number(), ForgottenBeforeMs: m.forgottenBefore}
	if s.Serving == 0 && m.loading != nil && m.loading.good {
		s.Serving = m.loading.Number() // it is on its way back
	}
	if s.Serving == 0 {
		s.Serving = m.resting.number()
	}
	for _, g := range m.generations {
		state := g.State()
		if g.Good() && g.ServingSince == 0 { // it may be loading again
			state.Phase = messages.GenerationState_SCHEDULED
		}
		s.Generations = append(s.Generations, state)
	}
	return s
}

func (g *Generation) number() uint64 {
	if g == nil {
		return 0
	}
	return g.Number()
}

// Recover restores an empty machine from a snapshot (or nil) and the events
// after it. What served is loaded first, then what was on its way, and the
// scheduled ones whose time is next. last is the number of events ever stored:
// even when everything else is lost, numbers go on from there and none is given
// twice.
func (m *Machine) Recover(s *messages.Snapshot, events []*messages.ModelAccepted, last uint64) []Effect {
	m.forgottenBefore = s.GetForgottenBeforeMs()
	for _, state := range s.GetGenerations() {
		m.restore(state, s.GetServing())
	}
	for _, e := range events {
		if e.GetNumber() > m.last { // otherwise the snapshot has it
			m.last = e.GetNumber()
			m.enqueue(&Generation{Model: e})
		}
	}
	m.last = max(m.last, last)
	if m.dormant {
		return m.done(nil)
	}
	if m.resting != nil {
		m.wanted = append(m.wanted, m.resting)
	}
	for _, span := range slices.Backward(m.newPlan()) {
		g := span.Generation
		if g.Phase == messages.GenerationState_SCHEDULED && len(m.wanted) < m.limits.MaxLoaded {
			m.wanted = append(m.wanted, g)
		}
	}
	return m.done(m.next())
}

func (m *Machine) restore(state *messages.GenerationState, serving uint64) {
	g := &Generation{
		Model: state.GetModel(), Phase: state.GetPhase(), Reason: state.GetReason(),
		ServingSince: state.GetServingSinceMs(), Size: state.GetSizeBytes(),
		Signature: state.GetSignature(), settled: state.GetSettled(), persisted: true,
	}
	m.last = max(m.last, g.Number())
	g.good = g.ServingSince > 0 || g.Phase == messages.GenerationState_SCHEDULED
	switch {
	case g.Phase == messages.GenerationState_REJECTED:
	case !g.good:
		m.enqueue(g)
		return
	default:
		m.rest(g) // its actor died with the process
	}
	m.generations = insert(m.generations, g)
	if g.Number() == serving && g.Good() {
		m.resting = g
	}
}

// enqueue adds a generation that never came to serve.
func (m *Machine) enqueue(g *Generation) {
	g.Phase, g.persisted = messages.GenerationState_RECEIVED, true
	m.generations = insert(m.generations, g)
	m.queue = insert(m.queue, g)
}

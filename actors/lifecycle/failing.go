package lifecycle

import (
	"slices"

	"github.com/modelstream/modelserver/messages"
)

// Panicked says that a generation failed while scoring. If it is the serving one
// and serves from its arrival on, another one takes over where there is one;
// [Machine.Convict] or [Machine.Acquit] follows once the batch was tried there.
// Without effects there is none: the generation goes on.
func (m *Machine) Panicked(g *Generation, now int64, reason string) []Effect {
	if g != m.serving || m.suspect != nil || g.From() != 0 {
		return nil
	}
	if m.lastGood(g) == nil {
		return nil
	}
	m.suspect, m.serving = g, nil
	g.Phase, g.Reason = messages.GenerationState_DRAINING, reason
	return m.done(append(m.fallBack(now), m.next()...))
}

// Convict says that the batch on which the suspect failed was scored by the
// generation that took over: the suspect is rejected.
func (m *Machine) Convict() []Effect {
	g := m.suspect
	if g == nil {
		return nil
	}
	m.suspect = nil
	g.Phase, g.settled, g.loaded = messages.GenerationState_REJECTED, messages.ModelOutcome_REJECTED, false
	return m.done([]Effect{{Kind: Close, Generation: g}, {Kind: Snapshot}})
}

// Acquit says that the batch fails everywhere: the batch is to blame and the
// suspect serves again.
func (m *Machine) Acquit(now int64) []Effect {
	g := m.suspect
	if g == nil {
		return nil
	}
	m.suspect = nil
	var effects []Effect
	if m.serving != nil && newer(m.serving, g) {
		effects = m.close(g)
	} else {
		effects = m.promote(g, now)
	}
	return m.done(append(effects, Effect{Kind: Snapshot}))
}

// Died says that a generation's host is of no use any more. The serving one is
// loaded anew; another one when records need it.
func (m *Machine) Died(g *Generation) []Effect {
	if g == m.suspect {
		return m.Convict()
	}
	if !g.loaded {
		return nil
	}
	effects := m.close(g)
	if g != m.serving {
		return m.done(effects)
	}
	m.serving = nil
	if m.loading == nil { // otherwise what loads is newer, or records wait for it
		effects = append(effects, m.load(g)...)
	} else {
		m.wanted = slices.Insert(m.wanted, 0, g)
	}
	return m.done(effects)
}

// fallBack lets the newest generation serve that has served before: at once where
// it is loaded, otherwise when it is, unless something loads already. That is
// newer, as a rule: let it come.
func (m *Machine) fallBack(now int64) []Effect {
	g := m.lastGood(m.suspect)
	switch {
	case g == nil:
		return nil
	case g.loaded:
		return append(m.promote(g, now), Effect{Kind: Snapshot})
	case m.loading != nil:
		return nil
	}
	return m.load(g)
}

// lastGood returns the newest generation that has served, can be had, and is not
// except.
func (m *Machine) lastGood(except *Generation) *Generation {
	for _, g := range slices.Backward(m.generations) {
		if g.served() && !g.lost && !g.broken && g != except {
			return g
		}
	}
	return nil
}

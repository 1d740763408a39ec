package lifecycle

import (
	"fmt"
	"slices"
	"time"

	"github.com/modelstream/modelserver/messages"
)

// Progress says that a generation has come to a later phase of loading.
func (m *Machine) Progress(g *Generation, phase Phase) {
	if g == m.loading {
		g.Phase = phase
	}
}

// Fetched says what a generation's artifact is. One that came by reference may
// turn out to be what serves already.
func (m *Machine) Fetched(g *Generation, sha256 string, size int64) []Effect {
	if g != m.loading {
		return nil
	}
	g.Size = size
	if g.Model.Sha256 == sha256 {
		return nil
	}
	g.Model.Sha256 = sha256
	if g.good {
		return nil
	}
	p := m.original(g)
	if p == nil {
		return nil
	}
	effects := append([]Effect{{Kind: Close, Generation: g}}, m.duplicate(g, p)...)
	return m.done(append(effects, m.next()...))
}

// Ready says that a generation is loaded, verified and warm. The newest one
// whose time has come serves from now on; what served before stays for a while.
func (m *Machine) Ready(g *Generation, now int64, signature string) []Effect {
	if g != m.loading {
		return []Effect{{Kind: Close, Generation: g}} // given up in the meantime
	}
	first := !g.good
	m.loading = nil
	g.Signature, g.loaded, g.good, g.broken, g.lost, g.used, g.Reason = signature, true, true, false, false, now, ""
	var effects []Effect
	switch {
	case g.From() > now:
		g.Phase = messages.GenerationState_SCHEDULED
		if first {
			effects = settle(g, messages.ModelOutcome_ACCEPTED, "it scores records from "+clock(g.From())+" on")
		}
	case m.serving == nil || newer(g, m.serving):
		effects = m.promote(g, now)
		if first {
			effects = append(effects, settle(g, messages.ModelOutcome_PROMOTED, "")...)
		}
	case m.newPlan().has(g): // records ask for it by their timestamps
		g.Phase = messages.GenerationState_DRAINING
		if first {
			g.ServingSince = now
			effects = settle(g, messages.ModelOutcome_PROMOTED, "")
		}
	default: // an older one that was loaded to take over came too late
		effects = m.close(g)
	}
	if first {
		effects = append(effects, m.supersedeCovered(g)...)
	}
	effects = append(effects, Effect{Kind: Snapshot})
	effects = append(effects, m.evict(g, now)...)
	return m.done(append(effects, m.next()...))
}

// Failed says that a generation cannot be loaded. lost tells that its artifact
// is gone, so that the same descriptor is welcome again.
//
// One that was good keeps its records, which then cannot be scored, unless it is
// the one that is to serve from its arrival on: there the last good one takes
// over.
func (m *Machine) Failed(g *Generation, now int64, reason string, lost bool) []Effect {
	if g != m.loading {
		return nil
	}
	m.loading = nil
	g.lost, g.broken = lost, true
	effects := []Effect{{Kind: Close, Generation: g}}
	if g.good && (m.serving != nil || g.From() != 0) {
		m.rest(g)
		g.Reason = reason
		effects = append(effects, Effect{Kind: Snapshot})
	} else {
		effects = append(effects, m.reject(g, messages.ModelOutcome_REJECTED, reason)...)
	}
	if m.serving == nil {
		effects = append(effects, m.fallBack(now)...)
	}
	effects = append(effects, m.next()...)
	if m.serving == nil && m.loading == nil {
		effects = append(effects, m.Acquit(now)...) // better a suspect than nothing
	}
	return m.done(effects)
}

// Want asks for a good generation that is not loaded: records wait for it.
func (m *Machine) Want(g *Generation) []Effect {
	if !g.Good() || g.loaded || g == m.loading || m.dormant || slices.Contains(m.wanted, g) {
		return nil
	}
	m.wanted = append(m.wanted, g)
	return m.done(m.next())
}

// Tick lets time pass: scheduled generations come to serve, and what no record
// can need any more is closed.
func (m *Machine) Tick(now int64) []Effect {
	var effects []Effect
	standby := m.limits.StandbyFor.Milliseconds()
	for _, s := range m.plan {
		g := s.Generation
		if g == m.serving {
			break
		}
		if g.Phase == messages.GenerationState_SCHEDULED && g.From() <= now && g.loaded {
			effects = append(m.promote(g, now), Effect{Kind: Snapshot})
			break
		}
		if g.Phase == messages.GenerationState_SCHEDULED && g.From()-now < standby && m.roomFor(g, now) {
			m.wanted = append(m.wanted, g) // so that no record has to wait for it
		}
	}
	plan := m.newPlan()
	closed := false
	for _, g := range m.generations {
		if g.Phase == messages.GenerationState_SCHEDULED && g.From() <= now && m.serving != nil && newer(m.serving, g) {
			g.ServingSince, g.Phase = g.From(), messages.GenerationState_DRAINING // its time came and went
			if !g.loaded {
				g.Phase = messages.GenerationState_CLOSED
			}
		}
		if g.loaded && g != m.serving && m.suspect == nil && m.over(plan, g, now-standby) {
			effects = append(effects, m.close(g)...)
			closed = true
		}
	}
	if closed {
		effects = append(effects, Effect{Kind: Snapshot})
	}
	return m.done(append(effects, m.next()...))
}

// roomFor says that a generation can be loaded and stay without another whose
// time is nearer having to go.
func (m *Machine) roomFor(g *Generation, now int64) bool {
	if g.loaded || g.broken || g == m.loading || m.dormant || slices.Contains(m.wanted, g) {
		return false
	}
	nearer := 0
	for _, x := range m.generations {
		if x.loaded && m.plan.distance(x, now) <= m.plan.distance(g, now) {
			nearer++
		}
	}
	return nearer < m.limits.MaxLoaded
}

// over says that nothing has needed a loaded generation since then.
func (m *Machine) over(plan Plan, g *Generation, since int64) bool {
	if i := plan.index(g); i >= 0 {
		return plan.end(g) < since && g.used < since
	}
	return m.promotedAt < since && g.used < since
}

// load starts to load a generation whose event is stored.
func (m *Machine) load(g *Generation) []Effect {
	m.loading = g
	m.queue, m.wanted = remove(m.queue, g), remove(m.wanted, g)
	g.Phase = messages.GenerationState_LOADING
	return []Effect{{Kind: Load, Generation: g}}
}

// next loads what is to be loaded next, if nothing loads: in turn what records
// need again and what was accepted.
func (m *Machine) next() []Effect {
	var effects []Effect
	for m.loading == nil && !m.dormant {
		g := m.candidate()
		m.dropUnneeded()
		if len(m.wanted) > 0 && (g == nil || !g.persisted || !m.tookWanted) {
			m.tookWanted = true
			return append(effects, m.load(m.wanted[0])...)
		}
		if g == nil || !g.persisted {
			break // Persisted will load it
		}
		if p := m.original(g); p != nil {
			effects = append(effects, m.duplicate(g, p)...)
			continue
		}
		m.tookWanted = false
		return append(effects, m.load(g)...)
	}
	return effects
}

// dropUnneeded forgets wishes that a newer generation has made pointless.
func (m *Machine) dropUnneeded() {
	if m.serving == nil || len(m.wanted) == 0 {
		return
	}
	plan := m.newPlan()
	m.wanted = slices.DeleteFunc(m.wanted, func(g *Generation) bool { return !g.Good() || !plan.has(g) })
}

// candidate returns the oldest of the queue that is not in the shadow of a newer
// one, or nil.
func (m *Machine) candidate() *Generation {
	for _, g := range m.queue {
		if m.shadow(g) == nil {
			return g
		}
	}
	return nil
}

// shadow returns a newer generation of the queue that covers all of g's time, or
// nil: that one is loaded first, and g not at all unless it is rejected. One that
// repeats g does not count: it is a duplicate if g is good.
func (m *Machine) shadow(g *Generation) *Generation {
	for _, h := range slices.Backward(m.queue) {
		if h == g {
			return nil
		}
		if h.From() <= g.From() && !sameModel(h.Model, g.Model) {
			return h
		}
	}
	return nil
}

// superfluous returns what had better give way when the queue is full, and to
// which one: the oldest at-arrival generation in the shadow of another.
func (m *Machine) superfluous() (g, by *Generation) {
	for _, g := range m.queue {
		if g.From() != 0 {
			continue
		}
		if by := m.shadow(g); by != nil {
			return g, by
		}
	}
	return nil, nil
}

// supersedeCovered rejects what waits, is older than g and would only score
// what g scores.
func (m *Machine) supersedeCovered(g *Generation) []Effect {
	var effects []Effect
	for _, q := range slices.Clone(m.queue) {
		if newer(g, q) && g.From() <= q.From() {
			effects = append(effects, m.supersede(q, g)...)
		}
	}
	return effects
}

func (m *Machine) supersede(g, by *Generation) []Effect {
	return m.reject(g, messages.ModelOutcome_SUPERSEDED,
		fmt.Sprintf("superseded by generation %d before it was loaded", by.Number()))
}

// original returns the generation that g repeats: the one right before it, if
// that one is good. Whether it is depends on the topic alone, and not on how far
// loading has come.
func (m *Machine) original(g *Generation) *Generation {
	at := slices.Index(m.generations, g)
	for _, p := range slices.Backward(m.generations[:max(at, 0)]) {
		if p.Phase == messages.GenerationState_REJECTED && p.settled == messages.ModelOutcome_DUPLICATE {
			continue
		}
		if p.Good() && !p.lost && sameModel(p.Model, g.Model) {
			return p
		}
		return nil
	}
	return nil
}

func (m *Machine) duplicate(g, of *Generation) []Effect {
	return m.reject(g, messages.ModelOutcome_DUPLICATE, fmt.Sprintf("generation %d has the same artifact", of.Number()))
}

// promote makes g the one that serves. What served before stays loaded; what was
// loaded beside it and is not needed by timestamps goes.
func (m *Machine) promote(g *Generation, now int64) []Effect {
	effects := []Effect{{Kind: Promote, Generation: g}}
	former := m.serving
	if former != nil {
		former.Phase = messages.GenerationState_DRAINING
	}
	m.serving, m.resting, m.promotedAt = g, nil, now
	g.Phase, g.good, g.ServingSince, g.Reason = messages.GenerationState_SERVING, true, now, ""
	plan := m.newPlan()
	for _, x := range m.generations {
		if x.loaded && x != g && x != former && x != m.suspect && !plan.has(x) {
			effects = append(effects, m.close(x)...)
		}
	}
	return effects
}

// evict closes what is farthest from now when too much is loaded. The newcomer
// stays: records wait for it, or it was just accepted.
func (m *Machine) evict(newcomer *Generation, now int64) []Effect {
	plan := m.newPlan()
	var effects []Effect
	for {
		loaded := 0
		var farthest *Generation
		for _, g := range m.generations {
			if !g.loaded {
				continue
			}
			loaded++
			if g == m.serving || g == m.suspect || g == newcomer {
				continue
			}
			if farthest == nil || plan.distance(g, now) > plan.distance(farthest, now) {
				farthest = g
			}
		}
		if loaded <= m.limits.MaxLoaded || farthest == nil {
			return effects
		}
		effects = append(effects, m.close(farthest)...)
	}
}

func (m *Machine) close(g *Generation) []Effect {
	m.rest(g)
	return []Effect{{Kind: Close, Generation: g}}
}

// rest notes that a generation is not loaded any more.
func (m *Machine) rest(g *Generation) {
	g.loaded = false
	if g.good && g.ServingSince == 0 { // its time has not come yet
		g.Phase = messages.GenerationState_SCHEDULED
		return
	}
	g.Phase = messages.GenerationState_CLOSED
}

func (m *Machine) reject(g *Generation, outcome messages.ModelOutcome_Outcome, reason string) []Effect {
	g.Phase, g.Reason, g.settled, g.loaded = messages.GenerationState_REJECTED, reason, outcome, false
	m.queue = remove(m.queue, g)
	if m.loading == g {
		m.loading = nil
	}
	if m.resting == g {
		m.resting = nil
	}
	return append(settle(g, outcome, reason), Effect{Kind: Snapshot})
}

func settle(g *Generation, outcome messages.ModelOutcome_Outcome, reason string) []Effect {
	return []Effect{{Kind: Settle, Generation: g, Outcome: outcome, Reason: reason}}
}

func clock(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z07:00") }

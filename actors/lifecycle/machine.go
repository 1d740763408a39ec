package lifecycle

import (
	"fmt"
	"slices"
	"time"

	"github.com/modelstream/modelserver/messages"
)

// EffectKind says what the owner is to do.
type EffectKind uint8

// The effects.
const (
	// Persist: store the artifact and the event, then call Persisted.
	Persist EffectKind = iota + 1
	// Load: start the generation's actor, then call Progress, Ready or Failed.
	Load
	// Promote: this is the generation that serves now, as people see it.
	Promote
	// Close: stop the generation's actor after its last batch.
	Close
	// Settle: tell who brought the descriptor what became of it.
	Settle
	// Snapshot: store the machine's state.
	Snapshot
)

// Effect is something for the owner to do.
type Effect struct {
	Kind       EffectKind
	Generation *Generation // nil for Snapshot
	Outcome    messages.ModelOutcome_Outcome
	Reason     string
}

// Limits bounds a machine. A zero field stands for its default.
type Limits struct {
	MaxLoaded  int           // generations loaded at a time; default 4
	MaxQueued  int           // accepted and not loaded yet; default 16
	Remember   int           // not loaded, of those that records may need and of the others each; default 20
	StandbyFor time.Duration // how long what is not needed any more stays loaded; default 1 m
}

func (l Limits) withDefaults() Limits {
	def := func(n *int, v int) {
		if *n <= 0 {
			*n = v
		}
	}
	def(&l.MaxLoaded, 4)
	def(&l.MaxQueued, 16)
	def(&l.Remember, 20)
	if l.StandbyFor <= 0 {
		l.StandbyFor = time.Minute
	}
	return l
}

// Machine is the state of one data type. Make it with [New].
type Machine struct {
	limits  Limits
	dormant bool // it accepts descriptors and loads nothing

	generations []*Generation // in the order of the models topic, newest last
	serving     *Generation   // the newest that was promoted
	suspect     *Generation   // failed while scoring, still loaded, not yet judged
	loading     *Generation   // in one of the phases from Loading to Warming
	queue       []*Generation // accepted and never loaded yet, in order
	wanted      []*Generation // to be loaded again, since records wait for them or will
	resting     *Generation   // what served when the machine was last at work
	plan        Plan

	last            uint64 // the greatest number given
	promotedAt      int64
	tookWanted      bool  // the last load was of a wanted one
	forgottenBefore int64 // what scored records before that time is forgotten
}

// New returns an empty machine. A dormant one loads nothing until Activate.
func New(l Limits, dormant bool) *Machine {
	return &Machine{limits: l.withDefaults(), dormant: dormant}
}

// Serving returns the newest promoted generation, or nil.
func (m *Machine) Serving() *Generation { return m.serving }

// Resting returns what served before the machine became dormant, or nil.
func (m *Machine) Resting() *Generation { return m.resting }

// Loading returns the generation that is being loaded, or nil.
func (m *Machine) Loading() *Generation { return m.loading }

// Suspect returns the generation that failed and is not judged yet, or nil.
func (m *Machine) Suspect() *Generation { return m.suspect }

// Dormant says that descriptors are accepted and nothing is loaded.
func (m *Machine) Dormant() bool { return m.dormant }

// Busy says that generations are on their way that were never loaded before.
func (m *Machine) Busy() bool { return len(m.queue) > 0 || m.loading != nil && !m.loading.good }

// Generations returns all that are remembered, newest last. The slice is the
// machine's own.
func (m *Machine) Generations() []*Generation { return m.generations }

// Watchful says that time alone can bring something about: Tick is to be called
// now and then.
func (m *Machine) Watchful() bool {
	for _, g := range m.generations {
		if g.loaded && g != m.serving {
			return true
		}
	}
	return m.loading != nil || len(m.plan) > 0 && m.plan[0].Generation.Phase == messages.GenerationState_SCHEDULED
}

// Recovering says that no generation serves for the moment, but that one will,
// since one has served before: batches had better wait for it.
func (m *Machine) Recovering() bool {
	return m.serving == nil && m.loading != nil && (m.suspect != nil || m.lastGood(nil) != nil)
}

// Find returns a generation by its number, or nil.
func (m *Machine) Find(number uint64) *Generation {
	for _, g := range m.generations {
		if g.Number() == number {
			return g
		}
	}
	return nil
}

// Offer takes a descriptor. Its Number is set by the machine: it counts the
// descriptors taken, whatever became of them, so that all who read the topic
// give the same numbers.
//
// A descriptor that is not newer than what is known from its partition of the
// models topic changes nothing. When it is the very descriptor of a generation
// that is not settled yet, Offer returns that generation and no effect: the
// answer follows. It returns nothing at all when there is no room: the
// descriptor is to be offered again when something was settled.
func (m *Machine) Offer(d *messages.ModelAccepted) (*Generation, []Effect) {
	switch known := m.from(d.GetSource()); {
	case known != nil && !known.lost:
		return known, m.repeatOutcome(known)
	case known == nil && m.outdated(d.GetSource()):
		return nil, settle(&Generation{Model: d}, messages.ModelOutcome_OUTDATED,
			"a later descriptor of this data type is known already")
	}
	var superseded, by *Generation
	if len(m.queue) >= m.limits.MaxQueued {
		if superseded, by = m.superfluous(); superseded == nil {
			return nil, nil
		}
	}
	m.last++
	d.Number = m.last
	g := &Generation{Model: d, Phase: messages.GenerationState_RECEIVED}
	m.generations = insert(m.generations, g)
	m.queue = insert(m.queue, g)
	effects := []Effect{{Kind: Persist, Generation: g}}
	if superseded != nil {
		effects = append(effects, m.supersede(superseded, by)...)
	}
	return g, m.done(effects)
}

// Persisted says that a generation's event is stored, or that storing it was
// given up: the model is served all the same.
func (m *Machine) Persisted(g *Generation) []Effect {
	g.persisted = true
	if !m.dormant {
		return m.done(m.next())
	}
	if !slices.Contains(m.queue, g) {
		return nil
	}
	if p := m.original(g); p != nil {
		return m.done(m.duplicate(g, p))
	}
	return settle(g, messages.ModelOutcome_ACCEPTED, stored)
}

const stored = "it is stored, and loaded when the first record of its data type comes"

// Activate lets a dormant machine go to work: what was accepted is loaded.
func (m *Machine) Activate() []Effect {
	if !m.dormant {
		return nil
	}
	m.dormant = false
	return m.done(m.next())
}

// Settled says that what became of every descriptor up to that offset of a
// partition is known: one at or after it was seen, and none up to it waits or
// loads.
func (m *Machine) Settled(partition int32, offset int64) bool {
	seen, superseded := false, false
	for _, g := range m.generations {
		s := g.Model.GetSource()
		if s == nil || s.GetPartition() != partition {
			continue
		}
		seen = seen || s.GetOffset() >= offset
		if s.GetOffset() > offset {
			continue
		}
		if g.pending() {
			return false
		}
		superseded = superseded || s.GetOffset() == offset && g.settled == messages.ModelOutcome_SUPERSEDED
	}
	// What superseded it has to come to serve, or a generation before it would.
	return seen && (!superseded || !m.Busy())
}

// repeatOutcome answers a descriptor that was seen before.
func (m *Machine) repeatOutcome(g *Generation) []Effect {
	switch {
	case m.dormant && g.pending() && g.persisted:
		return settle(g, messages.ModelOutcome_ACCEPTED, stored)
	case g.pending():
		return nil // the answer follows
	case g.Phase == messages.GenerationState_REJECTED && !g.good && g.settled != messages.ModelOutcome_PROMOTED:
		return settle(g, g.settled, g.Reason)
	case g.Phase == messages.GenerationState_REJECTED && !g.good:
		return settle(g, messages.ModelOutcome_REJECTED, g.Reason) // of an older snapshot
	}
	return settle(g, messages.ModelOutcome_OUTDATED, fmt.Sprintf("it is generation %d already", g.Number()))
}

// from returns the newest generation that came from that place of the models
// topic.
func (m *Machine) from(s *messages.Source) *Generation {
	for _, g := range slices.Backward(m.generations) {
		have := g.Model.GetSource()
		if s != nil && samePartition(have, s) && have.GetOffset() == s.GetOffset() {
			return g
		}
	}
	return nil
}

// outdated says that a later descriptor of the same partition is known.
func (m *Machine) outdated(s *messages.Source) bool {
	for _, g := range m.generations {
		if have := g.Model.GetSource(); s != nil && samePartition(have, s) && !g.lost && have.GetOffset() >= s.GetOffset() {
			return true
		}
	}
	return false
}

// done ends an input: what follows from the new state is brought up to date.
func (m *Machine) done(effects []Effect) []Effect {
	m.forget()
	m.plan = m.newPlan()
	return effects
}

// forget drops the oldest generations beyond what is to be remembered. What
// records may need and the others have a bound each, so that neither a series of
// bad models nor one of scheduled ones pushes out the other. Of what records may
// need, only those of the earliest records go: a gap between others would be
// filled by the wrong generation.
func (m *Machine) forget() {
	plan := m.newPlan()
	drop := map[*Generation]bool{}
	for n := len(plan); n > m.limits.Remember+1 && !m.live(plan[n-1].Generation); n-- {
		drop[plan[n-1].Generation] = true
		m.forgottenBefore = max(m.forgottenBefore, plan[n-2].From)
	}
	idle := 0
	keep := m.lastGood(m.serving) // needed to fall back
	for _, g := range slices.Backward(m.generations) {
		if m.live(g) || plan.has(g) || g == keep {
			continue
		}
		if idle++; idle > m.limits.Remember {
			drop[g] = true
		}
	}
	if len(drop) > 0 {
		m.generations = slices.DeleteFunc(m.generations, func(g *Generation) bool { return drop[g] })
	}
}

func (m *Machine) live(g *Generation) bool {
	return g == m.serving || g == m.suspect || g == m.resting || g.loaded || g.pending() || g == m.loading || slices.Contains(m.wanted, g)
}

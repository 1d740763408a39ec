package lifecycle

import (
	"fmt"
	"maps"

	"github.com/modelstream/modelserver/messages"
)

// Phase is where a generation is in its life.
type Phase = messages.GenerationState_Phase

// Generation is one accepted model of the data type.
type Generation struct {
	Model        *messages.ModelAccepted
	Phase        Phase
	Reason       string // why it was rejected
	ServingSince int64  // when it was last promoted, milliseconds since the Unix epoch
	Size         int64  // of the artifact in bytes, once known
	Signature    string // inputs and outputs, for people

	good      bool // it has served
	persisted bool // its event was written, or could not be
	lost      bool // its artifact is neither in the store nor at a location any more
}

// Number is the generation's number.
func (g *Generation) Number() uint64 { return g.Model.GetNumber() }

// State returns the generation as a message.
func (g *Generation) State() *messages.GenerationState {
	return &messages.GenerationState{
		Model: g.Model, Phase: g.Phase, Reason: g.Reason, ServingSinceMs: g.ServingSince,
		SizeBytes: g.Size, Signature: g.Signature,
	}
}

// EffectKind says what the owner is to do.
type EffectKind uint8

// The effects.
const (
	// Persist: store the artifact and the event, then call Persisted.
	Persist EffectKind = iota + 1
	// Load: start the generation's actor, then call Progress, Ready or Failed.
	Load
	// Promote: from now on, batches go to this generation.
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

// history is how many generations that are neither loaded nor loading are
// remembered.
const history = 20

// Machine is the state of one data type. The zero value is empty and ready.
type Machine struct {
	generations []*Generation // newest last

	serving *Generation // batches go here
	standby *Generation // served before, still loaded
	suspect *Generation // failed while scoring, still loaded, not yet judged
	loading *Generation // in one of the phases from Received to Warming
	waiting *Generation // to be loaded next

	last uint64 // the greatest number given
}

// Serving returns the generation that scores, or nil.
func (m *Machine) Serving() *Generation { return m.serving }

// Standby returns the generation that could take over at once, or nil.
func (m *Machine) Standby() *Generation { return m.standby }

// Loading returns the generation that is being loaded, or nil.
func (m *Machine) Loading() *Generation { return m.loading }

// Suspect returns the generation that failed and is not judged yet, or nil.
func (m *Machine) Suspect() *Generation { return m.suspect }

// Generations returns all that are remembered, newest last. The slice is the
// machine's own.
func (m *Machine) Generations() []*Generation { return m.generations }

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

// Offer takes a descriptor. Its Number is set by the machine.
//
// A descriptor that repeats the newest live generation, or that is not newer
// than what is known from its partition of the models topic, changes nothing.
// When it is the very descriptor of a generation that is not settled yet, Offer
// returns that generation and no effect: the answer follows.
func (m *Machine) Offer(d *messages.ModelAccepted) (*Generation, []Effect) {
	if known := m.from(d.GetSource()); known != nil && !known.lost {
		return known, m.repeatOutcome(known)
	} else if known == nil && m.outdated(d.GetSource()) {
		return nil, settle(&Generation{Model: d}, messages.ModelOutcome_OUTDATED,
			"a later descriptor of this data type is known already")
	}
	if g := m.newestLive(); g != nil && sameModel(g.Model, d) {
		return nil, settle(&Generation{Model: d}, messages.ModelOutcome_DUPLICATE,
			fmt.Sprintf("generation %d has the same artifact", g.Number()))
	}
	m.last++
	d.Number = m.last
	g := &Generation{Model: d, Phase: messages.GenerationState_RECEIVED}
	m.generations = append(m.generations, g)
	effects := []Effect{{Kind: Persist, Generation: g}}
	if m.loading == nil {
		m.loading = g
		return g, effects
	}
	if w := m.waiting; w != nil {
		effects = append(effects, m.reject(w, messages.ModelOutcome_SUPERSEDED,
			fmt.Sprintf("superseded by generation %d before it was loaded", g.Number()))...)
	}
	m.waiting = g
	return g, effects
}

// Persisted says that a generation's event is stored, or that storing it was
// given up: the model is served all the same.
func (m *Machine) Persisted(g *Generation) []Effect {
	g.persisted = true
	if g == m.loading {
		return m.load(g)
	}
	return nil
}

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
	if m.serving == nil || g.good || !sameModel(m.serving.Model, g.Model) {
		return nil
	}
	effects := []Effect{{Kind: Close, Generation: g}}
	effects = append(effects, m.reject(g, messages.ModelOutcome_DUPLICATE,
		fmt.Sprintf("generation %d has the same artifact", m.serving.Number()))...)
	return append(effects, m.next()...)
}

// Ready says that a generation is loaded, verified and warm. It serves from now
// on; what served before becomes the standby.
func (m *Machine) Ready(g *Generation, now int64, signature string) []Effect {
	if g != m.loading {
		return []Effect{{Kind: Close, Generation: g}} // given up in the meantime
	}
	m.loading = nil
	g.Signature = signature
	var effects []Effect
	if m.serving != nil && g.Number() < m.serving.Number() {
		// An older one that was loaded to take over came too late.
		g.Phase = messages.GenerationState_CLOSED
		effects = append(effects, Effect{Kind: Close, Generation: g})
		return append(effects, m.next()...)
	}
	settled := g.good
	effects = append(effects, m.promote(g, now)...)
	if !settled {
		effects = append(effects, settle(g, messages.ModelOutcome_PROMOTED, "")...)
	}
	effects = append(effects, Effect{Kind: Snapshot})
	return append(effects, m.next()...)
}

// promote makes g serve and what served the standby.
func (m *Machine) promote(g *Generation, now int64) []Effect {
	effects := []Effect{{Kind: Promote, Generation: g}}
	if m.standby != nil && m.standby != g {
		effects = append(effects, m.close(m.standby)...)
	}
	m.standby = m.serving
	if m.standby != nil {
		m.standby.Phase = messages.GenerationState_DRAINING
	}
	m.serving = g
	g.Phase, g.good, g.ServingSince, g.Reason = messages.GenerationState_SERVING, true, now, ""
	return effects
}

// Failed says that a generation cannot be loaded. lost tells that its artifact
// is gone, so that the same descriptor is welcome again.
func (m *Machine) Failed(g *Generation, now int64, reason string, lost bool) []Effect {
	if g != m.loading {
		return nil
	}
	g.lost = lost
	effects := []Effect{{Kind: Close, Generation: g}}
	effects = append(effects, m.reject(g, messages.ModelOutcome_REJECTED, reason)...)
	if m.serving == nil {
		effects = append(effects, m.fallBack()...)
	}
	effects = append(effects, m.next()...)
	if m.serving == nil && m.loading == nil {
		effects = append(effects, m.Acquit(now)...) // better a suspect than nothing
	}
	return effects
}

// Panicked says that the serving generation failed while scoring. Another one
// takes over where there is one; [Machine.Convict] or [Machine.Acquit] follows
// once the batch was tried there. Without effects there is none: the generation
// goes on serving.
func (m *Machine) Panicked(g *Generation, now int64, reason string) []Effect {
	if g != m.serving || m.suspect != nil {
		return nil
	}
	if m.standby != nil {
		s := m.standby
		m.suspect, m.serving, m.standby = g, nil, nil
		g.Phase, g.Reason = messages.GenerationState_DRAINING, reason
		return append(m.promote(s, now), Effect{Kind: Snapshot})
	}
	if m.lastGood(g) == nil {
		return nil
	}
	m.suspect, m.serving = g, nil
	g.Phase, g.Reason = messages.GenerationState_DRAINING, reason
	return append(m.fallBack(), m.next()...)
}

// Convict says that the batch on which the suspect failed was scored by the
// generation that took over: the suspect is rejected.
func (m *Machine) Convict() []Effect {
	g := m.suspect
	if g == nil {
		return nil
	}
	m.suspect = nil
	g.Phase = messages.GenerationState_REJECTED
	return []Effect{{Kind: Close, Generation: g}, {Kind: Snapshot}}
}

// Acquit says that the batch fails everywhere: the batch is to blame and the
// suspect serves again.
func (m *Machine) Acquit(now int64) []Effect {
	g := m.suspect
	if g == nil {
		return nil
	}
	m.suspect = nil
	if m.serving != nil && m.serving.Number() > g.Number() {
		return append(m.close(g), Effect{Kind: Snapshot})
	}
	return append(m.promote(g, now), Effect{Kind: Snapshot})
}

// ReleaseStandby lets the standby go.
func (m *Machine) ReleaseStandby() []Effect {
	if m.standby == nil {
		return nil
	}
	s := m.standby
	m.standby = nil
	return append(m.close(s), Effect{Kind: Snapshot})
}

// Reload loads the serving generation anew, since its host is of no use any
// more. Until it is ready, the machine is Recovering.
func (m *Machine) Reload(g *Generation) []Effect {
	if g != m.serving {
		return nil
	}
	m.serving = nil
	effects := m.close(g)
	if m.loading != nil {
		return effects // it is newer and will serve when it is ready
	}
	return append(effects, m.load(g)...)
}

// load starts to load a generation whose event is stored.
func (m *Machine) load(g *Generation) []Effect {
	m.loading = g
	g.Phase = messages.GenerationState_LOADING
	return []Effect{{Kind: Load, Generation: g}}
}

// next loads what waits, if nothing loads and its event is stored.
func (m *Machine) next() []Effect {
	if m.loading != nil || m.waiting == nil {
		m.forget()
		return nil
	}
	g := m.waiting
	m.waiting, m.loading = nil, g
	if !g.persisted {
		return nil // Persisted will load it
	}
	return m.load(g)
}

// fallBack loads the newest generation that has served, if nothing loads.
func (m *Machine) fallBack() []Effect {
	g := m.lastGood(m.suspect)
	if g == nil || (m.loading != nil && m.loading.good) {
		return nil
	}
	if l := m.loading; l != nil {
		// What loads now is newer: let it come; it is served when it is ready.
		return nil
	}
	return m.load(g)
}

// lastGood returns the newest generation that has served, is neither rejected
// nor lost, and is not except.
func (m *Machine) lastGood(except *Generation) *Generation {
	for i := len(m.generations) - 1; i >= 0; i-- {
		g := m.generations[i]
		if g.good && !g.lost && g != except && g.Phase != messages.GenerationState_REJECTED {
			return g
		}
	}
	return nil
}

func (m *Machine) close(g *Generation) []Effect {
	g.Phase = messages.GenerationState_CLOSED
	return []Effect{{Kind: Close, Generation: g}}
}

func (m *Machine) reject(g *Generation, outcome messages.ModelOutcome_Outcome, reason string) []Effect {
	g.Phase, g.Reason = messages.GenerationState_REJECTED, reason
	if m.loading == g {
		m.loading = nil
	}
	if m.waiting == g {
		m.waiting = nil
	}
	return append(settle(g, outcome, reason), Effect{Kind: Snapshot})
}

func settle(g *Generation, outcome messages.ModelOutcome_Outcome, reason string) []Effect {
	return []Effect{{Kind: Settle, Generation: g, Outcome: outcome, Reason: reason}}
}

// repeatOutcome answers a descriptor that was seen before.
func (m *Machine) repeatOutcome(g *Generation) []Effect {
	switch {
	case g == m.loading && !g.good, g == m.waiting:
		return nil // the answer follows
	case g.Phase == messages.GenerationState_REJECTED && !g.good:
		return settle(g, messages.ModelOutcome_REJECTED, g.Reason)
	}
	return settle(g, messages.ModelOutcome_OUTDATED, fmt.Sprintf("it is generation %d already", g.Number()))
}

// from returns the generation that came from that place of the models topic.
func (m *Machine) from(s *messages.Source) *Generation {
	for i := len(m.generations) - 1; i >= 0; i-- {
		have := m.generations[i].Model.GetSource()
		if s != nil && samePartition(have, s) && have.GetOffset() == s.GetOffset() {
			return m.generations[i]
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

func samePartition(a, b *messages.Source) bool {
	return a.GetTopic() == b.GetTopic() && a.GetPartition() == b.GetPartition()
}

// newestLive returns the generation that serves, or is going to.
func (m *Machine) newestLive() *Generation {
	switch {
	case m.waiting != nil:
		return m.waiting
	case m.loading != nil && !m.loading.good:
		return m.loading
	}
	return m.serving
}

func sameModel(a, b *messages.ModelAccepted) bool {
	return a.GetSha256() != "" && a.GetSha256() == b.GetSha256() &&
		a.GetType() == b.GetType() && maps.Equal(a.GetOptions(), b.GetOptions())
}

// forget drops the oldest generations that are neither loaded nor loading,
// beyond the history.
func (m *Machine) forget() {
	idle := 0
	for _, g := range m.generations {
		if !m.live(g) {
			idle++
		}
	}
	kept := m.generations[:0]
	keepGood := m.lastGood(m.serving) // needed to fall back
	for _, g := range m.generations {
		if idle > history && !m.live(g) && g != keepGood {
			idle--
			continue
		}
		kept = append(kept, g)
	}
	clear(m.generations[len(kept):])
	m.generations = kept
}

func (m *Machine) live(g *Generation) bool {
	return g == m.serving || g == m.standby || g == m.suspect || g == m.loading || g == m.waiting
}

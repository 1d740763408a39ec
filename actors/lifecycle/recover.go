package lifecycle

import "github.com/modelstream/modelserver/messages"

// Snapshot returns the machine's state as a message. The caller adds the data
// type, the statistics and the time.
func (m *Machine) Snapshot() *messages.Snapshot {
	s := &messages.Snapshot{Serving: m.serving.number()}
	if s.Serving == 0 && m.loading != nil && m.loading.good {
		s.Serving = m.loading.Number() // it is on its way back
	}
	for _, g := range m.generations {
		s.Generations = append(s.Generations, g.State())
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
// after it. What served is loaded first, what was on its way afterwards. last is
// the number of events ever stored: even when everything else is lost, numbers
// go on from there and none is given twice.
func (m *Machine) Recover(s *messages.Snapshot, events []*messages.ModelAccepted, last uint64) []Effect {
	var serving *Generation
	var unfinished []*Generation
	for _, state := range s.GetGenerations() {
		g := &Generation{
			Model: state.GetModel(), Phase: state.GetPhase(), Reason: state.GetReason(),
			ServingSince: state.GetServingSinceMs(), Size: state.GetSizeBytes(),
			Signature: state.GetSignature(), persisted: true,
		}
		g.good = g.ServingSince > 0
		m.generations = append(m.generations, g)
		m.last = max(m.last, g.Number())
		switch {
		case g.Number() == s.GetServing():
			serving = g
		case g.Phase < messages.GenerationState_SERVING:
			unfinished = append(unfinished, g)
		case g.Phase != messages.GenerationState_REJECTED:
			g.Phase = messages.GenerationState_CLOSED // its actor died with the process
		}
	}
	for _, e := range events {
		if e.GetNumber() <= m.last {
			continue // the snapshot has it
		}
		g := &Generation{Model: e, Phase: messages.GenerationState_RECEIVED, persisted: true}
		m.generations = append(m.generations, g)
		m.last = e.GetNumber()
		unfinished = append(unfinished, g)
	}
	m.last = max(m.last, last)
	// Of those that never came to serve, the newest is loaded; the older ones
	// would only be superseded by it.
	var effects []Effect
	if n := len(unfinished); n > 0 {
		m.waiting = unfinished[n-1]
		for _, g := range unfinished[:n-1] {
			g.Phase = messages.GenerationState_REJECTED
			g.Reason = "superseded before the restart was over"
		}
	}
	if serving != nil {
		effects = append(effects, m.load(serving)...)
	}
	return append(effects, m.next()...)
}

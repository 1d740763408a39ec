package actors

import (
	"context"
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/modelstream/modelserver/actors/lifecycle"
	"github.com/modelstream/modelserver/messages"
)

// Activation says when models are loaded.
type Activation uint8

const (
	// Eager loads a model when its descriptor comes.
	Eager Activation = iota
	// OnDemand stores the descriptors of a data type and loads its models when
	// the first record comes.
	OnDemand
)

// A ModelActor that has nothing to do leaves like this: it asks the supervisor to
// leave; the supervisor turns the route away from it, so that nothing more comes,
// and tells it; if something came in between, it stays after all, otherwise it
// stops. What comes meanwhile waits at the supervisor. So nothing is lost.
type (
	// leave asks the supervisor for permission.
	leave struct{ pid *actor.PID }
	// left says that nothing more comes: stop, or stay.
	left struct{}
	// stay withdraws leave.
	stay struct{ pid *actor.PID }
)

// activate lets a dormant ModelActor go to work. Batches wait until what was
// accepted in the meantime has loaded, so that the first is scored by the newest.
func (a *modelActor) activate(ctx actor.Context) {
	if !a.dormant {
		return
	}
	a.dormant = false
	a.waking = true
	a.metrics.count(a.metrics.activations)
	if a.recovered {
		a.apply(ctx, a.machine.Activate())
		a.waking = a.machine.Busy()
	}
	a.arm()
}

// lookAfterIdle leaves when nothing has come for long enough.
func (a *modelActor) lookAfterIdle(ctx actor.Context, now time.Time) {
	limit := a.cfg.IdleAfter
	if a.dormant {
		limit = a.cfg.tick
	}
	if a.touched || a.occupied() {
		a.touched, a.idleSince = false, now
	}
	if limit == 0 || now.Sub(a.idleSince) < limit {
		return
	}
	if a.dirty {
		if now.Sub(a.leaveTried) >= a.cfg.SnapshotEvery { // it may fail
			a.leaveTried = now
			a.snapshot(nil) // the last; the next tick looks again
		}
		return
	}
	a.asked = true
	ctx.Send(ctx.Parent(), &leave{pid: ctx.Self()})
}

// occupied says that the ModelActor has something in hand. One that lost what is
// stored to another server never leaves: coming back it would claim it again.
func (a *modelActor) occupied() bool {
	return !a.recovered || a.journal.refuse != nil || len(a.flights) > 0 || len(a.held) > 0 || len(a.splits) > 0 ||
		len(a.early) > 0 || len(a.backlog) > 0 || len(a.arrived) > 0 ||
		a.machine.Loading() != nil || a.machine.Suspect() != nil || (a.machine.Busy() && !a.dormant) || !a.journal.idle()
}

func (a *modelActor) onLeft(ctx actor.Context) {
	if !a.asked || a.touched || a.occupied() || a.dirty {
		a.asked = false
		ctx.Send(ctx.Parent(), &stay{pid: ctx.Self()})
		return
	}
	if !a.dormant {
		a.metrics.count(a.metrics.passivations)
		a.log.Info("no record came for a while: the models are closed until one does", "idle", a.cfg.IdleAfter)
	}
	ctx.Stop(ctx.Self())
}

// passiveState reads from the store what a ModelActor would answer.
func (m *Models) passiveState(ctx context.Context, dataType string) (*messages.ModelState, error) {
	r := m.stored(ctx, dataType)
	if r.err != nil {
		return nil, fmt.Errorf("reading what is stored of %q: %w", dataType, r.err)
	}
	machine := lifecycle.New(m.cfg.limits(), true)
	machine.Recover(r.snapshot, r.events, r.numbers)
	stats := r.snapshot.GetStatistics()
	if stats == nil {
		stats = &messages.Statistics{}
	}
	return stateOf(m.cfg.Node, dataType, machine, stats), nil
}

func stateOf(node, dataType string, machine *lifecycle.Machine, stats *messages.Statistics) *messages.ModelState {
	s := &messages.ModelState{DataType: dataType, Node: node, Statistics: cloneStatistics(stats), Passive: machine.Dormant()}
	for _, g := range machine.Generations() {
		s.Generations = append(s.Generations, cloneState(g))
	}
	current := machine.Serving()
	if current == nil {
		current = machine.Resting()
	}
	if current != nil {
		s.Current = cloneState(current)
	}
	return s
}

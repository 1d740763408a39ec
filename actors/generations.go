package actors

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/modelstream/modelserver/actors/lifecycle"
	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/record"
)

// apply carries out what the lifecycle decided, in order.
func (a *modelActor) apply(ctx actor.Context, effects []lifecycle.Effect) {
	for _, e := range effects {
		switch e.Kind {
		case lifecycle.Persist:
			a.persist(ctx, e.Generation)
		case lifecycle.Load:
			a.spawn(ctx, e.Generation)
		case lifecycle.Promote:
			a.promoted(e.Generation)
		case lifecycle.Close:
			a.closeHost(ctx, e.Generation)
		case lifecycle.Settle:
			a.settle(e)
		case lifecycle.Snapshot:
			a.snapshot(nil)
		}
	}
}

// spawn starts the host of a generation.
func (a *modelActor) spawn(ctx actor.Context, g *lifecycle.Generation) {
	m := g.Model
	number := g.Number()
	if old := a.hosts[number]; old != nil { // it is loaded again
		a.closeHost(ctx, g)
	}
	t, err := a.cfg.Types.Lookup(m.GetType())
	if err != nil {
		a.cannotLoad(number, err)
		return
	}
	life, cancel := context.WithTimeout(context.Background(), a.cfg.LoadTimeout)
	spec := HostSpec{
		Number: number, Type: t, Location: m.GetLocation(),
		Spec: model.Spec{
			Name: m.GetName(), DataType: a.dataType, Options: m.GetOptions(),
			Artifact: model.Artifact{Bytes: a.inline[number], SHA256: m.GetSha256()},
		},
		Binding: Binding{
			DataType: a.dataType, Formats: a.cfg.Formats, Fields: a.cfg.Fields[a.dataType], Results: a.cfg.Results,
			Generation: &messages.Generation{
				Number: number, Name: m.GetName(), Version: m.GetVersion(), Sha256: m.GetSha256(),
				Offset: m.GetSource().GetOffset(), Partition: m.GetSource().GetPartition(),
			},
			Place: placeOf(m.GetSource()),
		},
		Store: a.cfg.Store, Resolver: a.cfg.Resolver, Context: life,
	}
	delete(a.inline, number)
	make := newHost
	if own := a.cfg.Hosts[t.Name]; own != nil {
		make = own
	}
	a.spawned++
	pid, err := ctx.SpawnNamed(make(spec), fmt.Sprintf("g%d.%d", number, a.spawned))
	if err != nil {
		cancel()
		a.cannotLoad(number, err)
		return
	}
	a.hosts[number] = &hostRef{pid: pid, generation: g, cancel: cancel, since: time.Now()}
	a.arm()
}

// cannotLoad says that a host could not even be made, as the host would: later,
// when whoever asked for the generation is done.
func (a *modelActor) cannotLoad(number uint64, err error) {
	a.system.Root.Send(a.self, &Failed{Number: number, Phase: messages.GenerationState_LOADING, Err: err})
}

// placeOf is a descriptor's place in the order of the models topic.
func placeOf(s *messages.Source) record.Place {
	if s == nil {
		return record.Place{}
	}
	return record.Place{Partition: s.GetPartition(), End: s.GetOffset() + 1}
}

// closeHost stops a generation's host after the batches it has.
func (a *modelActor) closeHost(ctx actor.Context, g *lifecycle.Generation) {
	delete(a.inline, g.Number())
	h := a.hosts[g.Number()]
	if h == nil {
		return
	}
	delete(a.hosts, g.Number())
	h.cancel()
	ctx.Poison(h.pid)
}

// The messages of protocol.go come from hosts. One whose generation was given up
// in the meantime is not in a.hosts any more, and is not listened to.

func (a *modelActor) onProgress(m *Progress) {
	if h := a.hosts[m.Number]; h != nil {
		a.machine.Progress(h.generation, m.Phase)
	}
}

func (a *modelActor) onFetched(ctx actor.Context, m *Fetched) {
	h := a.hosts[m.Number]
	if h == nil {
		return
	}
	came := h.generation.Model.GetLocation() != ""
	a.apply(ctx, a.machine.Fetched(h.generation, m.Artifact.SHA256, int64(len(m.Artifact.Bytes))))
	if came && a.hosts[m.Number] != nil {
		a.keepArtifact(m.Artifact)
	}
	a.afterLoading(ctx)
}

func (a *modelActor) onReady(ctx actor.Context, m *Ready) {
	h := a.hosts[m.Number]
	if h == nil {
		return
	}
	h.cancel() // loading is over; its time limit is, too
	took := time.Since(h.since)
	delete(a.failedAt, m.Number)
	g := h.generation
	a.apply(ctx, a.machine.Ready(g, time.Now().UnixMilli(), m.Signature))
	if g.Phase == messages.GenerationState_SCHEDULED {
		a.log.Info("model is ready and waits for its time", "name", g.Model.GetName(), "version", g.Model.GetVersion(),
			"generation", g.Number(), "effective_from", time.UnixMilli(g.From()).UTC())
	}
	a.metrics.loaded(took)
	a.afterLoading(ctx)
}

func (a *modelActor) onFailed(ctx actor.Context, m *Failed) {
	g := a.machine.Find(m.Number)
	if g == nil || g != a.machine.Loading() {
		return
	}
	reason := strings.ToLower(m.Phase.String()) + ": " + m.Err.Error()
	args := []any{"name", g.Model.GetName(), "generation", m.Number, "type", g.Model.GetType(), "reason", reason}
	var panicked *PanicError
	if errors.As(m.Err, &panicked) {
		args = append(args, "stack", panicked.Stack)
	}
	if m.Lost {
		a.node.reportDamage()
	}
	a.apply(ctx, a.machine.Failed(g, time.Now().UnixMilli(), reason, m.Lost))
	if g.Good() {
		a.failedAt[m.Number] = time.Now()
		a.log.Error("a model cannot be loaded again; its records cannot be scored", args...)
	} else {
		a.log.Error("model rejected", args...)
		a.metrics.rejected(m.Phase)
	}
	a.afterLoading(ctx)
}

// onTerminated is the death of a child: of a host that was closed, as a rule, or
// of one that was not asked to stop.
func (a *modelActor) onTerminated(ctx actor.Context, who *actor.PID) {
	for number, h := range a.hosts {
		if h.pid.Equal(who) {
			delete(a.hosts, number)
			h.cancel()
			err := fmt.Errorf("the host of generation %d died", number)
			if h.generation == a.machine.Loading() {
				a.onFailed(ctx, &Failed{Number: number, Phase: h.generation.Phase, Err: err})
				return
			}
			a.hostFailed(ctx, h, err)
			return
		}
	}
}

// lookAfterLoading gives a generation up that takes too long and does not heed
// its context.
func (a *modelActor) lookAfterLoading(ctx actor.Context, now time.Time) {
	g := a.machine.Loading()
	if g == nil {
		return
	}
	h := a.hosts[g.Number()]
	if h == nil || now.Sub(h.since) < a.cfg.LoadTimeout+2*a.cfg.tick {
		return
	}
	a.onFailed(ctx, &Failed{
		Number: g.Number(), Phase: g.Phase,
		Err: fmt.Errorf("it did not load within %v", a.cfg.LoadTimeout),
	})
}

// promoted sends batches to a generation from now on.
func (a *modelActor) promoted(g *lifecycle.Generation) {
	a.dirty = true
	a.log.Info("model serves", "name", g.Model.GetName(), "version", g.Model.GetVersion(), "type", g.Model.GetType(),
		"generation", g.Number(), "sha256", g.Model.GetSha256(), "offset", g.Model.GetSource().GetOffset())
	a.metrics.count(a.metrics.promotions)
	a.node.promoted(g.Model)
	a.arm()
}

// settle tells everybody who brought a descriptor what became of it.
func (a *modelActor) settle(e lifecycle.Effect) {
	number := e.Generation.Number()
	if e.Outcome == messages.ModelOutcome_PROMOTED {
		a.metrics.swapped(e.Generation.Model)
	}
	for _, pid := range a.waiters[number] {
		a.tell(pid, e)
	}
	delete(a.waiters, number)
}

func (a *modelActor) tell(pid *actor.PID, e lifecycle.Effect) {
	if pid == nil {
		return
	}
	m := e.Generation.Model
	a.system.Root.Send(pid, &messages.ModelOutcome{
		Source: m.GetSource(), DataType: a.dataType, Outcome: e.Outcome, Generation: m.GetNumber(), Reason: e.Reason,
	})
}

// afterLoading lets go on what waited for the end of a step of loading.
func (a *modelActor) afterLoading(ctx actor.Context) {
	a.drainBacklog(ctx)
	a.releaseHeld(ctx)
	a.announceRecovery()
	a.arm()
}

func cloneState(g *lifecycle.Generation) *messages.GenerationState {
	s := g.State()
	s.Model = cloneAccepted(g.Model)
	return s
}

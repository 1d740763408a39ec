package actors

import (
	"context"
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/modelstream/modelserver/actors/lifecycle"
	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/record"
)

// onBatch sends a batch to its generation, or keeps it until that can be known
// and had.
func (a *modelActor) onBatch(ctx actor.Context, b *record.Batch) {
	a.touched = true
	if a.flights[b] != nil || a.splits[b] != nil {
		return // sent again by an impatient sender: the answer is under way
	}
	a.activate(ctx)
	f := &flight{batch: b, replyTo: ctx.Sender()}
	if len(a.held) > 0 || !a.advance(ctx, f) {
		a.hold(f)
	}
}

// advance sends a batch on its way or answers it. It returns false when the
// batch has to wait. Batches of a data type go in the order in which they came,
// so that the generations of a partition's records never go backwards.
func (a *modelActor) advance(ctx actor.Context, f *flight) bool {
	if !a.recovered || a.waking || len(a.backlog) > 0 || !a.reached(f.batch.Floor) {
		return false // a descriptor without room may be the one that these records need
	}
	plan := a.machine.Plan()
	switch {
	case len(plan) == 0:
		return a.withoutModel(f)
	case !plan.Timed():
		return a.dispatch(ctx, f, plan[0].Generation)
	}
	return a.byTime(ctx, f, plan)
}

// reached says that the fate of all generations up to a floor is known.
func (a *modelActor) reached(floor record.Place) bool {
	if floor.End == 0 || floor == a.floor {
		return true
	}
	if !a.machine.Settled(floor.Partition, floor.End-1) {
		return false
	}
	a.floor = floor // and stays reached
	return true
}

// withoutModel answers a batch that no generation covers, unless one is on its
// way back.
func (a *modelActor) withoutModel(f *flight) bool {
	if a.machine.Recovering() {
		return false
	}
	a.answer(f, &record.Scored{Batch: f.batch, Err: a.uncovered(f.batch.Records[0].TimeMS)})
	return true
}

// uncovered says why no generation scores a record of that time.
func (a *modelActor) uncovered(ms int64) error {
	if !a.machine.Forgotten(ms) {
		return record.ErrNoModel
	}
	return &model.LoadError{Reason: fmt.Sprintf(
		"the generation that scored records of %s is not remembered any more; remember more generations, or publish it again",
		time.UnixMilli(ms).UTC().Format(time.RFC3339))}
}

// dispatch sends a batch to a generation's host, once it is loaded.
func (a *modelActor) dispatch(ctx actor.Context, f *flight, g *lifecycle.Generation) bool {
	if !g.Loaded() {
		return a.await(ctx, f, g)
	}
	h := a.hosts[g.Number()]
	if h == nil {
		a.answer(f, &record.Scored{Batch: f.batch, Err: &model.TransientError{Reason: "the serving generation has no host at the moment"}})
		return true
	}
	f.host, f.sent = h, time.Now()
	g.Use(f.sent.UnixMilli())
	a.flights[f.batch] = f
	ctx.Request(h.pid, &Score{Batch: f.batch, Isolate: f.isolate})
	a.arm()
	return true
}

// reloadPause is how long a failed attempt to load a generation again stands.
const reloadPause = time.Second

// await asks for a generation that is not loaded. The batch waits, unless the
// generation cannot be had: no other one may score these records.
func (a *modelActor) await(ctx actor.Context, f *flight, g *lifecycle.Generation) bool {
	failed := a.failedAt[g.Number()]
	switch {
	case g.Lost() && g.Good():
		a.answer(f, &record.Scored{Batch: f.batch, Err: &model.LoadError{
			Where:  fmt.Sprintf("generation %d", g.Number()),
			Reason: "its artifact is gone, and no other one may score these records; publish it again: " + g.Reason,
		}})
		return true
	case g.Good() && g.Broken() && time.Since(failed) < reloadPause:
		a.answer(f, &record.Scored{Batch: f.batch, Err: &model.TransientError{
			Reason: fmt.Sprintf("generation %d could not be loaded again: %s", g.Number(), g.Reason),
		}})
		return true
	}
	a.apply(ctx, a.machine.Want(g))
	return false
}

// byTime sends a batch where its records' timestamps ask for. One pass over them
// finds out whether that is one generation.
func (a *modelActor) byTime(ctx actor.Context, f *flight, plan lifecycle.Plan) bool {
	records := f.batch.Records
	if len(records) == 0 {
		return a.dispatch(ctx, f, plan[0].Generation)
	}
	from, to := plan.Span(records[0].TimeMS)
	for i := range records {
		if ms := records[i].TimeMS; ms < from || ms >= to {
			return a.split(ctx, f, plan)
		}
	}
	g := plan.At(records[0].TimeMS)
	if g == nil {
		return a.withoutModel(f)
	}
	f.timed = true
	return a.dispatch(ctx, f, g)
}

// hold keeps a batch, behind those that wait already.
func (a *modelActor) hold(f *flight) {
	a.arm()
	for _, h := range a.held {
		if sameRecords(h.batch, f.batch) { // sent again by a sender that waits long
			h.batch, h.replyTo = f.batch, f.replyTo
			return
		}
	}
	for old, s := range a.splits {
		if sameRecords(old, f.batch) { // parts of it wait
			delete(a.splits, old)
			s.flight.batch, s.flight.replyTo = f.batch, f.replyTo
			a.splits[f.batch] = s
			return
		}
	}
	if len(a.held) >= a.cfg.MaxHeld {
		a.answer(f, &record.Scored{Batch: f.batch, Err: &model.TransientError{
			Reason: fmt.Sprintf("%d batches of %q wait for a model already", len(a.held), a.dataType),
		}})
		return
	}
	f.host = nil
	a.held = append(a.held, f)
}

// again sends a batch elsewhere that came back from a host. If it has to wait,
// then in front of those that came later.
func (a *modelActor) again(ctx actor.Context, f *flight) {
	f.host = nil
	if !a.advance(ctx, f) {
		a.arm()
		a.held = append([]*flight{f}, a.held...)
	}
}

// sameRecords says that two batches are attempts over the same records.
func sameRecords(a, b *record.Batch) bool {
	return len(a.Records) > 0 && len(b.Records) > 0 && &a.Records[0] == &b.Records[0]
}

// releaseHeld sends on what waited, in the order in which it came.
func (a *modelActor) releaseHeld(ctx actor.Context) {
	if a.waking && a.recovered && !a.machine.Busy() {
		a.waking = false
	}
	for len(a.held) > 0 {
		f := a.held[0]
		a.held = a.held[1:]
		if !a.advance(ctx, f) {
			a.held = append([]*flight{f}, a.held...)
			return
		}
	}
}

// lookAfterHeld answers batches whose senders stop waiting.
func (a *modelActor) lookAfterHeld(ctx actor.Context, now time.Time) {
	var late []*flight
	kept := a.held[:0]
	for _, f := range a.held {
		if now.After(f.batch.Deadline) {
			late = append(late, f)
		} else {
			kept = append(kept, f)
		}
	}
	clear(a.held[len(kept):])
	a.held = kept
	for _, f := range late {
		a.answer(f, &record.Scored{Batch: f.batch, Err: &model.TransientError{Reason: a.whyHeld(f), Err: context.DeadlineExceeded}})
	}
	a.releaseHeld(ctx)
}

// whyHeld says what a batch waits for.
func (a *modelActor) whyHeld(f *flight) string {
	floor := f.batch.Floor
	switch {
	case !a.recovered:
		return "the batch waited for the store, which does not answer"
	case !a.reached(floor):
		return fmt.Sprintf("the batch waited until partition %d of the models topic was read up to offset %d, and what came until there had loaded",
			floor.Partition, floor.End-1)
	case a.machine.Loading() != nil:
		return fmt.Sprintf("the batch waited for generation %d to load", a.machine.Loading().Number())
	}
	return "the batch waited for a model or for batches before it"
}

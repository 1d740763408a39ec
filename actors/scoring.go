package actors

import (
	"errors"
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/modelstream/modelserver/actors/lifecycle"
	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/record"
)

// flight is a batch on its way through a host.
type flight struct {
	batch   *record.Batch
	replyTo *actor.PID
	host    *hostRef // nil while it is held
	sent    time.Time
	isolate bool
	timed   bool   // the timestamps of its records have chosen the generation
	accused uint64 // the generation that failed on it, or 0
	deaths  int    // hosts that died over it, or never answered

	split   *split // what it is a portion of, or nil
	portion *portion
}

// maxDeaths is how many hosts may die with a batch before the batch is given up.
const maxDeaths = 2

// onReply takes a host's answer.
func (a *modelActor) onReply(ctx actor.Context, m *ScoreReply) {
	f := a.flights[m.Batch]
	if f == nil || !f.host.pid.Equal(ctx.Sender()) {
		return // of a host that was given up; the batch went elsewhere
	}
	delete(a.flights, m.Batch)
	f.host.answered = time.Now()
	var transient *model.TransientError
	switch {
	case m.Err == nil:
		a.count(f, m)
		if f.timed {
			for i := range m.Scored.Parts {
				m.Scored.Parts[i].Timed = true
			}
		}
		a.answer(f, m.Scored)
		if s := a.machine.Suspect(); s != nil && f.accused == s.Number() && f.host.generation != s {
			a.log.Error("generation rejected: its predecessor scores what it failed on", "generation", s.Number(), "reason", s.Reason)
			a.apply(ctx, a.machine.Convict())
		}
	case errors.As(m.Err, &transient):
		a.answer(f, &record.Scored{Batch: m.Batch, Err: m.Err})
	default:
		a.scoringFailed(ctx, f, m.Err)
	}
}

// scoringFailed decides where a batch goes on which a generation failed.
func (a *modelActor) scoringFailed(ctx actor.Context, f *flight, err error) {
	g := f.host.generation
	a.stats.BatchErrors++
	a.dirty = true
	args := []any{"generation", g.Number(), "name", g.Model.GetName(), "records", len(f.batch.Records), "err", err}
	var panicked *PanicError
	if errors.As(err, &panicked) {
		args = append(args, "stack", panicked.Stack)
	}
	a.log.Error("a generation failed while scoring", args...)
	a.metrics.count(a.metrics.batchErrors)

	if f.isolate { // even row by row
		a.answer(f, &record.Scored{Batch: f.batch, Err: err})
		return
	}
	now := time.Now().UnixMilli()
	switch suspect := a.machine.Suspect(); {
	case suspect != nil && suspect != g && f.accused == suspect.Number():
		a.log.Warn("the batch fails on both generations: it is to blame, the newer one serves again", "generation", suspect.Number())
		f.isolate = true
		a.apply(ctx, a.machine.Acquit(now))
	case suspect == nil && g == a.machine.Serving():
		effects := a.machine.Panicked(g, now, "failed while scoring: "+firstLine(err.Error()))
		if len(effects) == 0 { // nothing to fall back on
			f.isolate = true
			break
		}
		f.accused = g.Number()
		a.metrics.count(a.metrics.fallbacks)
		a.log.Error("falling back to the last good generation", "from", g.Number())
		a.apply(ctx, effects)
	case suspect == g:
		f.accused = g.Number() // it was in the suspect's mailbox
	default:
		f.isolate = true
	}
	a.again(ctx, f)
}

// hostFailed takes a host that died or does not answer: its batches are scored
// elsewhere.
func (a *modelActor) hostFailed(ctx actor.Context, h *hostRef, err error) {
	var stranded []*flight
	for b, f := range a.flights {
		if f.host == h {
			delete(a.flights, b)
			stranded = append(stranded, f)
		}
	}
	if now := a.hosts[h.generation.Number()]; now == nil || now == h { // otherwise it was loaded again since
		a.replaceHost(ctx, h.generation, err)
	}
	for _, f := range stranded {
		f.deaths++
		if f.deaths > maxDeaths {
			a.answer(f, &record.Scored{Batch: f.batch, Err: fmt.Errorf("%d hosts in a row failed with this batch: %w", f.deaths, err)})
			continue
		}
		a.again(ctx, f)
	}
	a.releaseHeld(ctx)
}

// replaceHost finds what takes over from a generation whose host is of no use
// any more: the last good one, or the same again.
func (a *modelActor) replaceHost(ctx actor.Context, g *lifecycle.Generation, err error) {
	if g == a.machine.Serving() {
		if effects := a.machine.Panicked(g, time.Now().UnixMilli(), err.Error()); len(effects) > 0 {
			a.metrics.count(a.metrics.fallbacks)
			a.log.Error("falling back to the last good generation", "from", g.Number(), "reason", err)
			a.apply(ctx, effects)
			a.apply(ctx, a.machine.Convict())
			return
		}
	}
	a.log.Error("the host of a generation is given up; it is loaded again", "generation", g.Number(), "reason", err)
	a.apply(ctx, a.machine.Died(g))
}

// lookAfterFlights gives hosts up that do not answer: a batch is theirs to score
// from when it was sent, or from their last answer, whichever is later.
func (a *modelActor) lookAfterFlights(ctx actor.Context, now time.Time) {
	for _, f := range a.flights {
		begun := f.sent
		if f.host.answered.After(begun) {
			begun = f.host.answered
		}
		if f.host.stuck || now.Sub(begun) < a.cfg.ScoreTimeout+2*a.cfg.tick {
			continue
		}
		h := f.host
		h.stuck = true
		a.hostFailed(ctx, h, fmt.Errorf("no answer within %v", a.cfg.ScoreTimeout))
		return // the map has changed; the next tick sees the rest
	}
}

// answer ends a batch, or the portion of one.
func (a *modelActor) answer(f *flight, s *record.Scored) {
	if f.split != nil {
		a.take(f.portion, f.split, s)
		return
	}
	if f.replyTo != nil {
		a.system.Root.Send(f.replyTo, s)
	}
}

// count adds an answered batch to the statistics.
func (a *modelActor) count(f *flight, m *ScoreReply) {
	n := len(f.batch.Records)
	if n == 0 {
		return
	}
	s := a.stats
	us := float64(m.Spent.Nanoseconds()) / 1e3
	each := us / float64(n)
	if s.Records == 0 || each < s.MinUs {
		s.MinUs = each
	}
	s.MaxUs = max(s.MaxUs, each)
	s.Records += uint64(n)
	s.Batches++
	s.RecordErrors += uint64(len(m.Scored.Failures))
	s.TotalUs += us
	a.dirty = true
	a.metrics.scoredBatch(n, m)
}

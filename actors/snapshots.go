package actors

import (
	"context"
	"errors"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"google.golang.org/protobuf/proto"

	"github.com/modelstream/modelserver/actors/lifecycle"
	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/persistence"
)

// persist stores a generation's artifact and event, then lets it load. When the
// store fails the model is served all the same: the failure is logged and
// counted, and the next snapshot has what the event would have had.
func (a *modelActor) persist(ctx actor.Context, g *lifecycle.Generation) {
	event, err := proto.Marshal(g.Model)
	if err != nil { // invalid UTF-8 in a name, at most: refused at the door
		a.log.Error("an event cannot be encoded", "generation", g.Number(), "err", err)
	}
	artifact, digest := a.inline[g.Number()], g.Model.GetSha256()
	store := a.cfg.Store
	var seq uint64
	kept := false
	a.journal.add(&write{
		what:    "event",
		prepare: func() { seq = a.seq + 1 },
		do: func(ctx context.Context) error {
			if artifact != nil && model.NewArtifact(artifact).SHA256 == digest { // otherwise its load fails
				if err := store.PutArtifact(ctx, digest, artifact); err != nil {
					return err
				}
				kept = true
			}
			return a.asOwner(ctx, func() error { return store.Append(ctx, a.id, a.epoch, seq, event) })
		},
		done: func(err error, took time.Duration) {
			if err == nil {
				a.seq = seq
			}
			a.wrote("event", err, took)
			a.apply(ctx, a.machine.Persisted(g))
			if err == nil && a.machine.Loading() != g && kept {
				delete(a.inline, g.Number()) // the store has it
			}
			a.afterLoading(ctx)
		},
	})
}

// keepArtifact stores an artifact that came by reference, so that a restart
// does not have to fetch it again.
func (a *modelActor) keepArtifact(artifact model.Artifact) {
	a.journal.add(&write{
		what: "artifact",
		do: func(ctx context.Context) error {
			return a.cfg.Store.PutArtifact(ctx, artifact.SHA256, artifact.Bytes)
		},
		done: func(err error, took time.Duration) { a.wrote("artifact", err, took) },
	})
}

// snapshot stores the state. While one is waiting to be written, another is not
// needed: it takes the state when its turn comes.
func (a *modelActor) snapshot(then func(error)) {
	a.dirty = true
	if a.snapshotting && then == nil {
		a.arm()
		return
	}
	a.snapshotting = true
	var data []byte
	var seq uint64
	a.journal.add(&write{
		what: "snapshot",
		do: func(ctx context.Context) error {
			return a.asOwner(ctx, func() error { return a.cfg.Store.SaveSnapshot(ctx, a.id, a.epoch, seq, data) })
		},
		done: func(err error, took time.Duration) {
			a.wrote("snapshot", err, took)
			if then != nil {
				then(err)
			}
		},
		prepare: func() {
			a.snapshotting, a.dirty, a.snapshotAt = false, false, time.Now()
			seq, data = a.seq, a.encodeSnapshot()
		},
	})
}

func (a *modelActor) encodeSnapshot() []byte {
	s := a.machine.Snapshot()
	s.DataType, s.Statistics, s.TimeMs = a.dataType, a.stats, time.Now().UnixMilli()
	data, err := proto.Marshal(s)
	if err != nil {
		a.log.Error("a snapshot cannot be encoded", "err", err)
	}
	return data
}

// asOwner claims the id where recovery could not, then writes. It runs in the
// journal, which makes one write at a time; nobody else touches the epoch once
// recovery is over.
func (a *modelActor) asOwner(ctx context.Context, write func() error) (err error) {
	if a.epoch == 0 {
		if a.epoch, err = a.cfg.Store.Claim(ctx, a.id); err != nil {
			return err
		}
	}
	return write()
}

// wrote counts a write and reports its failure.
func (a *modelActor) wrote(what string, err error, took time.Duration) {
	if err != nil && errors.Is(err, a.journal.refuse) {
		return // it was not tried
	}
	a.metrics.stored(what, err, took)
	if err == nil {
		return
	}
	if errors.As(err, new(*persistence.FencedError)) {
		a.fenced(err)
		return
	}
	if s := (*persistence.SequenceError)(nil); errors.As(err, &s) {
		a.seq = s.Want - 1 // recovery could not read it, and nobody else writes
	}
	a.log.Error("the store failed; scoring goes on, and what is not stored is stored with a later snapshot", "what", what, "err", err)
	a.dirty = true
	a.arm()
}

// fenced ends writing for good: what is stored belongs to another server now.
func (a *modelActor) fenced(err error) {
	a.journal.refuse = err
	a.log.Error("another server has taken over what is stored of this data type; this one writes no more", "err", err)
	a.cfg.Fenced(a.dataType, err)
}

// onFlush writes a last snapshot and answers when it is stored.
func (a *modelActor) onFlush(replyTo *actor.PID) {
	answer := func(err error) {
		if replyTo != nil {
			a.system.Root.Send(replyTo, &flushed{err: err})
		}
	}
	if !a.recovered || a.journal.refuse != nil || (!a.dirty && a.journal.idle()) {
		answer(nil)
		return
	}
	a.snapshot(answer)
}

func cloneStatistics(s *messages.Statistics) *messages.Statistics {
	return proto.Clone(s).(*messages.Statistics)
}

func cloneAccepted(m *messages.ModelAccepted) *messages.ModelAccepted {
	return proto.Clone(m).(*messages.ModelAccepted)
}

package actors

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"google.golang.org/protobuf/proto"

	"github.com/modelstream/modelserver/actors/lifecycle"
	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/persistence"
)

const storeTimeout = 30 * time.Second

var errStopped = errors.New("the actor was stopped")

// recovery is what the store answered at start.
type recovery struct {
	epoch    uint64
	snapshot *messages.Snapshot
	events   []*messages.ModelAccepted
	lastSeq  uint64 // of what this server has stored
	numbers  uint64 // generations are not numbered below this
	from     string // the id of the sibling whose state it is; empty: its own
	damaged  []persistence.DamageError
	err      error
}

// recover claims the data type's id and asks the store, off the mailbox, what it
// remembers. Until it answers, batches and descriptors wait.
func (a *modelActor) recover() {
	system, self, node, dataType := a.system, a.self, a.node, a.dataType
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
		defer cancel()
		system.Root.Send(self, node.readRecovery(ctx, dataType))
	}()
}

func (m *Models) readRecovery(ctx context.Context, dataType string) *recovery {
	// Claim first: what is loaded then stays true, whoever wrote before.
	var epoch uint64
	err := contain("claiming what is stored", func() (err error) {
		epoch, err = m.cfg.Store.Claim(ctx, m.cfg.StoreID(dataType))
		return err
	})
	if err != nil {
		return &recovery{err: err}
	}
	r := m.stored(ctx, dataType)
	r.epoch = epoch
	return r
}

// readStored reads what is stored under an id.
func readStored(ctx context.Context, store persistence.Store, id string) *recovery {
	r := &recovery{}
	var stored *persistence.Recovery
	r.err = contain("reading the store", func() (err error) {
		stored, err = store.Load(ctx, id)
		return err
	})
	if r.err != nil {
		return r
	}
	r.lastSeq, r.numbers, r.damaged = stored.LastSeq, stored.LastSeq, stored.Damaged
	if stored.Snapshot != nil {
		r.snapshot = &messages.Snapshot{}
		if err := proto.Unmarshal(stored.Snapshot, r.snapshot); err != nil {
			r.snapshot = nil
			r.damaged = append(r.damaged, persistence.DamageError{What: fmt.Sprintf("snapshot of %q", id), Err: err})
		}
	}
	for _, e := range stored.Events {
		m := &messages.ModelAccepted{}
		if err := proto.Unmarshal(e.Data, m); err != nil {
			r.damaged = append(r.damaged, persistence.DamageError{What: fmt.Sprintf("event %d of %q", e.Seq, id), Err: err})
			continue
		}
		r.events = append(r.events, m)
	}
	return r
}

func (a *modelActor) onRecovery(ctx actor.Context, r *recovery) {
	a.recovered = true
	a.epoch, a.seq = r.epoch, r.lastSeq
	if r.err != nil {
		a.log.Error("the store cannot be read; starting without what it remembers, the models topic is read from its beginning", "err", r.err)
		a.node.reportDamage()
	}
	for i := range r.damaged {
		a.log.Error("stored state is damaged and was passed over; the models topic is read from its beginning", "err", &r.damaged[i])
		a.node.reportDamage()
	}
	if s := r.snapshot.GetStatistics(); s != nil {
		a.stats = s
	}
	a.machine = lifecycle.New(a.cfg.limits(), a.dormant || a.waking)
	a.apply(ctx, a.machine.Recover(r.snapshot, r.events, r.numbers))
	if r.from != "" {
		a.log.Info("nothing was stored by this server; its generations are those that another one has stored", "id", r.from)
		a.snapshot(nil) // from here on they are its own, and so are their artifacts
	}
	if a.waking {
		a.apply(ctx, a.machine.Activate())
	}
	early := a.early
	a.early = nil
	for _, o := range early {
		a.onOffer(ctx, o)
	}
	a.afterLoading(ctx)
}

// onAwaitRecovery answers when what served before the restart serves again, or
// cannot.
func (a *modelActor) onAwaitRecovery(m *awaitRecovery) {
	a.arrived = append(a.arrived, m.done)
	a.announceRecovery()
}

func (a *modelActor) announceRecovery() {
	if !a.recovered || a.machine.Loading() != nil {
		return
	}
	for _, done := range a.arrived {
		done <- nil
	}
	a.arrived = nil
}

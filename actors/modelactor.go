package actors

import (
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/modelstream/modelserver/actors/lifecycle"
	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/record"
)

// modelActor owns one data type. Receive is a switch that only delegates:
//
//	recovery.go    what the store remembers
//	offers.go      descriptors
//	generations.go loading, promotion: the lifecycle's effects
//	routing.go     which generation a batch goes to, and what it waits for
//	split.go       batches that need several
//	scoring.go     batches in flight, answers, falling back
//	passivation.go coming and going
//	snapshots.go   writing events and snapshots
type modelActor struct {
	cfg      *Config
	node     *Models
	dataType string
	log      *slog.Logger
	metrics  *dataTypeMetrics

	self    *actor.PID
	system  *actor.ActorSystem
	journal *journal
	ticking bool

	recovered bool
	early     []*offer       // descriptors that came before recovery was over
	backlog   []*offer       // descriptors for which the lifecycle has no room yet
	arrived   []chan<- error // who waits for recovery

	dormant   bool // descriptors are stored, and nothing is loaded
	waking    bool // batches wait until what was stored meanwhile has loaded
	touched   bool // something came since the last tick
	idleSince time.Time

	asked      bool      // whether it may leave
	leaveTried time.Time // when the last snapshot before leaving was asked for

	machine *lifecycle.Machine
	hosts   map[uint64]*hostRef // of every generation whose actor lives
	inline  map[uint64][]byte   // artifacts that came by value, until they are loaded
	waiters map[uint64][]*actor.PID
	spawned int // hosts so far, for unique names

	flights map[*record.Batch]*flight // batches in a host
	splits  map[*record.Batch]*split  // batches that are in several portions
	held    []*flight                 // batches that wait for a generation, in order
	floor   record.Place              // the last floor of a batch that was reached

	failedAt map[uint64]time.Time // when loading a good generation again failed

	stats        *messages.Statistics
	id           string // in the store
	epoch        uint64 // under which it is owned; 0 until it is claimed
	seq          uint64 // of the last event that was stored
	dirty        bool   // there is something that no snapshot has
	snapshotting bool
	snapshotAt   time.Time
}

// hostRef is a living host.
type hostRef struct {
	pid        *actor.PID
	generation *lifecycle.Generation
	cancel     func()    // gives up loading
	since      time.Time // when it was spawned
	answered   time.Time // when it last answered
	stuck      bool      // it does not answer any more
}

// The messages of a ModelActor, besides those of protocol.go and record.Batch.
type (
	// offer hands a descriptor over; a *messages.ModelOutcome goes to replyTo.
	offer struct {
		descriptor *messages.ModelDescriptor
		from       *messages.Source
		replyTo    *actor.PID
	}
	// stateQuery is answered with a *messages.ModelState.
	stateQuery struct{}
	// awaitRecovery gets one value when recovery is over.
	awaitRecovery struct{ done chan<- error }
	// flush writes a last snapshot and answers flushed.
	flush   struct{}
	flushed struct{ err error }
	// tick looks after what takes too long.
	tick struct{}
)

func (a *modelActor) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *record.Batch:
		a.onBatch(ctx, m)
	case *ScoreReply:
		a.onReply(ctx, m)
	case *offer:
		a.onOffer(ctx, m)
	case *Progress:
		a.onProgress(m)
	case *Fetched:
		a.onFetched(ctx, m)
	case *Ready:
		a.onReady(ctx, m)
	case *Failed:
		a.onFailed(ctx, m)
	case *written:
		a.journal.finish(m)
	case *recovery:
		a.onRecovery(ctx, m)
	case *awaitRecovery:
		a.onAwaitRecovery(m)
	case *tick:
		a.onTick(ctx)
	case *stateQuery:
		ctx.Respond(a.state())
	case *left:
		a.onLeft(ctx)
	case *flush:
		a.onFlush(ctx.Sender())
	case *actor.Started:
		a.onStarted(ctx)
	case *actor.Stopping:
		a.onStopping()
	case *actor.Terminated:
		a.onTerminated(ctx, m.Who)
	}
}

func (a *modelActor) onStarted(ctx actor.Context) {
	a.self, a.system = ctx.Self(), ctx.ActorSystem()
	a.journal = &journal{system: a.system, self: a.self, timeout: storeTimeout}
	a.idleSince = time.Now()
	a.arm()
	a.recover()
}

func (a *modelActor) onStopping() {
	for _, h := range a.hosts {
		h.cancel()
	}
	clear(a.hosts) // their deaths are not failures from here on
	for _, done := range a.arrived {
		done <- errStopped
	}
}

// arm asks for a tick while there is something to look after.
func (a *modelActor) arm() {
	if a.ticking {
		return
	}
	a.ticking = true
	self, system := a.self, a.system
	time.AfterFunc(a.cfg.tick, func() { system.Root.Send(self, &tick{}) })
}

func (a *modelActor) onTick(ctx actor.Context) {
	a.ticking = false
	now := time.Now()
	a.lookAfterLoading(ctx, now)
	a.lookAfterFlights(ctx, now)
	a.lookAfterHeld(ctx, now)
	a.apply(ctx, a.machine.Tick(now.UnixMilli()))
	if a.dirty && now.Sub(a.snapshotAt) >= a.cfg.SnapshotEvery {
		a.snapshot(nil)
	}
	a.lookAfterIdle(ctx, now)
	if a.dirty || len(a.flights) > 0 || len(a.held) > 0 || a.machine.Watchful() || a.dormant || a.cfg.IdleAfter > 0 {
		a.arm()
	}
}

// state answers a query.
func (a *modelActor) state() *messages.ModelState {
	s := stateOf(a.cfg.Node, a.dataType, a.machine, a.stats)
	s.HeldBatches, s.Passive = uint64(len(a.held)), a.dormant
	return s
}

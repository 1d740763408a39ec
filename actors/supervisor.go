package actors

import (
	"net/url"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/modelstream/modelserver/actors/lifecycle"
	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/record"
)

// supervisor spawns one ModelActor per data type, spawns it again with growing
// delays when it dies, lets it go when it has nothing to do, and stops all of
// them. It sees no payload: batches go from the router to the ModelActor
// directly, once it is there.
type supervisor struct {
	models   *Models
	children map[string]*child // by the id of their process
	byType   map[string]*child
}

type child struct {
	route   *route
	pid     *actor.PID
	deaths  int
	since   time.Time
	leaving bool      // it was told that nothing more comes
	waiting []*ensure // what came since
}

type (
	// ensure spawns the ModelActor of a data type unless it is there, then sends
	// it the message that was meant for it.
	ensure struct {
		route   *route
		message any
		sender  *actor.PID
	}
	// respawn ends the delay after a death.
	respawn struct{ child *child }
)

func (s *supervisor) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *ensure:
		s.onEnsure(ctx, m)
	case *leave:
		s.onLeave(ctx, m.pid)
	case *stay:
		s.onStay(ctx, m.pid)
	case *actor.Terminated:
		s.onTerminated(ctx, m.Who)
	case *respawn:
		s.spawn(ctx, m.child)
	}
}

func (s *supervisor) onEnsure(ctx actor.Context, m *ensure) {
	c := s.byType[m.route.dataType]
	if c == nil {
		c = &child{route: m.route}
		s.spawn(ctx, c)
	}
	if c.leaving {
		c.waiting = append(c.waiting, m)
		return
	}
	s.pass(ctx, c, m)
}

// pass hands a message over that was meant for the ModelActor.
func (s *supervisor) pass(ctx actor.Context, c *child, m *ensure) {
	if c.pid != nil {
		ctx.RequestWithCustomSender(c.pid, m.message, m.sender)
	}
	m.route.inHand.Add(-1)
}

// spawn starts a ModelActor under its stable name.
func (s *supervisor) spawn(ctx actor.Context, c *child) {
	m, dataType := s.models, c.route.dataType
	props := actor.PropsFromProducer(func() actor.Actor {
		return &modelActor{
			cfg: &m.cfg, node: m, dataType: dataType, id: m.cfg.StoreID(dataType), log: m.cfg.Logger.With("data_type", dataType),
			metrics: m.instruments.of(dataType), dormant: m.cfg.Activation == OnDemand,
			machine: lifecycle.New(m.cfg.limits(), true), // until recovery is over
			hosts:   map[uint64]*hostRef{}, inline: map[uint64][]byte{}, waiters: map[uint64][]*actor.PID{},
			flights: map[*record.Batch]*flight{}, splits: map[*record.Batch]*split{},
			failedAt: map[uint64]time.Time{}, stats: &messages.Statistics{},
		}
	}, actor.WithSupervisor(actor.NewOneForOneStrategy(0, 0, stopAlways)))
	pid, err := ctx.SpawnNamed(props, url.PathEscape(dataType))
	if err != nil {
		m.cfg.Logger.Error("a ModelActor cannot be spawned", "data_type", dataType, "err", err)
		return
	}
	if c.pid == nil {
		m.working.Add(1)
	}
	c.pid, c.since = pid, time.Now()
	s.children[pid.Id], s.byType[dataType] = c, c
	c.route.turn(pid)
}

// onLeave turns the route away from a ModelActor that has nothing to do.
func (s *supervisor) onLeave(ctx actor.Context, who *actor.PID) {
	c := s.children[who.Id]
	if c == nil || c.leaving || s.models.stopping.Load() {
		return
	}
	c.leaving = true
	c.route.turn(nil)
	ctx.Send(who, &left{})
}

// onStay lets a ModelActor stay for which something came after all.
func (s *supervisor) onStay(ctx actor.Context, who *actor.PID) {
	c := s.children[who.Id]
	if c == nil {
		return
	}
	c.route.turn(c.pid)
	s.arrive(ctx, c)
}

// arrive hands over what came while a ModelActor was leaving.
func (s *supervisor) arrive(ctx actor.Context, c *child) {
	c.leaving = false
	waiting := c.waiting
	c.waiting = nil
	for _, m := range waiting {
		s.pass(ctx, c, m)
	}
}

// onTerminated forgets a ModelActor that has left, and spawns one again that has
// died, unless the node stops.
func (s *supervisor) onTerminated(ctx actor.Context, who *actor.PID) {
	c := s.children[who.Id]
	if c == nil || s.models.stopping.Load() {
		return
	}
	if c.leaving {
		s.gone(ctx, c)
		return
	}
	if time.Since(c.since) > s.models.cfg.RestartCeiling {
		c.deaths = 0 // it had lived well
	}
	c.deaths++
	delay := min(s.models.cfg.RestartBackoff<<min(c.deaths-1, 20), s.models.cfg.RestartCeiling)
	dataType := c.route.dataType
	s.models.instruments.of(dataType).count(s.models.instruments.restarts)
	s.models.cfg.Logger.Error("a ModelActor died and is spawned again", "data_type", dataType, "deaths", c.deaths, "delay", delay)
	system, self := ctx.ActorSystem(), ctx.Self()
	time.AfterFunc(delay, func() { system.Root.Send(self, &respawn{child: c}) })
}

// gone forgets a ModelActor that has left, or brings it back at once.
func (s *supervisor) gone(ctx actor.Context, c *child) {
	if len(c.waiting) > 0 {
		s.spawn(ctx, c)
		s.arrive(ctx, c)
		return
	}
	delete(s.children, c.pid.Id)
	delete(s.byType, c.route.dataType)
	s.models.serving.Delete(c.route.dataType)
	s.models.working.Add(-1)
}

// stopAlways lets a failing child die; its parent sees it and decides.
func stopAlways(any) actor.Directive { return actor.StopDirective }

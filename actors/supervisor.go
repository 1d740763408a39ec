package actors

import (
	"net/url"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/record"
)

// supervisor spawns one ModelActor per data type, spawns it again with growing
// delays when it dies, and stops all of them. It sees no payload: batches go
// from the router to the ModelActor directly.
type supervisor struct {
	models   *Models
	children map[string]*child // by the id of their process
}

type child struct {
	dataType string
	deaths   int
	since    time.Time
}

type (
	// ensure spawns the ModelActor of a data type unless it is there, then sends
	// it the message that was meant for it.
	ensure struct {
		dataType string
		message  any
		sender   *actor.PID
	}
	// respawn ends the delay after a death.
	respawn struct{ dataType string }
)

func (s *supervisor) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *ensure:
		s.onEnsure(ctx, m)
	case *actor.Terminated:
		s.onTerminated(ctx, m.Who)
	case *respawn:
		s.spawn(ctx, m.dataType, s.child(m.dataType))
	}
}

func (s *supervisor) child(dataType string) *child {
	for _, c := range s.children {
		if c.dataType == dataType {
			return c
		}
	}
	return nil
}

func (s *supervisor) onEnsure(ctx actor.Context, m *ensure) {
	pid := s.models.lookup(m.dataType)
	if pid == nil {
		pid = s.spawn(ctx, m.dataType, nil)
	}
	if pid != nil && m.message != nil {
		ctx.RequestWithCustomSender(pid, m.message, m.sender)
	}
}

// spawn starts a ModelActor under its stable name.
func (s *supervisor) spawn(ctx actor.Context, dataType string, c *child) *actor.PID {
	m := s.models
	props := actor.PropsFromProducer(func() actor.Actor {
		return &modelActor{
			cfg: &m.cfg, node: m, dataType: dataType, id: m.cfg.StoreID(dataType), log: m.cfg.Logger.With("data_type", dataType),
			metrics: m.instruments.of(dataType),
			hosts:   map[uint64]*hostRef{}, inline: map[uint64][]byte{}, waiters: map[uint64][]*actor.PID{},
			flights: map[*record.Batch]*flight{}, stats: &messages.Statistics{},
		}
	}, actor.WithSupervisor(actor.NewOneForOneStrategy(0, 0, stopAlways)))
	pid, err := ctx.SpawnNamed(props, url.PathEscape(dataType))
	if err != nil {
		m.cfg.Logger.Error("a ModelActor cannot be spawned", "data_type", dataType, "err", err)
		return nil
	}
	if c == nil {
		c = &child{dataType: dataType}
	}
	c.since = time.Now()
	s.children[pid.Id] = c
	m.add(dataType, pid)
	return pid
}

// onTerminated spawns a ModelActor again that died, unless the node stops.
func (s *supervisor) onTerminated(ctx actor.Context, who *actor.PID) {
	c := s.children[who.Id]
	if c == nil || s.models.stopping.Load() {
		return
	}
	if time.Since(c.since) > s.models.cfg.RestartCeiling {
		c.deaths = 0 // it had lived well
	}
	c.deaths++
	delay := min(s.models.cfg.RestartBackoff<<min(c.deaths-1, 20), s.models.cfg.RestartCeiling)
	s.models.instruments.of(c.dataType).count(s.models.instruments.restarts)
	s.models.cfg.Logger.Error("a ModelActor died and is spawned again", "data_type", c.dataType, "deaths", c.deaths, "delay", delay)
	system, self := ctx.ActorSystem(), ctx.Self()
	time.AfterFunc(delay, func() { system.Root.Send(self, &respawn{dataType: c.dataType}) })
}

// stopAlways lets a failing child die; its parent sees it and decides.
func stopAlways(any) actor.Directive { return actor.StopDirective }

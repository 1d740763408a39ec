package actors

import (
	"sync"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
)

// route is the way to the ModelActor of a data type that is known: models were
// published for it, or the store remembers it. Where there is no ModelActor the
// supervisor brings one up, or back.
//
// Messages of one sender arrive in the order in which they were sent, also while
// the ModelActor comes and goes: as long as the supervisor has messages in hand,
// all others take the way through it.
type route struct {
	dataType string
	mu       sync.RWMutex // the supervisor closes the route; nobody is sending then
	pid      *actor.PID   // nil: passive
	inHand   atomic.Int64 // messages on their way through the supervisor
}

// send delivers a message to the ModelActor.
func (r *route) send(system *actor.ActorSystem, supervisor *actor.PID, message any, sender *actor.PID) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.pid != nil && r.inHand.Load() == 0 {
		system.Root.RequestWithCustomSender(r.pid, message, sender)
		return
	}
	r.inHand.Add(1)
	system.Root.Send(supervisor, &ensure{route: r, message: message, sender: sender})
}

// active returns the ModelActor, or nil.
func (r *route) active() *actor.PID {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.pid
}

// turn lets the route lead to a ModelActor, or with nil to the supervisor. Once it
// has returned, nothing more goes the way that it led before.
func (r *route) turn(pid *actor.PID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pid = pid
}

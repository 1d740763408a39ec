package kafka

import (
	"context"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/twmb/franz-go/pkg/kgo"
)

// session is one client with the goroutines around it, from a start of an
// ingestion actor to its restart, renewal or end. Nothing in it changes once it
// runs, so that its goroutines and the client's callbacks may read it.
type session struct {
	client *kgo.Client
	ctx    context.Context // ends with the session
	cancel context.CancelFunc
	root   *actor.RootContext
	actor  *actor.PID
	began  time.Time
}

// signal is what a session's goroutines tell the actor. It names its session:
// what an earlier one has left in the mailbox means nothing any more.
type signal struct {
	from    *session
	message any
}

func newSession(ctx actor.Context) *session {
	s := &session{root: ctx.ActorSystem().Root, actor: ctx.Self(), began: time.Now()}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// tell sends the actor a message, from any goroutine.
func (s *session) tell(message any) { s.root.Send(s.actor, &signal{from: s, message: message}) }

// abandon ends the session at once: no drain, no commit.
func (s *session) abandon() {
	s.cancel()
	if s.client != nil {
		go s.client.CloseAllowingRebalance()
	}
}

// pause waits, and returns false when the session has ended.
func (s *session) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-s.ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// tick is the actor's clock.
type tick struct{}

// beatEvery is the clock's period: how exact deadlines are.
const beatEvery = 50 * time.Millisecond

// beat sends ticks until the session ends.
func (s *session) beat(every time.Duration) {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-t.C:
			s.tell(tick{})
		}
	}
}

// remadeReason says why a session is of no use any more: a client never takes a
// topic's new identity, and making it forget the topic would make its producer
// count from 0 again, which brokers take for repeats.
func remadeReason(topic string) string { return "topic " + topic + " was deleted and made anew" }

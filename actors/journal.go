package actors

import (
	"context"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// journal runs a ModelActor's writes to the store: one after another, off the
// mailbox, each with its outcome sent back as a message. It is touched in the
// ModelActor's Receive only.
type journal struct {
	system  *actor.ActorSystem
	self    *actor.PID
	timeout time.Duration
	queue   []*write
	busy    bool
	refuse  error // when set, the outcome of every write from then on
}

// write is one job for the store.
type write struct {
	what    string                      // "event", "artifact", "snapshot"
	prepare func()                      // runs in Receive when its turn comes; may be nil
	do      func(context.Context) error // runs on a goroutine of its own
	done    func(error, time.Duration)  // runs in Receive
}

// written is the message that ends a write.
type written struct {
	write *write
	err   error
	took  time.Duration
}

func (j *journal) add(w *write) {
	j.queue = append(j.queue, w)
	j.next()
}

// idle says that nothing is being written or waits for it.
func (j *journal) idle() bool { return !j.busy && len(j.queue) == 0 }

func (j *journal) next() {
	if j.busy || len(j.queue) == 0 {
		return
	}
	w := j.queue[0]
	j.queue = j.queue[1:]
	j.busy = true
	if w.prepare != nil {
		w.prepare()
	}
	system, self, timeout, refuse := j.system, j.self, j.timeout, j.refuse
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		start := time.Now()
		err := refuse
		if err == nil {
			err = contain("writing to the store", func() error { return w.do(ctx) })
		}
		system.Root.Send(self, &written{write: w, err: err, took: time.Since(start)})
	}()
}

// finish takes the outcome of a write and starts the next one.
func (j *journal) finish(m *written) {
	j.busy = false
	m.write.done(m.err, m.took)
	j.next()
}

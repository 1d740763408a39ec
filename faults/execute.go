package faults

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/modelstream/modelserver/faults/plan"
	"github.com/modelstream/modelserver/faults/proxy"
)

// Event is a fault that was done.
type Event struct {
	plan.Fault
	Began, Over time.Time
	// Missed says why it could not be done, or not be ended: a plan cannot know
	// how long a process takes.
	Missed error
}

// executor does what a plan says.
type executor struct {
	*cluster
	began   time.Time
	victims map[string]*sync.Mutex // one fault at a time for each process

	mu     sync.Mutex
	events []Event
}

// execute does the plan and returns when all faults are over or ctx has ended.
func (c *cluster) execute(ctx context.Context, p plan.Plan) []Event {
	e := &executor{cluster: c, began: time.Now(), victims: map[string]*sync.Mutex{}}
	for _, f := range p {
		e.victims[victim(f)] = &sync.Mutex{}
	}
	var done sync.WaitGroup
	for _, f := range p {
		done.Go(func() {
			if wait(ctx, time.Until(e.began.Add(f.At))) {
				e.do(ctx, f)
			}
		})
	}
	done.Wait()
	return e.events
}

func victim(f plan.Fault) string {
	if f.Kind == plan.Cut || f.Kind == plan.LoseCommit {
		return fmt.Sprint("link ", f.Number)
	}
	return fmt.Sprint(f.Party, f.Number)
}

// wait says false when ctx ended first.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// do does one fault, from its beginning to its end.
func (e *executor) do(ctx context.Context, f plan.Fault) {
	lock := e.victims[victim(f)]
	lock.Lock()
	defer lock.Unlock()
	ev := Event{Fault: f, Began: time.Now()}
	e.cfg.Log("%v", f)
	begin, end := e.action(ctx, f)
	if ev.Missed = begin(); ev.Missed == nil {
		wait(ctx, f.For)
		ev.Missed = end()
	}
	if ev.Missed != nil {
		e.cfg.Log("missed: %v: %v", f, ev.Missed)
	}
	ev.Over = time.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.events = append(e.events, ev)
}

func nothing() error { return nil }

// action returns what begins a fault and what ends it.
func (e *executor) action(ctx context.Context, f plan.Fault) (begin, end func() error) {
	if f.Party == plan.Broker {
		return e.onBroker(ctx, f)
	}
	s, link := e.servers[f.Number-1], e.links[f.Number-1]
	switch f.Kind {
	case plan.Kill:
		return func() error { s.Kill(); return nil }, s.Start
	case plan.Stop:
		return func() error {
			ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
			defer cancel()
			return s.Stop(ctx)
		}, s.Start
	case plan.Freeze:
		return s.Freeze, s.Continue
	case plan.Start:
		return s.Start, nothing
	case plan.LoseCommit:
		return func() error { link.LoseCommit(f.For); return nil }, nothing
	case plan.Cut:
		return func() error { cut(link, f); return nil }, func() error { link.Heal(); return nil }
	}
	return func() error { return fmt.Errorf("faults: nobody knows how to %s a server", f.Kind) }, nothing
}

func (e *executor) onBroker(ctx context.Context, f plan.Fault) (begin, end func() error) {
	b := e.brokers.Nodes[f.Number-1]
	start := func() error { return b.Start(ctx) }
	switch f.Kind {
	case plan.Kill:
		return func() error { b.Kill(); return nil }, start
	case plan.Stop:
		return func() error { return b.Stop(ctx) }, start
	case plan.Freeze:
		return b.Freeze, b.Continue
	}
	return func() error { return fmt.Errorf("faults: nobody knows how to %s a broker", f.Kind) }, nothing
}

func cut(link *proxy.Link, f plan.Fault) {
	switch {
	case f.Way == plan.Reset:
		link.Reset()
	case f.Side == plan.Requests:
		link.Silence(proxy.Requests)
	case f.Side == plan.Answers:
		link.Silence(proxy.Answers)
	default:
		link.Silence(proxy.Requests | proxy.Answers)
	}
}

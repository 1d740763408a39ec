package demo

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/node"
)

// watcher puts together what the server says of itself and what is seen of its
// results.
type watcher struct {
	node *node.Node

	mu      sync.Mutex
	seen    map[string]*seen // by data type
	sampled time.Time
	// Generations leave the server's memory after a while; the table's events
	// are kept here.
	events map[key]event
	took   int // generations that came to serve
	turned int // generations that were rejected
}

type key struct {
	dataType string
	number   uint64
}

// seen is what results tell of one data type.
type seen struct {
	results   int64
	by        map[uint64]int64 // generation → results
	latencies *latencies
	before    int64 // results at the last sample
	rate      float64
}

func newWatcher(n *node.Node) *watcher {
	return &watcher{node: n, seen: map[string]*seen{}, events: map[key]event{}, sampled: time.Now()}
}

// result counts one result that arrived at a time.
func (w *watcher) result(r *messages.ServingResult, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.seen[r.GetDataType()]
	if s == nil {
		s = &seen{by: map[uint64]int64{}, latencies: &latencies{}}
		w.seen[r.GetDataType()] = s
	}
	s.results++
	s.by[r.GetGeneration().GetNumber()]++
	s.latencies.add(at.Sub(time.UnixMilli(r.GetRecordTimeMs())))
}

// sample asks the server and returns the present view, and the events that are
// new or have changed since the last one, oldest first.
func (w *watcher) sample(ctx context.Context) (rows []row, events, changed []event, err error) {
	states, err := w.node.Models().States(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	stats := w.node.Records().Stats()
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	elapsed := now.Sub(w.sampled).Seconds()
	w.sampled = now
	for _, s := range states.GetModels() {
		rows = append(rows, w.row(s, elapsed))
		for _, g := range s.GetGenerations() {
			k, e := key{s.GetDataType(), g.GetModel().GetNumber()}, w.event(s.GetDataType(), g)
			if was, known := w.events[k]; !known || was.Kind != e.Kind {
				changed = append(changed, e)
				w.tally(was.Kind, e.Kind)
			}
			w.events[k] = e
		}
	}
	w.forget()
	if len(rows) == 1 { // one data type: all that was read is its
		rows[0].Records = stats.Consumed
	}
	events = slices.SortedFunc(maps.Values(w.events), func(a, b event) int { return cmp.Compare(b.Number, a.Number) })
	return rows, events, changed, nil
}

// tally counts what became of a generation, once.
func (w *watcher) tally(was, is eventKind) {
	switch {
	case is == rejected:
		w.turned++
	case (is == serves || is == served) && was != serves && was != served:
		w.took++
	}
}

// remembered is how many generations of a data type the table knows.
const remembered = 100

// forget drops what is too old to be shown.
func (w *watcher) forget() {
	newest := map[string]uint64{}
	for k := range w.events {
		newest[k.dataType] = max(newest[k.dataType], k.number)
	}
	maps.DeleteFunc(w.events, func(k key, _ event) bool { return k.number+remembered < newest[k.dataType] })
	for name, s := range w.seen {
		maps.DeleteFunc(s.by, func(number uint64, _ int64) bool { return number+remembered < newest[name] })
	}
}

func (w *watcher) row(s *messages.ModelState, elapsed float64) row {
	r := row{DataType: s.GetDataType(), Records: int64(s.GetStatistics().GetRecords())}
	if g := s.GetCurrent(); g != nil {
		r.Model, r.Type, r.Number = title(g.GetModel()), g.GetModel().GetType(), g.GetModel().GetNumber()
		r.Since = time.UnixMilli(g.GetServingSinceMs())
	}
	seen := w.seen[s.GetDataType()]
	if seen == nil {
		return r
	}
	if elapsed > 0 { // smoothed over about a second
		rate := float64(seen.results-seen.before) / elapsed
		weight := min(elapsed, 1)
		seen.rate += (rate - seen.rate) * weight
		seen.before = seen.results
	}
	q := seen.latencies.quantiles(.5, .99)
	r.Results, r.Rate, r.P50, r.P99 = seen.results, seen.rate, q[0], q[1]
	return r
}

func (w *watcher) event(dataType string, g *messages.GenerationState) event {
	m := g.GetModel()
	e := event{Number: m.GetNumber(), Model: title(m), Type: m.GetType(), At: time.UnixMilli(m.GetAcceptedTimeMs())}
	if since := g.GetServingSinceMs(); since > 0 {
		e.At = time.UnixMilli(since)
	}
	switch g.GetPhase() {
	case messages.GenerationState_SERVING:
		e.Kind = serves
		e.Detail = fmt.Sprintf("%s after it came", time.Duration(g.GetServingSinceMs()-m.GetAcceptedTimeMs())*time.Millisecond)
	case messages.GenerationState_DRAINING, messages.GenerationState_CLOSED:
		e.Kind = served
		if s := w.seen[dataType]; s != nil {
			e.Detail = fmt.Sprintf("%s results", thousands(s.by[m.GetNumber()]))
		}
	case messages.GenerationState_REJECTED:
		e.Kind, e.Detail = rejected, g.GetReason()
	default:
		e.Kind = loading
	}
	return e
}

func title(m *messages.ModelAccepted) string {
	if m.GetVersion() == "" {
		return m.GetName()
	}
	return m.GetName() + " " + m.GetVersion()
}

package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// RecordStats is where record ingestion stands. Counts are since the start of
// the process.
type RecordStats struct {
	Consumed     int64 // records read
	Results      int64 // results acknowledged
	DeadLettered int64 // records that could not be processed
	Dropped      int64 // records that no model serves
	InFlight     int   // records polled and not settled
	Held         int   // records of partitions that are held up
	Batches      int   // batches that await their scores
	Lag          int64 // records not settled, over all partitions
	Partitions   []PartitionLag
	// LatencySum and LatencyCount are of the oldest record of each chunk, from
	// its timestamp to the acknowledgement; LatencyMax is since the last call.
	LatencySum   time.Duration
	LatencyCount int64
	LatencyMax   time.Duration
}

// PartitionLag is where one partition stands.
type PartitionLag struct {
	Topic     string
	Partition int32
	Position  int64 // settled up to here; -1: nothing yet
	Committed int64 // committed up to here by this process; -1: nothing yet
	HighWater int64 // end of the log when it was last read
	Held      bool
}

// Lag is the number of records that are not settled.
func (p PartitionLag) Lag() int64 {
	if p.Position < 0 {
		return 0
	}
	return max(0, p.HighWater-p.Position)
}

// Stats returns where record ingestion stands.
func (r *Records) Stats() RecordStats { return r.status.stats() }

// Health returns why records are not being processed, naming each part that
// fails, or nil when all is well.
func (r *Records) Health() error { return r.status.health() }

// recordStatus is what the actor and its helpers let others see.
type recordStatus struct {
	consumed     atomic.Int64
	results      atomic.Int64
	deadLettered atomic.Int64
	dropped      atomic.Int64
	latencySum   atomic.Int64
	latencyCount atomic.Int64
	latencyMax   atomic.Int64
	view         atomic.Pointer[recordView]
	anyUnread    atomic.Bool

	mu        sync.Mutex
	state     string // why nothing runs, or ""
	conn      *connection
	inGroup   bool
	topicErr  error
	commitErr error
	txnErr    error
	progErr   error
	stuckOn   map[partitionID]error // cannot produce for
	unread    map[partitionID]unread
}

// unread is why a partition cannot be fetched.
type unread struct {
	err error
	at  time.Time
}

// actorSilence is how long the actor may go without its clock.
const actorSilence = 10 * time.Second

// recordView is what the actor publishes with each tick.
type recordView struct {
	at           time.Time
	lags         []PartitionLag
	active, held load
	batches      int
}

func newRecordStatus() *recordStatus {
	s := &recordStatus{state: "not started"}
	s.view.Store(&recordView{})
	return s
}

func (s *recordStatus) starting(conn *connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.conn, s.inGroup = "", conn, false
	s.view.Store(&recordView{at: time.Now()})
	s.topicErr, s.commitErr, s.txnErr, s.progErr = errors.New("topics are not looked up yet"), nil, nil, nil
	s.stuckOn, s.unread = map[partitionID]error{}, map[partitionID]unread{}
}

func (s *recordStatus) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *recordStatus) stopped()            { s.set(func() { s.state = "stopped" }) }
func (s *recordStatus) draining()           { s.set(func() { s.state = "draining" }) }
func (s *recordStatus) joined(in bool)      { s.set(func() { s.inGroup = in; clear(s.unread) }) }
func (s *recordStatus) topics(err error)    { s.set(func() { s.topicErr = err }) }
func (s *recordStatus) committed(err error) { s.set(func() { s.commitErr = err }) }

func (s *recordStatus) transactions(err error) { s.set(func() { s.txnErr = err }) }
func (s *recordStatus) progress(err error)     { s.set(func() { s.progErr = err }) }

// stuck notes that nothing of a partition can be produced, and returns whether
// that is news.
func (s *recordStatus) stuck(id partitionID, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, known := s.stuckOn[id]
	s.stuckOn[id] = err
	return !known
}
func (s *recordStatus) unstuck(id partitionID) { s.set(func() { delete(s.stuckOn, id) }) }

// unreadable notes that a partition cannot be fetched, and returns whether that
// is news.
func (s *recordStatus) unreadable(id partitionID, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, known := s.unread[id]
	s.unread[id] = unread{err: err, at: time.Now()}
	s.anyUnread.Store(true)
	return !known || old.err.Error() != err.Error()
}

// readable notes that records of a partition came.
func (s *recordStatus) readable(id partitionID) {
	if s.anyUnread.Load() {
		s.set(func() {
			delete(s.unread, id)
			s.anyUnread.Store(len(s.unread) > 0)
		})
	}
}

// settled counts a chunk that is done.
func (s *recordStatus) settled(c *chunk) {
	s.results.Add(int64(c.results))
	s.deadLettered.Add(int64(c.deadLettered))
	s.dropped.Add(int64(c.dropped))
	took := int64(c.age())
	s.latencySum.Add(took)
	s.latencyCount.Add(1)
	if took > s.latencyMax.Load() {
		s.latencyMax.Store(took) // the actor is the only one that stores more
	}
}

func (s *recordStatus) publish(v *recordView) { s.view.Store(v) }

func (s *recordStatus) stats() RecordStats {
	v := s.view.Load()
	out := RecordStats{
		Consumed:     s.consumed.Load(),
		Results:      s.results.Load(),
		DeadLettered: s.deadLettered.Load(),
		Dropped:      s.dropped.Load(),
		InFlight:     v.active.records,
		Held:         v.held.records,
		Batches:      v.batches,
		Partitions:   v.lags,
		LatencySum:   time.Duration(s.latencySum.Load()),
		LatencyCount: s.latencyCount.Load(),
		LatencyMax:   time.Duration(s.latencyMax.Swap(0)),
	}
	for _, p := range v.lags {
		out.Lag += p.Lag()
	}
	return out
}

// connected returns why no broker answers, or nil.
func (s *recordStatus) connected() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn.health(time.Now())
}

func (s *recordStatus) health() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != "" {
		return fmt.Errorf("record ingestion is %s", s.state)
	}
	var errs []error
	add := func(part string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", part, err))
		}
	}
	if since := time.Since(s.view.Load().at); since > actorSilence {
		errs = append(errs, fmt.Errorf("actor: has not moved for %v", since.Round(time.Second)))
	}
	add("connection", s.conn.health(time.Now()))
	add("topics", s.topicErr)
	if !s.inGroup {
		errs = append(errs, errors.New("group: not a member yet"))
	}
	add("commit", s.commitErr)
	add("transactions", s.txnErr)
	add("progress", s.progErr)
	for id, err := range s.stuckOn {
		add(fmt.Sprintf("results of %s/%d", id.topic, id.partition), err)
	}
	for id, u := range s.unread {
		if time.Since(u.at) < unreadFor {
			add(fmt.Sprintf("reading %s/%d", id.topic, id.partition), u.err)
		}
	}
	return errors.Join(errs...)
}

func (s *recordStatus) observeLag(_ context.Context, o metric.Int64Observer) error {
	for _, p := range s.view.Load().lags {
		o.Observe(p.Lag(), metric.WithAttributes(
			attribute.String("topic", p.Topic), attribute.Int("partition", int(p.Partition))))
	}
	return nil
}

func (s *recordStatus) observeInFlight(_ context.Context, o metric.Int64Observer) error {
	v := s.view.Load()
	o.Observe(int64(v.active.records), metric.WithAttributes(attribute.String("state", "active")))
	o.Observe(int64(v.held.records), metric.WithAttributes(attribute.String("state", "held")))
	return nil
}

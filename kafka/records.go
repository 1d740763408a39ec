package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/metric"

	"github.com/modelstream/modelserver/record"
)

// Scorer routes batches to the models of their data types.
type Scorer interface {
	// Score hands a batch over and returns at once. A *record.Scored comes back
	// to replyTo as a message, at most one for each batch: possibly none, when
	// an actor died; so batch.Deadline.
	Score(batch *record.Batch, replyTo *actor.PID)
}

// RecordsOptions is what record ingestion is made of.
type RecordsOptions struct {
	Config *Config
	Topics []Topic // Config.Records.Topics, bound to their formats
	Scorer Scorer
	Log    *slog.Logger
	Meter  metric.Meter
}

// Records is the handle of the record ingestion actor: the one thing that
// others hold of it. Its methods may be called by any goroutine.
type Records struct {
	config  *Config
	topics  []Topic
	scorer  Scorer
	log     *slog.Logger
	metrics *recordMetrics
	letters deadLetters
	status  *recordStatus

	running atomic.Pointer[runningActor]
}

// runningActor is the actor's present incarnation.
type runningActor struct {
	system *actor.ActorSystem
	pid    *actor.PID
}

// NewRecords checks the configuration and returns the handle. Nothing runs
// until its [Records.Props] are spawned.
func NewRecords(o RecordsOptions) (*Records, error) {
	r := &Records{
		config:  o.Config,
		topics:  o.Topics,
		scorer:  o.Scorer,
		log:     o.Log,
		status:  newRecordStatus(),
		letters: o.Config.deadLetters(),
	}
	if _, err := newSplitter(o.Topics, o.Config.Records.BatchRecords); err != nil {
		return nil, err
	}
	opts, err := r.clientOptions(nil, nil)
	if err != nil {
		return nil, err
	}
	if err := kgo.ValidateOpts(opts...); err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	r.metrics, err = newRecordMetrics(o.Meter, r.status)
	return r, err
}

// Props returns the props to spawn the actor with, once per process. A restart
// by its supervisor closes the client without a commit and starts over from the
// committed offsets: nothing is lost.
func (r *Records) Props() *actor.Props {
	return actor.PropsFromProducer(func() actor.Actor { return newRecordsActor(r) })
}

// Drain stops polling, waits until what is in flight is produced and
// acknowledged, commits, and leaves the group (a static member stays in it).
// It returns when that is done, or with an error that says what was left
// undone when ctx ended first: those records are read again by whoever gets
// their partitions. The actor does nothing any more afterwards; stop it.
func (r *Records) Drain(ctx context.Context) error {
	running := r.running.Load()
	if running == nil {
		return nil
	}
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(time.Hour)
	}
	reply := make(chan error, 1)
	running.system.Root.Send(running.pid, &drain{deadline: deadline, reply: reply})
	// The actor keeps the deadline itself; the grace is for leaving the group.
	grace := time.NewTimer(time.Until(deadline) + leaveGrace)
	defer grace.Stop()
	select {
	case err := <-reply:
		return err
	case <-grace.C:
		return errors.New("record ingestion does not answer")
	}
}

// leaveGrace is how long leaving the group may take after the drain's deadline.
const leaveGrace = 5 * time.Second

// recordsActor owns the state of record ingestion. Only its Receive and what
// that calls touch the fields; other goroutines send it messages.
type recordsActor struct {
	*Records
	root   *actor.RootContext
	self   *actor.PID
	ctx    context.Context // ends with this incarnation
	cancel context.CancelFunc

	client   *kgo.Client
	poller   *poller
	stopPoll context.CancelFunc
	polling  bool // a permission is out

	parts    map[partitionID]*partition
	window   window
	pending  map[*record.Batch]*flight // batches that may be answered
	retries  []*flight                 // that wait to be sent again
	commits  commitState
	leaving  []*revoked // revocations that wait for work in flight
	draining *drain
	closing  bool
}

// partitionID names a partition.
type partitionID struct {
	topic     string
	partition int32
}

// partition is an assigned partition.
type partition struct {
	partitionID
	queue
	held        bool
	leaving     bool
	headSince   time.Time // when the chunk that is waited for got to the front
	committed   int64
	highWater   int64
	repair      repair
	lastFetched time.Time
}

func newRecordsActor(r *Records) *recordsActor {
	c := &r.config.Records
	return &recordsActor{
		Records: r,
		parts:   map[partitionID]*partition{},
		pending: map[*record.Batch]*flight{},
		window:  window{maxRecords: c.InFlightRecords, pollRecords: c.PollRecords, maxBytes: c.InFlightBytes},
	}
}

// Receive implements [actor.Actor].
func (r *recordsActor) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		r.start(ctx)
	case *actor.Stopping, *actor.Restarting:
		r.stop()
	case *polled:
		r.take(m)
	case *record.Scored:
		r.scored(m)
	case *chunk:
		r.produced(m)
	case *tick:
		r.tick(m)
	case *assigned:
		r.assign(m)
	case *revoked:
		r.revoke(m)
	case *lost:
		r.lose(m)
	case *committed:
		r.committed(m)
	case *drain:
		r.drain(m)
	case *closed:
		r.closed(m)
	}
}

func (r *recordsActor) start(ctx actor.Context) {
	r.root, r.self = ctx.ActorSystem().Root, ctx.Self()
	r.ctx, r.cancel = context.WithCancel(context.Background())
	conn := newConnection(r.log)
	r.status.starting(conn)
	opts, err := r.clientOptions(r, conn)
	if err == nil {
		r.client, err = kgo.NewClient(opts...)
	}
	if err != nil { // the options were checked: a file has changed meanwhile
		r.log.Error("record ingestion cannot make its Kafka client", "error", err)
		r.status.topics(fmt.Errorf("make the Kafka client: %w", err))
		return
	}
	splitter, _ := newSplitter(r.topics, r.config.Records.BatchRecords) // checked in NewRecords
	r.poller = &poller{
		client:   r.client,
		splitter: splitter,
		permits:  make(chan int, 1),
		taken:    make(chan struct{}, 1),
		deliver:  func(p *polled) { r.tell(p) },
		stopped:  make(chan struct{}),
	}
	var pollCtx context.Context
	pollCtx, r.stopPoll = context.WithCancel(r.ctx)
	go r.poller.run(pollCtx)
	go r.watchTopics()
	go beat(r.ctx, min(beatEvery, r.config.Records.CommitInterval), r.tell)
	r.running.Store(&runningActor{system: ctx.ActorSystem(), pid: r.self})
	r.permit()
}

// stop ends this incarnation at once: no drain, no commit.
func (r *recordsActor) stop() {
	r.cancel()
	r.status.stopped()
	if r.client != nil && !r.closing {
		r.closing = true
		go r.client.CloseAllowingRebalance()
	}
}

// tell sends the actor a message, from any goroutine.
func (r *recordsActor) tell(m any) { r.root.Send(r.self, m) }

// permit lets the poll goroutine poll once if there is room for what it brings.
func (r *recordsActor) permit() {
	if r.polling || r.draining != nil {
		return
	}
	if n := r.window.room(); n > 0 {
		r.polling = true
		r.poller.permits <- n
	}
}

// take accepts a poll: its chunks queue up, its batches go to be scored.
func (r *recordsActor) take(p *polled) {
	r.polling = false
	now := time.Now()
	for _, c := range p.chunks {
		r.enqueue(c, now)
	}
	r.poller.taken <- struct{}{}
	for _, e := range p.errs {
		r.fetchFailed(e)
	}
	for _, f := range p.flights {
		r.send(f, now)
	}
	for _, c := range p.chunks { // some need no score
		if c.part != nil && c.unscored == 0 {
			r.advance(c.part)
		}
	}
	r.metrics.polled(p)
	r.permit()
}

func (r *recordsActor) enqueue(c *chunk, now time.Time) {
	part := r.parts[partitionID{c.topic, c.partition}]
	if part == nil || part.leaving || r.closing {
		return // its next owner reads it
	}
	c.part, c.held, c.takenAt = part, part.held, now
	c.done = func(c *chunk) { r.tell(c) }
	if part.waiting() == nil {
		part.headSince = now
	}
	part.push(c)
	part.highWater, part.lastFetched = max(part.highWater, c.highWater), now
	r.window.add(c)
}

// watchTopics reports until all topics exist.
func (r *recordsActor) watchTopics() {
	topics := []string{r.config.Results.Topic, r.config.DeadLetters.Topic}
	for i := range r.topics {
		topics = append(topics, r.topics[i].Config.Topic)
	}
	r.config.awaitTopics(r.ctx, r.client, r.log, r.status.topics, topics...)
}

// fetchFailed judges an error that a poll brought.
func (r *recordsActor) fetchFailed(e kgo.FetchError) {
	var session *kgo.ErrGroupSession
	var loss *kgo.ErrDataLoss
	switch {
	case errors.Is(e.Err, context.Canceled), errors.Is(e.Err, kgo.ErrClientClosed):
	case errors.As(e.Err, &session):
		r.log.Warn("not in the consumer group; joining again", "group", r.config.Group.ID, "error", e.Err)
	case errors.As(e.Err, &loss):
		r.log.Error("the broker lost records", "topic", loss.Topic, "partition", loss.Partition,
			"read_to", loss.ConsumedTo, "reset_to", loss.ResetTo)
	default:
		r.log.Error("cannot read a partition", "topic", e.Topic, "partition", e.Partition, "error", e.Err)
		r.status.fetchFailed(e)
	}
	r.metrics.fetchErrors.Add(r.ctx, 1)
}

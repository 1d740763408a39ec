package kafka

import (
	"cmp"
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
	// Frontier is up to when the models topic is known; nil: nothing waits for it.
	Frontier *Frontier
	Log      *slog.Logger
	Meter    metric.Meter
}

// Records is the handle of the record ingestion actor: the one thing that
// others hold of it. Its methods may be called by any goroutine.
type Records struct {
	config   *Config
	topics   []Topic
	scorer   Scorer
	log      *slog.Logger
	metrics  *recordMetrics
	letters  deadLetters
	status   *recordStatus
	troubles struct{ group, commit, dead throttle }
	outputs  outputPool

	frontier *Frontier
	running  atomic.Pointer[session]
	view     atomic.Pointer[progressView]
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
	if o.Config.Models.Lead > 0 {
		r.frontier = o.Frontier
	}
	if _, err := newSplitter(o.Topics, o.Config.Records.BatchRecords); err != nil {
		return nil, err
	}
	if o.Config.Delivery == ExactlyOnce && o.Config.Transactions.ID == "" {
		return nil, errors.New("kafka.transactions.id: must be set with exactly-once delivery, stable and different on each node")
	}
	opts, err := r.clientOptions(newConnection(o.Log))
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
	s := r.running.Load()
	if s == nil {
		return nil
	}
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(time.Hour)
	}
	reply := make(chan error, 1)
	s.root.Send(s.actor, &drain{deadline: deadline, reply: reply})
	// The actor keeps the deadline itself; the grace is for leaving the group.
	grace := time.NewTimer(time.Until(deadline) + leaveGrace)
	defer grace.Stop()
	select {
	case err := <-reply:
		return err
	case <-grace.C:
		return fmt.Errorf("record ingestion has not left its group in time: %w",
			errors.Join(errors.New("what is not committed is read again"), r.status.connected()))
	}
}

// leaveGrace is how long leaving the group may take after the drain's deadline.
const leaveGrace = 5 * time.Second

// recordsActor owns the state of record ingestion. Only its Receive and what
// that calls touch the fields; other goroutines send it signals.
type recordsActor struct {
	*Records
	session  *session
	poller   *poller
	stopPoll context.CancelFunc
	polling  bool // a permission is out

	parts     map[partitionID]*partition
	window    window
	pending   map[*record.Batch]*flight // batches that may be answered
	lanes     map[string]*lane          // by data type
	retries   []*flight                 // that wait to be sent again
	commits   commitState
	progress  *progressView // nil without a progress topic
	leaving   []*revoked    // revocations that wait for work in flight
	draining  *drain
	closing   bool
	nextMarks time.Time // when to ask for watermarks
	published time.Time // when the view for others was last made
	passes    uint64    // over the runs of chunks
	stale     string    // why the session has to be replaced
}

// partitionID names a partition.
type partitionID struct {
	topic     string
	partition int32
}

// compare orders partitions by topic, then by number.
func (p partitionID) compare(q partitionID) int {
	return cmp.Or(cmp.Compare(p.topic, q.topic), cmp.Compare(p.partition, q.partition))
}

// partition is an assigned partition.
type partition struct {
	partitionID
	queue
	entries   map[string]*entry // by data type
	restored  bool              // the entries of its last owner are here
	held      bool
	leaving   bool
	headSince time.Time // when the chunk that is waited for got to the front
	committed int64
	highWater int64
	repair    repair
}

func newRecordsActor(r *Records) *recordsActor {
	c := &r.config.Records
	return &recordsActor{
		Records: r,
		parts:   map[partitionID]*partition{},
		pending: map[*record.Batch]*flight{},
		lanes:   map[string]*lane{},
		window:  window{maxRecords: c.InFlightRecords, pollRecords: c.PollRecords, maxBytes: c.InFlightBytes},
	}
}

// Receive implements [actor.Actor].
func (r *recordsActor) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *record.Scored:
		r.scored(m)
	case *signal:
		if m.from == r.session {
			r.handle(m.message)
		}
	case *drain:
		r.drain(m)
	case *actor.Started:
		r.start(ctx)
	case *actor.Stopping, *actor.Restarting:
		r.stop()
	}
	if r.stale != "" && time.Since(r.session.began) > renewPause { // the clock asks again
		r.renew(ctx)
	}
}

// renewPause is how long a session lives at least: a failure that comes back at
// once must not keep the brokers busy.
const renewPause = 300 * time.Millisecond

// handle takes a signal of the present session.
func (r *recordsActor) handle(message any) {
	switch m := message.(type) {
	case *polled:
		r.take(m)
	case *chunk:
		r.produced(m)
	case tick:
		r.tick()
	case *assigned:
		r.assign(m)
	case *revoked:
		r.revoke(m)
	case *lost:
		r.lose(m)
	case *committed:
		r.committed(m)
	case watermarks:
		r.watermarks(m)
	case *remade:
		r.stale = remadeReason(m.topic)
	case transactionsReady:
		r.begin()
	case *restored:
		r.restored(m)
	case closed:
		r.closed()
	}
}

func (r *recordsActor) start(ctx actor.Context) {
	s := newSession(ctx)
	r.session = s
	conn := newConnection(r.log)
	r.status.starting(conn)
	opts, err := r.clientOptions(conn)
	if err == nil {
		s.client, err = kgo.NewClient(append(opts, r.callbacks(s)...)...)
	}
	if err != nil { // the options were checked: a file has changed meanwhile
		r.log.Error("record ingestion cannot make its Kafka client", "error", err)
		r.status.topics(fmt.Errorf("make the Kafka client: %w", err))
		return
	}
	splitter, _ := newSplitter(r.topics, r.config.Records.BatchRecords) // checked in NewRecords
	r.poller = newPoller(s, splitter)
	var pollCtx context.Context
	pollCtx, r.stopPoll = context.WithCancel(s.ctx)
	go r.poller.run(pollCtx)
	go r.config.watchTopics(s, r.log, r.status.topics, nil, r.usedTopics()...)
	go s.beat(min(beatEvery, r.config.Records.CommitInterval))
	if r.config.Progress.Topic != "" {
		r.progress = newProgressView(r.Records, s)
		r.view.Store(r.progress)
		go r.progress.run()
	}
	if r.config.Delivery == ExactlyOnce {
		r.commits.stage = preparing
		go r.prepareTransactions(s)
	}
	r.running.Store(s)
	r.permit()
}

// usedTopics returns all topics that ingestion needs.
func (r *Records) usedTopics() []string {
	topics := []string{r.config.Results.Topic, r.config.DeadLetters.Topic}
	for i := range r.topics {
		topics = append(topics, r.topics[i].Config.Topic)
	}
	return topics
}

// stop ends the session at once: no drain, no commit.
func (r *recordsActor) stop() {
	r.status.stopped()
	if r.session != nil && !r.closing {
		r.session.abandon()
	}
}

// renew replaces a session that is of no use any more. What is in flight is
// given up and read again.
func (r *recordsActor) renew(ctx actor.Context) {
	if r.closing {
		return
	}
	r.log.Warn("starting over from the committed offsets with a new client", "because", r.stale)
	waiting := r.draining
	r.stop()
	*r = *newRecordsActor(r.Records)
	r.start(ctx)
	r.metrics.renewals.Add(context.Background(), 1)
	if waiting != nil {
		r.drain(waiting)
	}
}

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
		r.line(f)
	}
	for _, f := range p.flights {
		r.pump(f.dataType.name, now)
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
	s := r.session
	c.part, c.held = part, part.held
	c.done = func(c *chunk) { s.tell(c) }
	if part.waiting() == nil {
		part.headSince = now
	}
	part.push(c)
	part.highWater = c.highWater
	r.window.add(c)
	r.status.readable(part.partitionID)
}

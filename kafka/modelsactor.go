package kafka

import (
	"context"
	"errors"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/modelstream/modelserver/messages"
)

// modelsActor owns the state of model ingestion; see recordsActor.
type modelsActor struct {
	*Models
	session *session
	poller  *modelPoller
	polling bool      // a permission is out
	setup   bool      // the partitions are known
	goal    *ends     // that the frontier waits for
	newsAt  time.Time // when something last came, or was settled

	parts   map[int32]*modelPartition
	pending map[modelID]*descriptor
	bytes   int64
	save    saveState
	closing *closeModels
	stale   string // why the session has to be replaced
	anew    bool   // the topic is another one: saved positions mean nothing
}

// modelPartition is a partition of the models topic.
type modelPartition struct {
	queue
	target int64 // end of the log at start
}

// modelID is a descriptor's place on the models topic.
type modelID struct {
	partition int32
	offset    int64
}

// descriptor is a record of the models topic until it is settled.
type descriptor struct {
	chunk
	record   *kgo.Record
	model    *messages.ModelDescriptor
	err      error // why it is malformed
	from     *messages.Source
	deadline time.Time // of the present offer; zero: none awaits an outcome
}

// closeModels asks the actor to end.
type closeModels struct{ reply chan error }

func newModelsActor(m *Models) *modelsActor {
	return &modelsActor{Models: m, parts: map[int32]*modelPartition{}, pending: map[modelID]*descriptor{}}
}

// Receive implements [actor.Actor].
func (m *modelsActor) Receive(ctx actor.Context) {
	switch msg := ctx.Message().(type) {
	case *messages.ModelOutcome:
		m.outcome(msg)
	case *signal:
		if msg.from == m.session {
			m.handle(msg.message)
		}
	case *closeModels:
		m.close(msg)
	case *actor.Started:
		m.start(ctx)
	case *actor.Stopping, *actor.Restarting:
		m.stop()
	}
	if m.stale != "" && m.closing == nil {
		m.log.Warn("reading the models topic anew with a new client", "because", m.stale)
		m.stop()
		*m = modelsActor{
			Models: m.Models, parts: map[int32]*modelPartition{}, pending: map[modelID]*descriptor{},
			anew: m.anew,
		}
		m.start(ctx)
	}
}

// handle takes a signal of the present session.
func (m *modelsActor) handle(message any) {
	switch msg := message.(type) {
	case *modelPartitions:
		m.begin(msg)
	case *polledModels:
		m.take(msg)
	case *letterSent:
		m.letterSent(msg)
	case *remade:
		m.topicRemade(msg.topic)
	case *sendAgain:
		m.sendLetter(msg.letter)
	case *saved:
		m.saved(msg)
	case *ends:
		m.reach(msg)
	case tick:
		m.tick()
	}
}

// topicRemade has the session replaced; what was settled of another models
// topic means nothing.
func (m *modelsActor) topicRemade(topic string) {
	m.stale = remadeReason(topic)
	m.anew = topic == m.config.Models.Topic
}

func (m *modelsActor) start(ctx actor.Context) {
	s := newSession(ctx)
	m.session = s
	conn := newConnection(m.log)
	m.status.starting(conn)
	opts, err := m.clientOptions(conn)
	if err == nil {
		s.client, err = kgo.NewClient(opts...)
	}
	if err != nil { // the options were checked: a file has changed meanwhile
		m.log.Error("model ingestion cannot make its Kafka client", "error", err)
		m.status.fail("client", err)
		return
	}
	m.poller = &modelPoller{
		session: s, maxBytes: m.config.Models.MaxBytes,
		permits: make(chan int, 1), stopped: make(chan struct{}),
	}
	go m.poller.run()
	anew := m.anew
	go m.config.watchTopics(s, m.log, func(err error) { m.status.fail("topics", err) },
		func() {
			go m.watchPartitions(s, anew)
			if m.config.Models.Lead > 0 {
				go m.watchFrontier(s)
			}
		}, m.config.Models.Topic, m.config.DeadLetters.Topic)
	go s.beat(2 * beatEvery)
	m.running.Store(s)
}

func (m *modelsActor) stop() {
	m.status.stopped()
	if m.session != nil && m.closing == nil {
		m.session.abandon()
	}
}

// begin starts reading partitions from where they were settled.
func (m *modelsActor) begin(msg *modelPartitions) {
	starts := map[int32]kgo.Offset{}
	for number, p := range msg.parts {
		if m.parts[number] != nil {
			continue
		}
		part := &modelPartition{queue: newQueue(), target: p.end}
		part.position = p.from
		m.parts[number] = part
		starts[number] = kgo.NewOffset().At(p.from)
	}
	m.setup, m.newsAt = true, time.Now()
	m.session.client.AddConsumePartitions(map[string]map[int32]kgo.Offset{m.config.Models.Topic: starts})
	m.checkCaughtUp()
	m.permit()
}

// permit lets the poll goroutine poll once if there is room for what it brings.
func (m *modelsActor) permit() {
	c := &m.config.Models
	if m.polling || m.closing != nil || !m.setup || len(m.pending) >= c.InFlight || m.bytes >= c.InFlightBytes {
		return
	}
	m.polling = true
	m.poller.permits <- c.InFlight - len(m.pending)
}

// take accepts what a poll brought and offers it.
func (m *modelsActor) take(p *polledModels) {
	m.polling = false
	for _, e := range p.errs {
		if errors.Is(e.Err, kerr.UnknownTopicID) {
			m.topicRemade(e.Topic)
			return
		}
		m.log.Error("cannot read the models topic", "topic", e.Topic, "partition", e.Partition, "error", e.Err)
		m.status.fail("reading", e.Err)
	}
	if len(p.errs) == 0 {
		m.status.fail("reading", nil)
	}
	now := time.Now()
	m.newsAt = now
	for _, d := range p.descriptors {
		part := m.parts[d.record.Partition]
		part.push(&d.chunk)
		part.send()
		if d.record.Attrs.IsControl() {
			m.settle(part, d)
			continue
		}
		m.metrics.received.Add(context.Background(), 1)
		m.track(d)
		if d.err != nil {
			m.deadLetter(d, &rejection{stage: stageValueConverter, class: classDescriptor, err: d.err})
			continue
		}
		m.offer(d, now)
	}
	m.permit()
}

func (m *modelsActor) track(d *descriptor) {
	m.bytes += d.size()
	m.pending[d.id()] = d
}

func (d *descriptor) id() modelID { return modelID{d.record.Partition, d.record.Offset} }

func (d *descriptor) size() int64 {
	return int64(2*len(d.record.Value) + len(d.record.Key)) // the record and its decoded copy
}

func (m *modelsActor) offer(d *descriptor, now time.Time) {
	d.deadline = now.Add(m.config.Models.OfferTimeout)
	m.models.Offer(d.model, d.from, m.session.actor)
}

// outcome takes what became of a descriptor.
func (m *modelsActor) outcome(o *messages.ModelOutcome) {
	d := m.pending[modelID{o.GetSource().GetPartition(), o.GetSource().GetOffset()}]
	if d == nil || d.deadline.IsZero() || o.GetSource().GetTopic() != m.config.Models.Topic {
		return // settled already, by the outcome of another offer
	}
	d.deadline = time.Time{}
	m.metrics.outcome(o.GetOutcome())
	m.log.Info("model descriptor settled", "data_type", o.GetDataType(), "model", d.model.GetName(),
		"version", d.model.GetVersion(), "outcome", o.GetOutcome().String(), "generation", o.GetGeneration(),
		"reason", o.GetReason(), "partition", d.record.Partition, "offset", d.record.Offset)
	if o.GetOutcome() == messages.ModelOutcome_REJECTED {
		m.deadLetter(d, &rejection{stage: stageTransformation, class: classRejected, err: errors.New(o.GetReason())})
		return
	}
	m.done(d)
}

// done ends a descriptor: its position may be saved.
func (m *modelsActor) done(d *descriptor) {
	delete(m.pending, d.id())
	m.bytes -= d.size()
	m.settle(m.parts[d.record.Partition], d)
	m.permit()
}

func (m *modelsActor) settle(part *modelPartition, d *descriptor) {
	clear(part.settle(&d.chunk))
	m.save.dirty, m.newsAt = true, time.Now()
	m.saveDue(m.newsAt)
	m.checkCaughtUp()
}

func (m *modelsActor) checkCaughtUp() {
	if !m.setup {
		return
	}
	for _, part := range m.parts {
		if part.position < part.target {
			return
		}
	}
	m.caughtUpOnce.Do(func() {
		m.log.Info("the models topic is read up to where it ended at start")
		close(m.caughtUp)
	})
}

// quietAfter is how long nothing may come until the topic counts as read.
const quietAfter = 10 * time.Second

// quiet looks for a topic whose end cannot be reached because nothing is there
// any more: compaction may leave an empty batch as the last one.
func (m *modelsActor) quiet(now time.Time) {
	if !m.setup || !m.nothingMore(now) {
		return
	}
	m.caughtUpOnce.Do(func() {
		m.log.Warn("the models topic has nothing more to read although it did not come to its end: compaction can bring that about")
		close(m.caughtUp)
	})
}

func (m *modelsActor) tick() {
	now := time.Now()
	m.quiet(now)
	for id, d := range m.pending {
		if !d.deadline.IsZero() && now.After(d.deadline) {
			m.log.Warn("no outcome for a model descriptor; offering it again",
				"data_type", d.model.GetDataType(), "partition", id.partition, "offset", id.offset)
			m.metrics.reoffers.Add(context.Background(), 1)
			m.offer(d, now)
		}
	}
	m.saveDue(now)
	m.permit()
}

func (m *modelsActor) close(msg *closeModels) {
	if m.closing != nil || m.session.client == nil {
		msg.reply <- nil
		return
	}
	m.closing = msg
	m.session.cancel()
	m.finish()
}

// finish ends the actor's work once no save is under way.
func (m *modelsActor) finish() {
	if m.save.underWay {
		return
	}
	positions, reply, client, polling := m.settled(), m.closing.reply, m.session.client, m.poller.stopped
	go func() {
		<-polling
		client.Close()
		ctx, cancel := context.WithTimeout(context.Background(), saveTimeout)
		defer cancel()
		err := m.positions.Save(ctx, positions)
		m.status.stopped()
		m.running.Store(nil)
		reply <- err
	}()
}

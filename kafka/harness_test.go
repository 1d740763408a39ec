package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.opentelemetry.io/otel/metric"

	"github.com/modelstream/modelserver/kafka/kafkatest"
	"github.com/modelstream/modelserver/record"
)

const testPartitions = 3

// world is a cluster with the topics that ingestion needs: in, out, dead and
// models.
type world struct {
	t       testing.TB
	cluster *kfake.Cluster // nil on a real broker
	prefix  string         // of the topics' names
	meter   metric.Meter
	config  Config
	client  *kgo.Client // produces inputs, by hand to a partition
	members int

	frontier *Frontier // nil: records wait for no model
}

func newWorld(t testing.TB, opts ...kfake.Opt) *world {
	t.Helper()
	if t, ok := t.(*testing.T); ok {
		t.Parallel() // each test has a cluster of its own
	}
	opts = append([]kfake.Opt{
		kfake.SeedTopics(testPartitions, "in", "out", "dead"), kfake.SeedTopics(1, "models"),
		kfake.GroupMinSessionTimeout(100 * time.Millisecond),
	}, opts...)
	cluster := kafkatest.Fake(t, opts...)
	w := &world{t: t, cluster: cluster, meter: noMeter(), config: testConfig("", cluster.ListenAddrs())}
	w.connect()
	return w
}

// newRealWorld makes topics of its own on a real broker.
func newRealWorld(t testing.TB, seeds []string) *world {
	t.Helper()
	if t, ok := t.(*testing.T); ok {
		t.Parallel()
	}
	w := &world{t: t, prefix: kafkatest.UniqueName(t) + "-", meter: noMeter()}
	w.config = testConfig(w.prefix, seeds)
	for topic, partitions := range map[string]int{"in": testPartitions, "out": testPartitions, "dead": testPartitions, "models": 1} {
		if err := kafkatest.CreateTopic(w.context(), seeds, w.prefix+topic, partitions, nil); err != nil {
			t.Fatal(err)
		}
	}
	w.connect()
	return w
}

func testConfig(prefix string, seeds []string) Config {
	c := DefaultConfig()
	c.Brokers, c.Group.ID = seeds, prefix+"group"
	c.Records.Topics = []TopicConfig{{Topic: prefix + "in", Format: "json", DataType: DataTypeRule{From: FromHeader, Name: "type"}}}
	c.Records.CommitInterval = 20 * time.Millisecond
	c.Records.FetchMaxWait = 50 * time.Millisecond
	c.Results.Topic, c.DeadLetters.Topic, c.Models.Topic = prefix+"out", prefix+"dead", prefix+"models"
	c.Progress.Topic = prefix + "progress"
	c.Producer.Linger = 0
	return c
}

// connect gives the world a new client to produce with.
func (w *world) connect() {
	w.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(w.config.Brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.AlwaysRetryEOF())
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(client.Close)
	w.client = client
}

// produce writes records into a partition of the input topic.
func (w *world) produce(partition int32, dataType string, values ...string) {
	w.t.Helper()
	var recs []*kgo.Record
	for _, v := range values {
		r := &kgo.Record{Topic: w.prefix + "in", Partition: partition, Value: []byte(v), Key: []byte("k" + v)}
		if dataType != "" {
			r.Headers = []kgo.RecordHeader{{Key: "type", Value: []byte(dataType)}, {Key: "own", Value: []byte("kept")}}
		}
		recs = append(recs, r)
	}
	if err := w.client.ProduceSync(w.context(), recs...).FirstErr(); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) context() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	w.t.Cleanup(cancel)
	return ctx
}

// ingestion is a running record ingestion with a scorer that the test holds.
type ingestion struct {
	*Records
	system *actor.ActorSystem
	pid    *actor.PID
	scorer *fakeScorer
}

func (w *world) start(change ...func(*Config)) *ingestion {
	w.t.Helper()
	config := w.config
	for _, f := range change {
		f(&config)
	}
	if config.Delivery == ExactlyOnce && config.Transactions.ID == "" {
		w.members++
		config.Transactions.ID = fmt.Sprint(w.prefix, "member-", w.members)
	}
	system := actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return slog.New(slog.DiscardHandler) }))
	scorer := &fakeScorer{root: system.Root, respond: echo}
	var topics []Topic
	for _, t := range config.Records.Topics {
		topics = append(topics, Topic{Config: t, Format: record.JSON()})
	}
	if err := config.Validate(); err != nil {
		w.t.Fatal(err)
	}
	r, err := NewRecords(RecordsOptions{
		Config: &config, Topics: topics, Scorer: scorer, Frontier: w.frontier,
		Log: testLog(w.t), Meter: w.meter,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	pid, err := system.Root.SpawnNamed(r.Props(), "ingest/records")
	if err != nil {
		w.t.Fatal(err)
	}
	in := &ingestion{Records: r, system: system, pid: pid, scorer: scorer}
	w.t.Cleanup(func() {
		_ = system.Root.StopFuture(pid).Wait()
		system.Shutdown()
	})
	return in
}

func (in *ingestion) drain(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := in.Drain(ctx); err != nil {
		t.Fatal(err)
	}
}

// fakeScorer answers batches as the test says. respond returns nil to keep an
// answer back.
type fakeScorer struct {
	root *actor.RootContext

	mu      sync.Mutex
	respond func(*record.Batch) *record.Scored
	batches []*record.Batch
	replyTo *actor.PID
}

func (s *fakeScorer) Score(b *record.Batch, replyTo *actor.PID) {
	s.mu.Lock()
	s.batches, s.replyTo = append(s.batches, b), replyTo
	respond := s.respond
	s.mu.Unlock()
	if a := respond(b); a != nil {
		s.root.Send(replyTo, a)
	}
}

func (s *fakeScorer) set(respond func(*record.Batch) *record.Scored) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.respond = respond
}

func (s *fakeScorer) seen() []*record.Batch {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*record.Batch(nil), s.batches...)
}

// answer sends an answer later.
func (s *fakeScorer) answer(a *record.Scored) {
	s.mu.Lock()
	to := s.replyTo
	s.mu.Unlock()
	s.root.Send(to, a)
}

// echo scores every record with its own payload.
func echo(b *record.Batch) *record.Scored {
	a := &record.Scored{Batch: b}
	for i := range b.Records {
		a.Payloads = append(a.Payloads, b.Records[i].Payload...)
		a.Ends = append(a.Ends, int32(len(a.Payloads)))
	}
	return a
}

func silent(*record.Batch) *record.Scored { return nil }

func failWith(err error) func(*record.Batch) *record.Scored {
	return func(b *record.Batch) *record.Scored { return &record.Scored{Batch: b, Err: err} }
}

// read reads n records of a topic, from its start.
func (w *world) read(topic string, n int) []*kgo.Record {
	w.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(w.config.Brokers...), kgo.ConsumeTopics(w.prefix+topic), kgo.FetchMaxWait(50*time.Millisecond))
	if err != nil {
		w.t.Fatal(err)
	}
	defer client.Close()
	ctx := w.context()
	var all []*kgo.Record
	for len(all) < n {
		f := client.PollFetches(ctx)
		if err := f.Err(); err != nil {
			w.t.Fatalf("read %s: %v after %d of %d records", topic, err, len(all), n)
		}
		all = append(all, f.Records()...)
	}
	return all
}

// values returns the values of records by partition.
func values(recs []*kgo.Record) map[int32][]string {
	m := map[int32][]string{}
	for _, r := range recs {
		m[r.Partition] = append(m[r.Partition], string(r.Value))
	}
	return m
}

// committed returns the group's committed offset of a partition, or -1.
func (w *world) committed(partition int32) int64 {
	w.t.Helper()
	o, err := kadm.NewClient(w.client).FetchOffsets(w.context(), w.config.Group.ID)
	if errors.Is(err, kerr.GroupIDNotFound) {
		return -1
	}
	if err != nil {
		w.t.Fatal(err)
	}
	if at, ok := o.Lookup(w.prefix+"in", partition); ok {
		return at.At
	}
	return -1
}

// holdProduce keeps the broker from taking records for a topic: held is closed
// when the first such request is there, and release lets all go on.
func (w *world) holdProduce(topic string) (held, release chan struct{}) {
	held, release = make(chan struct{}), make(chan struct{})
	id := w.cluster.TopicInfo(topic).TopicID
	var once sync.Once
	w.cluster.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		w.cluster.KeepControl()
		if t := req.(*kmsg.ProduceRequest).Topics[0]; t.Topic != topic && t.TopicID != id {
			return nil, nil, false
		}
		once.Do(func() { close(held) })
		w.cluster.SleepControl(func() { <-release })
		return nil, nil, false
	})
	return held, release
}

// setTopic changes a topic's configuration.
func (w *world) setTopic(topic, key, value string) {
	w.t.Helper()
	r, err := kadm.NewClient(w.client).AlterTopicConfigs(w.context(), []kadm.AlterConfig{{Name: key, Value: &value}}, w.prefix+topic)
	if err == nil {
		_, err = r.On(w.prefix+topic, func(r *kadm.AlterConfigsResponse) error { return r.Err })
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// remake deletes a topic and creates it again.
func (w *world) remake(topic string) {
	w.t.Helper()
	adm := kadm.NewClient(w.client)
	r, err := adm.DeleteTopics(w.context(), w.prefix+topic)
	if err == nil {
		err = r.Error()
	}
	if err != nil {
		w.t.Fatal(err)
	}
	eventually(w.t, "the topic is created again", func() bool { // a broker forgets the old one a little later
		return kafkatest.CreateTopic(w.context(), w.config.Brokers, w.prefix+topic, testPartitions, nil) == nil
	})
	w.connect()                                               // a client does not take a topic's new identity
	eventually(w.t, "its partitions are there", func() bool { // leaders are known before they have a log
		starts, err := listOffsets(w.context(), w.client, w.prefix+topic, true)
		return err == nil && len(starts) == testPartitions
	})
}

// count returns the number of records of a topic.
func (w *world) count(topic string) int64 {
	w.t.Helper()
	ends, err := listOffsets(w.context(), w.client, w.prefix+topic, false)
	if err != nil {
		w.t.Fatal(err)
	}
	var n int64
	for _, at := range ends {
		n += at
	}
	return n
}

// eventually waits for a condition; it is asked again when something may have
// changed, at the latest after a moment.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	eventuallyWithin(t, 15*time.Second, what, ok)
}

func eventuallyWithin(t testing.TB, d time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(d)
	for {
		if ok() {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("never: %s", what)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// numbers returns the texts of from to to-1.
func numbers(from, to int) []string {
	var s []string
	for i := from; i < to; i++ {
		s = append(s, strconv.Itoa(i))
	}
	return s
}

func testLog(t testing.TB) *slog.Logger {
	if testing.Verbose() {
		return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: testLevel()}))
	}
	return slog.New(slog.DiscardHandler)
}

// testLevel is debug when MODELSERVER_TEST_LOG says so.
func testLevel() slog.Level {
	if os.Getenv("MODELSERVER_TEST_LOG") == "debug" {
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

package node_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"github.com/modelstream/modelserver/api"
	"github.com/modelstream/modelserver/kafka/kafkatest"
	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/node"
	"github.com/modelstream/modelserver/node/config"
	"github.com/modelstream/modelserver/record"
)

// patience bounds every wait of these tests; nothing is ever waited for longer
// than it takes.
const patience = 60 * time.Second

// world is a cluster with the topics of one server, and a client of its own.
type world struct {
	t                              *testing.T
	seeds                          []string
	records, models, results, dead string
	partitions                     int
	client                         *kgo.Client
	dir                            string
}

func newWorld(t *testing.T, seeds []string, partitions int) *world {
	t.Helper()
	w := &world{
		t: t, seeds: seeds, partitions: partitions, dir: t.TempDir(),
		records: kafkatest.Topic(t, seeds, partitions, nil),
		models:  kafkatest.Topic(t, seeds, 1, map[string]string{"max.message.bytes": "40000000"}),
		results: kafkatest.Topic(t, seeds, partitions, nil),
		dead:    kafkatest.Topic(t, seeds, partitions, map[string]string{"max.message.bytes": "40000000"}),
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(seeds...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchMaxBytes(32<<20))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	w.client = client
	return w
}

// fake is a world on kfake.
func fake(t *testing.T) *world { return newWorld(t, kafkatest.Fake(t).ListenAddrs(), 4) }

// overrides are the settings that tie a server to this world.
func (w *world) overrides() []string {
	return []string{
		"kafka.brokers=" + strings.Join(w.seeds, ","),
		fmt.Sprintf("kafka.records.topics=[{topic: %s, format: wine, data_type: {from: field, name: data_type, default: wine}}]", w.records),
		"kafka.models.topic=" + w.models,
		"kafka.results.topic=" + w.results,
		"kafka.dead_letters.topic=" + w.dead,
		"kafka.group.id=" + w.records,
		"kafka.records.commit_interval=50ms",
		"kafka.records.fetch_max_wait=50ms",
		"kafka.producer.linger=0s",
		"persistence.dir=" + w.dir,
		"http.listen=127.0.0.1:0",
		"node.name=" + w.records,
	}
}

func (w *world) config(set ...string) *config.Config {
	w.t.Helper()
	loaded, err := config.Load(config.Sources{Set: append(w.overrides(), set...)})
	if err != nil {
		w.t.Fatal(err)
	}
	return loaded.Config
}

// server is a running node.
type server struct {
	*node.Node
	t    *testing.T
	once sync.Once
}

// start runs a server in this process and waits until it reads records.
func (w *world) start(types *model.Registry, set ...string) *server {
	w.t.Helper()
	s := w.begin(types, set...)
	s.awaitReady()
	return s
}

// begin starts a server and does not wait.
func (w *world) begin(types *model.Registry, set ...string) *server {
	w.t.Helper()
	n, err := node.New(w.config(set...), node.Options{Types: types, Log: testLog(w.t), Version: api.Version{Version: "test"}})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := n.Start(); err != nil {
		w.t.Fatal(err)
	}
	s := &server{Node: n, t: w.t}
	w.t.Cleanup(s.stop)
	return s
}

func (s *server) stop() {
	s.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			s.t.Errorf("the server did not stop in order: %v", err)
		}
	})
}

func (s *server) awaitReady() {
	s.t.Helper()
	await(s.t, "readiness", func() (string, bool) {
		status, body := s.get("/readyz")
		return body, status == http.StatusOK
	})
}

// get asks the server's HTTP side.
func (s *server) get(path string) (int, string) {
	s.t.Helper()
	r, err := http.Get("http://" + s.Addr() + path)
	if err != nil {
		return 0, err.Error()
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return 0, err.Error()
	}
	return r.StatusCode, string(body)
}

// state is what tests look at of GET /state/{dataType}.
type state struct {
	Current *struct {
		Number                        uint64
		Name, Version, Type, SHA256   string
		Source                        struct{ Offset int64 }
		Description, Signature, Since string
	}
	Statistics struct {
		Records, RecordErrors, BatchErrors uint64
		MeanMicros, MinMicros, MaxMicros   float64
	}
	Generations []struct {
		Number      uint64
		Name, Phase string
		Reason      string
	}
}

func (s *server) state(dataType string) state {
	s.t.Helper()
	var st state
	status, body := s.get("/state/" + dataType)
	if status != http.StatusOK {
		return st
	}
	if err := json.Unmarshal([]byte(body), &st); err != nil {
		s.t.Fatal(err)
	}
	return st
}

// awaitModel waits until a model of that name serves.
func (s *server) awaitModel(dataType, name string) state {
	s.t.Helper()
	var st state
	await(s.t, "model "+name, func() (string, bool) {
		st = s.state(dataType)
		if st.Current == nil {
			return "nothing serves", false
		}
		return st.Current.Name + " serves", st.Current.Name == name
	})
	return st
}

// await polls until a condition holds.
func await(t *testing.T, what string, ok func() (string, bool)) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		seen, done := ok()
		if done {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited %v for %s; last seen: %s", patience, what, seen)
		}
	}
}

// publish puts a model on the models topic and returns its offset.
func (w *world) publish(d *messages.ModelDescriptor) int64 {
	w.t.Helper()
	b, err := proto.Marshal(d)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.produce(&kgo.Record{Topic: w.models, Key: []byte(d.GetDataType()), Value: b})
}

func (w *world) produce(r *kgo.Record) int64 {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	got, err := w.client.ProduceSync(ctx, r).First()
	if err != nil {
		w.t.Fatal(err)
	}
	return got.Offset
}

// wines produces n records that number themselves in fixed_acidity, spread over
// the partitions, from the given number on.
func (w *world) wines(from, n int) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	rs := make([]*kgo.Record, n)
	for i := range rs {
		rs[i] = w.wine(from + i)
	}
	if err := w.client.ProduceSync(ctx, rs...).FirstErr(); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) wine(number int) *kgo.Record {
	b, err := proto.Marshal(&messages.WineRecord{FixedAcidity: float64(number), Alcohol: 10, PH: 3, DataType: "wine"})
	if err != nil {
		w.t.Fatal(err)
	}
	return &kgo.Record{Topic: w.records, Partition: int32(number % w.partitions), Value: b}
}

// reader reads a topic from its beginning.
type reader struct {
	t      *testing.T
	client *kgo.Client
}

func (w *world) reader(topic string) *reader {
	w.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(w.seeds...), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(50*time.Millisecond),
		kgo.FetchMaxBytes(64<<20), kgo.BrokerMaxReadBytes(128<<20))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(client.Close)
	return &reader{t: w.t, client: client}
}

// until reads records until enough says so.
func (r *reader) until(enough func(*kgo.Record) bool) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for done := false; !done; {
		fetches := r.client.PollFetches(ctx)
		if ctx.Err() != nil {
			r.t.Fatalf("the topic did not bring what was expected within %v", patience)
		}
		fetches.EachRecord(func(rec *kgo.Record) { done = enough(rec) || done })
	}
}

// results reads n results.
func (r *reader) results(n int) []*messages.ServingResult {
	r.t.Helper()
	var all []*messages.ServingResult
	if n == 0 {
		return nil
	}
	r.until(func(rec *kgo.Record) bool {
		res, err := record.DecodeResult(record.ResultProtobuf, rec.Value)
		if err != nil {
			r.t.Fatal(err)
		}
		all = append(all, res)
		return len(all) >= n
	})
	return all
}

// header returns a header's value.
func header(r *kgo.Record, key string) string {
	for _, h := range r.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}

// testLog logs to the test, until it ends.
func testLog(t *testing.T) *slog.Logger {
	w := &testWriter{t: t}
	t.Cleanup(func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.t = nil
	})
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

type testWriter struct {
	mu sync.Mutex
	t  *testing.T
}

func (w *testWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.t != nil {
		w.t.Log(strings.TrimSpace(string(b)))
	}
	return len(b), nil
}

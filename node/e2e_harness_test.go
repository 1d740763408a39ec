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

	"google.golang.org/protobuf/proto"

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
	dir                            string
	published                      int64 // records on the models topic
	json                           bool  // the results are JSON
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
		"store.dir=" + w.dir,
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
	client
	once sync.Once
}

// client asks a server over HTTP.
type client struct {
	t       *testing.T
	address string
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
	n, err := node.New(w.config(set...), node.Options{Types: types, Log: testLog(w.t), Version: "test"})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := n.Start(); err != nil {
		w.t.Fatal(err)
	}
	s := &server{Node: n, client: client{w.t, n.Addr()}}
	w.t.Cleanup(s.stop)
	return s
}

// tryNew makes a server that is not expected to come about.
func (w *world) tryNew(types *model.Registry) error {
	n, err := node.New(w.config(), node.Options{Types: types, Log: testLog(w.t)})
	if err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_ = n.Stop(ctx) // it should not have been made
	}
	return err
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

func (c *client) awaitReady() {
	c.t.Helper()
	await(c.t, "readiness", func() (string, bool) {
		status, body := c.get("/readyz")
		return body, status == http.StatusOK
	})
}

// get asks the server's HTTP side.
func (c *client) get(path string) (int, string) {
	c.t.Helper()
	r, err := http.Get("http://" + c.address + path)
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
		Source      struct{ Offset int64 }
	}
}

func (c *client) state(dataType string) state {
	c.t.Helper()
	var st state
	status, body := c.get("/state/" + dataType)
	if status != http.StatusOK {
		return st
	}
	if err := json.Unmarshal([]byte(body), &st); err != nil {
		c.t.Fatal(err)
	}
	return st
}

// awaitModel waits until a model of that name serves.
func (c *client) awaitModel(dataType, name string) state {
	c.t.Helper()
	var st state
	await(c.t, "model "+name, func() (string, bool) {
		st = c.state(dataType)
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
	return w.publishBytes(b)
}

func (w *world) publishBytes(b []byte) int64 {
	w.t.Helper()
	kafkatest.Produce(w.t, w.seeds, w.models, kafkatest.Record{Value: b})
	w.published++
	return w.published - 1
}

// wines produces n records that number themselves in fixed_acidity, spread over
// the partitions, from the given number on.
func (w *world) wines(from, n int) {
	w.t.Helper()
	rs := make([]kafkatest.Record, n)
	for i := range rs {
		rs[i] = w.wine(from + i)
	}
	kafkatest.Produce(w.t, w.seeds, w.records, rs...)
}

func (w *world) wine(number int) kafkatest.Record {
	b, err := proto.Marshal(&messages.WineRecord{FixedAcidity: float64(number), Alcohol: 10, PH: 3, DataType: "wine"})
	if err != nil {
		w.t.Fatal(err)
	}
	return kafkatest.Record{Partition: int32(max(number, 0) % w.partitions), Value: b}
}

// scored waits for n results and returns all there are then, by the models-topic
// offset of the model that made them.
func (w *world) scored(n int) map[int64][]*messages.ServingResult {
	w.t.Helper()
	by := map[int64][]*messages.ServingResult{}
	format := record.ResultProtobuf
	if w.json {
		format = record.ResultJSON
	}
	for _, rec := range kafkatest.Take(w.t, w.seeds, w.results, n) {
		res, err := record.DecodeResult(format, rec.Value)
		if err != nil {
			w.t.Fatal(err)
		}
		at := res.GetGeneration().GetOffset()
		by[at] = append(by[at], res)
	}
	return by
}

// letters waits for n dead letters.
func (w *world) letters(n int) []letter {
	w.t.Helper()
	var all []letter
	for _, rec := range kafkatest.Take(w.t, w.seeds, w.dead, n) {
		l := letter{Record: rec}
		for _, h := range rec.Headers {
			switch h.Key {
			case "__connect.errors.exception.class.name":
				l.class = string(h.Value)
			case "__connect.errors.exception.message":
				l.message = string(h.Value)
			}
		}
		all = append(all, l)
	}
	return all
}

// letter is a dead letter with what its headers say.
type letter struct {
	kafkatest.Record
	class, message string
}

// testLog logs to the test, until it ends.
func testLog(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(testLogWriter(t), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func testLogWriter(t *testing.T) *testWriter {
	w := &testWriter{t: t}
	t.Cleanup(func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.t = nil
	})
	return w
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

package kafka

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/metric/noop"
	"google.golang.org/protobuf/proto"

	"github.com/modelstream/modelserver/messages"
)

func TestDescriptorsAreOfferedAndSettled(t *testing.T) {
	w := newWorld(t)
	w.publish(descriptorOf("wine", "a"), descriptorOf("wine", "b"), descriptorOf("beer", "c"))
	m := w.startModels()
	m.taker.await(t, 3)
	if got := m.taker.names(); got != "a b c" {
		t.Errorf("offered %q, want them in order", got)
	}
	<-m.CaughtUp()
	eventually(t, "position 3 is saved", func() bool { return m.positions.at(0) == 3 })
	if err := m.Health(); err != nil {
		t.Error(err)
	}
}

func TestPositionIsOfTheContiguousSettledDescriptors(t *testing.T) {
	w := newWorld(t)
	w.publish(descriptorOf("wine", "a"), descriptorOf("wine", "b"), descriptorOf("wine", "c"))
	m := w.startModels(held)
	m.taker.await(t, 3)
	m.taker.settle(1, messages.ModelOutcome_PROMOTED, "")
	m.taker.settle(2, messages.ModelOutcome_DUPLICATE, "")
	m.close(t)
	if at := m.positions.at(0); at != 0 {
		t.Fatalf("position %d was saved although the first descriptor is not settled", at)
	}
	select {
	case <-m.CaughtUp():
		t.Fatal("caught up although the first descriptor is not settled")
	default:
	}
	// The next start begins there; what was settled is offered again.
	again := w.startModels(func(o *ModelsOptions) { o.Positions = m.positions })
	again.taker.await(t, 3)
	<-again.CaughtUp()
	eventually(t, "position 3 is saved", func() bool { return m.positions.at(0) == 3 })
	again.close(t)
	// And the one after that has nothing to offer.
	last := w.startModels(func(o *ModelsOptions) { o.Positions = m.positions })
	<-last.CaughtUp()
	if got := last.taker.names(); got != "" {
		t.Errorf("offered %q again", got)
	}
}

func TestMalformedDescriptorsAreDeadLettered(t *testing.T) {
	for name, c := range map[string]struct {
		value  []byte
		reason string
	}{
		"not protobuf":  {[]byte("\xff\xff\xff"), "not a ModelDescriptor"},
		"empty":         {nil, "is empty"},
		"no data type":  {marshal(t, &messages.ModelDescriptor{Content: &messages.ModelDescriptor_Data{Data: []byte("x")}}), "data type"},
		"no content":    {marshal(t, &messages.ModelDescriptor{DataType: "wine"}), "neither a model"},
		"empty data":    {marshal(t, &messages.ModelDescriptor{DataType: "wine", Content: &messages.ModelDescriptor_Data{}}), "is empty"},
		"odd data type": {marshal(t, &messages.ModelDescriptor{DataType: "a\nb", Content: &messages.ModelDescriptor_Location{Location: "file:x"}}), "control character"},
		"too large":     {marshal(t, descriptorOf("wine", strings.Repeat("x", 2000))), "by its location"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.config.Models.MaxBytes = 1 << 10
			w.publishRaw(&kgo.Record{Key: []byte("k"), Value: c.value, Headers: []kgo.RecordHeader{{Key: "own", Value: []byte("kept")}}})
			w.publish(descriptorOf("wine", "good"))
			m := w.startModels()
			dead := w.read("dead", 1)[0]
			if string(dead.Value) != string(c.value) || string(dead.Key) != "k" || header(dead, "own") != "kept" {
				t.Errorf("dead letter is not the original: key %q value %q", dead.Key, dead.Value)
			}
			if got := header(dead, headerExceptionMessage); !strings.Contains(got, c.reason) {
				t.Errorf("reason %q does not say %q", got, c.reason)
			}
			if header(dead, headerTopic) != "models" || header(dead, headerOffset) != "0" || header(dead, headerStage) != "VALUE_CONVERTER" {
				t.Errorf("headers: %v", dead.Headers)
			}
			m.taker.await(t, 1)
			<-m.CaughtUp()
			if got := m.taker.names(); got != "good" {
				t.Errorf("offered %q", got)
			}
		})
	}
}

func TestRejectedModelsAreDeadLetteredWithTheReason(t *testing.T) {
	w := newWorld(t)
	bad := descriptorOf("wine", "bad")
	w.publish(bad)
	m := w.startModels(held)
	m.taker.await(t, 1)
	m.taker.settle(0, messages.ModelOutcome_REJECTED, "no such operator")
	dead := w.read("dead", 1)[0]
	if string(dead.Value) != string(marshal(t, bad)) {
		t.Error("dead letter is not the original descriptor")
	}
	if got := header(dead, headerExceptionMessage); got != "no such operator" {
		t.Errorf("reason %q", got)
	}
	<-m.CaughtUp()
}

func TestADescriptorWithoutOutcomeIsOfferedAgain(t *testing.T) {
	w := newWorld(t)
	w.config.Models.OfferTimeout = time.Millisecond
	w.publish(descriptorOf("wine", "a"))
	m := w.startModels(held)
	m.taker.await(t, 2)
	m.taker.settle(1, messages.ModelOutcome_PROMOTED, "")
	m.taker.settle(0, messages.ModelOutcome_DUPLICATE, "") // late, and ignored
	<-m.CaughtUp()
	eventually(t, "position 1 is saved", func() bool { return m.positions.at(0) == 1 })
}

func TestUnsettledDescriptorsAreBounded(t *testing.T) {
	w := newWorld(t)
	w.config.Models.InFlight = 2
	w.publish(descriptorOf("wine", "a"), descriptorOf("wine", "b"), descriptorOf("wine", "c"))
	m := w.startModels(held)
	m.taker.await(t, 2)
	m.taker.settle(0, messages.ModelOutcome_PROMOTED, "")
	m.taker.await(t, 3) // only now
	if got := m.taker.most(); got > 2 {
		t.Errorf("%d descriptors were unsettled at once, want at most 2", got)
	}
}

func TestCaughtUpOnAnEmptyTopic(t *testing.T) {
	m := newWorld(t).startModels()
	<-m.CaughtUp()
}

func TestCaughtUpOnATopicWhoseRecordsAreGone(t *testing.T) {
	w := newWorld(t)
	w.publish(descriptorOf("wine", "a"), descriptorOf("wine", "b"))
	if err := w.cluster.DeleteRecords("models", 0, -1); err != nil {
		t.Fatal(err)
	}
	m := w.startModels()
	<-m.CaughtUp()
	if got := m.taker.names(); got != "" {
		t.Errorf("offered %q", got)
	}
}

// TestCaughtUpWhenNothingComesAnyMore: an end that compaction has emptied is
// never reached, which must not keep a server from being ready.
func TestCaughtUpWhenNothingComesAnyMore(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct {
		change func(*modelsActor)
		want   bool
	}{
		"quiet":             {func(*modelsActor) {}, true},
		"something came":    {func(m *modelsActor) { m.newsAt = now.Add(-quietAfter / 2) }, false},
		"one is unsettled":  {func(m *modelsActor) { m.pending[modelID{}] = nil }, false},
		"not set up":        {func(m *modelsActor) { m.setup = false }, false},
		"not polling":       {func(m *modelsActor) { m.polling = false }, false},
		"broker is missing": {func(m *modelsActor) { m.status.conn = newConnection(testLog(t)) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			m := newModelsActor(&Models{log: testLog(t), status: newModelStatus(), caughtUp: make(chan struct{})})
			conn := newConnection(testLog(t))
			conn.lastOK.Store(now.UnixNano())
			m.status.starting(conn)
			m.setup, m.polling, m.newsAt = true, true, now.Add(-quietAfter)
			m.parts[0] = &modelPartition{queue: queue{position: 3}, target: 5}
			c.change(m)
			m.quiet(now)
			select {
			case <-m.CaughtUp():
				if !c.want {
					t.Error("caught up")
				}
			default:
				if c.want {
					t.Error("not caught up")
				}
			}
		})
	}
}

func TestCaughtUpBehindAnAbortedTransaction(t *testing.T) {
	w := newWorld(t)
	w.publish(descriptorOf("wine", "a"))
	tx, err := kgo.NewClient(kgo.SeedBrokers(w.config.Brokers...), kgo.TransactionalID("t"))
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Close()
	if err := tx.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := tx.ProduceSync(w.context(), &kgo.Record{Topic: "models", Value: marshal(t, descriptorOf("wine", "aborted"))}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := tx.EndTransaction(w.context(), kgo.TryAbort); err != nil {
		t.Fatal(err)
	}
	m := w.startModels()
	<-m.CaughtUp()
	if got := m.taker.names(); got != "a" {
		t.Errorf("offered %q", got)
	}
}

func TestASavedPositionBehindTheEndStartsOver(t *testing.T) {
	w := newWorld(t)
	w.publish(descriptorOf("wine", "a"))
	m := w.startModels(func(o *ModelsOptions) { o.Positions = &fakePositions{saved: map[int32]int64{0: 77}} })
	m.taker.await(t, 1)
	<-m.CaughtUp()
}

func TestAModelsTopicThatWasMadeAnewIsReadFromItsStart(t *testing.T) {
	w := newWorld(t)
	w.publish(descriptorOf("wine", "a"), descriptorOf("wine", "b"))
	m := w.startModels()
	<-m.CaughtUp()
	eventually(t, "position 2 is saved", func() bool { return m.positions.at(0) == 2 })
	if err := w.cluster.DeleteTopic("models"); err != nil {
		t.Fatal(err)
	}
	if err := w.cluster.CreateTopic("models", 1, nil); err != nil {
		t.Fatal(err)
	}
	w.connect() // a client does not take a topic's new identity
	w.publish(descriptorOf("wine", "c"), descriptorOf("wine", "d"), descriptorOf("wine", "e"))
	m.taker.await(t, 5)
	if got := m.taker.names(); got != "a b c d e" {
		t.Errorf("offered %q", got)
	}
	eventually(t, "position 3 is saved", func() bool { return m.positions.at(0) == 3 })
}

func TestPositionsThatCannotBeSavedAreTriedAgain(t *testing.T) {
	w := newWorld(t)
	w.publish(descriptorOf("wine", "a"))
	p := &fakePositions{failSaves: 2}
	m := w.startModels(func(o *ModelsOptions) { o.Positions = p })
	<-m.CaughtUp()
	eventually(t, "position 1 is saved", func() bool { return p.at(0) == 1 })
}

// --- helpers ---

func descriptorOf(dataType, name string) *messages.ModelDescriptor {
	return &messages.ModelDescriptor{
		Name: name, DataType: dataType, Modeltype: messages.ModelDescriptor_PMML,
		Content: &messages.ModelDescriptor_Data{Data: []byte("<PMML/>")},
	}
}

func marshal(t testing.TB, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func header(r *kgo.Record, key string) string {
	for _, h := range r.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}

func (w *world) publish(models ...*messages.ModelDescriptor) {
	w.t.Helper()
	for _, m := range models {
		w.publishRaw(&kgo.Record{Value: marshal(w.t, m)})
	}
}

func (w *world) publishRaw(r *kgo.Record) {
	w.t.Helper()
	r.Topic = w.prefix + "models"
	if err := w.client.ProduceSync(w.context(), r).FirstErr(); err != nil {
		w.t.Fatal(err)
	}
}

type modelIngestion struct {
	*Models
	taker     *fakeTaker
	positions *fakePositions
}

func (w *world) startModels(change ...func(*ModelsOptions)) *modelIngestion {
	w.t.Helper()
	system := actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return slog.New(slog.DiscardHandler) }))
	taker := &fakeTaker{root: system.Root, changed: make(chan struct{}, 1)}
	o := ModelsOptions{
		Config: &w.config, Models: taker, Positions: &fakePositions{},
		Log: testLog(w.t), Meter: noop.NewMeterProvider().Meter(""),
	}
	for _, f := range change {
		f(&o)
	}
	m, err := NewModels(o)
	if err != nil {
		w.t.Fatal(err)
	}
	pid, err := system.Root.SpawnNamed(m.Props(), "ingest/models")
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		_ = system.Root.StopFuture(pid).Wait()
		system.Shutdown()
	})
	return &modelIngestion{Models: m, taker: taker, positions: o.Positions.(*fakePositions)}
}

func (m *modelIngestion) close(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := m.Close(ctx); err != nil {
		t.Fatal(err)
	}
}

// fakeTaker settles descriptors at once, or when the test says so.
type fakeTaker struct {
	root    *actor.RootContext
	changed chan struct{}

	mu        sync.Mutex
	held      bool
	offered   []*messages.ModelDescriptor
	from      []*messages.Source
	replyTo   *actor.PID
	unsettled map[int64]bool
	peak      int
}

func (f *fakeTaker) Offer(d *messages.ModelDescriptor, from *messages.Source, replyTo *actor.PID) {
	f.mu.Lock()
	f.offered, f.from, f.replyTo = append(f.offered, d), append(f.from, from), replyTo
	if f.unsettled == nil {
		f.unsettled = map[int64]bool{}
	}
	f.unsettled[from.Offset] = true
	f.peak = max(f.peak, len(f.unsettled))
	held, n := f.held, len(f.offered)-1
	f.mu.Unlock()
	if !held {
		f.settle(n, messages.ModelOutcome_PROMOTED, "")
	}
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

// held makes the taker settle only what the test says.
func held(o *ModelsOptions) { o.Models.(*fakeTaker).held = true }

func (f *fakeTaker) settle(n int, o messages.ModelOutcome_Outcome, reason string) {
	f.mu.Lock()
	from, to := f.from[n], f.replyTo
	delete(f.unsettled, from.Offset)
	f.mu.Unlock()
	f.root.Send(to, &messages.ModelOutcome{Source: from, Outcome: o, Reason: reason})
}

func (f *fakeTaker) await(t testing.TB, n int) {
	t.Helper()
	for deadline := time.After(15 * time.Second); ; {
		f.mu.Lock()
		got := len(f.offered)
		f.mu.Unlock()
		if got >= n {
			return
		}
		select {
		case <-f.changed:
		case <-deadline:
			t.Fatalf("%d of %d descriptors were offered", got, n)
		}
	}
}

func (f *fakeTaker) names() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var names []string
	for _, d := range f.offered {
		names = append(names, d.Name)
	}
	return strings.Join(names, " ")
}

func (f *fakeTaker) most() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.peak
}

type fakePositions struct {
	mu        sync.Mutex
	saved     map[int32]int64
	failSaves int
}

func (p *fakePositions) Load(context.Context) (map[int32]int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.saved), nil
}

func (p *fakePositions) Save(_ context.Context, at map[int32]int64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failSaves > 0 {
		p.failSaves--
		return errors.New("disk full")
	}
	p.saved = maps.Clone(at)
	return nil
}

func (p *fakePositions) at(partition int32) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.saved[partition]
}

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
	"google.golang.org/protobuf/proto"

	"github.com/modelstream/modelserver/messages"
)

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
		Log: testLog(w.t), Meter: w.meter,
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

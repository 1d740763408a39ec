package actors_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"go.opentelemetry.io/otel/metric/noop"
	"google.golang.org/protobuf/proto"

	"github.com/modelstream/modelserver/actors"
	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/persistence"
	"github.com/modelstream/modelserver/persistence/memory"
	"github.com/modelstream/modelserver/record"
)

// bench is a node's actors with a test in place of Kafka.
type bench struct {
	t        testing.TB
	store    persistence.Store
	scripted *scripted
	system   *actor.ActorSystem
	models   *actors.Models
	inbox    *actor.PID
	scored   chan *record.Scored
	outcomes chan *messages.ModelOutcome
	source   *record.Source
	offset   int64
	stopped  bool
}

type benchOption func(*actors.Config)

func newBench(t testing.TB, options ...benchOption) *bench {
	t.Helper()
	b := &bench{t: t, store: memory.New(), scripted: &scripted{}, source: &record.Source{Topic: "in", Format: record.Wine()}}
	b.start(options...)
	t.Cleanup(b.stop)
	return b
}

// start brings up the actors over the bench's store, as a process does.
func (b *bench) start(options ...benchOption) {
	b.t.Helper()
	types, err := model.NewRegistry(b.scripted.modelType())
	if err != nil {
		b.t.Fatal(err)
	}
	cfg := actors.Config{
		Node: "here", Types: types, Store: b.store, Formats: []*record.Format{b.source.Format},
		Results: record.ResultProtobuf, Meter: noop.NewMeterProvider().Meter(""),
		Logger: slog.New(slog.DiscardHandler),
	}
	for _, o := range options {
		o(&cfg)
	}
	b.system = actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger {
		return slog.New(slog.DiscardHandler)
	}))
	if b.models, err = actors.New(b.system, cfg); err != nil {
		b.t.Fatal(err)
	}
	b.stopped = false
	b.scored = make(chan *record.Scored, 1024)
	b.outcomes = make(chan *messages.ModelOutcome, 1024)
	scored, outcomes := b.scored, b.outcomes
	b.inbox = b.system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		switch m := ctx.Message().(type) {
		case *record.Scored:
			scored <- m
		case *messages.ModelOutcome:
			outcomes <- m
		}
	}))
}

// stop ends the actors in good order; kill leaves them where they are, as a
// crash would, and only keeps them from running on.
func (b *bench) stop() {
	if b.stopped {
		return
	}
	b.stopped = true
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := b.models.Stop(ctx); err != nil {
		b.t.Errorf("stop: %v", err)
	}
	b.system.Shutdown()
}

func (b *bench) recover() {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	ids, err := b.store.IDs(ctx)
	if err != nil {
		b.t.Error(err)
	}
	if _, err := b.models.Recover(ctx, ids); err != nil {
		b.t.Error(err)
	}
}

// publish offers a model by value and does not wait.
func (b *bench) publish(script string) {
	b.offset++
	b.models.Offer(descriptor(script), &messages.Source{Topic: "models", Offset: b.offset}, b.inbox)
}

// publishFrom offers a model with an effective_from and does not wait.
func (b *bench) publishFrom(script string, ms int64) {
	b.offset++
	d := descriptor(script)
	d.EffectiveFromMs = ms
	b.models.Offer(d, &messages.Source{Topic: "models", Offset: b.offset}, b.inbox)
}

// mustAccept publishes a model with an effective_from and waits until it is ready.
func (b *bench) mustAccept(script string, ms int64) {
	b.t.Helper()
	b.publishFrom(script, ms)
	want := messages.ModelOutcome_PROMOTED
	if ms > time.Now().UnixMilli() {
		want = messages.ModelOutcome_ACCEPTED
	}
	if o := b.outcome(); o.GetOutcome() != want {
		b.t.Fatalf("publishing %q: %v, want %v", script, o, want)
	}
}

func descriptor(script string) *messages.ModelDescriptor {
	return &messages.ModelDescriptor{
		Name: script, DataType: "wine", Type: "scripted",
		Content: &messages.ModelDescriptor_Data{Data: []byte(script)},
	}
}

func (b *bench) outcome() *messages.ModelOutcome {
	b.t.Helper()
	select {
	case o := <-b.outcomes:
		return o
	case <-time.After(20 * time.Second):
		b.t.Fatal("no outcome came")
		return nil
	}
}

func (b *bench) mustServe(script string) {
	b.t.Helper()
	b.publish(script)
	if o := b.outcome(); o.GetOutcome() != messages.ModelOutcome_PROMOTED {
		b.t.Fatalf("publishing %q: %v", script, o)
	}
}

// batch makes a batch of wine records with these values of alcohol.
func (b *bench) batch(dataType string, alcohol ...float64) *record.Batch {
	b.t.Helper()
	batch := &record.Batch{DataType: dataType, Source: b.source, Deadline: time.Now().Add(20 * time.Second)}
	for i, x := range alcohol {
		payload, err := proto.Marshal(&messages.WineRecord{Alcohol: x, DataType: dataType})
		if err != nil {
			b.t.Fatal(err)
		}
		batch.Records = append(batch.Records, record.Raw{Payload: payload, Offset: int64(i)})
	}
	return batch
}

func (b *bench) send(alcohol ...float64) *record.Batch {
	b.t.Helper()
	batch := b.batch("wine", alcohol...)
	b.models.Score(batch, b.inbox)
	return batch
}

func (b *bench) answer() *record.Scored {
	b.t.Helper()
	select {
	case s := <-b.scored:
		return s
	case <-time.After(20 * time.Second):
		b.t.Fatal("no answer came")
		return nil
	}
}

// score sends a batch and returns the decoded results.
func (b *bench) score(alcohol ...float64) []*messages.ServingResult {
	b.t.Helper()
	b.send(alcohol...)
	return b.results(b.answer())
}

func (b *bench) results(s *record.Scored) []*messages.ServingResult {
	b.t.Helper()
	if s.Err != nil {
		b.t.Fatalf("the batch was not scored: %v", s.Err)
	}
	if len(s.Ends) != len(s.Batch.Records) {
		b.t.Fatalf("%d results for %d records", len(s.Ends), len(s.Batch.Records))
	}
	var all []*messages.ServingResult
	for i := range s.Ends {
		if len(s.Result(i)) == 0 {
			all = append(all, nil)
			continue
		}
		r, err := record.DecodeResult(record.ResultProtobuf, s.Result(i))
		if err != nil {
			b.t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

func (b *bench) state() *messages.ModelState {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	s, err := b.models.State(ctx, "wine")
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

func (b *bench) wantServing(number uint64) {
	b.t.Helper()
	if got := b.state().GetCurrent().GetModel().GetNumber(); got != number {
		b.t.Fatalf("generation %d serves, want %d", got, number)
	}
}

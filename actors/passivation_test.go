package actors_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/modelstream/modelserver/actors"
	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/persistence"
	"github.com/modelstream/modelserver/record"
)

func onDemand(c *actors.Config) { c.Activation = actors.OnDemand; c.SetTick(10 * time.Millisecond) }

func idleAfter(d time.Duration) benchOption {
	return func(c *actors.Config) { c.IdleAfter = d; c.SetTick(10 * time.Millisecond) }
}

func (b *bench) wantOutcome(want messages.ModelOutcome_Outcome) *messages.ModelOutcome {
	b.t.Helper()
	o := b.outcome()
	if o.GetOutcome() != want {
		b.t.Fatalf("outcome %v, want %v", o, want)
	}
	return o
}

// gone waits until the data type has no ModelActor.
func (b *bench) gone() {
	b.t.Helper()
	eventually(b.t, "the ModelActor is gone", func() bool {
		_, there := b.system.ProcessRegistry.GetLocal("models/wine")
		return !there
	})
}

// On demand, descriptors are stored and nothing is loaded, until the first record
// comes: it waits, and is scored by the newest.
func TestActivationOnDemand(t *testing.T) {
	b := newBench(t, onDemand)
	b.publish("add 1")
	b.wantOutcome(messages.ModelOutcome_ACCEPTED)
	b.publish("add 2")
	b.wantOutcome(messages.ModelOutcome_ACCEPTED)
	if loads, _ := b.scripted.balance(); loads != 0 {
		t.Errorf("%d models were loaded without a record", loads)
	}
	if s := b.state(); !s.GetPassive() || len(s.GetGenerations()) != 2 {
		t.Errorf("state: %v", s)
	}
	if r := b.score(1); r[0].GetOutputs()["sum"].GetNumber() != 3 {
		t.Errorf("result: %v", r[0])
	}
	if loads, _ := b.scripted.balance(); loads != 1 {
		t.Errorf("%d models were loaded, want the newest alone", loads)
	}
	// From then on it is as ever.
	b.mustServe("add 3")
	if s := b.state(); s.GetPassive() || s.GetCurrent().GetModel().GetNumber() != 3 {
		t.Errorf("state: %v", s)
	}
}

// Without records the ModelActor itself leaves, too; what it knew is read from
// the store, and a descriptor, a record or a restart finds it there.
func TestDormantModelActorLeaves(t *testing.T) {
	b := newBench(t, onDemand)
	b.publish("add 1")
	b.wantOutcome(messages.ModelOutcome_ACCEPTED)
	b.gone()
	if s := b.state(); !s.GetPassive() || s.GetGenerations()[0].GetModel().GetName() != "add 1" {
		t.Errorf("state: %v", s)
	}
	b.publish("add 2")
	b.wantOutcome(messages.ModelOutcome_ACCEPTED)
	b.offset = 0
	b.publish("add 1") // again
	b.wantOutcome(messages.ModelOutcome_ACCEPTED)
	b.gone()
	b.stop()
	b.start(onDemand)
	b.recover()
	if names := b.models.DataTypes(); len(names) != 1 || names[0] != "wine" {
		t.Errorf("data types: %v", names)
	}
	if _, there := b.system.ProcessRegistry.GetLocal("models/wine"); there {
		t.Error("it was spawned before a record came")
	}
	if r := b.score(1); r[0].GetOutputs()["sum"].GetNumber() != 3 {
		t.Errorf("result: %v", r[0])
	}
}

// What cannot be read is found at the start, not when the first record comes.
func TestDamageIsFoundOnDemandToo(t *testing.T) {
	b := newBench(t, onDemand)
	b.publish("add 1")
	b.wantOutcome(messages.ModelOutcome_ACCEPTED)
	b.stop()
	b.store = damagedStore{b.store}
	b.start(onDemand)
	b.recover()
	if !b.models.Damaged() {
		t.Error("the damage was not reported")
	}
}

type damagedStore struct{ persistence.Store }

func (damagedStore) Load(context.Context, string) (*persistence.Recovery, error) {
	return nil, errors.New("input/output error")
}

// An idle data type is passivated with a snapshot, and a record brings it back.
func TestPassivation(t *testing.T) {
	b := newBench(t, idleAfter(time.Millisecond))
	b.mustServe("add 1")
	b.mustServe("add 2")
	b.score(1, 2, 3)
	b.gone()
	eventually(t, "its models are closed", func() bool {
		loads, closed := b.scripted.balance()
		return loads == closed
	})
	s := b.state()
	if !s.GetPassive() || s.GetCurrent().GetModel().GetNumber() != 2 || s.GetStatistics().GetRecords() != 3 {
		t.Errorf("state: %v", s)
	}
	if all, err := b.models.States(t.Context()); err != nil || len(all.GetModels()) != 1 {
		t.Errorf("states: %v, %v", all, err)
	}
	if r := b.score(1); r[0].GetGeneration().GetNumber() != 2 {
		t.Errorf("result: %v", r[0])
	}
	if n := b.state().GetStatistics().GetRecords(); n != 4 {
		t.Errorf("%d records were counted, want 4", n)
	}
	b.gone()
	b.publish("add 3") // a descriptor brings it back, too
	b.wantOutcome(messages.ModelOutcome_PROMOTED)
	b.wantServing(3)
}

// Records of an unknown data type bring up nothing.
func TestUnknownDataTypesStayUnknown(t *testing.T) {
	b := newBench(t, onDemand)
	b.send(1)
	if s := b.answer(); !errors.Is(s.Err, record.ErrNoModel) {
		t.Errorf("%v", s.Err)
	}
	if names := b.models.DataTypes(); len(names) != 0 {
		t.Errorf("data types: %v", names)
	}
}

// Batches, descriptors and queries come at any moment of coming and going: each
// batch and each descriptor is answered, batches of one sender in order.
func TestNothingIsLostWhileModelActorsComeAndGo(t *testing.T) {
	for name, option := range map[string]benchOption{
		"eager": idleAfter(time.Nanosecond), "on demand": func(c *actors.Config) { onDemand(c); idleAfter(time.Nanosecond)(c) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, option, func(c *actors.Config) { c.SetTick(time.Millisecond) })
			b.publish("add 1")
			b.outcome()
			const rounds = 300
			var asking sync.WaitGroup
			asking.Go(func() {
				for range rounds {
					if _, err := b.models.State(t.Context(), "wine"); err != nil {
						t.Errorf("state: %v", err)
					}
				}
			})
			done := make(chan struct{})
			asking.Go(func() { // to leave in the midst of work
				for {
					select {
					case <-done:
						return
					default:
						b.models.AskToLeave("wine")
						runtime.Gosched()
					}
				}
			})
			leaves := 0
			pause := time.NewTicker(500 * time.Microsecond) // for it to leave now and then
			defer pause.Stop()
			last := uint64(0)
			for n := range rounds {
				if n%10 == 0 {
					b.publish(fmt.Sprintf("add %d", n+2))
				}
				var sent []*record.Batch
				for i := range 6 {
					sent = append(sent, b.send(float64(i)))
				}
				for _, want := range sent {
					s := b.answer()
					if s.Err != nil || s.Batch != want {
						t.Fatalf("round %d: %v, the batch in order: %v", n, s.Err, s.Batch == want)
					}
					if s.Generation < last {
						t.Fatalf("round %d: generation %d after %d", n, s.Generation, last)
					}
					last = s.Generation
				}
				if n%10 == 0 {
					b.outcome()
				}
				<-pause.C
				<-pause.C
				if _, there := b.system.ProcessRegistry.GetLocal("models/wine"); !there {
					leaves++
				}
			}
			close(done)
			asking.Wait()
			if leaves == 0 {
				t.Error("it was never gone: the test tests nothing")
			}
		})
	}
}

// The metrics tell active from passive, and count coming and going.
func TestPassivationMetrics(t *testing.T) {
	reader := sdkmetric.NewManualReader()
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	b := newBench(t, onDemand, idleAfter(time.Second), func(c *actors.Config) { c.Meter = provider.Meter("") })
	b.publish("add 1")
	b.outcome()
	b.score(1)
	got := func(name string) (n []int64) {
		var all metricdata.ResourceMetrics
		if err := reader.Collect(context.Background(), &all); err != nil {
			t.Fatal(err)
		}
		for _, m := range all.ScopeMetrics[0].Metrics {
			if m.Name != "modelserver."+name {
				continue
			}
			switch d := m.Data.(type) {
			case metricdata.Sum[int64]:
				n = append(n, d.DataPoints[0].Value)
			case metricdata.Gauge[int64]:
				slices.SortFunc(d.DataPoints, func(a, b metricdata.DataPoint[int64]) int {
					return strings.Compare(a.Attributes.Encoded(attribute.DefaultEncoder()), b.Attributes.Encoded(attribute.DefaultEncoder()))
				})
				for _, p := range d.DataPoints {
					n = append(n, p.Value)
				}
			}
		}
		return n
	}
	if n := got("model_actors"); len(n) != 2 || n[0] != 1 || n[1] != 0 {
		t.Errorf("active and passive: %v, want 1 and 0", n)
	}
	b.gone()
	if n := got("model_actors"); len(n) != 2 || n[0] != 0 || n[1] != 1 {
		t.Errorf("active and passive: %v, want 0 and 1", n)
	}
	if a, p := got("model_activations"), got("model_passivations"); len(a) != 1 || a[0] != 1 || len(p) != 1 || p[0] != 1 {
		t.Errorf("activations %v, passivations %v", a, p)
	}
	if n := got("generation_info"); len(n) != 0 {
		t.Errorf("the passive model has a series: %v", n)
	}
}

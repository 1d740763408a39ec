package changelog

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/modelstream/modelserver/kafka"
	"github.com/modelstream/modelserver/kafka/kafkatest"
	"github.com/modelstream/modelserver/persistence"
	"github.com/modelstream/modelserver/persistence/persistencetest"
)

var broker kafkatest.Shared

func TestMain(m *testing.M) { os.Exit(broker.Main(m)) }

// place is where stores of one test are: two topics of one cluster.
type place struct {
	t      testing.TB
	config Config
	kafka  kafka.Config
}

func newPlace(t testing.TB, seeds []string) *place {
	p := &place{t: t, config: DefaultConfig(), kafka: kafka.DefaultConfig()}
	name := kafkatest.UniqueName(t)
	p.config.Topic, p.config.ArtifactsTopic = name, name+"-artifacts"
	p.config.Partitions = 2
	p.kafka.Brokers = seeds
	return p
}

func fakePlace(t testing.TB) *place { return newPlace(t, kafkatest.Fake(t).ListenAddrs()) }

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// open opens a store that the caller closes.
func (p *place) open(change ...func(*Options)) (*Store, error) {
	o := Options{Config: p.config, Kafka: &p.kafka, Node: "test", Log: quiet()}
	for _, c := range change {
		c(&o)
	}
	s, err := New(o)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.Restore(ctx); err != nil {
		return nil, fmt.Errorf("%w (closed: %v)", err, s.Close())
	}
	return s, nil
}

// store opens a store that is closed with the test.
func (p *place) store(change ...func(*Options)) *Store {
	p.t.Helper()
	s, err := p.open(change...)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = s.Close() })
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func harness(open func(t testing.TB) *place) persistencetest.Harness {
	return persistencetest.Harness{
		New: func(t testing.TB) func() (persistence.Store, error) {
			p := open(t)
			return func() (persistence.Store, error) { return p.open() }
		},
		Durable: true, Inspect: inspect, Damage: damage, Age: age,
	}
}

func inspect(store persistence.Store, id string) (events, snapshots []uint64, err error) {
	s := store.(*Store)
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.view.id(id)
	for _, e := range r.events {
		events = append(events, e.key.seq)
	}
	for _, e := range r.snapshots {
		snapshots = append(snapshots, e.key.seq)
	}
	return events, snapshots, nil
}

// damage writes a record again, under its own key and with another bit in its
// value: what compaction leaves is damaged then.
func damage(store persistence.Store, what persistencetest.Target) error {
	s := store.(*Store)
	s.mu.Lock()
	var target *entry
	r := s.view.id(what.ID)
	if a := s.view.artifact(what.Artifact); a != nil {
		target = a.current
	}
	if what.Event {
		for _, e := range r.events {
			if e.key.seq == what.Seq {
				target = e
			}
		}
	}
	if what.Snapshot {
		for _, e := range r.snapshots {
			if e.key.seq == what.Seq {
				target = e
			}
		}
	}
	s.mu.Unlock()
	if target == nil {
		return fmt.Errorf("nothing like %+v is stored", what)
	}
	value := seal([]byte(target.raw), target.body)
	value[len(value)-1] ^= 0x10
	p := partitionOf(target.key.object, s.partitions)
	record := &kgo.Record{Topic: s.config.Topic, Partition: p, Key: []byte(target.raw), Value: value}
	if err := s.client.ProduceSync(context.Background(), record).FirstErr(); err != nil {
		return err
	}
	_, err := s.probe(context.Background(), p) // it is read
	return err
}

func age(store persistence.Store, digest string, by time.Duration) error {
	s := store.(*Store)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.view.artifact(digest).current.time -= by.Milliseconds()
	return nil
}

func TestConformance(t *testing.T) { persistencetest.Exercise(t, harness(fakePlace)) }

func TestConformanceOnKafka(t *testing.T) {
	b := broker.Get(t)
	persistencetest.Exercise(t, harness(func(t testing.TB) *place {
		return newPlace(t, b.Seeds(kafkatest.Plaintext))
	}))
}

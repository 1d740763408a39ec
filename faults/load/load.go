package load

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"github.com/modelstream/modelserver/faults/check"
)

// Topic is a topic of records.
type Topic struct {
	Name       string
	Format     Format
	Partitions int
}

// DataType is a stream of records with its models.
type DataType struct {
	Name  string
	Timed bool // its models are effective from a record time on
}

// Config says what flows.
type Config struct {
	Seeds       []string // the brokers themselves, not behind proxies
	Topics      []Topic
	DataTypes   []DataType
	ModelsTopic string

	PerSecond int // records
	// ModelEvery is the time between two models; the data types take turns. 0:
	// only the first ones.
	ModelEvery time.Duration
	// Lead is how far ahead of their record time models are published, at least.
	Lead time.Duration
	// BadOneIn of models and of JSON records is bad; 0: none.
	BadOneIn int
	Seed     uint64
}

// Ledger is what the brokers have acknowledged.
type Ledger struct {
	Records, Models int
	Places          []check.Place
}

// Load is a flow under way.
type Load struct {
	cfg    Config
	client *kgo.Client
	cancel context.CancelFunc
	done   sync.WaitGroup
	sent   atomic.Int64 // records

	mu     sync.Mutex
	ledger Ledger
	failed error
}

// Start publishes a first model for each data type and returns when these are
// acknowledged and the records flow.
func Start(ctx context.Context, cfg Config) (*Load, error) {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(cfg.Seeds...),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(2*time.Millisecond),
		kgo.MaxBufferedRecords(1<<20), // the records of an outage wait here
		kgo.AlwaysRetryEOF(),
		kgo.MetadataMinAge(250*time.Millisecond),
		kgo.DialTimeout(2*time.Second),
		kgo.RetryTimeout(time.Hour),
	)
	if err != nil {
		return nil, err
	}
	l := &Load{cfg: cfg, client: client}
	p := &publisher{load: l, rand: rand.New(rand.NewPCG(cfg.Seed, 1))}
	for range cfg.DataTypes {
		if err := p.publish(Sound, false); err != nil {
			client.Close()
			return nil, err
		}
	}
	if err := client.Flush(ctx); err != nil {
		client.Close()
		return nil, fmt.Errorf("load: the first models: %w", err)
	}
	running, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	l.done.Go(func() { l.fail(l.records(running)) })
	if cfg.ModelEvery > 0 {
		l.done.Go(func() { l.fail(p.run(running)) })
	}
	return l, nil
}

// Sent is how many records were made so far.
func (l *Load) Sent() int64 { return l.sent.Load() }

// Stop ends the flow and returns what was acknowledged, once everything is.
func (l *Load) Stop(ctx context.Context) (Ledger, error) {
	l.cancel()
	l.done.Wait()
	err := l.client.Flush(ctx)
	l.client.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ledger, errors.Join(err, l.failed)
}

func (l *Load) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed = errors.Join(l.failed, err)
}

// produce sends a message and notes where it is once it is acknowledged.
func (l *Load) produce(r *kgo.Record, count *int) {
	l.client.Produce(context.Background(), r, func(r *kgo.Record, err error) {
		if err != nil {
			l.fail(fmt.Errorf("load: %s: %w", r.Topic, err))
			return
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		*count++
		l.ledger.Places = append(l.ledger.Places, check.Place{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset})
	})
}

// records makes records at a steady rate, to all partitions in turn.
func (l *Load) records(ctx context.Context) error {
	g := newGenerator(l.cfg)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); ; {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			due := int64(now.Sub(began).Seconds() * float64(l.cfg.PerSecond))
			for l.sent.Load() < due {
				r, err := g.next(now)
				if err != nil {
					return err
				}
				l.produce(r, &l.ledger.Records)
				l.sent.Add(1)
			}
		}
	}
}

// publisher publishes models, the data types in turn.
type publisher struct {
	load    *Load
	rand    *rand.Rand
	version int
}

func (p *publisher) run(ctx context.Context) error {
	tick := time.NewTicker(p.load.cfg.ModelEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			flaw := Sound
			if n := p.load.cfg.BadOneIn; n > 0 && p.rand.IntN(n) == 0 {
				flaw = 1 + Flaw(p.rand.IntN(int(flaws)-1))
			}
			if err := p.publish(flaw, true); err != nil {
				return err
			}
		}
	}
}

// publish publishes the next data type's next model; later says that it is not
// the first one.
func (p *publisher) publish(flaw Flaw, later bool) error {
	cfg := &p.load.cfg
	dataType := cfg.DataTypes[p.version%len(cfg.DataTypes)]
	p.version++
	m := Model{
		DataType: dataType.Name, Version: p.version, Flaw: flaw,
		Slope: p.rand.IntN(19) - 9, Intercept: p.rand.IntN(2001) - 1000,
	}
	if dataType.Timed && later {
		ahead := cfg.Lead + time.Duration(p.rand.Int64N(int64(cfg.Lead)+1))
		m.EffectiveFromMS = time.Now().Add(ahead).UnixMilli()
	}
	b, err := proto.Marshal(m.Descriptor())
	if err != nil {
		return err
	}
	p.load.produce(&kgo.Record{Topic: cfg.ModelsTopic, Value: b}, &p.load.ledger.Models)
	return nil
}

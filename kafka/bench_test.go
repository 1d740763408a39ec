package kafka

import (
	"context"
	"errors"
	"flag"
	"log/slog"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/metric/noop"

	"github.com/modelstream/modelserver/kafka/kafkatest"
	"github.com/modelstream/modelserver/record"
)

var benchRecords = flag.Int("bench.records", 500_000, "records of 100 bytes that an ingestion benchmark reads")

// BenchmarkIngestion moves records from topic to topic through a real broker:
// "bare" is the least a franz-go client can do (consume, copy, produce, commit
// behind the acknowledgement), "actor" the ingestion with a scorer that copies.
// One iteration moves all records; see records/s and cpu-ns/record, which is
// this process's alone.
func BenchmarkIngestion(b *testing.B) {
	broker := kafkatest.Run(b, kafkatest.Config{Throughput: true})
	seeds := broker.Seeds(kafkatest.Plaintext)
	in := kafkatest.Topic(b, seeds, 4, nil)
	fill(b, seeds, in, *benchRecords)
	for _, c := range []struct {
		name string
		move func(b *testing.B, seeds []string, group, in, out string, n int)
	}{{"bare", moveBare}, {"actor", moveActor}} {
		b.Run(c.name, func(b *testing.B) {
			out := kafkatest.Topic(b, seeds, 4, nil)
			b.ReportAllocs()
			var cpu time.Duration
			b.ResetTimer()
			for range b.N {
				before := cpuTime()
				c.move(b, seeds, kafkatest.UniqueName(b), in, out, *benchRecords)
				cpu += cpuTime() - before
			}
			n := float64(b.N) * float64(*benchRecords)
			b.ReportMetric(n/b.Elapsed().Seconds(), "records/s")
			b.ReportMetric(float64(cpu.Nanoseconds())/n, "cpu-ns/record")
		})
	}
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func fill(b *testing.B, seeds []string, topic string, n int) {
	b.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(seeds...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(kgo.Lz4Compression()))
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	var failed atomic.Pointer[error]
	promise := func(_ *kgo.Record, err error) {
		if err != nil {
			failed.Store(&err)
		}
	}
	recs := make([]kgo.Record, n)
	values := make([]byte, 100*n)
	for i := range recs {
		v := values[i*100 : i*100+100]
		for j := range v {
			v[j] = byte((i*7 + j*13) % 251)
		}
		recs[i] = kgo.Record{Topic: topic, Partition: int32(i % 4), Value: v}
		client.Produce(context.Background(), &recs[i], promise)
	}
	if err := client.Flush(context.Background()); err != nil {
		b.Fatal(err)
	}
	if err := failed.Load(); err != nil {
		b.Fatal(*err)
	}
}

// moveBare is the yardstick.
func moveBare(b *testing.B, seeds []string, group, in, out string, n int) {
	config := DefaultConfig()
	opts := append(config.producerOptions(),
		kgo.SeedBrokers(seeds...), kgo.ConsumerGroup(group), kgo.ConsumeTopics(in),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.AutoCommitMarks(),
		kgo.AutoCommitInterval(500*time.Millisecond), kgo.FetchMaxWait(500*time.Millisecond),
		kgo.FetchMaxBytes(config.Records.FetchBytes),
	)
	client, err := kgo.NewClient(opts...)
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	var acked atomic.Int64
	all := make(chan struct{})
	for got := 0; got < n; {
		fetches := client.PollRecords(context.Background(), config.Records.PollRecords)
		if err := fetches.Err(); err != nil {
			b.Fatal(err)
		}
		fetches.EachPartition(func(p kgo.FetchTopicPartition) {
			if len(p.Records) == 0 {
				return
			}
			got += len(p.Records)
			last := p.Records[len(p.Records)-1]
			var left atomic.Int32
			left.Store(int32(len(p.Records)))
			count := int64(len(p.Records))
			promise := func(_ *kgo.Record, err error) {
				if err != nil {
					panic(err)
				}
				if left.Add(-1) == 0 {
					client.MarkCommitRecords(last)
					if acked.Add(count) == int64(n) {
						close(all)
					}
				}
			}
			slab := make([]kgo.Record, len(p.Records))
			for i, r := range p.Records {
				slab[i] = kgo.Record{Topic: out, Partition: r.Partition, Value: append([]byte(nil), r.Value...)}
				client.Produce(context.Background(), &slab[i], promise)
			}
		})
	}
	<-all
	if err := client.CommitMarkedOffsets(context.Background()); err != nil {
		b.Fatal(err)
	}
}

// moveActor is the ingestion.
func moveActor(b *testing.B, seeds []string, group, in, out string, n int) {
	config := DefaultConfig()
	config.Brokers, config.Group.ID = seeds, group
	config.Results.Topic, config.DeadLetters.Topic = out, ""
	config.Records.Topics = []TopicConfig{{Topic: in, Format: "json", DataType: DataTypeRule{From: FromFixed, Name: "wine"}}}
	system := actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return slog.New(slog.DiscardHandler) }))
	defer system.Shutdown()
	scorer := newCopier(system)
	r, err := NewRecords(RecordsOptions{
		Config: &config, Topics: []Topic{{Config: config.Records.Topics[0], Format: record.JSON()}},
		Scorer: scorer, Log: slog.New(slog.DiscardHandler), Meter: noop.NewMeterProvider().Meter(""),
	})
	if err != nil {
		b.Fatal(err)
	}
	pid, err := system.Root.SpawnNamed(r.Props(), "ingest/records")
	if err != nil {
		b.Fatal(err)
	}
	for r.status.results.Load() < int64(n) {
		select {
		case <-time.After(time.Millisecond):
		case <-b.Context().Done():
			b.Fatal(errors.Join(b.Context().Err(), r.Health()))
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := r.Drain(ctx); err != nil {
		b.Fatal(err)
	}
	_ = system.Root.StopFuture(pid).Wait()
}

// copier is a scorer in an actor of its own, as a generation is.
type copier struct {
	root *actor.RootContext
	pid  *actor.PID
}

func newCopier(system *actor.ActorSystem) *copier {
	return &copier{root: system.Root, pid: system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		if b, ok := ctx.Message().(*record.Batch); ok {
			s := &record.Scored{Batch: b, Ends: make([]int32, len(b.Records))}
			s.Payloads = make([]byte, 0, 100*len(b.Records))
			for i := range b.Records {
				s.Payloads = append(s.Payloads, b.Records[i].Payload...)
				s.Ends[i] = int32(len(s.Payloads))
			}
			ctx.Send(ctx.Sender(), s)
		}
	}))}
}

func (c *copier) Score(b *record.Batch, replyTo *actor.PID) {
	c.root.RequestWithCustomSender(c.pid, b, replyTo)
}

package main

import (
	"context"
	"fmt"
	"io/fs"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"github.com/modelstream/modelserver/bench/internal/winerows"
	"github.com/modelstream/modelserver/examples/wine"
	"github.com/modelstream/modelserver/messages"
)

// load publishes records at a steady rate and a new model now and then.
type load struct {
	o      options
	client *kgo.Client
	rows   [][]byte
	models [][]byte
	failed atomic.Pointer[error]
}

func newLoad(ctx context.Context, o options, seeds []string) (*load, error) {
	l := &load{o: o}
	var err error
	if l.rows, err = winerows.Payloads(); err != nil {
		return nil, err
	}
	for _, file := range []string{"models/forest.pmml", "models/boosting.pmml", "models/network.pmml"} {
		data, err := fs.ReadFile(wine.Files(), file)
		if err != nil {
			return nil, err
		}
		l.models = append(l.models, data)
	}
	l.client, err = kgo.NewClient(kgo.SeedBrokers(seeds...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.MaxBufferedRecords(1_000_000), kgo.ProducerLinger(time.Millisecond),
		kgo.ProducerBatchCompression(kgo.Lz4Compression()))
	if err != nil {
		return nil, err
	}
	return l, l.publish(ctx, 0)
}

func (l *load) close() { l.client.Close() }

func (l *load) publish(ctx context.Context, i int) error {
	value, err := proto.Marshal(&messages.ModelDescriptor{
		Name: fmt.Sprint("model ", i), DataType: "wine", Modeltype: messages.ModelDescriptor_PMML,
		Content: &messages.ModelDescriptor_Data{Data: l.models[i%len(l.models)]},
	})
	if err != nil {
		return err
	}
	return l.client.ProduceSync(ctx, &kgo.Record{Topic: modelsTopic, Value: value}).FirstErr()
}

// run sends at the offered rate, whatever the server does: each record is due at
// a moment of its own and carries it, so waiting is never left out. It returns
// how many were sent.
func (l *load) run(ctx context.Context) (int, error) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	select {
	case <-time.After(3 * time.Second): // the first model loads, the server joins
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	total := l.o.rate * l.o.seconds
	start := time.Now()
	models := 1
	promise := func(_ *kgo.Record, err error) {
		if err != nil {
			l.failed.CompareAndSwap(nil, &err)
		}
	}
	for sent := 0; sent < total; {
		elapsed := time.Since(start)
		if elapsed > time.Duration(models)*l.o.every {
			if err := l.publish(ctx, models); err != nil {
				return 0, err
			}
			models++
		}
		for due := min(int(elapsed.Seconds()*float64(l.o.rate)), total); sent < due; sent++ {
			at := start.Add(time.Duration(float64(sent) / float64(l.o.rate) * 1e9))
			l.client.Produce(ctx, &kgo.Record{
				Topic: recordsTopic, Partition: int32(sent % l.o.partitions),
				Value: l.rows[sent%len(l.rows)], Timestamp: at,
			}, promise)
		}
		if err := l.failed.Load(); err != nil {
			return 0, *err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	return total, l.client.Flush(ctx)
}

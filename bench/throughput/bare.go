package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// copyTopic is the ceiling: what the Kafka client alone costs to read records
// in a consumer group, write them to the partition of the same number and commit
// once they are acknowledged. Nothing is decoded and nothing is scored. It runs
// until it is told to stop.
func copyTopic(ctx context.Context, o options) error {
	codec, ok := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "lz4": kgo.Lz4Compression(), "snappy": kgo.SnappyCompression(), "zstd": kgo.ZstdCompression(),
	}[o.compress]
	if !ok {
		return fmt.Errorf("compression %q is not none, lz4, snappy or zstd", o.compress)
	}
	commit, err := time.ParseDuration(o.commit)
	if err != nil {
		return fmt.Errorf("-commit: %w", err)
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(o.seeds),
		kgo.ConsumeTopics(o.in), kgo.ConsumerGroup("bare-"+o.out),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxBytes(16<<20), kgo.FetchMaxPartitionBytes(1<<20),
		kgo.DefaultProduceTopic(o.out), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(5*time.Millisecond), kgo.ProducerBatchCompression(codec),
		kgo.MaxBufferedRecords(100_000),
		kgo.AutoCommitMarks(), kgo.AutoCommitInterval(commit),
		kgo.BlockRebalanceOnPoll(),
	)
	if err != nil {
		return err
	}
	defer client.CloseAllowingRebalance()
	var failed atomic.Pointer[error]
	for ctx.Err() == nil {
		fetches := client.PollRecords(ctx, 4096)
		if err := fetches.Err0(); err != nil && !errors.Is(err, context.Canceled) {
			return err
		}
		copyFetches(client, o.out, fetches, &failed)
		client.AllowRebalance()
		if err := failed.Load(); err != nil {
			return fmt.Errorf("produce: %w", *err)
		}
	}
	return nil
}

// copyFetches produces a poll's records; the last acknowledgement marks their
// offsets for the next commit.
func copyFetches(client *kgo.Client, out string, fetches kgo.Fetches, failed *atomic.Pointer[error]) {
	n := fetches.NumRecords()
	if n == 0 {
		return
	}
	records := make([]kgo.Record, n) // one allocation for all
	marks := make([]*kgo.Record, 0, n)
	var left sync.WaitGroup
	left.Add(n)
	promise := func(_ *kgo.Record, err error) {
		if err != nil {
			failed.CompareAndSwap(nil, &err)
		}
		left.Done()
	}
	i := 0
	fetches.EachRecord(func(r *kgo.Record) {
		records[i] = kgo.Record{Topic: out, Partition: r.Partition, Key: r.Key, Value: r.Value, Timestamp: r.Timestamp}
		marks = append(marks, r)
		client.Produce(context.Background(), &records[i], promise)
		i++
	})
	go func() {
		left.Wait()
		client.MarkCommitRecords(marks...)
	}()
}

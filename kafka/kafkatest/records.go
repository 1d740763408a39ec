package kafkatest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Record is a record of a topic, for tests that stay clear of Kafka's client.
type Record struct {
	Partition  int32 // where it was read; Produce writes there unless Key says otherwise
	Offset     int64
	Key, Value []byte
	Headers    []Header
	Time       time.Time // zero: now
}

// Header is a header of a record.
type Header struct {
	Key   string
	Value []byte
}

// Produce writes records and returns when all of them are acknowledged. A record
// with a key goes to the key's partition, any other one to its Partition.
func Produce(t TB, seeds []string, topic string, records ...Record) {
	t.Helper()
	if err := ProduceRecords(t.Context(), seeds, topic, records...); err != nil {
		t.Fatalf("%v", err)
	}
}

// ProduceRecords is [Produce] outside of a test.
func ProduceRecords(ctx context.Context, seeds []string, topic string, records ...Record) error {
	byKey := kgo.StickyKeyPartitioner(nil).ForTopic(topic)
	partitioner := kgo.BasicConsistentPartitioner(func(string) func(*kgo.Record, int) int {
		return func(r *kgo.Record, partitions int) int {
			if r.Key != nil {
				return byKey.Partition(r, partitions)
			}
			return int(r.Partition)
		}
	})
	cl, err := kgo.NewClient(kgo.SeedBrokers(seeds...), kgo.RecordPartitioner(partitioner))
	if err != nil {
		return err
	}
	defer cl.Close()
	out := make([]*kgo.Record, len(records))
	for i, r := range records {
		out[i] = &kgo.Record{Topic: topic, Partition: r.Partition, Key: r.Key, Value: r.Value, Timestamp: r.Time}
		for _, h := range r.Headers {
			out[i].Headers = append(out[i].Headers, kgo.RecordHeader(h))
		}
	}
	if err := cl.ProduceSync(ctx, out...).FirstErr(); err != nil {
		return fmt.Errorf("kafkatest: produce to %q: %w", topic, err)
	}
	return nil
}

// Follow reads a topic from its start, committed records only, and calls f with
// each, in offset order within a partition, until f returns false. A test's time
// limit ends it too.
func Follow(t TB, seeds []string, topic string, f func(Record) bool) {
	t.Helper()
	if err := FollowRecords(t.Context(), seeds, topic, f); err != nil {
		t.Fatalf("%v", err)
	}
}

// FollowRecords is [Follow] outside of a test; it ends with ctx.
func FollowRecords(ctx context.Context, seeds []string, topic string, f func(Record) bool) error {
	cl, err := kgo.NewClient(
		kgo.SeedBrokers(seeds...),
		kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.FetchMaxWait(100*time.Millisecond),
	)
	if err != nil {
		return err
	}
	defer cl.Close()
	for {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			return fmt.Errorf("kafkatest: read %q: %w", topic, err)
		}
		for r := range fetches.RecordsAll() {
			if !f(fromKafka(r)) {
				return nil
			}
		}
	}
}

func fromKafka(r *kgo.Record) Record {
	out := Record{Partition: r.Partition, Offset: r.Offset, Key: r.Key, Value: r.Value, Time: r.Timestamp}
	for _, h := range r.Headers {
		out.Headers = append(out.Headers, Header(h))
	}
	return out
}

// Take returns the first n records of a topic, in the order in which they came.
func Take(t TB, seeds []string, topic string, n int) []Record {
	t.Helper()
	records := make([]Record, 0, n)
	if n > 0 {
		Follow(t, seeds, topic, func(r Record) bool {
			records = append(records, r)
			return len(records) < n
		})
	}
	return records
}

// ReadAll returns all committed records that a topic holds now.
func ReadAll(t TB, seeds []string, topic string) []Record {
	t.Helper()
	left := make(map[int32]int64) // by partition: the offset that it has to be read up to
	cl, err := kgo.NewClient(
		kgo.SeedBrokers(seeds...),
		kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), // a partition may end with one
		kgo.FetchMaxWait(100*time.Millisecond),
	)
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer cl.Close()
	ends, err := kadm.NewClient(cl).ListCommittedOffsets(t.Context(), topic)
	if err != nil {
		t.Fatalf("kafkatest: end of %q: %v", topic, err)
	}
	starts, err := kadm.NewClient(cl).ListStartOffsets(t.Context(), topic)
	if err != nil {
		t.Fatalf("kafkatest: start of %q: %v", topic, err)
	}
	ends.Each(func(o kadm.ListedOffset) {
		if start, _ := starts.Lookup(topic, o.Partition); o.Offset > start.Offset {
			left[o.Partition] = o.Offset
		}
	})
	var records []Record
	for len(left) > 0 {
		fetches := cl.PollFetches(t.Context())
		if err := fetches.Err0(); err != nil {
			t.Fatalf("kafkatest: read %q: %v", topic, err)
		}
		for r := range fetches.RecordsAll() {
			end, ok := left[r.Partition]
			if !ok {
				continue // newer than the call
			}
			if !r.Attrs.IsControl() {
				records = append(records, fromKafka(r))
			}
			if r.Offset+1 >= end {
				delete(left, r.Partition)
			}
		}
	}
	return records
}

// Committed returns the offsets that a group has committed for a topic, by
// partition.
func Committed(t TB, seeds []string, group, topic string) map[int32]int64 {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(seeds...))
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer cl.Close()
	offsets, err := kadm.NewClient(cl).FetchOffsetsForTopics(t.Context(), group, topic)
	committed := make(map[int32]int64)
	if errors.Is(err, kerr.GroupIDNotFound) {
		return committed
	}
	if err != nil {
		t.Fatalf("kafkatest: offsets of group %q: %v", group, err)
	}
	offsets.Each(func(o kadm.OffsetResponse) {
		if o.At >= 0 {
			committed[o.Partition] = o.At
		}
	})
	return committed
}

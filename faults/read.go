package faults

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"github.com/modelstream/modelserver/faults/check"
	"github.com/modelstream/modelserver/faults/load"
	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/record"
)

// reader reads whole topics, committed messages only.
type reader struct {
	seeds []string
}

// each calls f with all messages that a topic holds, in offset order within a
// partition, once no transaction is open on it.
func (r *reader) each(ctx context.Context, topic string, f func(*kgo.Record) error) error {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(r.seeds...),
		kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), // a partition may end with one
		kgo.FetchMaxWait(100*time.Millisecond),
	)
	if err != nil {
		return err
	}
	defer client.Close()
	left, err := ends(ctx, kadm.NewClient(client), topic)
	if err != nil {
		return fmt.Errorf("faults: ends of %s: %w", topic, err)
	}
	for len(left) > 0 {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("faults: read %s: %w", topic, err)
		}
		for rec := range fetches.RecordsAll() {
			if !rec.Attrs.IsControl() {
				if err := f(rec); err != nil {
					return err
				}
			}
			if rec.Offset+1 >= left[rec.Partition] {
				delete(left, rec.Partition)
			}
		}
	}
	return nil
}

// ends returns where the partitions end that hold anything. It waits for open
// transactions: those of killed processes end by their timeout.
func ends(ctx context.Context, admin *kadm.Client, topic string) (map[int32]int64, error) {
	for {
		committed, err := admin.ListCommittedOffsets(ctx, topic)
		if err != nil {
			return nil, err
		}
		end, err := admin.ListEndOffsets(ctx, topic)
		if err != nil {
			return nil, err
		}
		start, err := admin.ListStartOffsets(ctx, topic)
		if err != nil {
			return nil, err
		}
		left, open := map[int32]int64{}, false
		end.Each(func(o kadm.ListedOffset) {
			c, _ := committed.Lookup(topic, o.Partition)
			s, _ := start.Lookup(topic, o.Partition)
			open = open || c.Offset < o.Offset
			if o.Offset > s.Offset {
				left[o.Partition] = o.Offset
			}
		})
		if !open {
			return left, nil
		}
		if !wait(ctx, 50*time.Millisecond) {
			return nil, fmt.Errorf("a transaction is still open: %w", ctx.Err())
		}
	}
}

func at(r *kgo.Record) check.Place {
	return check.Place{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}
}

func header(r *kgo.Record, key string) string {
	for _, h := range r.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}

// read decodes all that the topics of a run hold.
func (r *reader) read(ctx context.Context, cfg *Config) (*check.Input, error) {
	in := &check.Input{}
	for _, t := range cfg.topics() {
		if err := r.each(ctx, t.Name, func(m *kgo.Record) error {
			rec, err := load.DecodeRecord(t.Format, at(m), m.Timestamp.UnixMilli(), header(m, load.DataTypeHeader), m.Value)
			in.Records = append(in.Records, rec)
			return err
		}); err != nil {
			return nil, err
		}
	}
	newest := map[string]*kgo.Record{}
	for topic, f := range map[string]func(*kgo.Record) error{
		modelsTopic: func(m *kgo.Record) error {
			in.Models = append(in.Models, load.DecodeModel(at(m), m.Timestamp.UnixMilli(), m.Value))
			return nil
		},
		resultsTopic: func(m *kgo.Record) error {
			res, err := record.DecodeResult(record.ResultProtobuf, m.Value)
			in.Results = append(in.Results, check.Result{At: at(m), Appended: m.Timestamp, ServingResult: res})
			return err
		},
		lettersTopic: func(m *kgo.Record) error {
			d, err := deadLetter(m)
			in.DeadLetters = append(in.DeadLetters, d)
			return err
		},
		progressTopic: func(m *kgo.Record) error {
			if !strings.HasPrefix(string(m.Key), barrier) {
				newest[string(m.Key)] = m
			}
			return nil
		},
	} {
		if err := r.each(ctx, topic, f); err != nil {
			return nil, err
		}
	}
	return in, decodeProgress(in, newest)
}

// barrier begins the keys of messages by which servers find out that they have
// read all of the progress topic.
const barrier = "barrier\x00"

// deadLetter reads where a dead letter's message was.
func deadLetter(m *kgo.Record) (check.DeadLetter, error) {
	const prefix = "__connect.errors."
	partition, err := strconv.ParseInt(header(m, prefix+"partition"), 10, 32)
	if err != nil {
		return check.DeadLetter{}, fmt.Errorf("faults: %v names no partition: %w", at(m), err)
	}
	offset, err := strconv.ParseInt(header(m, prefix+"offset"), 10, 64)
	if err != nil {
		return check.DeadLetter{}, fmt.Errorf("faults: %v names no offset: %w", at(m), err)
	}
	return check.DeadLetter{
		At:     at(m),
		Source: check.Place{Topic: header(m, prefix+"topic"), Partition: int32(partition), Offset: offset},
		Reason: header(m, prefix+"exception.message"),
	}, nil
}

// decodeProgress reads the newest message of each key. Without a value the key
// is deleted.
func decodeProgress(in *check.Input, newest map[string]*kgo.Record) error {
	for _, m := range newest {
		if len(m.Value) == 0 {
			continue
		}
		p := &messages.Progress{}
		if err := proto.Unmarshal(m.Value, p); err != nil {
			return fmt.Errorf("faults: %v: %w", at(m), err)
		}
		in.Progress = append(in.Progress, p)
	}
	return nil
}

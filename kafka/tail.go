package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/record"
)

// Tail says which results are followed.
type Tail struct {
	// FromStart begins at the start of the topic, not at its end.
	FromStart bool
	// Ready, when set, is called once results written from now on will be seen.
	Ready func()
}

// TailedResult is a result as it lies on the results topic.
type TailedResult struct {
	DataType  string // the key
	Partition int32
	Offset    int64
	Time      time.Time // when it was written
	// Result is the decoded result; nil with Err set when it is none.
	Result *messages.ServingResult
	Err    error
}

// TailResults follows the results topic and hands each result on, in the order
// of each partition, until ctx ends (which is not an error) or each returns
// false. It needs no consumer group and leaves no trace.
func TailResults(ctx context.Context, config *Config, log *slog.Logger, t Tail, each func(*TailedResult) bool) error {
	format, err := record.ParseResultFormat(config.Results.Format)
	if err != nil {
		return err
	}
	opts, err := config.clientOptions(log, newConnection(log))
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(append(opts, kgo.FetchMaxWait(500*time.Millisecond), kgo.FetchIsolationLevel(kgo.ReadCommitted()))...)
	if err != nil {
		return fmt.Errorf("kafka: %w", err)
	}
	defer client.Close()
	starts, err := tailStarts(ctx, client, config.Results.Topic, t.FromStart)
	if err != nil {
		return err
	}
	client.AddConsumePartitions(map[string]map[int32]kgo.Offset{config.Results.Topic: starts})
	if t.Ready != nil {
		t.Ready()
	}
	for {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil
		}
		for _, e := range fetches.Errors() {
			var loss *kgo.ErrDataLoss
			if !errors.As(e.Err, &loss) {
				return fmt.Errorf("read topic %s: %w", config.Results.Topic, e.Err)
			}
		}
		for it := fetches.RecordIter(); !it.Done(); {
			r := it.Next()
			out := &TailedResult{DataType: string(r.Key), Partition: r.Partition, Offset: r.Offset, Time: r.Timestamp}
			out.Result, out.Err = record.DecodeResult(format, r.Value)
			if !each(out) {
				return nil
			}
		}
	}
}

// tailStarts fixes where to begin before Ready is called: an offset, not "the
// end", which would be looked up some time later.
func tailStarts(ctx context.Context, client *kgo.Client, topic string, fromStart bool) (map[int32]kgo.Offset, error) {
	listed, err := listOffsets(ctx, client, topic, fromStart)
	if err != nil {
		return nil, err
	}
	starts := map[int32]kgo.Offset{}
	for number, at := range listed {
		starts[number] = kgo.NewOffset().At(at)
	}
	return starts, nil
}

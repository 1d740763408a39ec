package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// spanReader reads spans of a topic's partitions to their ends, each in its
// order. It has a client of its own, which reads ahead by one fetch.
type spanReader struct {
	history *History
	client  *kgo.Client
	conn    *connection
	topic   string
	left    map[int32]Span // what is not read yet
	newsAt  time.Time      // when something last came
}

// pollPause is how long a poll waits until it looks around.
const pollPause = time.Second

// read opens a reader. more are the options in which topics differ.
func (h *History) read(topic string, spans map[int32]Span, more ...kgo.Opt) (*spanReader, error) {
	r := &spanReader{history: h, topic: topic, conn: newConnection(h.log), left: map[int32]Span{}, newsAt: time.Now()}
	opts, err := h.config.clientOptions(h.log, r.conn)
	if err != nil {
		return nil, err
	}
	c := &h.config.Records
	opts = append(opts,
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		// A span may end with a transaction's marker, which nobody would see.
		kgo.KeepControlRecords(),
		// What is not there any more must not be skipped in silence.
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchMaxWait(c.FetchMaxWait),
		kgo.FetchMaxBytes(c.FetchBytes),
		kgo.FetchMaxPartitionBytes(c.FetchPartitionBytes),
		kgo.MaxDecompressBatchBytes(c.MaxBatchBytes),
		kgo.MaxConcurrentFetches(1),
	)
	if r.client, err = kgo.NewClient(append(opts, more...)...); err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	r.seek(spans)
	return r, nil
}

// seek starts to read spans.
func (r *spanReader) seek(spans map[int32]Span) {
	starts := map[int32]kgo.Offset{}
	for number, s := range spans {
		if s.From < s.To {
			r.left[number] = s
			starts[number] = kgo.NewOffset().At(s.From)
		}
	}
	r.newsAt = time.Now()
	r.client.AddConsumePartitions(map[string]map[int32]kgo.Offset{r.topic: starts})
}

// Close ends the reader.
func (r *spanReader) Close() { r.client.Close() }

// next returns up to max records, or io.EOF when all spans are read.
func (r *spanReader) next(ctx context.Context, most int) ([]*kgo.Record, error) {
	for len(r.left) > 0 {
		pollCtx, cancel := context.WithTimeout(ctx, pollPause)
		fetches := r.client.PollRecords(pollCtx, most)
		cancel()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		for _, e := range fetches.Errors() {
			if errors.Is(e.Err, context.DeadlineExceeded) {
				continue // the poll's own
			}
			return nil, r.failure(e)
		}
		if records := r.take(fetches); len(records) > 0 {
			return records, nil
		}
		if fetches.Empty() {
			r.quiet(time.Now())
		}
	}
	return nil, io.EOF
}

func (r *spanReader) failure(e kgo.FetchError) error {
	if errors.Is(e.Err, kerr.OffsetOutOfRange) {
		return fmt.Errorf("topic %s, partition %d: offset %d is not in the log any more, retention has removed it: begin later: %w",
			r.topic, e.Partition, r.left[e.Partition].From, e.Err)
	}
	return fmt.Errorf("read topic %s, partition %d: %w", r.topic, e.Partition, e.Err)
}

// take returns the records that belong to the spans.
func (r *spanReader) take(fetches kgo.Fetches) []*kgo.Record {
	var records []*kgo.Record
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		for _, rec := range p.Records {
			s, open := r.left[p.Partition]
			if !open {
				break
			}
			r.newsAt = time.Now()
			if rec.Offset < s.From {
				continue // fetched for an earlier span
			}
			if rec.Offset < s.To && !rec.Attrs.IsControl() {
				records = append(records, rec)
			}
			if s.From = rec.Offset + 1; s.From >= s.To {
				r.finish(p.Partition)
				break
			}
			r.left[p.Partition] = s
		}
	})
	return records
}

func (r *spanReader) finish(partition int32) {
	delete(r.left, partition)
	r.client.RemoveConsumePartitions(map[string][]int32{r.topic: {partition}})
}

// quiet ends spans whose end cannot be reached since nothing is there any more:
// compaction may leave an empty batch as the last one.
func (r *spanReader) quiet(now time.Time) {
	if now.Sub(r.newsAt) < quietAfter || r.conn.health(now) != nil {
		return
	}
	for number, s := range r.left {
		r.history.log.Warn("a partition has nothing more to read although it did not come to its end: compaction can bring that about",
			"topic", r.topic, "partition", number, "offset", s.From, "end", s.To)
		r.finish(number)
	}
}

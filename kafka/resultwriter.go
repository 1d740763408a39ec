package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// ResultWriter writes results to a topic of their own, with the keys and
// partitions that the server's results have. Its methods belong to one goroutine.
type ResultWriter struct {
	client *kgo.Client
	topic  string
	conn   *connection

	mu  sync.Mutex
	err error // the first failure
}

// NewResultWriter returns a writer to an existing topic that is none of the
// server's own.
func NewResultWriter(ctx context.Context, config *Config, log *slog.Logger, topic string) (*ResultWriter, error) {
	for use, name := range map[string]string{
		"the live results": config.Results.Topic, "models": config.Models.Topic,
		"dead letters": config.DeadLetters.Topic, "progress": config.Progress.Topic,
	} {
		if name == topic {
			return nil, fmt.Errorf("topic %s has %s: name another one", topic, use)
		}
	}
	if slices.ContainsFunc(config.Records.Topics, func(t TopicConfig) bool { return t.Topic == topic }) {
		return nil, fmt.Errorf("topic %s has records, which would be scored: name another one", topic)
	}
	w := &ResultWriter{topic: topic, conn: newConnection(log)}
	opts, err := config.clientOptions(log, w.conn)
	if err != nil {
		return nil, err
	}
	partitioner := kgo.Partitioner(inputPartitioner{})
	if config.Results.Partition == "key" {
		partitioner = resultsPartitioner{results: topic, byKey: kgo.StickyKeyPartitioner(nil)}
	}
	w.client, err = kgo.NewClient(append(opts,
		kgo.RecordPartitioner(partitioner),
		kgo.ProducerLinger(config.Producer.Linger),
		kgo.ProducerBatchCompression(compression(config.Producer.Compression)...),
		kgo.ProducerBatchMaxBytes(config.Producer.BatchBytes),
	)...)
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	if _, err := config.checkTopics(ctx, w.client, []string{topic}); err != nil {
		w.client.Close()
		return nil, err
	}
	return w, nil
}

// Write hands a result to the client, which waits when too many are under way.
// The payload is copied. An earlier result's failure is returned, too.
func (w *ResultWriter) Write(ctx context.Context, inputPartition int32, dataType string, payload []byte) error {
	w.client.Produce(ctx, &kgo.Record{
		Topic: w.topic, Partition: inputPartition, Key: []byte(dataType), Value: slices.Clone(payload), Timestamp: time.Now(),
	}, w.acknowledged)
	return w.failure()
}

func (w *ResultWriter) acknowledged(_ *kgo.Record, err error) {
	if err == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
	}
}

func (w *ResultWriter) failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		return nil
	}
	return fmt.Errorf("write results to topic %s: %w", w.topic, errors.Join(w.err, w.conn.health(time.Now())))
}

// Close waits until the brokers have all results, and returns the first failure.
func (w *ResultWriter) Close(ctx context.Context) error {
	defer w.client.Close()
	if err := w.client.Flush(ctx); err != nil {
		return fmt.Errorf("write results to topic %s: %w", w.topic, err)
	}
	return w.failure()
}

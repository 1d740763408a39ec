package kafka

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"github.com/modelstream/modelserver/messages"
)

// Publisher writes models and records: what a producer at the other end of the
// topics does. It is for commands and tests; the server itself has no use for
// it. Its methods may be called by any goroutine.
type Publisher struct {
	config *Config
	client *kgo.Client
	conn   *connection
}

// NewPublisher returns a publisher. It connects when it is first used.
func NewPublisher(config *Config, log *slog.Logger) (*Publisher, error) {
	conn := newConnection(log)
	opts, err := config.clientOptions(log, conn)
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(append(opts,
		kgo.ProducerBatchMaxBytes(config.Models.batchBytes()),
		kgo.ProducerLinger(config.Producer.Linger),
		kgo.ProducerBatchCompression(compression(config.Producer.Compression)...),
	)...)
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	return &Publisher{config: config, client: client, conn: conn}, nil
}

// Close ends the publisher; what is not written yet is dropped.
func (p *Publisher) Close() { p.client.Close() }

// ModelTooLargeError says that a model is too large to be published by value.
type ModelTooLargeError struct {
	Bytes, Limit int
	Err          error // the broker's refusal, or nil when it is our own limit
}

func (e *ModelTooLargeError) Error() string {
	const otherwise = "put the file where the server can fetch it and publish the descriptor with its location"
	if e.Err != nil {
		return fmt.Sprintf("the broker refuses a descriptor of %d bytes (%v): raise the topic's max.message.bytes, or %s", e.Bytes, e.Err, otherwise)
	}
	return fmt.Sprintf("the descriptor has %d bytes, more than kafka.models.max_bytes = %d: %s", e.Bytes, e.Limit, otherwise)
}

func (e *ModelTooLargeError) Unwrap() error { return e.Err }

// PublishModel writes a descriptor to the models topic, keyed by its data type,
// and returns its place there once the broker has it.
func (p *Publisher) PublishModel(ctx context.Context, d *messages.ModelDescriptor) (*messages.Source, error) {
	value, err := proto.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("encode the descriptor: %w", err)
	}
	if limit := p.config.Models.MaxBytes; len(value) > limit {
		// Greater ones must not even be tried: above the broker's limit of a
		// request the connection breaks, and the client tries again for ever.
		return nil, &ModelTooLargeError{Bytes: len(value), Limit: limit}
	}
	r := &kgo.Record{Topic: p.config.Models.Topic, Key: []byte(d.GetDataType()), Value: value}
	err = p.client.ProduceSync(ctx, r).FirstErr()
	switch {
	case errors.Is(err, kerr.MessageTooLarge), errors.Is(err, kerr.RecordListTooLarge):
		return nil, &ModelTooLargeError{Bytes: len(value), Err: err}
	case err != nil:
		return nil, fmt.Errorf("publish the model to topic %s: %w", r.Topic, errors.Join(err, p.conn.health(time.Now())))
	}
	return &messages.Source{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}, nil
}

// Outgoing is a record to publish.
type Outgoing struct {
	Key, Value []byte
	Headers    map[string]string
}

// Stream says how records are published.
type Stream struct {
	Topic string
	// Rate is the records per second; 0: as fast as the broker takes them.
	Rate float64
	// Loop starts again at the end, until the context ends.
	Loop bool
	// Sent, when set, is called now and then with the number of records that
	// the broker has taken.
	Sent func(n int64)
}

// pace is how often a limited rate is caught up with.
const pace = 10 * time.Millisecond

// PublishRecords writes records to a topic and returns how many the broker has
// taken. That the context ends is not an error.
func (p *Publisher) PublishRecords(ctx context.Context, s Stream, records iter.Seq[Outgoing]) (int64, error) {
	run := &publication{Stream: s, client: p.client, conn: p.conn, start: time.Now()}
	for {
		before := run.begun
		for o := range records {
			if !run.next(ctx, o) {
				return run.end(ctx)
			}
		}
		if !s.Loop || run.begun == before {
			return run.end(ctx)
		}
	}
}

// publication is a PublishRecords under way.
type publication struct {
	Stream
	client *kgo.Client
	conn   *connection
	start  time.Time
	begun  int64

	mu    sync.Mutex
	taken int64
	err   error
}

// next publishes a record when its time has come, and returns false when
// publishing has to end.
func (p *publication) next(ctx context.Context, o Outgoing) bool {
	if p.Rate > 0 {
		due := p.start.Add(time.Duration(float64(p.begun) / p.Rate * float64(time.Second)))
		if early := time.Until(due); early > 0 {
			t := time.NewTimer(max(early, min(pace, time.Duration(float64(time.Second)/p.Rate))))
			defer t.Stop()
			select {
			case <-ctx.Done():
				return false
			case <-t.C:
			}
		}
	}
	if ctx.Err() != nil || p.failure() != nil {
		return false
	}
	p.begun++
	r := &kgo.Record{Topic: p.Topic, Key: o.Key, Value: o.Value}
	for key, value := range o.Headers {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: key, Value: []byte(value)})
	}
	p.client.Produce(ctx, r, p.acknowledged)
	return true
}

func (p *publication) acknowledged(_ *kgo.Record, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case err == nil:
		p.taken++
		if p.Sent != nil {
			p.Sent(p.taken)
		}
	case p.err == nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded):
		p.err = fmt.Errorf("publish to topic %s: %w", p.Topic, err)
	}
}

func (p *publication) failure() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// end waits for what is under way.
func (p *publication) end(ctx context.Context) (int64, error) {
	// What was begun is finished even when ctx has ended, but not for ever.
	flush, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err := p.client.Flush(flush)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return p.taken, p.err
	}
	if err != nil {
		return p.taken, fmt.Errorf("publish to topic %s: the broker has not taken %d records: %w",
			p.Topic, p.begun-p.taken, errors.Join(err, p.conn.health(time.Now())))
	}
	return p.taken, nil
}

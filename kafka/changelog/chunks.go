package changelog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/modelstream/modelserver/persistence"
)

// errGone says that chunks are not where their record says.
var errGone = errors.New("chunks are missing")

// chunksInFlight bounds the chunks of one artifact that are being written.
const chunksInFlight = 8

// chunks is the artifacts topic. It has a client of its own, since batches of
// chunks have another limit than those of the state, and a fetch would wait for
// the tail's polls on their connection. It may be used by any goroutine.
type chunks struct {
	client *kgo.Client
	admin  *kadm.Client
	topic  string
	size   int // of a chunk, at most

	mu     sync.Mutex
	detail *kadm.TopicDetail // nil: to be looked up
}

func newChunks(opts []kgo.Opt, c *Config) (*chunks, error) {
	client, err := kgo.NewClient(append(opts,
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(0),
		kgo.ProducerBatchMaxBytes(int32(c.ChunkBytes+overhead)),
		kgo.UnknownTopicRetries(-1),
		kgo.MetadataMinAge(100*time.Millisecond),
	)...)
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	return &chunks{client: client, admin: kadm.NewClient(client), topic: c.ArtifactsTopic, size: c.ChunkBytes}, nil
}

func (c *chunks) close() { c.client.Close() }

// write writes the chunks of an upload. They have one partition, so they lie
// close together.
func (c *chunks) write(ctx context.Context, u upload, r *reference, artifact []byte) error {
	size := c.size
	slots := make(chan struct{}, chunksInFlight)
	var mu sync.Mutex
	var failed error
	r.first, r.last = -1, -1
	taken := func(rec *kgo.Record, err error) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err != nil:
			failed = errors.Join(failed, err)
		case r.first < 0:
			r.first, r.last = rec.Offset, rec.Offset
		default:
			r.first, r.last = min(r.first, rec.Offset), max(r.last, rec.Offset)
		}
		<-slots
	}
	for i := range r.count {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		mu.Lock()
		stop := failed != nil
		mu.Unlock()
		if stop {
			<-slots
			break
		}
		at := int(i) * size
		c.client.Produce(ctx, &kgo.Record{
			Topic: c.topic, Partition: int32(r.partition), Key: chunkKey(u, i),
			Value: artifact[at:min(at+size, len(artifact))],
		}, taken)
	}
	for range chunksInFlight { // until all are taken
		slots <- struct{}{}
	}
	if failed != nil {
		return fmt.Errorf("topic %s: %w", c.topic, failed)
	}
	return nil
}

// bury writes tombstones for all chunks of an upload.
func (c *chunks) bury(ctx context.Context, u upload, r *reference) error {
	const together = 1000
	for i := uint32(0); i < r.count; {
		var tombs []*kgo.Record
		for ; i < r.count && len(tombs) < together; i++ {
			tombs = append(tombs, &kgo.Record{Topic: c.topic, Partition: int32(r.partition), Key: chunkKey(u, i)})
		}
		if err := c.client.ProduceSync(ctx, tombs...).FirstErr(); err != nil {
			return fmt.Errorf("topic %s: %w", c.topic, err)
		}
	}
	return nil
}

const (
	// fetchBytes is the most that one fetch of chunks asks for, and chunkHead what
	// a chunk takes besides its bytes, about.
	fetchBytes = 8 << 20
	chunkHead  = 200
	// fetchAgain is the pause after an error that may pass.
	fetchAgain = 100 * time.Millisecond
)

// read returns the bytes of an upload. Whether they are the right ones is for
// the caller to check.
func (c *chunks) read(ctx context.Context, u upload, ref *reference) ([]byte, error) {
	if ref.size > persistence.MaxArtifactLength {
		return nil, fmt.Errorf("%d bytes are more than an artifact has", ref.size)
	}
	out := make([]byte, 0, min(ref.size, 64<<20))
	next := uint32(0) // the chunk that has to come
	for offset := ref.first; next < ref.count && offset <= ref.last; {
		// Not more than is missing: what lies behind are other artifacts.
		missing := ref.size - uint64(len(out)) + chunkHead*uint64(ref.count-next)
		records, after, err := c.fetch(ctx, int32(ref.partition), offset, int32(min(missing, fetchBytes)))
		if err != nil {
			return nil, err
		}
		for _, rec := range records {
			if string(rec.Key) != string(chunkKey(u, next)) || rec.Value == nil {
				continue // of another upload
			}
			if uint64(len(out)+len(rec.Value)) > ref.size {
				return nil, fmt.Errorf("it has more than its %d bytes", ref.size)
			}
			out = append(out, rec.Value...)
			if next++; next == ref.count {
				break
			}
		}
		if after <= offset {
			break
		}
		offset = after
	}
	if next < ref.count {
		return nil, errGone
	}
	return out, nil
}

// fetch reads from one offset on, and returns the offset after what it has read.
// What may pass is tried again until ctx ends.
func (c *chunks) fetch(ctx context.Context, partition int32, offset int64, most int32) (records []*kgo.Record, next int64, err error) {
	for {
		records, next, err = c.fetchOnce(ctx, partition, offset, most)
		switch {
		case err == nil:
			return records, next, nil
		case ctx.Err() != nil:
			return nil, 0, fmt.Errorf("topic %s: %w", c.topic, errors.Join(ctx.Err(), err))
		case errors.Is(err, kerr.OffsetOutOfRange):
			return nil, 0, errGone
		case errors.As(err, new(*rottenError)):
			return nil, 0, err
		case errors.Is(err, kerr.TopicAuthorizationFailed):
			return nil, 0, &TopicError{c.topic, "may not be read by this user: grant it Read"}
		case errors.Is(err, kgo.ErrClientClosed):
			return nil, 0, persistence.ErrClosed
		}
		c.mu.Lock()
		c.detail = nil
		c.mu.Unlock()
		t := time.NewTimer(fetchAgain)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
		}
	}
}

func (c *chunks) fetchOnce(ctx context.Context, partition int32, offset int64, most int32) ([]*kgo.Record, int64, error) {
	topic, leader, err := c.leader(ctx, partition)
	if err != nil {
		return nil, 0, err
	}
	req := kmsg.NewPtrFetchRequest()
	req.MaxWaitMillis, req.MinBytes, req.MaxBytes = 100, 1, most
	p := kmsg.NewFetchRequestTopicPartition()
	p.Partition, p.FetchOffset, p.PartitionMaxBytes = partition, offset, most
	t := kmsg.NewFetchRequestTopic()
	t.Topic, t.TopicID, t.Partitions = c.topic, topic, append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	resp, err := c.client.Broker(int(leader)).RetriableRequest(ctx, req)
	if err != nil {
		return nil, 0, err
	}
	answer := resp.(*kmsg.FetchResponse)
	if err := kerr.ErrorForCode(answer.ErrorCode); err != nil {
		return nil, 0, err
	}
	if len(answer.Topics) != 1 || len(answer.Topics[0].Partitions) != 1 {
		return nil, 0, errors.New("the broker's answer is about something else")
	}
	got, next := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{Offset: offset, Topic: c.topic, Partition: partition, DisableCRCValidation: true},
		&answer.Topics[0].Partitions[0], kgo.DefaultDecompressor(), nil)
	if len(got.Records) > 0 {
		return got.Records, next, nil
	}
	if got.Err != nil && !errors.As(got.Err, new(*kerr.Error)) {
		return nil, next, &rottenError{got.Err}
	}
	return nil, next, got.Err
}

// rottenError says that chunks are no records any more. Trying again is of no
// use.
type rottenError struct{ error }

// leader returns the topic's id and the broker that leads a partition.
func (c *chunks) leader(ctx context.Context, partition int32) (id [16]byte, leader int32, err error) {
	c.mu.Lock()
	detail := c.detail
	c.mu.Unlock()
	if detail == nil {
		found, err := c.admin.ListTopics(ctx, c.topic)
		if err != nil {
			return id, 0, err
		}
		d := found[c.topic]
		if d.Err != nil {
			return id, 0, d.Err
		}
		detail = &d
		c.mu.Lock()
		c.detail = detail
		c.mu.Unlock()
	}
	p, ok := detail.Partitions[partition]
	switch {
	case !ok:
		return id, 0, errGone
	case p.Leader < 0:
		return id, 0, kerr.LeaderNotAvailable
	}
	return detail.ID, p.Leader, nil
}

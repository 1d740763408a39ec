package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/record"
)

// readAtOnce is the most records that one call to a reader returns.
const readAtOnce = 4096

// RangeRecord is a record of a range, with its data type.
type RangeRecord struct {
	record.Raw
	DataType string
	Err      error // why it cannot be scored: no value, or no data type
}

// RecordReader reads a range of records of one partition.
type RecordReader struct {
	*spanReader
	topic *topicSplitter
	out   []RangeRecord
}

// Records reads a range of records.
func (h *History) Records(topic Topic, partition int32, span Span) (*RecordReader, error) {
	s, err := newSplitter([]Topic{topic}, 1)
	if err != nil {
		return nil, err
	}
	isolation := kgo.ReadCommitted()
	if h.config.Records.Isolation == "read_uncommitted" {
		isolation = kgo.ReadUncommitted()
	}
	r, err := h.read(topic.Config.Topic, map[int32]Span{partition: span}, kgo.FetchIsolationLevel(isolation))
	if err != nil {
		return nil, err
	}
	return &RecordReader{spanReader: r, topic: s.topics[topic.Config.Topic]}, nil
}

// Next returns some records, valid until the next call, or io.EOF.
func (r *RecordReader) Next(ctx context.Context) ([]RangeRecord, error) {
	got, err := r.next(ctx, readAtOnce)
	r.out = r.out[:0]
	for _, in := range got {
		out := RangeRecord{Raw: record.Raw{
			Payload: in.Value, Partition: in.Partition, Offset: in.Offset, TimeMS: in.Timestamp.UnixMilli(),
		}}
		if dt, err := classify(r.topic, in); err != nil {
			out.Err = err
		} else {
			out.DataType = dt.name
		}
		r.out = append(r.out, out)
	}
	return r.out, err
}

// RangeResult is a message of the results topic, not decoded.
type RangeResult struct {
	Partition int32
	Offset    int64
	Payload   []byte
}

// ResultReader reads ranges of results.
type ResultReader struct{ *spanReader }

// Results reads spans of the results topic.
func (h *History) Results(spans map[int32]Span) (*ResultReader, error) {
	r, err := h.read(h.config.Results.Topic, spans)
	if err != nil {
		return nil, err
	}
	return &ResultReader{r}, nil
}

// Next returns some results, each partition's in its order, or io.EOF.
func (r *ResultReader) Next(ctx context.Context) ([]RangeResult, error) {
	got, err := r.next(ctx, readAtOnce)
	out := make([]RangeResult, 0, len(got))
	for _, in := range got {
		out = append(out, RangeResult{in.Partition, in.Offset, in.Value})
	}
	return out, err
}

// PublishedModel is a message of the models topic.
type PublishedModel struct {
	Partition  int32
	Offset     int64
	TimeMS     int64
	Descriptor *messages.ModelDescriptor // nil when Err is set
	Err        error                     // why it is no descriptor
}

// modelOptions are those of a reader of the models topic: each fetch brings at
// least one message, however large.
func (h *History) modelOptions() []kgo.Opt {
	size := h.config.Models.batchBytes()
	return []kgo.Opt{
		kgo.FetchMaxBytes(size), kgo.FetchMaxPartitionBytes(size), kgo.BrokerMaxReadBytes(1 << 30),
		kgo.MaxDecompressBatchBytes(int(min(4*int64(size), 1<<30))),
	}
}

// Models hands on each message of the models topic that is there now.
func (h *History) Models(ctx context.Context, each func(*PublishedModel) error) error {
	spans, err := h.Spans(ctx, h.config.Models.Topic, Start(), End())
	if err != nil {
		return err
	}
	r, err := h.read(h.config.Models.Topic, spans, h.modelOptions()...)
	if err != nil {
		return err
	}
	defer r.Close()
	for {
		got, err := r.next(ctx, 1) // they are large
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, in := range got {
			m := &PublishedModel{Partition: in.Partition, Offset: in.Offset, TimeMS: in.Timestamp.UnixMilli()}
			m.Descriptor, m.Err = decodeDescriptor(in.Value, h.config.Models.MaxBytes)
			if err := each(m); err != nil {
				return err
			}
		}
	}
}

// ArtifactGoneError says that a descriptor that was on the models topic is not
// there any more.
type ArtifactGoneError struct {
	Topic     string
	Partition int32
	Offset    int64
}

func (e *ArtifactGoneError) Error() string {
	return fmt.Sprintf("topic %s, partition %d has nothing at offset %d any more", e.Topic, e.Partition, e.Offset)
}

// Artifact reads the model of one descriptor that has it by value.
func (h *History) Artifact(ctx context.Context, partition int32, offset int64) ([]byte, error) {
	topic := h.config.Models.Topic
	if h.models == nil {
		r, err := h.read(topic, nil, h.modelOptions()...)
		if err != nil {
			return nil, err
		}
		h.models = r
	}
	r := h.models
	clear(r.left)
	r.seek(map[int32]Span{partition: {offset, offset + 1}})
	got, err := r.next(ctx, 1)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, kerr.OffsetOutOfRange):
		r.finish(partition)
		return nil, &ArtifactGoneError{topic, partition, offset}
	case err != nil:
		r.finish(partition)
		return nil, fmt.Errorf("read a model again: %w", err)
	}
	d, err := decodeDescriptor(got[0].Value, h.config.Models.MaxBytes)
	if err != nil { // it was decoded before
		return nil, fmt.Errorf("read a model again: %w", err)
	}
	return d.GetData(), nil
}

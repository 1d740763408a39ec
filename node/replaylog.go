package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/modelstream/modelserver/kafka"
	"github.com/modelstream/modelserver/record"
	"github.com/modelstream/modelserver/replay"
)

// ModelChoice names a model: by its place, version or digest on the models topic,
// or as one that is not there.
type ModelChoice struct {
	Place      *replay.Place
	Version    string
	SHA256     string // its beginning, in lower case
	Descriptor *replay.Descriptor
}

// String names the choice for people.
func (m *ModelChoice) String() string {
	switch {
	case m.Place != nil:
		return fmt.Sprintf("offset %d of partition %d", m.Place.Offset, m.Place.Partition)
	case m.Version != "":
		return "version " + m.Version
	}
	return "SHA-256 " + m.SHA256
}

// among returns the newest descriptor that is meant, of one of the data types
// (none: of any).
func (m *ModelChoice) among(all []*replay.Descriptor, dataTypes map[string]bool) (*replay.Descriptor, error) {
	if m.Descriptor != nil {
		return m.Descriptor, nil
	}
	var found *replay.Descriptor
	for _, d := range all {
		switch {
		case len(dataTypes) > 0 && !dataTypes[d.DataType],
			m.Place != nil && *m.Place != d.Place,
			m.Version != "" && m.Version != d.Version,
			m.SHA256 != "" && !strings.HasPrefix(d.SHA256, m.SHA256):
			continue
		}
		if found != nil && found.DataType != d.DataType {
			return nil, fmt.Errorf("there are models with %v for the data types %q and %q: say which one is meant", m, found.DataType, d.DataType)
		}
		found = d
	}
	if found == nil {
		return nil, fmt.Errorf("the models topic has no model with %v for these data types; it has %d models", m, len(all))
	}
	return found, nil
}

// recordReader is a range of records, the first of which are read already.
type recordReader struct {
	*kafka.RecordReader
	first []replay.Record
	err   error
	out   []replay.Record
}

// Records implements [replay.Log].
func (r *replaying) Records(ctx context.Context, x replay.Range) (replay.Records, error) {
	in, err := r.history.Records(r.topics[x.Source.Topic], x.Partition, kafka.Span{From: x.From, To: x.To})
	if err != nil {
		return nil, err
	}
	reader := &recordReader{RecordReader: in}
	if reader.first, reader.err = reader.next(ctx); reader.err != nil && !errors.Is(reader.err, io.EOF) {
		in.Close()
		return nil, reader.err
	}
	r.firstMS = math.MaxInt64
	for i := range reader.first {
		r.firstMS = min(r.firstMS, reader.first[i].TimeMS)
	}
	return reader, nil
}

// Next implements [replay.Records].
func (r *recordReader) Next(ctx context.Context) ([]replay.Record, error) {
	if first, err := r.first, r.err; first != nil || err != nil {
		r.first, r.err = nil, nil
		return first, err
	}
	return r.next(ctx)
}

func (r *recordReader) next(ctx context.Context) ([]replay.Record, error) {
	got, err := r.RecordReader.Next(ctx)
	r.out = r.out[:0]
	for i := range got {
		r.out = append(r.out, replay.Record{Raw: got[i].Raw, DataType: got[i].DataType, Err: got[i].Err})
	}
	return r.out, err
}

// resultReader is results, decoded.
type resultReader struct {
	*kafka.ResultReader
	format record.ResultFormat
}

// Results implements [replay.Log].
func (r *replaying) Results(ctx context.Context, x replay.Range) (replay.Results, error) {
	number := x.Partition % int32(len(r.resultSpans))
	span := r.resultSpans[number]
	if r.ResultsFrom == nil && r.firstMS > beforeRecords.Milliseconds() && r.firstMS != math.MaxInt64 {
		from := kafka.At(time.UnixMilli(r.firstMS).Add(-beforeRecords))
		spans, err := r.history.Spans(ctx, r.cfg.Kafka.Results.Topic, from, kafka.End(), number)
		if err != nil {
			return nil, err
		}
		span.From = min(spans[number].From, span.To)
	}
	in, err := r.history.Results(map[int32]kafka.Span{number: span})
	if err != nil {
		return nil, err
	}
	return &resultReader{in, r.results}, nil
}

// Next implements [replay.Results].
func (r *resultReader) Next(ctx context.Context) ([]replay.Result, error) {
	got, err := r.ResultReader.Next(ctx)
	out := make([]replay.Result, 0, len(got))
	for _, in := range got {
		x := replay.Result{Partition: in.Partition, Offset: in.Offset}
		x.Result, x.Err = record.DecodeResult(r.format, in.Payload)
		out = append(out, x)
	}
	return out, err
}

// earlier finds the earlier results, and indexes them where that is asked for or
// they are not in the records' order.
func (r *replaying) earlier(ctx context.Context, c *replay.Config) (err error) {
	topic, from := r.cfg.Kafka.Results.Topic, kafka.Start()
	if r.ResultsFrom != nil {
		from = *r.ResultsFrom
	}
	if r.resultSpans, err = r.history.Spans(ctx, topic, from, kafka.End()); err != nil {
		return err
	}
	if !r.Indexed && r.cfg.Kafka.Results.Partition != "key" {
		return nil
	}
	limit := r.IndexBytes
	if limit == 0 {
		limit = defaultIndexBytes
	}
	in, err := r.history.Results(r.resultSpans)
	if err != nil {
		return err
	}
	defer in.Close()
	var done, total int64
	for _, s := range r.resultSpans {
		total += s.To - s.From
	}
	c.Index, err = replay.NewIndex(ctx, r.results, c.Ranges, limit, func(ctx context.Context) ([]replay.Encoded, error) {
		got, err := in.Next(ctx)
		out := make([]replay.Encoded, 0, len(got))
		for _, x := range got {
			out = append(out, replay.Encoded{Partition: x.Partition, Offset: x.Offset, Payload: x.Payload})
		}
		if done += int64(len(got)); r.Progress != nil {
			r.Progress(ReplayProgress{Doing: "reading the earlier results", Done: done, Total: total})
		}
		return out, err
	})
	return err
}

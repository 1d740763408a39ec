package kafka

import (
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/modelstream/modelserver/record"
)

// Topic is a configured topic of records with its format.
type Topic struct {
	Config TopicConfig
	Format *record.Format
}

// polled is one poll, split: a message of the poll goroutine to the actor.
type polled struct {
	chunks  []*chunk
	flights []*flight
	records int
	bytes   int64
	errs    []kgo.FetchError
}

// splitter turns fetched records into chunks and batches. It belongs to the
// poll goroutine, so that the actor's mailbox only sees finished pieces.
type splitter struct {
	topics   map[string]*topicSplitter
	batchMax int
}

// topicSplitter is what the splitter knows of one topic.
type topicSplitter struct {
	source *record.Source
	typer  *dataTyper
}

func newSplitter(topics []Topic, batchMax int) (*splitter, error) {
	s := &splitter{topics: make(map[string]*topicSplitter, len(topics)), batchMax: batchMax}
	for i := range topics {
		t := &topics[i]
		if t.Format == nil {
			return nil, fmt.Errorf("topic %s: format %q is not bound", t.Config.Topic, t.Config.Format)
		}
		var field fieldReader
		if t.Config.DataType.From == FromField {
			var err error
			if field, err = t.Format.FieldReader(t.Config.DataType.Name); err != nil {
				return nil, fmt.Errorf("topic %s: %w", t.Config.Topic, err)
			}
		}
		s.topics[t.Config.Topic] = &topicSplitter{
			source: &record.Source{Topic: t.Config.Topic, Format: t.Format},
			typer:  newDataTyper(t.Config.DataType, field),
		}
	}
	return s, nil
}

// split groups what a poll brought: per partition into chunks, and per topic
// and data type, over all partitions, into batches.
func (s *splitter) split(fetches kgo.Fetches) *polled {
	p := &polled{}
	for f := range fetches {
		for t := range fetches[f].Topics {
			topic := &fetches[f].Topics[t]
			for i := range topic.Partitions {
				s.partition(p, topic.Topic, &topic.Partitions[i])
			}
		}
	}
	for _, c := range p.chunks {
		c.fill()
	}
	for _, f := range p.flights {
		f.dataType.open = nil
	}
	return p
}

func (s *splitter) partition(p *polled, topic string, fp *kgo.FetchPartition) {
	if fp.Err != nil {
		p.errs = append(p.errs, kgo.FetchError{Topic: topic, Partition: fp.Partition, Err: fp.Err})
	}
	if len(fp.Records) == 0 {
		return
	}
	ts := s.topics[topic]
	if ts == nil {
		p.errs = append(p.errs, kgo.FetchError{Topic: topic, Partition: fp.Partition, Err: errors.New("the topic is not configured")})
		return
	}
	c := newChunk(topic, fp)
	for i, r := range fp.Records {
		dt, err := classify(ts, r)
		if err != nil {
			c.reject(i, &rejection{stage: stageValueConverter, class: classNoDataType, err: err})
			continue
		}
		f := dt.open
		if f == nil || f.count == s.batchMax {
			f = &flight{dataType: dt, source: ts.source}
			dt.open = f
			p.flights = append(p.flights, f)
		}
		c.assign(i, f)
	}
	p.chunks = append(p.chunks, c)
	p.records += len(fp.Records)
	p.bytes += c.bytes
}

// classify returns the data type of a record, or why it cannot be scored.
func classify(ts *topicSplitter, r *kgo.Record) (*dataType, error) {
	if len(r.Value) == 0 {
		return nil, errEmptyValue
	}
	return ts.typer.of(r)
}

var errEmptyValue = errors.New("the record has no value")

package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"github.com/modelstream/modelserver/messages"
)

// modelPartitions tells the actor which partitions there are.
type modelPartitions struct{ parts map[int32]modelStart }

// modelStart is where to start reading a partition, and where it ended when we
// looked: control records and records of open transactions are not waited for.
type modelStart struct{ from, end int64 }

// partitionsEvery is how often new partitions of the models topic are looked
// for.
const partitionsEvery = 30 * time.Second

// watchPartitions finds the topic's partitions and their bounds, now and again.
func (m *Models) watchPartitions(s *session, anew bool) {
	var saved map[int32]int64
	if !anew {
		var ok bool
		if saved, ok = m.loadPositions(s); !ok {
			return
		}
	}
	for known := 0; ; {
		parts, err := m.bounds(s, saved)
		m.status.fail("partitions", err)
		wait := partitionsEvery
		switch {
		case err != nil:
			m.log.Warn("cannot look up the models topic; trying again", "error", err)
			wait = topicCheck
		case len(parts) > known:
			known = len(parts)
			s.tell(&modelPartitions{parts: parts})
		}
		if !s.pause(wait) {
			return
		}
	}
}

func (m *Models) loadPositions(s *session) (map[int32]int64, bool) {
	for n := 1; ; n++ {
		ctx, cancel := context.WithTimeout(s.ctx, saveTimeout)
		saved, err := m.positions.Load(ctx)
		cancel()
		m.status.fail("positions", err)
		if err == nil {
			return saved, true
		}
		if s.ctx.Err() == nil {
			m.log.Error("cannot load the positions of the models topic; trying again", "error", err)
		}
		if !s.pause(backoff(100*time.Millisecond, 5*time.Second, n)) {
			return nil, false
		}
	}
}

// bounds returns where to start each partition and where it ends.
func (m *Models) bounds(s *session, saved map[int32]int64) (map[int32]modelStart, error) {
	topic := m.config.Models.Topic
	ctx, cancel := context.WithTimeout(s.ctx, 30*time.Second)
	defer cancel()
	starts, err := listOffsets(ctx, s.client, topic, true)
	if err != nil {
		return nil, err
	}
	ends, err := listOffsets(ctx, s.client, topic, false)
	if err != nil {
		return nil, err
	}
	parts := map[int32]modelStart{}
	for number, end := range ends {
		from, known := saved[number]
		if known && from > end {
			m.log.Warn("the models topic ends before the saved position: it was made anew; reading it from its start",
				"topic", topic, "partition", number, "position", from, "end", end)
			from = 0
		}
		parts[number] = modelStart{from: max(from, starts[number]), end: end}
	}
	return parts, nil
}

// polledModels is what a poll of the models topic brought, decoded.
type polledModels struct {
	descriptors []*descriptor
	errs        []kgo.FetchError
}

// modelPoller is the poll goroutine: it also decodes, since descriptors are
// large. It polls once for each permission.
type modelPoller struct {
	session  *session
	maxBytes int
	permits  chan int // how many descriptors to poll; at most one waits
	stopped  chan struct{}
}

func (p *modelPoller) run() {
	defer close(p.stopped)
	for {
		select {
		case <-p.session.ctx.Done():
			return
		case n := <-p.permits:
			if !p.poll(n) {
				return
			}
		}
	}
}

func (p *modelPoller) poll(n int) bool {
	s := p.session
	fetches := s.client.PollRecords(s.ctx, n)
	if s.ctx.Err() != nil || fetches.IsClientClosed() {
		return false
	}
	m := &polledModels{errs: fetches.Errors()}
	fetches.EachRecord(func(r *kgo.Record) {
		m.descriptors = append(m.descriptors, newDescriptor(r, p.maxBytes))
	})
	s.tell(m)
	return len(m.descriptors) > 0 || s.pause(pollErrorPause) // do not spin on errors
}

// newDescriptor decodes a record of the models topic.
func newDescriptor(r *kgo.Record, maxBytes int) *descriptor {
	d := &descriptor{
		chunk:  chunk{span: span{first: r.Offset, end: r.Offset + 1, epoch: r.LeaderEpoch}},
		record: r,
		from:   &messages.Source{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset},
	}
	if !r.Attrs.IsControl() {
		d.model, d.err = decodeDescriptor(r.Value, maxBytes)
	}
	return d
}

// decodeDescriptor decodes a descriptor, or says what is wrong with it.
func decodeDescriptor(value []byte, maxBytes int) (*messages.ModelDescriptor, error) {
	if len(value) == 0 {
		return nil, errors.New("the descriptor is empty")
	}
	if len(value) > maxBytes {
		return nil, fmt.Errorf("the descriptor has %d bytes; at most %d are allowed (kafka.models.max_bytes); refer to a large model by its location", len(value), maxBytes)
	}
	d := &messages.ModelDescriptor{}
	if err := proto.Unmarshal(value, d); err != nil {
		return nil, fmt.Errorf("the descriptor is not a ModelDescriptor message: %w", err)
	}
	if err := checkDataType([]byte(d.GetDataType())); err != nil {
		return nil, fmt.Errorf("the descriptor names no usable data type: %w", err)
	}
	switch c := d.GetContent().(type) {
	case *messages.ModelDescriptor_Data:
		if len(c.Data) == 0 {
			return nil, errors.New("the descriptor's model (data) is empty")
		}
	case *messages.ModelDescriptor_Location:
		if c.Location == "" {
			return nil, errors.New("the descriptor's location is empty")
		}
	default:
		return nil, errors.New("the descriptor has neither a model (data) nor a location")
	}
	return d, nil
}

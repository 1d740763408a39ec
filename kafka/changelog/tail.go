package changelog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/modelstream/modelserver/persistence"
)

// waiter is a write that the tail has not read back yet.
type waiter struct {
	change    chan change // has room for one
	partition int32
	offset    int64 // -1: the broker has not taken it yet
}

// write produces a record of the state topic and waits until the tail has read it
// back: only then is known what came before it. The outcome of a write that
// fails is not known; it may still land.
func (s *Store) write(ctx context.Context, k *key, body []byte) (change, error) {
	k.nonce = s.nonce()
	if k.kind == uploadKind {
		k.upload = k.nonce
	}
	raw := k.encode()
	if len(body)+overhead > s.config.MaxRecordBytes {
		return change{}, &TopicError{s.config.Topic, fmt.Sprintf("takes no record of %d bytes (%s): raise store.kafka.max_record_bytes (%d) and the topic's max.message.bytes",
			len(body)+overhead, k, s.config.MaxRecordBytes)}
	}
	return s.produce(ctx, k.nonce, partitionOf(k.object, s.partitions), raw, seal(raw, body))
}

func (s *Store) produce(ctx context.Context, n nonce, partition int32, key, value []byte) (change, error) {
	w := &waiter{change: make(chan change, 1), partition: partition, offset: -1}
	s.mu.Lock()
	s.waiting[n] = w
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.waiting, n)
	}()
	failed := make(chan error, 1)
	s.client.Produce(ctx, &kgo.Record{Topic: s.config.Topic, Partition: partition, Key: key, Value: value},
		func(r *kgo.Record, err error) {
			if err != nil {
				failed <- err
				return
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			w.offset = r.Offset
			s.passed(w)
		})
	select {
	case c := <-w.change:
		return c, nil
	case err := <-failed:
		return change{}, s.produceError(err)
	case <-ctx.Done():
		return change{}, fmt.Errorf("topic %s: the write was not read back yet: %w", s.config.Topic, ctx.Err())
	case <-s.context.Done():
		return change{}, persistence.ErrClosed
	}
}

func (s *Store) produceError(err error) error {
	switch {
	case errors.Is(err, kerr.MessageTooLarge), errors.Is(err, kerr.RecordListTooLarge):
		return &TopicError{s.config.Topic, fmt.Sprintf("refuses a record for its size (%v): set its max.message.bytes to %d", err, s.config.MaxRecordBytes)}
	case errors.Is(err, kgo.ErrClientClosed):
		return persistence.ErrClosed
	}
	return fmt.Errorf("topic %s: %w", s.config.Topic, err)
}

// passed answers a write whose place the tail has passed without seeing it: the
// cleaner was faster. It is called with the lock held.
func (s *Store) passed(w *waiter) {
	if w.offset >= 0 && s.position[w.partition] > w.offset {
		w.answer(change{tombstone: true})
	}
}

func (w *waiter) answer(c change) {
	select {
	case w.change <- c:
	default: // it has its answer
	}
}

// probe marks the present end of partitions, and returns when the tail has read
// up to there: everything that was acknowledged before is in the view then. The
// times are the broker's.
func (s *Store) probe(ctx context.Context, partitions ...int32) (now int64, err error) {
	type outcome struct {
		change change
		err    error
	}
	outcomes := make(chan outcome, len(partitions))
	raw := (&key{kind: probeKind}).encode() // one key: compaction keeps the last
	for _, p := range partitions {
		n := s.nonce()
		go func() {
			c, err := s.produce(ctx, n, p, raw, seal(raw, n[:]))
			outcomes <- outcome{c, err}
		}()
	}
	for range partitions {
		o := <-outcomes
		now, err = max(now, o.change.time), errors.Join(err, o.err)
	}
	return now, err
}

// tail reads the topic until the store is closed.
func (s *Store) tail() {
	for {
		fetches := s.client.PollFetches(s.context)
		if s.context.Err() != nil || fetches.IsClientClosed() {
			return
		}
		if s.gate != nil {
			s.gate()
		}
		failed := false
		for _, e := range fetches.Errors() {
			failed = true
			s.fetchFailed(&e)
		}
		fetches.EachPartition(func(p kgo.FetchTopicPartition) { s.take(&p.FetchPartition) })
		if failed && !s.pause(100*time.Millisecond) { // do not spin on errors
			return
		}
	}
}

func (s *Store) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.context.Done():
		return false
	}
}

// take applies what was read of a partition.
func (s *Store) take(p *kgo.FetchPartition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.Err == nil {
		delete(s.failures, p.Partition)
	}
	for _, r := range p.Records {
		s.position[p.Partition] = r.Offset + 1
		s.records++
		s.read += int64(len(r.Key) + len(r.Value))
		if r.Attrs.IsControl() {
			continue
		}
		l := &logged{key: r.Key, value: r.Value, offset: r.Offset, time: r.Timestamp.UnixMilli()}
		c, ok := s.view.apply(l)
		if !ok {
			continue
		}
		if want := partitionOf(c.key.object, s.partitions); c.key.kind != probeKind && want != p.Partition {
			s.breakDown(&TopicError{s.config.Topic, fmt.Sprintf(
				"has the %s in partition %d, and it belongs into %d of %d: partitions were added, which breaks the order of what was there; copy the topic into one with the final number",
				&c.key, p.Partition, want, s.partitions)})
		}
		c.time = l.time
		if w := s.waiting[c.key.nonce]; w != nil {
			w.answer(c)
		}
		s.taken(string(r.Key), &c)
	}
	s.end[p.Partition] = max(s.end[p.Partition], p.HighWatermark)
	for _, w := range s.waiting {
		s.passed(w)
	}
}

// breakDown ends the store: what it knows cannot be trusted any more. It is
// called with the lock held.
func (s *Store) breakDown(err error) {
	if s.broken == nil {
		s.broken = err
		s.log.Error("the store is of no use until the server is started again", "error", err)
	}
}

const (
	// unreadableAfter is how often in a row data must not make sense to be given
	// up; tellFailure, of how many failures in a row one is logged.
	unreadableAfter = 20
	tellFailure     = 100
)

// fetchFailed judges an error of reading. What may pass is tried again, for ever.
func (s *Store) fetchFailed(e *kgo.FetchError) {
	if errors.Is(e.Err, context.Canceled) {
		return
	}
	unknown := errors.Is(e.Err, kerr.UnknownTopicID) || errors.Is(e.Err, kerr.InconsistentTopicID)
	anew := unknown && s.madeAnew()
	s.mu.Lock()
	defer s.mu.Unlock()
	var loss *kgo.ErrDataLoss
	switch {
	case errors.Is(e.Err, kerr.OffsetOutOfRange), errors.As(e.Err, &loss):
		s.breakDown(&TopicError{e.Topic, fmt.Sprintf("has lost records that were read already (%v): look for another cleanup.policy than compact, or an unclean leader election", e.Err)})
	case anew:
		s.breakDown(&TopicError{e.Topic, "was deleted and made anew"})
	case errors.Is(e.Err, kerr.TopicAuthorizationFailed):
		s.breakDown(&TopicError{e.Topic, "may not be read by this user: grant it Read"})
	case s.failures[e.Partition] == unreadableAfter && !errors.As(e.Err, new(*kerr.Error)):
		s.breakDown(&TopicError{e.Topic, fmt.Sprintf("cannot be read: what lies in partition %d at offset %d is damaged (%v); repair the replica, or delete the topic: the models topic has everything that is needed",
			e.Partition, s.position[e.Partition], e.Err)})
	}
	if s.failures[e.Partition]++; s.failures[e.Partition]%tellFailure == 1 {
		s.log.Warn("cannot read the store's topic; trying again", "topic", e.Topic, "partition", e.Partition, "error", e.Err)
	}
}

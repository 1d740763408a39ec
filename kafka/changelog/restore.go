package changelog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/modelstream/modelserver/persistence"
)

const (
	progressEvery = time.Second
	// prepareAgain is the pause after a failure to look at the topics, and
	// createdAgain after one was created.
	prepareAgain = 500 * time.Millisecond
	createdAgain = 20 * time.Millisecond
)

// Restore reads the state topic up to its end, and from then on follows it. It
// waits for brokers that are away, as long as ctx allows. A [*TopicError] says
// that waiting is of no use. After another error it can be called again.
func (s *Store) Restore(ctx context.Context) error {
	s.once.Lock()
	defer s.once.Unlock()
	select {
	case <-s.restored:
		return nil
	default:
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.context, cancel)()
	err := s.restore(ctx)
	if err != nil && s.context.Err() != nil {
		return persistence.ErrClosed
	}
	return err
}

func (s *Store) restore(ctx context.Context) error {
	start := time.Now()
	for !s.tailing {
		err := s.prepareTopics(ctx)
		var topic *TopicError
		switch {
		case err == nil:
			s.follow()
		case errors.As(err, &topic), ctx.Err() != nil:
			return fmt.Errorf("restore the store: %w", err)
		default:
			wait := createdAgain
			if !errors.Is(err, errNotYet) {
				wait = prepareAgain
				s.log.Warn("cannot restore the store yet; trying again", "error", err)
			}
			if !pauseOr(ctx, wait) {
				return ctx.Err()
			}
		}
	}
	span := s.span(ctx)
	ended := make(chan error, 1)
	go func() {
		_, err := s.probe(ctx, s.allPartitions()...)
		ended <- err
	}()
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			if err = errors.Join(s.brokenDown(), err); err != nil {
				return fmt.Errorf("restore the store: %w", err)
			}
			s.done(span, start)
			return nil
		case <-tick.C:
			if err := s.brokenDown(); err != nil {
				return fmt.Errorf("restore the store: %w", err)
			}
			p := s.progress(span, start)
			s.log.Info("restoring the store", "topic", s.config.Topic, "records", p.Records, "bytes", p.Bytes, "percent", int(p.Percent))
			s.tell(p)
		}
	}
}

// follow starts the tail and the sweeper.
func (s *Store) follow() {
	starts := map[int32]kgo.Offset{}
	for _, p := range s.allPartitions() {
		starts[p] = kgo.NewOffset().AtStart()
	}
	s.client.AddConsumePartitions(map[string]map[int32]kgo.Offset{s.config.Topic: starts})
	s.tailing = true
	s.running.Go(s.tail)
	s.running.Go(s.sweep)
}

func (s *Store) done(span span, start time.Time) {
	p := s.progress(span, start)
	p.Percent, p.Done = 100, true
	s.mu.Lock()
	ids, artifacts, foreign := len(s.view.ids), len(s.view.artifacts), s.view.foreign
	s.mu.Unlock()
	s.restoreTook.Store(int64(p.Took))
	close(s.restored)
	s.log.Info("restored the store", "topic", s.config.Topic, "ids", ids, "artifacts", artifacts,
		"records", p.Records, "bytes", p.Bytes, "took", p.Took.Round(time.Millisecond))
	if foreign > 0 {
		s.log.Warn("the store's topic has records that are not the store's; they are ignored, and nobody removes them", "topic", s.config.Topic, "records", foreign)
	}
	s.tell(p)
}

func (s *Store) tell(p Progress) {
	if s.report != nil {
		s.report(p)
	}
}

func (s *Store) brokenDown() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken
}

func (s *Store) allPartitions() []int32 {
	all := make([]int32, s.partitions)
	for p := range all {
		all[p] = int32(p)
	}
	return all
}

// span is the offsets that there were at the start of each partition's reading.
type span map[int32]struct{ from, to int64 }

// span is for progress only: where it cannot be looked up, there is none.
func (s *Store) span(ctx context.Context) span {
	from, err := s.admin.ListStartOffsets(ctx, s.config.Topic)
	if err != nil {
		return nil
	}
	to, err := s.admin.ListCommittedOffsets(ctx, s.config.Topic)
	if err != nil {
		return nil
	}
	all := span{}
	for p, o := range to[s.config.Topic] {
		if f, ok := from.Lookup(s.config.Topic, p); ok && f.Err == nil && o.Err == nil {
			all[p] = struct{ from, to int64 }{f.Offset, o.Offset}
		}
	}
	return all
}

func (s *Store) progress(all span, start time.Time) Progress {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := Progress{Records: s.records, Bytes: s.read, Took: time.Since(start)}
	var read, total int64
	for partition, o := range all {
		total += o.to - o.from
		read += min(max(s.position[partition]-o.from, 0), o.to-o.from)
	}
	if total > 0 {
		p.Percent = 100 * float64(read) / float64(total)
	}
	return p
}

// pauseOr waits, and returns false when ctx ends before.
func pauseOr(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

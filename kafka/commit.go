package kafka

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// offsets are positions to commit, as the client takes them.
type offsets map[string]map[int32]kgo.EpochOffset

func (o offsets) set(id partitionID, offset int64, epoch int32) {
	if o[id.topic] == nil {
		o[id.topic] = map[int32]kgo.EpochOffset{}
	}
	o[id.topic][id.partition] = kgo.EpochOffset{Epoch: epoch, Offset: offset}
}

// commitState is the actor's side of committing: one commit at a time, off the
// mailbox. A failed one is repeated, with newer offsets, at the next interval.
type commitState struct {
	cancel  context.CancelFunc // of the commit under way; nil: none is
	next    time.Time
	aborted []chan struct{} // told when the commit under way has ended
}

// committed: a commit has ended.
type committed struct {
	offsets offsets
	failed  map[partitionID]error
	err     error
}

// underWay says that a commit has to be waited for; past the deadline it is cut
// short.
func (s *commitState) underWay(now, deadline time.Time) bool {
	if s.cancel == nil {
		return false
	}
	if now.After(deadline) {
		s.cancel()
	}
	return true
}

// abort cuts a commit short and tells when it has ended.
func (s *commitState) abort(ended chan struct{}) {
	if s.cancel == nil {
		ended <- struct{}{}
		return
	}
	s.cancel()
	s.aborted = append(s.aborted, ended)
}

// commitDue starts a commit if it is time and there is something to commit.
func (r *recordsActor) commitDue(now time.Time) {
	if r.commits.cancel != nil || r.closing || now.Before(r.commits.next) {
		return
	}
	r.commits.next = now.Add(r.config.Records.CommitInterval)
	due := offsets{}
	for id, part := range r.parts {
		if part.position != part.committed && part.position >= 0 {
			due.set(id, part.position, part.epoch)
		}
	}
	if len(due) == 0 {
		return
	}
	s := r.session
	ctx, cancel := context.WithTimeout(s.ctx, r.config.Group.SessionTimeout)
	r.commits.cancel = cancel
	go func() { s.tell(r.commit(ctx, s.client, due)) }()
}

// commit commits and returns when it is done. It runs in any goroutine but the
// actor's.
func (r *Records) commit(ctx context.Context, client *kgo.Client, due offsets) *committed {
	m := &committed{offsets: due, failed: map[partitionID]error{}}
	if len(due) == 0 {
		return m
	}
	start := time.Now()
	client.CommitOffsetsSync(ctx, due, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
		if m.err = err; err != nil {
			return
		}
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					m.failed[partitionID{t.Topic, p.Partition}] = err
					m.err = err
				}
			}
		}
	})
	r.metrics.committed(time.Since(start), m.err)
	switch {
	case m.err == nil:
		r.status.committed(nil)
		r.troubles.commit.over()
	case errors.Is(m.err, context.Canceled):
	default:
		r.status.committed(m.err)
		if r.troubles.commit.allow("commit") {
			r.log.Warn("offsets were not committed; trying again until they are", "error", m.err)
		}
	}
	return m
}

// committed notes what a commit has reached.
func (r *recordsActor) committed(m *committed) {
	r.commits.cancel()
	r.commits.cancel = nil
	for _, ended := range r.commits.aborted {
		ended <- struct{}{}
	}
	r.commits.aborted = nil
	for topic, parts := range m.offsets {
		for number, at := range parts {
			id := partitionID{topic, number}
			part := r.parts[id]
			if part == nil || m.failed[id] != nil || m.err != nil && len(m.failed) == 0 {
				continue
			}
			part.committed = at.Offset
		}
	}
	r.checkLeaving(time.Now())
}

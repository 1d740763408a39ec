package kafka

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
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
// mailbox. With at-least-once delivery a failed one is repeated, with newer
// offsets, at the next interval; with exactly-once delivery it ends the session.
type commitState struct {
	stage    stageOfCommit
	sealedAt time.Time
	produced bool               // something since the transaction began
	cancel   context.CancelFunc // of the commit under way; nil: none is
	next     time.Time
	aborted  []chan struct{} // told when the commit under way has ended
}

// stageOfCommit is where a transaction stands.
type stageOfCommit uint8

const (
	noTransactions stageOfCommit = iota // at-least-once delivery
	preparing                           // the first transaction cannot begin yet
	producing                           // outputs go into the transaction
	sealed                              // nothing more does; acknowledgements are awaited
	ending                              // the transaction is being committed
)

// closed says that nothing may be produced for the moment.
func (s *commitState) closed() bool { return s.stage != noTransactions && s.stage != producing }

// committed: a commit has ended.
type committed struct {
	offsets offsets
	failed  map[partitionID]error
	err     error

	unwritten []*entry // progress to be written again
}

// underWay says that a commit has to be waited for; past the deadline it is cut
// short.
func (s *commitState) underWay(now, deadline time.Time) bool {
	if s.cancel == nil {
		return s.stage == sealed && !now.After(deadline)
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

// due returns the positions that are not committed, and the progress that
// belongs to them.
func (r *recordsActor) due() (offsets, []*entry) {
	due := offsets{}
	var changed []*entry
	for id, part := range r.parts {
		if part.position == part.committed || part.position < 0 {
			continue
		}
		due.set(id, part.position, part.epoch)
		changed = part.changed(changed)
	}
	return due, changed
}

// progressRecords returns the messages of entries for the progress topic.
func (r *recordsActor) progressRecords(changed []*entry) ([]*kgo.Record, error) {
	topic, group := r.config.Progress.Topic, r.config.Group.ID
	if topic == "" {
		return nil, nil
	}
	var letters []*kgo.Record
	for _, e := range changed {
		value, err := e.encode(group)
		if err != nil {
			return nil, fmt.Errorf("encode the progress of %s/%d: %w", e.part.topic, e.part.partition, err)
		}
		e.changed = false
		letters = append(letters, &kgo.Record{
			Topic: topic, Partition: e.part.partition, Key: progressKey(group, e.part.partitionID, e.dataType), Value: value,
		})
	}
	return letters, nil
}

// commitDue starts a commit if it is time and there is something to commit.
func (r *recordsActor) commitDue(now time.Time) {
	if r.commits.cancel != nil || r.closing || now.Before(r.commits.next) || r.commits.stage == preparing || r.stale != "" {
		return
	}
	if r.commits.stage == sealed {
		r.endSealed()
		return
	}
	if uncommitted(maps.Values(r.parts)) && r.commitNow() {
		r.commits.next = now.Add(r.config.Records.CommitInterval)
	}
}

// uncommitted says that something of these partitions is not committed.
func uncommitted(parts iter.Seq[*partition]) bool {
	for part := range parts {
		if part.position >= 0 && part.position != part.committed || part.sent > 0 {
			return true
		}
	}
	return false
}

// commitNow starts a commit, unless there is nothing to commit yet.
func (r *recordsActor) commitNow() bool {
	due, changed := r.due()
	if r.commits.stage == producing && (r.commits.produced || len(changed) > 0) {
		r.seal()
		return true
	}
	// Outside of transactions, or nothing is in it: then it is not ended.
	if len(due) == 0 {
		return false
	}
	letters, err := r.progressRecords(changed)
	if err != nil {
		r.log.Error("progress cannot be written", "error", err)
	}
	s := r.session
	ctx, cancel := context.WithTimeout(s.ctx, r.config.Group.SessionTimeout)
	r.commits.cancel = cancel
	go func() {
		m := r.commit(ctx, s.client, due, letters)
		if m.err != nil {
			m.unwritten = changed
		}
		s.tell(m)
	}()
	return true
}

// commit writes progress, then commits, and returns when it is done. It runs in
// any goroutine but the actor's.
func (r *Records) commit(ctx context.Context, client *kgo.Client, due offsets, letters []*kgo.Record) *committed {
	m := &committed{offsets: due, failed: map[partitionID]error{}}
	if len(due) == 0 {
		return m
	}
	start := time.Now()
	// Progress is never behind the offset: what it counts is not counted again.
	if m.err = r.writeProgress(ctx, letters); m.err != nil {
		r.committing(time.Since(start), m.err)
		return m
	}
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
	r.committing(time.Since(start), m.err)
	return m
}

// writeProgress writes outside of a transaction, by the view's client: among the
// results, a failure of one would touch the order of the others.
func (r *Records) writeProgress(ctx context.Context, letters []*kgo.Record) error {
	v := r.view.Load()
	if len(letters) == 0 || v == nil {
		return nil
	}
	select {
	case <-v.ready:
	case <-ctx.Done():
		return ctx.Err()
	}
	for _, l := range letters {
		l.Partition %= v.count
	}
	return produceAll(ctx, v.client, letters)
}

// committing reports what became of a commit.
func (r *Records) committing(took time.Duration, err error) {
	r.metrics.committed(took, err)
	switch {
	case err == nil:
		r.status.committed(nil)
		r.troubles.commit.over()
	case errors.Is(err, context.Canceled):
	default:
		r.status.committed(err)
		if r.troubles.commit.allow("commit") {
			r.log.Warn("offsets were not committed; what belongs to them is done again until they are", "error", err)
		}
	}
}

// committed notes what a commit has reached.
func (r *recordsActor) committed(m *committed) {
	r.commits.cancel()
	r.commits.cancel = nil
	for _, ended := range r.commits.aborted {
		ended <- struct{}{}
	}
	r.commits.aborted = nil
	if r.commits.stage == ending && m.err != nil {
		r.stale = "a transaction was not committed, or nobody knows: " + m.err.Error()
		if errors.Is(m.err, kerr.ProducerFenced) || errors.Is(m.err, kerr.InvalidProducerEpoch) {
			r.stale += "; does another process have kafka.transactions.id " + r.config.Transactions.ID + "?"
		}
		return
	}
	for _, e := range m.unwritten {
		e.changed = true
	}
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
	if r.commits.stage == ending {
		r.begin()
		return
	}
	r.checkLeaving(time.Now())
}

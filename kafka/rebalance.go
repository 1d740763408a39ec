package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// What the client's callbacks, which run in its goroutine, tell the actor.
type (
	// assigned: these partitions are ours. Their records come afterwards.
	assigned struct{ parts map[string][]int32 }
	// revoked: give these partitions up. The rebalance waits for the reply: the
	// offsets to commit.
	revoked struct {
		parts    map[string][]int32
		deadline time.Time
		reply    chan offsets
	}
	// lost: these partitions are somebody else's already.
	lost struct {
		parts map[string][]int32
		reply chan struct{}
	}
)

// drain asks the actor to finish and leave.
type drain struct {
	deadline time.Time
	reply    chan error
	undone   int // records
}

// closed: the client has left the group and is closed.
type closed struct{}

// clientOptions returns the options of the ingestion's client; actor and conn
// are nil when they are only to be checked.
func (r *Records) clientOptions(a *recordsActor, conn *connection) ([]kgo.Opt, error) {
	opts, err := r.config.clientOptions(r.log, conn)
	if err != nil {
		return nil, err
	}
	c, g := &r.config.Records, &r.config.Group
	from := kgo.NewOffset().AtStart()
	if c.From == "latest" {
		from = kgo.NewOffset().AtEnd()
	}
	isolation := kgo.ReadCommitted()
	if c.Isolation == "read_uncommitted" {
		isolation = kgo.ReadUncommitted()
	}
	topics := make([]string, len(r.topics))
	for i := range r.topics {
		topics[i] = r.topics[i].Config.Topic
	}
	opts = append(opts, r.config.producerOptions()...)
	opts = append(opts,
		kgo.ConsumeTopics(topics...),
		kgo.ConsumerGroup(g.ID),
		kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.SessionTimeout(g.SessionTimeout),
		kgo.HeartbeatInterval(min(g.SessionTimeout/3, 3*time.Second)),
		kgo.RebalanceTimeout(g.RebalanceTimeout),
		kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(),
		kgo.ConsumeStartOffset(from),
		kgo.ConsumeResetOffset(from),
		kgo.FetchIsolationLevel(isolation),
		kgo.FetchMaxWait(c.FetchMaxWait),
		kgo.FetchMaxBytes(c.FetchBytes),
		kgo.FetchMaxPartitionBytes(c.FetchPartitionBytes),
		kgo.MaxDecompressBatchBytes(c.MaxBatchBytes),
	)
	if g.InstanceID != "" {
		opts = append(opts, kgo.InstanceID(g.InstanceID))
	}
	if a != nil {
		opts = append(opts,
			kgo.OnPartitionsAssigned(a.onAssigned),
			kgo.OnPartitionsRevoked(a.onRevoked),
			kgo.OnPartitionsLost(a.onLost))
	}
	return opts, nil
}

func (r *recordsActor) onAssigned(_ context.Context, _ *kgo.Client, parts map[string][]int32) {
	r.tell(&assigned{parts: parts})
}

// onRevoked waits until the actor has finished with the partitions, and commits
// for them before the group gives them to somebody else.
func (r *recordsActor) onRevoked(_ context.Context, client *kgo.Client, parts map[string][]int32) {
	if len(parts) == 0 {
		return
	}
	m := &revoked{
		parts:    parts,
		deadline: time.Now().Add(r.config.Group.RebalanceTimeout / 2),
		reply:    make(chan offsets, 1),
	}
	r.tell(m)
	select {
	case <-r.ctx.Done():
	case done := <-m.reply:
		ctx, cancel := context.WithTimeout(r.ctx, r.config.Group.RebalanceTimeout/4)
		defer cancel()
		r.commitNow(ctx, client, done)
	}
}

func (r *recordsActor) onLost(_ context.Context, _ *kgo.Client, parts map[string][]int32) {
	m := &lost{parts: parts, reply: make(chan struct{}, 1)}
	r.tell(m)
	select {
	case <-r.ctx.Done():
	case <-m.reply:
	}
}

func (r *recordsActor) assign(m *assigned) {
	r.status.joined(true)
	r.metrics.rebalances.Add(r.ctx, 1)
	n := 0
	for topic, numbers := range m.parts {
		for _, number := range numbers {
			id := partitionID{topic, number}
			r.parts[id] = &partition{partitionID: id, queue: newQueue(), committed: -1}
			n++
		}
	}
	if n > 0 {
		r.log.Info("partitions assigned", "group", r.config.Group.ID, "partitions", m.parts)
	}
}

// revoke begins to give partitions up: no new records of them are taken, what
// is under way is finished.
func (r *recordsActor) revoke(m *revoked) {
	r.log.Info("partitions revoked", "group", r.config.Group.ID, "partitions", m.parts)
	for _, part := range r.partitions(m.parts) {
		part.leaving = true
	}
	if r.closing {
		m.deadline = time.Time{} // the drain has waited already
	}
	r.leaving = append(r.leaving, m)
	r.checkLeaving(time.Now())
}

// checkLeaving answers the revocations, and the drain, that wait for nothing
// any more.
func (r *recordsActor) checkLeaving(now time.Time) {
	rest := r.leaving[:0]
	for _, m := range r.leaving {
		if r.mayLeave(r.partitions(m.parts), now, m.deadline) && !r.commits.underWay(now, m.deadline) {
			m.reply <- r.release(m.parts)
		} else {
			rest = append(rest, m)
		}
	}
	r.leaving = rest
	if r.draining != nil && !r.closing {
		r.checkDrained(now)
	}
}

// mayLeave says that nothing of the partitions is worth waiting for: all of it
// is done, or held up, or the time is over.
func (r *recordsActor) mayLeave(parts []*partition, now, deadline time.Time) bool {
	if now.After(deadline) {
		return true
	}
	for _, part := range parts {
		if part.held && part.sent == 0 || part.idle() {
			continue
		}
		return false
	}
	return true
}

// release forgets partitions and returns the offsets to commit for them.
func (r *recordsActor) release(parts map[string][]int32) offsets {
	done := offsets{}
	for _, part := range r.partitions(parts) {
		if part.position >= 0 && part.position != part.committed {
			done.set(part.partitionID, part.position, part.epoch)
		}
		r.forget(part)
	}
	return done
}

// lose forgets partitions at once. Their offsets are not ours to commit: a
// commit under way is cut short, and the callback returns when it has ended.
func (r *recordsActor) lose(m *lost) {
	r.status.joined(false)
	r.metrics.rebalances.Add(r.ctx, 1)
	r.log.Warn("partitions lost: another member may read their uncommitted records again",
		"group", r.config.Group.ID, "partitions", m.parts)
	for _, part := range r.partitions(m.parts) {
		r.forget(part)
	}
	r.commits.abort(m.reply)
	r.checkLeaving(time.Now())
	r.permit()
}

// forget gives a partition and all that is under way for it up.
func (r *recordsActor) forget(part *partition) {
	for _, c := range part.chunks {
		if c != nil && !c.settled {
			r.window.remove(c)
		}
		c.part = nil
	}
	if part.held {
		r.client.ResumeFetchPartitions(map[string][]int32{part.topic: {part.partition}})
	}
	r.status.unstuck(part.partitionID)
	delete(r.parts, part.partitionID)
}

// partitions returns those of the named partitions that are ours.
func (r *recordsActor) partitions(names map[string][]int32) []*partition {
	var parts []*partition
	for topic, numbers := range names {
		for _, n := range numbers {
			if part := r.parts[partitionID{topic, n}]; part != nil {
				parts = append(parts, part)
			}
		}
	}
	return parts
}

func (r *recordsActor) drain(m *drain) {
	if r.draining != nil || r.client == nil {
		m.reply <- nil
		return
	}
	r.draining = m
	r.status.draining()
	r.stopPoll()
	r.checkLeaving(time.Now())
}

// checkDrained closes the client when what was in flight is done. Closing it
// revokes the partitions, and that commits.
func (r *recordsActor) checkDrained(now time.Time) {
	var all []*partition
	for _, part := range r.parts {
		all = append(all, part)
	}
	if !r.mayLeave(all, now, r.draining.deadline) || r.commits.underWay(now, r.draining.deadline) {
		return
	}
	for _, part := range all {
		for _, c := range part.chunks {
			if !c.settled {
				r.draining.undone += len(c.records)
			}
		}
	}
	r.closing = true
	go func() {
		<-r.poller.stopped
		r.client.CloseAllowingRebalance()
		r.tell(&closed{})
	}()
}

func (r *recordsActor) closed(*closed) {
	r.cancel()
	r.status.stopped()
	r.running.Store(nil)
	var err error
	if n := r.draining.undone; n > 0 {
		err = fmt.Errorf("%d records were not finished; they will be read again", n)
	}
	r.draining.reply <- err
}

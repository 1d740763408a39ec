package kafka

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
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
		reply    chan released
	}
	// lost: these partitions are somebody else's already.
	lost struct {
		parts map[string][]int32
		reply chan struct{}
	}
)

// released is what is left to commit for partitions that are given up: nothing
// when a transaction has done it.
type released struct {
	offsets offsets
	letters []*kgo.Record
}

// drain asks the actor to finish and leave.
type drain struct {
	deadline time.Time
	reply    chan error
	undone   int // records
}

// closed: the client has left the group and is closed.
type closed struct{}

// callbacks returns the options that tell the actor of rebalances.
func (r *Records) callbacks(s *session) []kgo.Opt {
	return []kgo.Opt{
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, parts map[string][]int32) {
			s.tell(&assigned{parts: parts})
		}),
		kgo.OnPartitionsRevoked(func(_ context.Context, client *kgo.Client, parts map[string][]int32) {
			r.onRevoked(s, client, parts)
		}),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, parts map[string][]int32) {
			m := &lost{parts: parts, reply: make(chan struct{}, 1)}
			s.tell(m)
			select {
			case <-s.ctx.Done():
			case <-m.reply:
			}
		}),
	}
}

// onRevoked waits until the actor has finished with the partitions, and commits
// for them before the group gives them to somebody else.
func (r *Records) onRevoked(s *session, client *kgo.Client, parts map[string][]int32) {
	if len(parts) == 0 {
		return
	}
	m := &revoked{
		parts:    parts,
		deadline: time.Now().Add(r.config.Group.RebalanceTimeout / 2),
		reply:    make(chan released, 1),
	}
	s.tell(m)
	select {
	case <-s.ctx.Done():
	case done := <-m.reply:
		ctx, cancel := context.WithTimeout(s.ctx, r.config.Group.RebalanceTimeout/4)
		defer cancel()
		r.commit(ctx, client, done.offsets, done.letters)
	}
}

func (m *assigned) ids() []partitionID {
	var ids []partitionID
	for topic, numbers := range m.parts {
		for _, number := range numbers {
			ids = append(ids, partitionID{topic, number})
		}
	}
	return ids
}

func (r *recordsActor) assign(m *assigned) {
	r.status.joined(true)
	r.troubles.group.over()
	r.metrics.rebalances.Add(context.Background(), 1)
	n := 0
	for topic, numbers := range m.parts {
		for _, number := range numbers {
			id := partitionID{topic, number}
			if old := r.parts[id]; old != nil {
				r.forget(old)
			}
			r.parts[id] = &partition{partitionID: id, queue: newQueue(), committed: -1, entries: map[string]*entry{}}
			n++
		}
	}
	if r.commits.stage != noTransactions && n > 0 {
		s, ids := r.session, m.ids()
		go r.fenceDead(s, ids)
	}
	r.restore(m.parts)
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
		if r.mayLeave(r.partitions(m.parts), now, m.deadline) && !r.commitFirst(r.partitions(m.parts), now, m.deadline) {
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

// commitFirst says that a commit has to be waited for: one that is under way, or
// the transaction that holds what the partitions have produced.
func (r *recordsActor) commitFirst(parts []*partition, now, deadline time.Time) bool {
	if r.commits.underWay(now, deadline) {
		return true
	}
	if r.commits.stage == noTransactions || now.After(deadline) || !uncommitted(slices.Values(parts)) {
		return false
	}
	if r.commits.stage == producing {
		r.commitNow()
	}
	return r.commits.stage != producing && r.stale == ""
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
func (r *recordsActor) release(parts map[string][]int32) released {
	done := released{offsets: offsets{}}
	going := r.partitions(parts)
	if r.commits.stage != noTransactions {
		if uncommitted(slices.Values(going)) {
			r.stale = "partitions were revoked before their transaction could be committed"
		}
		for _, part := range going {
			r.forget(part)
		}
		return done
	}
	var changed []*entry
	for _, part := range going {
		if part.position >= 0 && part.position != part.committed {
			done.offsets.set(part.partitionID, part.position, part.epoch)
		}
		changed = part.changed(changed)
		r.forget(part)
	}
	var err error
	if done.letters, err = r.progressRecords(changed); err != nil {
		r.log.Error("progress cannot be written", "error", err)
	}
	return done
}

// lose forgets partitions at once. Their offsets are not ours to commit: a
// commit under way is cut short, and the callback returns when it has ended.
func (r *recordsActor) lose(m *lost) {
	r.status.joined(false)
	r.metrics.rebalances.Add(context.Background(), 1)
	if len(m.parts) > 0 {
		r.log.Warn("partitions lost: their uncommitted records are read again, by us or another member",
			"group", r.config.Group.ID, "partitions", m.parts)
	}
	going := r.partitions(m.parts)
	if r.commits.stage != noTransactions && uncommitted(slices.Values(going)) {
		r.stale = "partitions were lost with results in an open transaction"
	}
	for _, part := range going {
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
	if part.held { // a pause outlives an assignment
		r.session.client.ResumeFetchPartitions(map[string][]int32{part.topic: {part.partition}})
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
	if r.draining != nil || r.session.client == nil {
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
	if !r.mayLeave(all, now, r.draining.deadline) || r.commitFirst(all, now, r.draining.deadline) {
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
	s, polling := r.session, r.poller.stopped
	go func() {
		<-polling
		s.client.CloseAllowingRebalance()
		r.leaveGroup()
		s.tell(closed{})
	}()
}

// leaveGroup takes a static member out of its group: closing its client, which
// has committed, does not.
func (r *Records) leaveGroup() {
	g := &r.config.Group
	if g.InstanceID == "" || !g.LeaveOnStop {
		return
	}
	opts, err := r.config.clientOptions(r.log, nil)
	if err != nil {
		return // as after a crash: the session's timeout does it
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), leaveGrace/2)
	defer cancel()
	left, err := kadm.NewClient(client).LeaveGroup(ctx, kadm.LeaveGroup(g.ID).InstanceIDs(g.InstanceID).Reason("stopped"))
	if err == nil {
		err = left.Error()
	}
	if err != nil {
		r.log.Warn("could not leave the group; the others take over when the session has timed out", "group", g.ID, "error", err)
	}
}

func (r *recordsActor) closed() {
	r.published = time.Time{}
	r.publish(time.Now())
	r.session.cancel()
	r.status.stopped()
	r.running.Store(nil)
	var err error
	if n := r.draining.undone; n > 0 {
		err = fmt.Errorf("%d records were not finished; they will be read again", n)
	}
	r.draining.reply <- err
}

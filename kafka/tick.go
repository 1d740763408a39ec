package kafka

import "time"

// tick looks after everything that time brings about.
func (r *recordsActor) tick() {
	now := time.Now()
	r.overdue(now)
	for _, part := range r.parts {
		r.mend(part, now)
		if c := part.waiting(); c != nil && !part.held && now.Sub(part.headSince) > r.config.Records.HoldAfter {
			r.hold(part, true)
		}
	}
	r.commitDue(now)
	r.checkLeaving(now)
	r.publish(now)
	r.permit()
}

// hold pauses a partition whose scores are late, so that it neither fills the
// window nor delays the others; or lets it go on.
func (r *recordsActor) hold(part *partition, held bool) {
	part.held = held
	for _, c := range part.chunks {
		if !c.settled {
			r.window.hold(c, held)
		}
	}
	names := map[string][]int32{part.topic: {part.partition}}
	if held {
		r.session.client.PauseFetchPartitions(names)
		r.log.Info("a partition waits for scores; reading it pauses", "topic", part.topic, "partition", part.partition,
			"waiting_since", part.headSince, "offset", part.waiting().first)
	} else {
		r.session.client.ResumeFetchPartitions(names)
		r.log.Info("a partition goes on", "topic", part.topic, "partition", part.partition)
	}
	r.metrics.held(held)
}

// publish lets others see where the actor stands.
func (r *recordsActor) publish(now time.Time) {
	lags := make([]PartitionLag, 0, len(r.parts))
	for id, part := range r.parts {
		lags = append(lags, PartitionLag{
			Topic: id.topic, Partition: id.partition,
			Position: part.position, Committed: part.committed,
			HighWater: part.highWater, Held: part.held,
		})
	}
	r.status.publish(lags, r.window.active, r.window.held, len(r.pending))
}

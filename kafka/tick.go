package kafka

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// tick looks after everything that time brings about.
func (r *recordsActor) tick() {
	now := time.Now()
	r.overdue(now)
	r.pumpAll()
	for _, part := range r.parts {
		r.mend(part, now)
		if c := part.waiting(); c != nil && !part.held && now.Sub(part.headSince) > r.config.Records.HoldAfter {
			r.hold(part, true)
		}
	}
	r.commitDue(now)
	r.watermarksDue(now)
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

// publishEvery is how often others see where the actor stands.
const publishEvery = 100 * time.Millisecond

// publish lets others see where the actor stands.
func (r *recordsActor) publish(now time.Time) {
	if now.Sub(r.published) < publishEvery {
		return
	}
	r.published = now
	lags := make([]PartitionLag, 0, len(r.parts))
	for id, part := range r.parts {
		position := part.position
		if position < 0 && !part.idle() {
			position = part.chunks[0].first
		}
		lags = append(lags, PartitionLag{
			Topic: id.topic, Partition: id.partition,
			Position: position, Committed: part.committed,
			HighWater: part.highWater, Held: part.held,
		})
	}
	slices.SortFunc(lags, func(a, b PartitionLag) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	r.status.publish(&recordView{
		at: now, lags: lags, active: r.window.active, held: r.window.held, batches: len(r.pending),
	})
}

// watermarks are where partitions end that are not being fetched.
type watermarks map[partitionID]int64

// watermarksEvery is how often they are asked for.
const watermarksEvery = 5 * time.Second

// watermarksDue asks where the held partitions end by now: a fetch, which would
// tell, is what they do not get.
func (r *recordsActor) watermarksDue(now time.Time) {
	topics := map[string]bool{}
	for id, part := range r.parts {
		if part.held {
			topics[id.topic] = true
		}
	}
	if len(topics) == 0 || now.Before(r.nextMarks) {
		return
	}
	r.nextMarks = now.Add(watermarksEvery)
	s := r.session
	go func() {
		marks := watermarks{}
		for topic := range topics {
			ctx, cancel := context.WithTimeout(s.ctx, watermarksEvery)
			ends, err := listOffsets(ctx, s.client, topic, false)
			cancel()
			if err != nil {
				return // the connection is reported elsewhere
			}
			for number, end := range ends {
				marks[partitionID{topic, number}] = end
			}
		}
		s.tell(marks)
	}()
}

func (r *recordsActor) watermarks(m watermarks) {
	for id, end := range m {
		if part := r.parts[id]; part != nil {
			part.highWater = max(part.highWater, end)
		}
	}
}

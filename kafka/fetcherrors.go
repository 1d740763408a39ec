package kafka

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// fetchFailed judges an error that a poll brought.
func (r *recordsActor) fetchFailed(e kgo.FetchError) {
	var group *kgo.ErrGroupSession
	var loss *kgo.ErrDataLoss
	var tooLarge *kgo.ErrDecompressTooLarge
	switch {
	case errors.Is(e.Err, context.Canceled), errors.Is(e.Err, kgo.ErrClientClosed):
		return
	case errors.As(e.Err, &group):
		if r.troubles.group.allow("join") {
			r.log.Warn("not in the consumer group; joining again until it works", "group", r.config.Group.ID, "error", group.Err)
		}
	case errors.As(e.Err, &loss):
		// The client has reset itself to what is left.
		r.log.Error("the broker lost records", "topic", loss.Topic, "partition", loss.Partition,
			"read_to", loss.ConsumedTo, "reset_to", loss.ResetTo)
	case errors.Is(e.Err, kerr.UnknownTopicID):
		r.stale = remadeReason(e.Topic)
	case errors.As(e.Err, &tooLarge):
		r.log.Error("a partition is stuck: a batch grows too large; raise kafka.records.max_batch_bytes",
			"topic", e.Topic, "partition", e.Partition, "offset", tooLarge.Offset)
		r.status.unreadable(partitionID{e.Topic, e.Partition}, e.Err)
	default:
		if r.status.unreadable(partitionID{e.Topic, e.Partition}, e.Err) {
			r.log.Error("cannot read a partition", "topic", e.Topic, "partition", e.Partition, "error", e.Err)
		}
	}
	r.metrics.fetchErrors.Add(context.Background(), 1)
}

// unreadFor is how long an error of reading counts when nothing is heard of the
// partition any more.
const unreadFor = time.Minute

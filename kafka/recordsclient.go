package kafka

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// clientOptions returns the options of record ingestion's client, which reads
// records and writes results and dead letters.
func (r *Records) clientOptions(conn *connection) ([]kgo.Opt, error) {
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
		// A heartbeat is how a member learns of a rebalance: often, so that a
		// partition whose owner has left is soon read on.
		kgo.HeartbeatInterval(min(g.SessionTimeout/3, g.RebalanceTimeout/3, 300*time.Millisecond)),
		kgo.RebalanceTimeout(g.RebalanceTimeout),
		kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(),
		// The client's own default rewinds a minute of the log.
		kgo.ConsumeStartOffset(from),
		kgo.ConsumeResetOffset(from),
		kgo.FetchIsolationLevel(isolation),
		kgo.FetchMaxWait(c.FetchMaxWait),
		kgo.FetchMaxBytes(c.FetchBytes),
		kgo.FetchMaxPartitionBytes(c.FetchPartitionBytes),
		kgo.MaxDecompressBatchBytes(c.MaxBatchBytes),
	)
	if r.config.Delivery == ExactlyOnce {
		opts = append(opts, r.config.transactional()...)
	}
	if g.InstanceID != "" {
		opts = append(opts, kgo.InstanceID(g.InstanceID))
	}
	return opts, nil
}

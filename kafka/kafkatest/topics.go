package kafkatest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// CreateTopic creates a topic, with the cluster's default number of replicas,
// and returns when each of its partitions has a leader. It serves fake and real
// brokers alike.
func CreateTopic(ctx context.Context, seeds []string, topic string, partitions int, configs map[string]string) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(seeds...))
	if err != nil {
		return err
	}
	defer cl.Close()
	admin := kadm.NewClient(cl)
	values := make(map[string]*string, len(configs))
	for k, v := range configs {
		values[k] = &v
	}
	for {
		_, err := admin.CreateTopic(ctx, int32(partitions), -1, values, topic)
		if err == nil {
			break
		}
		// A broker that has just started may not count as one that can hold replicas.
		if !errors.Is(err, kerr.InvalidReplicationFactor) || !pause(ctx, 50*time.Millisecond) {
			return fmt.Errorf("kafkatest: create topic %q: %w", topic, err)
		}
	}
	return awaitLeaders(ctx, admin, topic, partitions)
}

// pause waits, and returns false when ctx has ended.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// awaitLeaders waits for the brokers to learn what the controller has decided.
func awaitLeaders(ctx context.Context, admin *kadm.Client, topic string, partitions int) error {
	for {
		topics, err := admin.ListTopics(ctx, topic)
		if err != nil {
			return fmt.Errorf("kafkatest: topic %q: %w", topic, err)
		}
		ready := 0
		for _, p := range topics[topic].Partitions {
			if p.Err == nil && p.Leader >= 0 {
				ready++
			}
		}
		if ready == partitions {
			return nil
		}
		if !pause(ctx, 5*time.Millisecond) {
			return fmt.Errorf("kafkatest: topic %q has %d of %d leaders: %w", topic, ready, partitions, ctx.Err())
		}
	}
}

package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// topicCheck is how often missing topics are looked for again.
const topicCheck = 2 * time.Second

// MissingTopicsError says which topics do not exist.
type MissingTopicsError struct{ Topics []string }

func (e *MissingTopicsError) Error() string {
	return fmt.Sprintf("missing on the cluster: topic %s; create it or set kafka.create_topics.enabled",
		strings.Join(e.Topics, ", topic "))
}

// awaitTopics returns once all topics exist, making them first if the
// configuration says so, or when ctx ends. Until then it tells report what is
// in the way.
func (c *Config) awaitTopics(ctx context.Context, client *kgo.Client, log *slog.Logger, report func(error), topics ...string) error {
	topics = slices.DeleteFunc(topics, func(t string) bool { return t == "" })
	var told string
	for {
		err := c.checkTopics(ctx, client, topics)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		report(err)
		if err == nil {
			return nil
		}
		if told != err.Error() {
			told = err.Error()
			log.Warn("topics are not ready; looking again until they are", "error", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(topicCheck):
		}
	}
}

func (c *Config) checkTopics(ctx context.Context, client *kgo.Client, topics []string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	adm := kadm.NewClient(client)
	details, err := adm.ListTopics(ctx, topics...)
	if err != nil {
		return fmt.Errorf("ask for topics: %w", err)
	}
	var missing []string
	for _, name := range topics {
		switch d, ok := details[name]; {
		case !ok || errors.Is(d.Err, kerr.UnknownTopicOrPartition):
			missing = append(missing, name)
		case d.Err != nil:
			return fmt.Errorf("topic %s: %w", name, d.Err)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	if !c.CreateTopics.Enabled {
		return &MissingTopicsError{Topics: missing}
	}
	return c.createTopics(ctx, adm, missing)
}

func (c *Config) createTopics(ctx context.Context, adm *kadm.Client, topics []string) error {
	for _, name := range topics {
		partitions, configs := c.CreateTopics.Partitions, map[string]*string{}
		if name == c.Models.Topic {
			// One partition gives models one order; large models need room.
			partitions = 1
			configs["max.message.bytes"] = kadm.StringPtr(fmt.Sprint(c.Models.batchBytes()))
		}
		if name == c.DeadLetters.Topic {
			configs["max.message.bytes"] = kadm.StringPtr(fmt.Sprint(c.Models.batchBytes()))
		}
		r, err := adm.CreateTopic(ctx, partitions, c.CreateTopics.ReplicationFactor, configs, name)
		if err == nil {
			err = r.Err
		}
		if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return fmt.Errorf("create topic %s: %w", name, err)
		}
	}
	return nil
}

// batchBytes is the producer's and the topic's limit that lets a descriptor of
// MaxBytes through, with its headers and the batch's own bytes.
func (m *ModelsConfig) batchBytes() int32 { return int32(m.MaxBytes + 64<<10) }

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

const (
	// topicCheck is how often missing topics are looked for again.
	topicCheck = time.Second
	// topicWatch is how often topics are looked up when all is well.
	topicWatch = 5 * time.Second
)

// remade: a topic was deleted and made anew under the same name.
type remade struct{ topic string }

// MissingTopicsError says which topics do not exist.
type MissingTopicsError struct{ Topics []string }

func (e *MissingTopicsError) Error() string {
	return fmt.Sprintf("missing on the cluster: topic %s; create it or set kafka.create_topics.enabled",
		strings.Join(e.Topics, ", topic "))
}

// watchTopics looks topics up until the session ends: it makes missing ones if
// the configuration says so, tells report what is in the way, ready (once) when
// nothing is, and the actor when one was made anew.
func (c *Config) watchTopics(s *session, log *slog.Logger, report func(error), ready func(), topics ...string) {
	topics = slices.DeleteFunc(topics, func(t string) bool { return t == "" })
	ids := map[string]kadm.TopicID{}
	told := ""
	for {
		found, err := c.checkTopics(s.ctx, s.client, topics)
		if s.ctx.Err() != nil {
			return
		}
		report(err)
		wait := topicWatch
		if err != nil {
			wait = topicCheck
			if told != err.Error() {
				told = err.Error()
				log.Warn("topics are not ready; looking again until they are", "error", err)
			}
		} else if told = ""; ready != nil {
			ready()
			ready = nil
		}
		for name, id := range found {
			if old, known := ids[name]; known && old != id {
				s.tell(&remade{topic: name})
			}
			ids[name] = id
		}
		if !s.pause(wait) {
			return
		}
	}
}

// checkTopics returns the topics that exist, and what is wrong with the others.
func (c *Config) checkTopics(ctx context.Context, client *kgo.Client, topics []string) (map[string]kadm.TopicID, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	adm := kadm.NewClient(client)
	details, err := adm.ListTopics(ctx, topics...)
	if err != nil {
		return nil, fmt.Errorf("look up topics: %w", err)
	}
	found := map[string]kadm.TopicID{}
	var missing []string
	for _, name := range topics {
		switch d, ok := details[name]; {
		case !ok || errors.Is(d.Err, kerr.UnknownTopicOrPartition):
			missing = append(missing, name)
		case d.Err != nil:
			err = errors.Join(err, fmt.Errorf("topic %s: %w", name, d.Err))
		default:
			found[name] = d.ID
		}
	}
	switch {
	case len(missing) == 0:
		return found, err
	case c.CreateTopics.Enabled:
		return found, errors.Join(err, c.createTopics(ctx, adm, missing))
	}
	return found, errors.Join(err, &MissingTopicsError{Topics: missing})
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

// listOffsets returns the first offset of each partition of a topic, or the
// offset that the next committed record gets.
func listOffsets(ctx context.Context, client *kgo.Client, topic string, start bool) (map[int32]int64, error) {
	adm := kadm.NewClient(client)
	list := adm.ListCommittedOffsets
	if start {
		list = adm.ListStartOffsets
	}
	listed, err := list(ctx, topic)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("look up the offsets of topic %s: %w", topic, err)
	}
	if len(listed[topic]) == 0 {
		return nil, &MissingTopicsError{Topics: []string{topic}}
	}
	at := make(map[int32]int64, len(listed[topic]))
	for number, o := range listed[topic] {
		at[number] = o.Offset
	}
	return at, nil
}

// batchBytes is the producer's and the topic's limit that lets a descriptor of
// MaxBytes through, with its headers and the batch's own bytes.
func (m *ModelsConfig) batchBytes() int32 { return int32(m.MaxBytes + 64<<10) }

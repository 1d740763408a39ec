package changelog

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// TopicError says that a topic cannot hold the store, and how to mend it.
type TopicError struct{ Topic, Problem string }

func (e *TopicError) Error() string { return "topic " + e.Topic + " " + e.Problem }

// prepareTopics makes sure that both topics are there and are what they must be.
// It returns their partitions.
func (s *Store) prepareTopics(ctx context.Context) error {
	var err error
	if s.partitions, err = s.prepareTopic(ctx, s.config.Topic, map[string]string{
		"max.message.bytes": strconv.Itoa(s.config.MaxRecordBytes),
		// Old segments are what a restart reads for nothing, and only closed ones
		// are cleaned.
		"segment.bytes":             strconv.Itoa(max(2*s.config.MaxRecordBytes, 64<<20)),
		"min.cleanable.dirty.ratio": "0.1",
		// The age of an artifact is told by one clock.
		"message.timestamp.type": "LogAppendTime",
	}); err != nil {
		return err
	}
	s.chunkPartitions, err = s.prepareTopic(ctx, s.config.ArtifactsTopic, map[string]string{
		"max.message.bytes": strconv.Itoa(s.config.ChunkBytes + overhead),
	})
	return err
}

func (s *Store) prepareTopic(ctx context.Context, topic string, configs map[string]string) (partitions int32, err error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	found, err := s.admin.ListTopics(ctx, topic)
	if err != nil {
		return 0, fmt.Errorf("look up topic %s: %w", topic, err)
	}
	d, ok := found[topic]
	switch {
	case ok && d.Err == nil:
		if topic == s.config.Topic {
			s.topicID = d.ID
		}
		return int32(len(d.Partitions)), s.checkTopic(ctx, topic)
	case ok && errors.Is(d.Err, kerr.TopicAuthorizationFailed):
		return 0, &TopicError{topic, "may not be described by this user: grant it Describe, Read, Write and, to make the topic, Create"}
	case ok && !errors.Is(d.Err, kerr.UnknownTopicOrPartition):
		return 0, fmt.Errorf("look up topic %s: %w", topic, d.Err)
	case !s.config.CreateTopics:
		return 0, &TopicError{topic, "does not exist: create it with cleanup.policy=compact, or set store.kafka.create_topics"}
	}
	all := map[string]*string{"cleanup.policy": kadm.StringPtr("compact"), "unclean.leader.election.enable": kadm.StringPtr("false")}
	for k, v := range configs {
		all[k] = &v
	}
	r, err := s.admin.CreateTopic(ctx, s.config.Partitions, s.config.ReplicationFactor, all, topic)
	if err == nil {
		err = r.Err
	}
	switch {
	case errors.Is(err, kerr.TopicAlreadyExists): // another server was faster
		return 0, errNotYet
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed):
		return 0, &TopicError{topic, "does not exist, and this user may not make it: create it with cleanup.policy=compact"}
	case err != nil:
		return 0, fmt.Errorf("create topic %s: %w", topic, err)
	}
	s.log.Info("created a topic for the store", "topic", topic, "partitions", s.config.Partitions)
	return 0, errNotYet // its leaders are elected
}

// madeAnew says whether the state topic is another one than at the start. A
// broker that has just come up does not know any topic for a moment: what counts
// is that somebody knows another one.
func (s *Store) madeAnew() bool {
	ctx, cancel := context.WithTimeout(s.context, 5*time.Second)
	defer cancel()
	found, err := s.admin.ListTopics(ctx, s.config.Topic)
	d, ok := found[s.config.Topic]
	return err == nil && ok && d.Err == nil && d.ID != s.topicID
}

// errNotYet says to look again.
var errNotYet = errors.New("the topic was created a moment ago")

// checkTopic refuses a topic that loses what it is given.
func (s *Store) checkTopic(ctx context.Context, topic string) error {
	described, err := s.admin.DescribeTopicConfigs(ctx, topic)
	if err != nil {
		return fmt.Errorf("look up the configuration of topic %s: %w", topic, err)
	}
	r, err := described.On(topic, nil)
	if err == nil {
		err = r.Err
	}
	if errors.Is(err, kerr.TopicAuthorizationFailed) || errors.Is(err, kerr.ClusterAuthorizationFailed) {
		s.log.Warn("this user may not read the topic's configuration: nobody checks that cleanup.policy is compact, as it must be", "topic", topic)
		return nil
	}
	if err != nil {
		return fmt.Errorf("look up the configuration of topic %s: %w", topic, err)
	}
	var problems []error
	for _, c := range r.Configs {
		switch v := c.MaybeValue(); {
		case c.Key == "cleanup.policy" && v != "compact":
			problems = append(problems, &TopicError{topic, fmt.Sprintf("has cleanup.policy=%s and would lose state: set it to compact", v)})
		case c.Key == "max.message.bytes":
			key, needed := "max_record_bytes", s.config.MaxRecordBytes
			if topic == s.config.ArtifactsTopic {
				key, needed = "chunk_bytes", s.config.ChunkBytes+overhead
			}
			if n, err := strconv.Atoi(v); err == nil && n < needed {
				problems = append(problems, &TopicError{topic, fmt.Sprintf("has max.message.bytes=%d: set it to %d, or lower store.kafka.%s", n, needed, key)})
			}
		}
	}
	return errors.Join(problems...)
}

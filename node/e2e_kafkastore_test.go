package node_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/modelstream/modelserver/kafka/kafkatest"
	"github.com/modelstream/modelserver/node"
	"github.com/modelstream/modelserver/persistence"
)

// onTopics are the settings of a store on topics that the servers of one test
// share.
func onTopics(t *testing.T, more ...string) []string {
	topic := kafkatest.UniqueName(t)
	return append([]string{
		"store.kind=kafka", "store.kafka.topic=" + topic, "store.kafka.artifacts_topic=" + topic + "-artifacts",
		"kafka.group.session_timeout=2s",
	}, more...)
}

// A server that has lost its machine finds all it had on the topic; a new one
// beside it begins with what the first one knows, and each keeps its own
// statistics.
func TestKafkaStore(t *testing.T) {
	checkSharedStore(t, fake(t), onTopics(t))
}

// Two servers of one name: the first one is fenced by the second, and ends.
func TestKafkaStoreFencesATwin(t *testing.T) {
	_, err := runTwins(t, fake(t), onTopics(t, "node.name=twin"))
	if !errors.As(err, new(*persistence.FencedError)) {
		t.Errorf("the first ended with %v, want a FencedError", err)
	}
}

// A topic that would lose the state is refused at the start, with what to set.
func TestKafkaStoreOnAnUnfitTopic(t *testing.T) {
	w := fake(t)
	set := onTopics(t)
	topic := strings.TrimPrefix(set[1], "store.kafka.topic=")
	if err := kafkatest.CreateTopic(t.Context(), w.seeds, topic, 1, map[string]string{"cleanup.policy": "delete"}); err != nil {
		t.Fatal(err)
	}
	n, err := node.New(w.config(set...), node.Options{Types: (&adder{}).registry(t), Log: testLog(t)})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, "the start to fail", func() (string, bool) {
		err := n.Started()
		return err.Error(), strings.Contains(err.Error(), "set it to compact")
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := n.Stop(ctx); err != nil {
		t.Error(err)
	}
}

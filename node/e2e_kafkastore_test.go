package node_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

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
	w := fake(t)
	types := (&adder{}).registry(t)
	set := onTopics(t)
	a := w.start(types, append(set, "node.name=a")...)
	w.publish(addModel("first", "1000000"))
	second := w.publish(addModel("second", "2000000"))
	a.awaitModel("wine", "second")
	w.wines(0, 100)
	checkSums(t, w.scored(100)[second], 0, 100, 2_000_000)
	a.stop()

	w.dir = t.TempDir() // another machine
	a = w.start(types, append(set, "node.name=a")...)
	if st := a.state("wine"); st.Current == nil || st.Current.Number != 2 || st.Statistics.Records != 100 {
		t.Errorf("a, after its restart: %+v", st)
	}
	b := w.start(types, append(set, "node.name=b")...)
	if st := b.state("wine"); st.Current == nil || st.Current.Number != 2 || st.Statistics.Records != 0 {
		t.Errorf("b, at its first start: %+v", st)
	}
	third := w.publish(addModel("third", "3000000"))
	for _, s := range []*server{a, b} {
		if st := s.awaitModel("wine", "third"); st.Current.Number != 3 {
			t.Errorf("%s has it as generation %d", s.Name(), st.Current.Number)
		}
	}
	w.wines(100, 100)
	checkSums(t, w.scored(200)[third], 100, 100, 3_000_000)
}

// Two servers of one name: the first one is fenced by the second, and ends.
func TestKafkaStoreFencesATwin(t *testing.T) {
	w := fake(t)
	types := (&adder{}).registry(t)
	set := onTopics(t, "node.name=twin")
	w.publish(addModel("first", "1000000"))
	first, err := node.New(w.config(append(set, "kafka.group.instance_id=1")...), node.Options{Types: types, Log: testLog(t)})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- first.Run(t.Context()) }()
	select {
	case <-first.ReadyForRecords():
	case err := <-ended:
		t.Fatalf("the first ended: %v", err)
	}
	second := w.start(types, append(set, "kafka.group.instance_id=2")...)
	w.publish(addModel("second", "2000000"))
	second.awaitModel("wine", "second")
	select {
	case err := <-ended:
		if !errors.As(err, new(*persistence.FencedError)) {
			t.Errorf("the first ended with %v, want a FencedError", err)
		}
	case <-time.After(patience):
		t.Fatal("the first goes on beside the second")
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

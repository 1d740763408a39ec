package kafka

import (
	"context"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/modelstream/modelserver/kafka/kafkatest"
)

// restartable is a world whose broker comes back on the same port and data.
func restartable(t *testing.T) (w *world, reopen func()) {
	dir := t.TempDir()
	w = newWorld(t, kfake.DataDir(dir))
	_, port, err := net.SplitHostPort(w.config.Brokers[0])
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return w, func() { w.cluster = kafkatest.Fake(t, kfake.DataDir(dir), kfake.Ports(number)) }
}

func TestTheBrokerMayComeLater(t *testing.T) {
	w, reopen := restartable(t)
	w.produce(0, "wine", "a")
	w.publish(descriptorOf("wine", "m"))
	w.cluster.Close()
	in, models := w.start(), w.startModels()
	eventually(t, "both say that the broker does not answer", func() bool {
		a, b := in.Health(), models.Health()
		return a != nil && strings.Contains(a.Error(), "no broker has answered yet") &&
			strings.Contains(a.Error(), "connection refused") &&
			b != nil && strings.Contains(b.Error(), "no broker has answered yet")
	})
	reopen()
	w.read("out", 1)
	<-models.CaughtUp()
	eventually(t, "all is well", func() bool { return in.Health() == nil && models.Health() == nil })
}

func TestTheBrokerMayGoAndComeBack(t *testing.T) {
	w, reopen := restartable(t)
	in := w.start()
	w.produce(0, "wine", numbers(0, 10)...)
	eventually(t, "the first are committed", func() bool { return w.committed(0) == 10 })
	in.scorer.set(silent)
	w.produce(0, "wine", numbers(10, 20)...)
	eventually(t, "they are being scored", func() bool { return in.Stats().InFlight == 10 })
	w.cluster.Close()
	eventually(t, "the broker is missed", func() bool {
		err := in.Health()
		return err != nil && strings.Contains(err.Error(), "connection: no broker has answered for")
	})
	in.scorer.set(echo)
	for _, b := range in.scorer.seen() {
		in.scorer.answer(echo(b)) // results wait for the broker
	}
	reopen()
	eventually(t, "all is well", func() bool { return in.Health() == nil })
	w.connect()
	w.produce(0, "wine", numbers(20, 30)...)
	eventually(t, "everything is committed", func() bool { return w.committed(0) == 30 })
	in.drain(t)
	checkAtLeastOnce(t, 0, values(w.read("out", int(w.count("out"))))[0], 30)
	if at := w.committed(0); at != 30 {
		t.Errorf("committed %d, want 30", at)
	}
}

func TestDrainWhileTheBrokerIsDown(t *testing.T) {
	w, _ := restartable(t)
	in := w.start()
	w.produce(0, "wine", "a")
	eventually(t, "it is committed", func() bool { return w.committed(0) == 1 })
	in.scorer.set(silent)
	w.produce(0, "wine", "b")
	eventually(t, "it is being scored", func() bool { return in.Stats().InFlight == 1 })
	w.cluster.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := in.Drain(ctx); err == nil {
		t.Error("drained although the broker is down")
	} else {
		t.Log(err)
	}
}

func TestAMissingTopicIsNamedAndWaitedFor(t *testing.T) {
	for _, topic := range []string{"in", "out", "dead"} {
		t.Run(topic, func(t *testing.T) {
			w := newWorld(t)
			if err := w.cluster.DeleteTopic(topic); err != nil {
				t.Fatal(err)
			}
			in := w.start()
			want := "missing on the cluster: topic " + topic
			eventually(t, "health says "+want, func() bool {
				err := in.Health()
				return err != nil && strings.Contains(err.Error(), want)
			})
			if err := w.cluster.CreateTopic(topic, testPartitions, nil); err != nil {
				t.Fatal(err)
			}
			w.produce(0, "wine", "a")
			w.produce(0, "", "b")
			w.read("out", 1)
			w.read("dead", 1)
			eventually(t, "all is well", func() bool { return in.Health() == nil })
		})
	}
}

func TestMissingTopicsAreMadeWhenConfigured(t *testing.T) {
	w := newWorld(t)
	for _, topic := range []string{"in", "out", "dead", "models"} {
		if err := w.cluster.DeleteTopic(topic); err != nil {
			t.Fatal(err)
		}
	}
	w.config.CreateTopics = CreateTopicsConfig{Enabled: true, Partitions: 2, ReplicationFactor: 1}
	in, models := w.start(), w.startModels()
	<-models.CaughtUp()
	eventually(t, "all is well", func() bool { return in.Health() == nil && models.Health() == nil })
	for topic, want := range map[string]int{"in": 2, "out": 2, "dead": 2, "models": 1} {
		if n := len(w.cluster.PartitionInfos(topic)); n != want {
			t.Errorf("topic %s has %d partitions, want %d", topic, n, want)
		}
	}
	if got := w.cluster.TopicInfo("models").Configs["max.message.bytes"]; got == nil || *got != "33619968" {
		t.Errorf("max.message.bytes of models is %v", got)
	}
}

// TestATopicMayBeMadeAnew: deleted and created again under the same name.
func TestATopicMayBeMadeAnew(t *testing.T) {
	for _, topic := range []string{"out", "in"} {
		t.Run(topic, func(t *testing.T) {
			w := newWorld(t)
			in := w.start()
			w.produce(0, "wine", "a")
			w.read("out", 1)
			eventually(t, "it is committed", func() bool { return w.committed(0) == 1 })
			if err := w.cluster.DeleteTopic(topic); err != nil {
				t.Fatal(err)
			}
			if err := w.cluster.CreateTopic(topic, testPartitions, nil); err != nil {
				t.Fatal(err)
			}
			w.connect() // a client does not take a topic's new identity
			w.produce(0, "wine", "b")
			recs := values(w.read("out", map[string]int{"out": 1, "in": 2}[topic]))[0]
			if recs[len(recs)-1] != "b" {
				t.Errorf("results %v", recs)
			}
			eventually(t, "all is well", func() bool { return in.Health() == nil })
		})
	}
}

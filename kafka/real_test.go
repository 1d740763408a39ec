package kafka

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/modelstream/modelserver/kafka/kafkatest"
	"github.com/modelstream/modelserver/messages"
)

// shared is Apache Kafka's own broker, for the tests that need not harm it.
var shared = kafkatest.Shared{Config: kafkatest.Config{Secure: true}}

// TestMain also fails when goroutines are left: every client, poller and
// callback ends with its session.
func TestMain(m *testing.M) {
	code := shared.Main(m)
	if code == 0 {
		if err := leaks(30 * time.Second); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// leaks reports goroutines that are still there after a while: a client whose
// broker is gone takes some seconds to give up leaving its group.
func leaks(within time.Duration) error {
	deadline := time.Now().Add(within)
	for {
		err := goleak.Find() // it tries for a second or two by itself
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

func TestRealBrokerTLSAndSASL(t *testing.T) {
	broker := shared.Get(t)
	certs := broker.Cluster().Certificates()
	w := newRealWorld(t, broker.Seeds(kafkatest.Plaintext))
	w.config.Brokers = broker.Seeds(kafkatest.SASLTLS)
	w.config.TLS = TLS{Enabled: true, CA: certs.CAFile()}
	for i, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		t.Run(mechanism, func(t *testing.T) {
			w.config.SASL = SASL{Mechanism: mechanism, Username: kafkatest.User, Password: kafkatest.Password}
			in := w.start()
			w.produce(0, "wine", mechanism)
			eventually(t, "it is scored and committed", func() bool { return w.committed(0) == int64(i+1) })
			in.drain(t)
			if n := w.count("out"); n != int64(i+1) {
				t.Errorf("%d results, want %d", n, i+1)
			}
		})
	}
	t.Run("wrong password", func(t *testing.T) {
		w.config.SASL = SASL{Mechanism: "SCRAM-SHA-512", Username: kafkatest.User, Password: "wrong"}
		in := w.start()
		eventually(t, "health says so", func() bool {
			err := in.Health()
			return err != nil && strings.Contains(err.Error(), "SASL_AUTHENTICATION_FAILED")
		})
	})
}

// TestRealBrokerRebalance is [TestARebalanceLosesAndRepeatsNothing] where the
// group's coordinator is the real one.
func TestRealBrokerRebalance(t *testing.T) {
	w := newRealWorld(t, shared.Get(t).Seeds(kafkatest.Plaintext))
	w.config.Group.SessionTimeout = 3 * time.Second // heartbeats each second: rebalances are noticed sooner
	rebalance(t, w)
}

// TestRealBrokerIsKilledUnderLoad: nothing is lost, the order stays, and what
// is read again stays within what was in flight.
func TestRealBrokerIsKilledUnderLoad(t *testing.T) {
	for name, outage := range map[string]func(*testing.T, *kafkatest.Broker){
		"kill": func(t *testing.T, b *kafkatest.Broker) {
			b.Kill()
			if err := b.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
		},
		"freeze": func(t *testing.T, b *kafkatest.Broker) {
			if err := b.Freeze(); err != nil {
				t.Fatal(err)
			}
			time.AfterFunc(3*time.Second, func() { _ = b.Continue() })
		},
	} {
		t.Run(name, func(t *testing.T) {
			broker := kafkatest.Run(t, kafkatest.Config{})
			w := newRealWorld(t, broker.Seeds(kafkatest.Plaintext))
			in := w.start()
			const rounds, n = 60, 200
			for round := range rounds {
				for p := range int32(testPartitions) {
					w.produce(p, "wine", numbers(round*n, round*n+n)...)
				}
				if round == rounds/2 {
					eventually(t, "some are committed", func() bool { return w.committed(0) > int64(round/2*n) })
					outage(t, broker)
				}
			}
			eventually(t, "everything is committed", func() bool {
				for p := range int32(testPartitions) {
					if w.committed(p) != rounds*n {
						return false
					}
				}
				return true
			})
			in.drain(t)
			total := w.count("out")
			got := values(w.read("out", int(total)))
			for p := range int32(testPartitions) {
				checkAtLeastOnce(t, p, got[p], rounds*n)
			}
			t.Logf("%d results for %d records", total, testPartitions*rounds*n)
		})
	}
}

// checkAtLeastOnce checks that a partition's results go up one by one from 0 to
// n-1, but for steps back to what was read again.
func checkAtLeastOnce(t *testing.T, p int32, got []string, n int) {
	t.Helper()
	next, most := 0, 0
	for i, v := range got {
		at, err := strconv.Atoi(v)
		if err != nil || at > next {
			t.Fatalf("partition %d: result %d is of record %q; want %d or an earlier one", p, i, v, next)
		}
		next = at + 1
		most = max(most, next)
	}
	if most != n || next != n {
		t.Fatalf("partition %d: results up to %d, the last of %d; want %d", p, most, next, n)
	}
}

// TestRealBrokerLargeModel: 20 MiB pass through a topic that has room, and the
// dead letter of a rejected one leaves its value behind where the dead-letter
// topic has none.
func TestRealBrokerLargeModel(t *testing.T) {
	w := newRealWorld(t, shared.Get(t).Seeds(kafkatest.Plaintext))
	w.setTopic("models", "max.message.bytes", fmt.Sprint(w.config.Models.batchBytes()))
	w.config.Producer.Compression = "none"
	large := descriptorOf("wine", "large")
	large.Content = &messages.ModelDescriptor_Data{Data: bytes.Repeat([]byte("model"), 4<<20)}
	if _, err := w.publisher().PublishModel(w.context(), large); err != nil {
		t.Fatal(err)
	}
	m := w.startModels(held)
	m.taker.await(t, 1)
	if n := len(m.taker.offered[0].GetData()); n != 20<<20 {
		t.Errorf("a model of %d bytes arrived", n)
	}
	m.taker.settle(0, messages.ModelOutcome_REJECTED, "too heavy")
	dead := w.read("dead", 1)[0]
	if len(dead.Value) != 0 || !strings.HasPrefix(header(dead, headerOmitted), "value of 2097") || header(dead, headerExceptionMessage) != "too heavy" {
		t.Errorf("value of %d bytes, headers %v", len(dead.Value), dead.Headers)
	}
	<-m.CaughtUp()
}

func TestRealBrokerTransactionMarkers(t *testing.T) {
	w := newRealWorld(t, shared.Get(t).Seeds(kafkatest.Plaintext))
	w.publish(descriptorOf("wine", "a"))
	tx, err := kgo.NewClient(kgo.SeedBrokers(w.config.Brokers...), kgo.TransactionalID(w.prefix))
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Close()
	for _, end := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort} {
		if err := tx.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		r := &kgo.Record{Topic: w.prefix + "models", Value: marshal(t, descriptorOf("wine", fmt.Sprint("committed ", end)))}
		if err := tx.ProduceSync(w.context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := tx.EndTransaction(w.context(), end); err != nil {
			t.Fatal(err)
		}
	}
	m := w.startModels()
	<-m.CaughtUp()
	if got := m.taker.names(); got != "a committed true" {
		t.Errorf("offered %q", got)
	}
	eventually(t, "the position is behind the markers", func() bool { return m.positions.at(0) == 5 })
}

// TestRealBrokerTopicMadeAnew: a topic of results or records that is deleted and
// created again is used again.
func TestRealBrokerTopicMadeAnew(t *testing.T) {
	for _, topic := range []string{"out", "in"} {
		t.Run(topic, func(t *testing.T) {
			w := newRealWorld(t, shared.Get(t).Seeds(kafkatest.Plaintext))
			in := w.start()
			w.produce(0, "wine", "a")
			w.read("out", 1)
			eventually(t, "it is committed", func() bool { return w.committed(0) == 1 })
			w.remake(topic)
			w.produce(0, "wine", "b")
			got := values(w.read("out", map[string]int{"out": 1, "in": 2}[topic]))[0]
			if got[len(got)-1] != "b" || slices.Contains(got[:len(got)-1], "b") {
				t.Errorf("results %v", got)
			}
			eventually(t, "all is well", func() bool { return in.Health() == nil })
		})
	}
}
